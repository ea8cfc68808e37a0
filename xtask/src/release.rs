//! What users download: archive, Debian package, wheel, bill of materials, checksums. Where and when they
//! are made is not to be seen in them, so that others can make them again and compare.

mod archive;
mod build;
mod check;
mod contents;
mod debian;
mod notices;
mod sbom;

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{program, said};

pub(crate) use self::check::check;
pub(crate) use self::notices::{FILE as LICENCES_OF_CRATES, of_crates as licences_of_crates};

/// What the binaries run on, and what the archive is named after.
const TARGET: &str = "x86_64-unknown-linux-gnu";

const SUMS: &str = "SHA256SUMS";

/// A release that is being made.
struct Release<'r> {
    root: &'r Path,
    version: &'static str,
    /// When its commit was made, in seconds since 1970: the date of everything in the files.
    time: String,
    /// Where the files go.
    out: PathBuf,
}

/// Builds and packs everything into a folder that is new or empty, or into `target/release-files`, which is made anew.
pub(crate) fn make(root: &Path, out: Option<&str>) -> Result<(), String> {
    let out = match out {
        Some(folder) => absent_or_empty(folder)?,
        None => anew(root.join("target/release-files"))?,
    };
    let changed = said(program(root, "git").args(["status", "--porcelain"]))?;
    if !changed.is_empty() {
        println!("warning: there are changes that are not committed; nobody else can make these files");
    }
    let release = Release::new(root, out)?;
    let binary = build::binary(&release)?;
    build::wheel(&release)?;
    release.pack(&binary)?;
    release.sum()?;
    println!("{}", release.out.display());
    Ok(())
}

impl Release<'_> {
    fn new(root: &Path, out: PathBuf) -> Result<Release<'_>, String> {
        let time = said(program(root, "git").args(["log", "-1", "--format=%ct"]))?;
        let time = String::from_utf8_lossy(&time).trim().to_owned();
        // Every crate has the version of the workspace.
        Ok(Release { root, version: env!("CARGO_PKG_VERSION"), time, out })
    }

    /// Everything that is made of the command once it is built.
    fn pack(&self, binary: &Path) -> Result<(), String> {
        let stage = anew(self.root.join("target/release-stage"))?;
        let contents = stage.join("cloze");
        contents::gather(self, binary, &contents)?;
        archive::write(self, &contents)?;
        debian::write(self, &stage)?;
        sbom::write(self)
    }

    /// The checksums of all files, as `sha256sum --check` reads them.
    fn sum(&self) -> Result<(), String> {
        let files = entries(&self.out)?;
        let names = files.iter().filter_map(|path| path.file_name());
        write(&self.out.join(SUMS), said(program(&self.out, "sha256sum").arg("--").args(names))?)
    }

    /// The commit's time in a format of `date`.
    fn date(&self, format: &str) -> Result<String, String> {
        let date = said(
            program(self.root, "date")
                .args(["--utc", "--date", &format!("@{}", self.time), format])
                .env("LC_ALL", "C"),
        )?;
        Ok(String::from_utf8_lossy(&date).trim().to_owned())
    }
}

/// An empty folder in the place of one that an earlier call has made.
fn anew(folder: PathBuf) -> Result<PathBuf, String> {
    match fs::remove_dir_all(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("cannot remove `{}`: {error}", folder.display()))
        }
        _ => create(&folder).map(|()| folder),
    }
}

/// A folder that somebody has named, unless it holds files.
fn absent_or_empty(folder: &str) -> Result<PathBuf, String> {
    let path = std::path::absolute(folder).map_err(|error| format!("cannot find `{folder}`: {error}"))?;
    create(&path)?;
    if entries(&path)?.is_empty() {
        return Ok(path);
    }
    Err(format!("`{folder}` is not empty; name a folder that is, or one that is not there"))
}

fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot create `{}`: {error}", folder.display()))
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), String> {
    path.parent().map_or(Ok(()), create)?;
    fs::write(path, bytes).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<(), String> {
    to.parent().map_or(Ok(()), create)?;
    let copied = fs::copy(from, to).map(drop);
    copied.map_err(|error| format!("cannot copy `{}` to `{}`: {error}", from.display(), to.display()))
}

/// What is in a folder, in the order of the names.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let cannot = |error| format!("cannot read `{}`: {error}", folder.display());
    let found = fs::read_dir(folder).map_err(cannot)?.map(|entry| entry.map(|entry| entry.path()));
    let mut paths = found.collect::<Result<Vec<_>, _>>().map_err(cannot)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_a_person_are_not_released_over() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("new");
        assert!(absent_or_empty(&empty.to_string_lossy()).is_ok());
        fs::write(folder.path().join("mine"), "").unwrap();
        let refused = absent_or_empty(&folder.path().to_string_lossy()).unwrap_err();
        assert!(refused.ends_with("or one that is not there"), "{refused}");
    }
}
