//! A folder that several processes write parts to, on one machine or on many.
//!
//! Nothing is locked: a lock of the operating system says nothing to other machines on some shared file systems. A part is written under a name
//! that nobody else has and renamed when it is complete, so it is there whole or not at all, and to rename onto one that is there does no
//! harm: whoever wrote it read the same rows with the same models.

use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use cloze::Error;
use tempfile::NamedTempFile;

use super::manifest::{Manifest, NAME};
use crate::failure::{Failure, Result};
use crate::output::new_file;

/// The end of a name that a file has until it is complete.
const DRAFT: &str = ".tmp";

/// A folder of parts.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    manifest: Manifest,
    /// What the names of parts end with: `parquet`, `csv.gz`.
    extension: String,
    parts: usize,
}

impl Folder {
    /// Makes the folder, or continues one that was begun with the same run, input and options.
    ///
    /// # Errors
    /// When it was begun with others, has files in it that are not of cloze, or cannot be written to.
    pub(crate) fn begin(path: &Path, manifest: Manifest, extension: String, parts: usize) -> Result<Folder> {
        fs::create_dir_all(path).map_err(|error| Error::io("create", path, error))?;
        let mut folder = Folder { path: path.to_owned(), manifest, extension, parts };
        if !folder.path.join(NAME).exists() {
            folder.refuse_strangers()?;
            folder.write_manifest()?;
        }
        let found = folder.compared()?;
        let changed: Vec<_> = found.changed(&folder.manifest).cloned().collect();
        for file in &changed {
            if let Some(part) = (file.first..file.first + file.parts).find(|part| folder.has(*part)) {
                return Err(Error::usage(
                    format!(
                        "`{}` has changed since `{}` was written from it",
                        file.name,
                        folder.file(part).display()
                    ),
                    "put the file back as it was, or name another folder with `-o`",
                )
                .into());
            }
        }
        folder.manifest.kernels = found.kernels;
        if !changed.is_empty() {
            // Nothing was written from them, as when a mistake in them was corrected.
            folder.replace_manifest()?;
        }
        Ok(folder)
    }

    /// The kernels that it was begun with.
    pub(crate) fn kernels(&self) -> &str {
        &self.manifest.kernels
    }

    /// The name of a part.
    pub(crate) fn name(&self, part: usize) -> String {
        let width = self.parts.saturating_sub(1).to_string().len().max(5);
        format!("part-{part:0width$}.{}", self.extension)
    }

    /// The file of a part.
    pub(crate) fn file(&self, part: usize) -> PathBuf {
        self.path.join(self.name(part))
    }

    /// Whether a part is there. One whose place cannot be looked at is not.
    pub(crate) fn has(&self, part: usize) -> bool {
        self.file(part).exists()
    }

    /// Begins to write a part.
    pub(crate) fn draft(&self, part: usize) -> Result<NamedTempFile> {
        let file = self.file(part);
        let draft = draft(&self.path, &self.name(part));
        Ok(draft.map_err(|error| Error::io("write", file, error))?)
    }

    /// Gives a part that is complete its name, unless it is there already.
    ///
    /// # Errors
    /// When the folder is no longer for what the part was made from, or cannot be written to.
    pub(crate) fn publish(&self, part: usize, draft: NamedTempFile) -> Result {
        let file = self.file(part);
        let failed = |error| Failure::from(Error::io("write", &file, error));
        draft.as_file().sync_all().map_err(failed)?;
        if self.compared()?.file_of(part) != self.manifest.file_of(part) {
            return Err(Error::usage(
                format!("the file that `{}` is made from has changed while it was read", file.display()),
                "run the same command again",
            )
            .into());
        }
        if self.has(part) {
            return Ok(());
        }
        match draft.persist(&file) {
            Ok(_) => Ok(()),
            // Somebody else was faster, and has swept the folder.
            Err(_) if self.has(part) => Ok(()),
            Err(error) => Err(failed(error.error)),
        }
    }

