//! The Debian package, made by cargo-deb of the metadata in the manifest of `cloze-cli`.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Release, copy, write as write_file};
use crate::command::{cargo, exists, program, succeeds};

/// What has the metadata.
const MANIFEST: &str = "crates/cloze-cli/Cargo.toml";

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
    let manifest = release.root.join(MANIFEST);
    let text = fs::read_to_string(&manifest).map_err(|error| format!("cannot read {MANIFEST}: {error}"))?;
    let maintainer = maintainer(&text).ok_or_else(|| format!("{MANIFEST} names no `maintainer`"))?;
    Ok(format!(
        "cloze ({}-1) unstable; urgency=medium\n\n  * See /usr/share/doc/cloze/changelog.gz.\n\n -- {maintainer}  {}\n",
        release.version,
        release.date("+%a, %d %b %Y %H:%M:%S +0000")?
    ))
}

/// Who publishes the package.
fn maintainer(manifest: &str) -> Option<&str> {
    manifest.lines().find_map(|line| line.strip_prefix("maintainer = \"")?.strip_suffix('"'))
}

/// The project's own cargo-deb, installed now if it is not there.
fn cargo_deb(root: &Path) -> Result<PathBuf, String> {
    let own = root.join("target/tools/bin/cargo-deb");
    if exists(&own) || succeeds(cargo(root).args(INSTALL).arg("--quiet")) && exists(&own) {
        return Ok(own);
    }
    Err(format!("there is no cargo-deb; `cargo {}` installs it", INSTALL.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::maintainer;

    #[test]
    fn the_maintainer_of_the_metadata_is_that_of_the_changelog() {
        let manifest = "[package]\nname = \"x\"\n[package.metadata.deb]\nmaintainer = \"A B <a@b.org>\"\n";
        assert_eq!(maintainer(manifest), Some("A B <a@b.org>"));
        assert_eq!(maintainer("name = \"x\"\n"), None);
    }
}
