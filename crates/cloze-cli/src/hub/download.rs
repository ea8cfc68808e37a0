//! One file: resumed where an earlier try has ended, tried again where the network fails, and held against its hash before it
//! gets its name.

use std::fs::{self, File, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cloze::Error;

use super::client::{Client, Trouble};
use super::listing::Entry;
use super::{Heard, Name, Revision};

/// Waits before the tries after the first. A try that has brought something counts as the first again.
const WAITS: [Duration; 3] = [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2)];

/// Where a file comes from and who hears of it.
pub(super) struct Source<'a> {
    pub(super) client: &'a Client,
    pub(super) name: &'a Name,
    pub(super) listener: &'a mut dyn FnMut(Heard<'_>) -> ControlFlow<()>,
}

/// Where a file goes.
pub(super) struct Place {
    /// Its name, which it gets when it is complete and checked.
    pub(super) file: PathBuf,
    /// Its name until then.
    pub(super) part: PathBuf,
    /// A copy that may lie elsewhere on this machine.
    pub(super) copy: Option<PathBuf>,
    /// Whether a file of that name with other contents may be replaced.
    pub(super) replaces: bool,
}

impl Source<'_> {
    /// Sees to it that the file is at its place, and gives the SHA-256 of its contents.
    ///
    /// # Errors
    /// Of the hub, of the disk, or [`Error::Stopped`].
    pub(super) fn obtain(
        &mut self,
        commit: &Revision,
        entry: &Entry,
        place: &Place,
    ) -> Result<String, Error> {
        if let Some(sha256) = self.present(entry, place)? {
            self.hear(Heard::Done { file: &entry.name, size: entry.size, is_new: false })?;
            return Ok(sha256);
        }
        if let Some(parent) = place.part.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, error))?;
        }
        let mut part = open(&place.part)?;
        if size(&part, place)? == 0
            && let Some(copy) = place.copy.as_deref().and_then(|copy| File::open(copy).ok())
        {
            // What cannot be read is fetched.
            let _ = io::copy(&mut &copy, &mut part);
        }
        self.complete(&mut part, commit, entry, place)?;
        let found =
            entry.digest.check(&part, entry.size).map_err(|error| Error::io("read", &place.part, error))?;
        if !found.matches {
            drop(part);
            fs::remove_file(&place.part).map_err(|error| Error::io("delete", &place.part, error))?;
            return Err(Error::usage(
                format!(
                    "`{}` of `{}` arrived with the wrong contents (SHA-256 {}) and was deleted",
                    entry.name, self.name, found.sha256
                ),
                "run the command again; if that does not help, something between you and the hub is changing files",
            ));
        }
        part.sync_all().map_err(|error| write_error(&place.part, error))?;
        fs::rename(&place.part, &place.file).map_err(|error| Error::io("write", &place.file, error))?;
        self.hear(Heard::Done { file: &entry.name, size: entry.size, is_new: true })?;
        Ok(found.sha256)
    }

    /// The SHA-256 of the file, if it is there and is what it should be.
    fn present(&mut self, entry: &Entry, place: &Place) -> Result<Option<String>, Error> {
        let read = |error| Error::io("read", &place.file, error);
        let file = match File::open(&place.file) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(read(error)),
        };
        let found = entry.digest.check(&file, entry.size).map_err(read)?;
        if found.matches {
            return Ok(Some(found.sha256));
        }
        if !place.replaces {
            return Err(Error::usage(
                format!("`{}` already exists and is not the file of `{}`", place.file.display(), self.name),
                "choose another directory, or add `--force` to replace it",
            ));
        }
        self.hear(Heard::Replaces { path: &place.file })?;
        Ok(None)
    }

    /// Appends what is missing.
    fn complete(
        &mut self,
        part: &mut File,
        commit: &Revision,
        entry: &Entry,
        place: &Place,
    ) -> Result<(), Error> {
        let mut waits = WAITS.iter();
        loop {
            let before = size(part, place)?;
            if before == entry.size {
                return Ok(());
            }
            let problem = match self.receive(part, commit, entry, place) {
                Ok(()) => return Ok(()),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(problem)) => problem,
            };
            if size(part, place)? > before {
                waits = WAITS.iter();
            }
            self.wait(&problem, waits.next())?;
        }
    }

    /// Receives what is missing, once.
    fn receive(
        &mut self,
        part: &mut File,
        commit: &Revision,
        entry: &Entry,
        place: &Place,
    ) -> Result<(), Trouble> {
        // What is longer than the file is not its beginning.
        let from = size(part, place).map_err(Trouble::Lasting)?;
        let from = if from < entry.size { from } else { 0 };
        let mut arriving = self.client.file(self.name, commit, &entry.name, from)?;
        let write = |error| Trouble::Lasting(write_error(&place.part, error));
        part.set_len(arriving.start)
            .and_then(|()| part.seek(SeekFrom::Start(arriving.start)))
            .map_err(write)?;
        let mut at = arriving.start;
        self.hear(Heard::Begins { file: &entry.name, size: entry.size, at }).map_err(Trouble::Lasting)?;
        let mut buffer = vec![0; 1 << 17];
        // One byte too many is enough to know that it is another file.
        while at <= entry.size {
            let count = match arriving.body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => count,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(Trouble::Passing(error.to_string())),
            };
            part.write_all(&buffer[..count]).map_err(write)?;
            at += count as u64;
            self.hear(Heard::At { bytes: at }).map_err(Trouble::Lasting)?;
        }
        if at < entry.size {
            return Err(Trouble::Passing(format!("the connection ended after {at} of {} bytes", entry.size)));
        }
        Ok(())
    }

    /// Asks the client something as often as for a file.
    pub(super) fn again<T>(
        &mut self,
        mut attempt: impl FnMut(&Client) -> Result<T, Trouble>,
    ) -> Result<T, Error> {
        let mut waits = WAITS.iter();
        loop {
            match attempt(self.client) {
                Ok(value) => return Ok(value),
                Err(Trouble::Lasting(error)) => return Err(error),
                Err(Trouble::Passing(problem)) => self.wait(&problem, waits.next())?,
            }
        }
    }

    fn wait(&mut self, problem: &str, wait: Option<&Duration>) -> Result<(), Error> {
        let Some(wait) = wait else { return Err(self.client.unreachable(problem)) };
        self.hear(Heard::Waits { problem })?;
        std::thread::sleep(*wait);
        Ok(())
    }

    fn hear(&mut self, heard: Heard<'_>) -> Result<(), Error> {
        match (self.listener)(heard) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }
}

/// Opens the unfinished file for this process alone.
fn open(path: &Path) -> Result<File, Error> {
    let options = || File::options().read(true).write(true).create(true).truncate(false).open(path);
    let mut file = options().map_err(|error| write_error(path, error))?;
    match file.try_lock() {
        Err(TryLockError::WouldBlock) => {
            return Err(Error::usage(
                format!("another process is fetching `{}`", path.display()),
                "wait for it, then run the command again",
            ));
        }
        // Some network file systems have no locks.
        Ok(()) | Err(TryLockError::Error(_)) => {}
    }
    file.seek(SeekFrom::End(0)).map_err(|error| Error::io("read", path, error))?;
    Ok(file)
}

fn size(part: &File, place: &Place) -> Result<u64, Error> {
    Ok(part.metadata().map_err(|error| Error::io("read", &place.part, error))?.len())
}

/// A disk that is full deserves a remedy.
fn write_error(path: &Path, error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Error::usage(
            format!("cannot write `{}`: {error}", path.display()),
            "free some space and run the same command again, or choose another disk with HF_HOME or `--to DIR`",
        ),
        _ => Error::io("write", path, error),
    }
}