    /// The parts that are not there.
    pub(crate) fn missing(&self) -> Vec<usize> {
        (0..self.parts).filter(|part| !self.has(*part)).collect()
    }

    /// Removes what processes that were killed have left of parts that are there by now. Who still writes one of these finds it there.
    pub(crate) fn sweep(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let part = name.strip_prefix('.').and_then(|name| name.strip_suffix(DRAFT)).and_then(|name| {
                let (number, _) = name.strip_prefix("part-")?.split_once('.')?;
                number.parse().ok()
            });
            if part.is_some_and(|part| self.has(part)) {
                // It takes up room and does no other harm.
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// What the folder was begun with, if that is the same as now but for the contents of files.
    fn compared(&self) -> Result<Manifest> {
        let file = self.path.join(NAME);
        let bytes = fs::read(&file).map_err(|error| Error::io("read", &file, error))?;
        let shown = self.path.display();
        let found: Manifest = serde_json::from_slice(&bytes).map_err(|error| {
            Error::usage(
                format!("`{}` cannot be understood: {error}", file.display()),
                "put it back as it was, or name another folder with `-o`",
            )
        })?;
        match found.difference(&self.manifest) {
            None => Ok(found),
            Some((problem, remedy)) => {
                Err(Error::usage(format!("`{shown}` was begun {problem}"), remedy).into())
            }
        }
    }

    /// Refuses a folder that somebody uses for something else.
    fn refuse_strangers(&self) -> Result {
        let failed = |error| Error::io("read", &self.path, error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
        }
        // Another process may have begun it just now.
        let is_begun = names.iter().any(|name| name == NAME);
        match names.iter().find(|name| !name.starts_with('.')) {
            Some(name) if !is_begun => Err(Error::usage(
                format!(
                    "`{}` has `{name}` in it, and was not made by `cloze predict --shard`",
                    self.path.display()
                ),
                "name a folder with `-o` that is not there yet, or is empty",
            )
            .into()),
            _ => Ok(()),
        }
    }

    /// Writes the manifest, unless another process is faster.
    fn write_manifest(&self) -> Result {
        let file = self.path.join(NAME);
        let failed = |error| Failure::from(Error::io("write", &file, error));
        let draft = self.drafted_manifest().map_err(failed)?;
        // A link is made only where nothing is, on shared file systems as well.
        match fs::hard_link(draft.path(), &file) {
            Ok(()) => Ok(()),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(_) if file.exists() => Ok(()),
            // Some file systems have no links. Two processes that begin at the same moment then compare what the later one has written.
            Err(_) => draft.persist(&file).map(drop).map_err(|error| failed(error.error)),
        }
    }

    fn replace_manifest(&self) -> Result {
        let file = self.path.join(NAME);
        let failed = |error| Failure::from(Error::io("write", &file, error));
        let draft = self.drafted_manifest().map_err(failed)?;
        draft.persist(&file).map(drop).map_err(|error| failed(error.error))
    }

    fn drafted_manifest(&self) -> io::Result<NamedTempFile> {
        let mut draft = draft(&self.path, NAME)?;
        serde_json::to_writer_pretty(&mut draft, &self.manifest)?;
        draft.write_all(b"\n")?;
        draft.as_file().sync_all()?;
        Ok(draft)
    }
}

/// A file for what will be called `name`. Its own name tells whose it is: the machine and the process; and it is made only where none is.
fn draft(folder: &Path, name: &str) -> io::Result<NamedTempFile> {
    let prefix = format!(".{name}.{}-{}-", host(), std::process::id());
    new_file(&prefix, DRAFT, folder)
}

/// The name of this machine, for people who look for a process that has left something.
fn host() -> String {
    let name = gethostname::gethostname();
    name.to_string_lossy()
        .chars()
        .filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-')
        .take(40)
        .collect()
}
