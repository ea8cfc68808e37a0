//! The archive: one folder with everything, for any Linux.

use std::path::Path;

use super::{Release, TARGET};
use crate::command::{program, said};

/// The folder in the archive, and the archive's name without its extension.
pub(super) fn name(version: &str) -> String {
    format!("cloze-{version}-{TARGET}")
}

/// Packs what is in `contents`. Neither who packs it, nor when, nor in which order a disk lists files is in it.
pub(super) fn write(release: &Release, contents: &Path) -> Result<(), String> {
    let name = name(release.version);
    let mut tar = program(release.root, "tar");
    tar.args(["--create", "--format=ustar", "--sort=name", "--owner=0", "--group=0", "--numeric-owner"])
        .args(["--mode=u=rwX,go=rX", "--use-compress-program=gzip --no-name --best"])
        .arg(format!("--mtime=@{}", release.time))
        .arg(format!(r"--transform=s,^\.,{name},"))
        .arg("--file")
        .arg(release.out.join(format!("{name}.tar.gz")))
        .arg("--directory")
        .arg(contents)
        .arg(".");
    said(&mut tar).map(drop)
}
