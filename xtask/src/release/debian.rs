//! The Debian package, made by cargo-deb of the metadata in `crates/cloze-cli/Cargo.toml`.

use std::path::{Path, PathBuf};

use super::{Release, copy, write as write_file};
use crate::command::{cargo, exists, program, succeeds};

const INSTALL: [&str; 5] = ["install", "cargo-deb@3.8.0", "--locked", "--root", "target/tools"];

/// What it is called.
pub(super) fn name(version: &str) -> String {
    format!("cloze_{version}-1_amd64.deb")
}

/// Packs what was gathered in the folder `cloze` of `stage`, which the metadata name, and two files more that Debian asks for.
pub(super) fn write(release: &Release, stage: &Path) -> Result<(), String> {
    copy(&release.root.join("packaging/debian-copyright"), &stage.join("debian/copyright"))?;
    write_file(&stage.join("debian/changelog"), changelog(release)?)?;
    let mut deb = program(release.root, cargo_deb(release.root)?);
    deb.args(["--package", "cloze-cli", "--no-build", "--no-strip", "--quiet", "--output"])
        .arg(release.out.join(name(release.version)))
        .env("SOURCE_DATE_EPOCH", &release.time);
    if succeeds(&mut deb) { Ok(()) } else { Err("the Debian package cannot be made".into()) }
}

/// What Debian wants to know of the package, not of the program.
fn changelog(release: &Release) -> Result<String, String> {
    Ok(format!(
        "cloze ({}-1) unstable; urgency=medium\n\n  * See /usr/share/doc/cloze/changelog.gz.\n\n -- The cloze authors  {}\n",
        release.version,
        release.date("+%a, %d %b %Y %H:%M:%S +0000")?
    ))
}

/// The project's own cargo-deb, installed now if it is not there.
fn cargo_deb(root: &Path) -> Result<PathBuf, String> {
    let own = root.join("target/tools/bin/cargo-deb");
    if exists(&own) || succeeds(cargo(root).args(INSTALL).arg("--quiet")) && exists(&own) {
        return Ok(own);
    }
    Err(format!("there is no cargo-deb; `cargo {}` installs it", INSTALL.join(" ")))
}
