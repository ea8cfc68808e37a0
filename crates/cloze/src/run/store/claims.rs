//! Which process does a job: a claim is a file that one process alone can create.
//!
//! It is named after the job's id, so that runs in the same folder that share a job do it once. A claim is never taken away from its holder: once
//! the holder is gone, others create the claim of the next number, of which again only one succeeds.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::Id;
use super::disk::is_gone;
use super::presence::{FOLDER, Watch};
use crate::error::store::{Result, io_error};

/// A claim that this process holds until it is dropped.
#[derive(Debug)]
pub(crate) struct Claim {
    folder: PathBuf,
    id: Id,
    number: u64,
}

impl Drop for Claim {
    fn drop(&mut self) {
        for (number, path) in claims(&self.folder, &self.id) {
            if number <= self.number {
                let _ = fs::remove_file(path);
            }
        }
    }
}

/// What came of asking for a job.
#[derive(Debug)]
pub(crate) enum Claimed {
    /// This process may do it.
    Mine(Claim),
    /// The process of this name is doing it.
    Theirs(String),
}

/// Asks for the job `id` in the name of `worker`.
pub(super) fn claim(runs: &Path, id: &Id, worker: &str, watch: &mut Watch) -> Result<Claimed> {
    let folder = runs.join(FOLDER);
    loop {
        let number = match claims(&folder, id).pop() {
            Some((number, path)) => match holder(&path) {
                Some(holder) if watch.is_alive(runs, &holder) => return Ok(Claimed::Theirs(holder)),
                Some(_) => number + 1,
                // It was given back in this moment.
                None => continue,
            },
            None => 0,
        };
        let path = folder.join(format!("{id}.{number}"));
        if create_alone(&path, worker.as_bytes(), worker).map_err(io_error("create", &path))? {
            return Ok(Claimed::Mine(Claim { folder, id: id.clone(), number }));
        }
    }
}

/// Who does the job `id`, if anybody has asked for it.
pub(super) fn claimed_by(runs: &Path, id: &str) -> Option<String> {
    holder(&claims(&runs.join(FOLDER), id).pop()?.1)
}

fn holder(path: &Path) -> Option<String> {
    fs::read_to_string(path).ok()
}

/// The claims of a job by their number, the last of which counts.
fn claims(folder: &Path, id: &(impl std::fmt::Display + ?Sized)) -> Vec<(u64, PathBuf)> {
    let start = format!("{id}.");
    let number = |path: &Path| path.file_name()?.to_str()?.strip_prefix(&start)?.parse().ok();
    let mut found: Vec<(u64, PathBuf)> =
        super::entries(folder).into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    found.sort_unstable();
    found
}

/// Creates a file with its content in the name of `worker`, unless it is there; whether this call has created it. Of several processes, on several
/// machines, one does.
pub(super) fn create_alone(path: &Path, content: &[u8], worker: &str) -> io::Result<bool> {
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{worker}.{}", super::UNFINISHED));
    let draft = PathBuf::from(draft);
    let written = fs::File::create(&draft).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    let created = written.and_then(|()| match fs::hard_link(&draft, path) {
        Ok(()) => Ok(true),
        // The answer of a server may get lost, and the second try finds what the first has made.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => is_linked(&draft),
        // Not every file system has links.
        Err(_) => match fs::File::options().write(true).create_new(true).open(path) {
            Ok(mut file) => file.write_all(content).map(|()| true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        },
    });
    match fs::remove_file(&draft) {
        Err(error) if created.is_ok() && !is_gone(&error) => Err(error),
        _ => created,
    }
}

#[cfg(unix)]
fn is_linked(draft: &Path) -> io::Result<bool> {
    Ok(std::os::unix::fs::MetadataExt::nlink(&fs::metadata(draft)?) > 1)
}

#[cfg(not(unix))]
fn is_linked(_: &Path) -> io::Result<bool> {
    Ok(false)
}
