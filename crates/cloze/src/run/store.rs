//! The run directory: everything in it is complete.
//!
//! A job works in `NAME.WORKER.tmp`; once everything is written and synced to disk, a single rename turns it into `NAME`. `job.json` next to its
//! files has their sizes and hashes, so that damage is noticed when a file is read rather than when a result looks odd. Nothing is ever changed
//! in place, and several processes, also on several machines, can work in a run at once: each writes under names of its own, and asks for a job
//! before it does it.

mod claims;
mod disk;
mod id;
mod job;
mod origin;
mod presence;
mod removal;
mod seal;
mod status;
mod sweep;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) use crate::error::store::{Error, Result};
use crate::error::store::{MANIFEST, io_error};
use crate::run::event::{self, Event, Logged};

pub(crate) use claims::Claimed;
pub(crate) use disk::{json, pretty_json, replace, sync_dir, sync_file};
pub(crate) use id::Id;
use job::RECORD;
pub(crate) use job::{Draft, Job, Record};
pub(crate) use origin::{job_line, kernels, kernels_line, task_line};
pub(crate) use presence::LEASE;
use presence::{Presence, Watch, locked};
pub use status::{JobStatus, Status, Worker};

/// Version of `job.json` and of the layout of the run directory.
pub(crate) const FORMAT: u32 = 1;

/// The beginning of a line in the header of `run.toml`.
pub(crate) const MADE_BY: &str = "# Made by cloze ";
/// The folder of the files in which processes write what happens.
const EVENTS: &str = "events";
pub(crate) const LOCK: &str = "lock";
/// The folder of what members leave for the final classifier while several processes work in a run.
pub(crate) const SHARED: &str = "shared";
const UNFINISHED: &str = "tmp";

/// A run directory.
#[derive(Debug)]
pub(crate) struct RunDir {
    dir: PathBuf,
    /// What this process needs to work in the run; `None` if it only reads.
    work: Option<Work>,
}

/// A process's part in a run.
#[derive(Debug)]
struct Work {
    presence: Presence,
    watch: Mutex<Watch>,
    /// What every job of the run is computed with.
    kernels: Option<String>,
    events: File,
    /// Held together with others that work in the run, so that nobody removes it, where the file system has locks.
    _lock: Option<File>,
}

impl RunDir {
    /// The directory of the run `NAME-ID` under `runs`.
    pub(crate) fn path(runs: &Path, name: &str, id: &Id) -> PathBuf {
        runs.join(format!("{name}-{}", id.short()))
    }

    /// Opens the run `NAME-ID` under `runs` for work, creating it if necessary: says that this process is at work, which others believe for the
    /// length of `lease` after its last sign of life; removes what processes that are gone have left unfinished; and writes `manifest` as
    /// `run.toml` unless it is there.
    pub(crate) fn begin(runs: &Path, name: &str, id: &Id, manifest: &str, lease: Duration) -> Result<RunDir> {
        let dir = RunDir::path(runs, name, id);
        fs::create_dir_all(runs).and_then(|()| own_folder(&dir)).map_err(io_error("create", &dir))?;
        let lock = locked(lock_file(&dir)?, false).map_err(|()| Error::Busy { path: dir.clone() })?;
        let folder = dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let presence = Presence::begin(runs, &folder, lease)?;
        let path = dir.join(MANIFEST);
        if !path.exists() {
            claims::create_alone(&path, seal::seal(manifest).as_bytes(), presence.worker())
                .map_err(io_error("write", &path))?;
        }
        RunDir::open(&dir)?.manifest()?;
        let log = dir.join(EVENTS).join(format!("{}.jsonl", presence.worker()));
        let events = fs::create_dir_all(dir.join(EVENTS))
            .and_then(|()| File::create(&log))
            .map_err(io_error("create", &log))?;
        let (kernels, watch) = (origin::kernels(&dir), Mutex::default());
        let run = RunDir { dir, work: Some(Work { presence, watch, kernels, events, _lock: lock }) };
        run.sweep()?;
        Ok(run)
    }

    /// Opens a run for reading.
    pub(crate) fn open(dir: &Path) -> Result<RunDir> {
        if !dir.join(MANIFEST).is_file() {
            return Err(Error::NotARun { path: dir.to_owned() });
        }
        Ok(RunDir { dir: dir.to_owned(), work: None })
    }

    /// Whether `dir` contains a run of this program: other programs may also use a file called `run.toml`.
    pub(crate) fn is_in(dir: &Path) -> bool {
        let text = fs::read_to_string(dir.join(MANIFEST)).unwrap_or_default();
        text.lines().take_while(|line| line.starts_with('#')).any(|line| line.starts_with(MADE_BY))
    }

    /// The run's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The text of `run.toml`.
    pub(crate) fn manifest(&self) -> Result<String> {
        let path = self.dir.join(MANIFEST);
        let text = match fs::read_to_string(&path) {
            // It was text.
            Err(error) if error.kind() == io::ErrorKind::InvalidData => return Err(self.changed(true)),
            read => read.map_err(io_error("read", &path))?,
        };
        match seal::is_whole(&text) || origin::is_before_seals(&text) {
            true => Ok(text),
            false => Err(self.changed(seal::is_there(&text))),
        }
    }

    /// The error for a record that has been changed; `sealed` is whether it has a checksum.
    pub(crate) fn changed(&self, sealed: bool) -> Error {
        Error::Changed { path: self.dir.join(MANIFEST), sealed, task: self.task_file() }
    }

    /// The task file that the run was made from, which may since have been changed or deleted; `None` if
    /// `run.toml` does not name it.
    pub(crate) fn task_file(&self) -> Option<PathBuf> {
        origin::of_run(&self.dir)
    }

    /// Appends an event to the file of this process in `events`.
    pub(crate) fn log(&mut self, event: &Event) -> Result<()> {
        let Some(Work { events, .. }) = &mut self.work else { return Ok(()) };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let time = (time * 1000.0).round() / 1000.0;
        let mut line = json(&Logged { format: event::FORMAT, time, event: event.clone() });
        line.push(b'\n');
        events.write_all(&line).map_err(io_error("write", &self.dir.join(EVENTS)))
    }

    /// Writes a file of the run itself, such as `results.json`, atomically.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace(&self.dir.join(name), bytes)
    }

    /// Asks for the job `id`, so that no other process does it at the same time.
    ///
    /// # Panics
    /// When the run was opened for reading.
    pub(crate) fn claim(&self, id: &Id) -> Result<Claimed> {
        let work = self.work.as_ref().expect("only what works in a run asks for jobs");
        claims::claim(self.runs(), id, work.presence.worker(), &mut self.watch(work))
    }

    /// Whether a process that does a job may be gone without a word: it has not been heard of since this process first saw its claim.
    pub(crate) fn is_in_doubt(&self, worker: &str) -> bool {
        self.work.as_ref().is_some_and(|work| self.watch(work).is_in_doubt(worker))
    }

    /// The name of this process in the run.
    #[cfg(test)]
    fn worker(&self) -> &str {
        self.work.as_ref().map_or("", |work| work.presence.worker())
    }

    /// The folder of the run.
    fn runs(&self) -> &Path {
        self.dir.parent().unwrap_or(Path::new(""))
    }

    fn watch<'w>(&self, work: &'w Work) -> MutexGuard<'w, Watch> {
        work.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the run has a file of this content.
    pub(crate) fn has(&self, name: &str, bytes: &[u8]) -> bool {
        fs::read(self.dir.join(name)).is_ok_and(|found| found == bytes)
    }

    /// Whether the run has not been removed.
    pub(crate) fn is_there(&self) -> bool {
        self.dir.join(MANIFEST).is_file()
    }

    /// Removes what members have left for the final classifier.
    pub(crate) fn remove_shared(&self) {
        // It takes room and harms nobody; removing the run removes it too.
        let _ = fs::remove_dir_all(self.dir.join(SHARED));
    }

    /// The finished job `name`, if there is one. A job with another id than `id` (for example from another version of cloze) counts as missing.
    pub(crate) fn finished(&self, name: &str, id: &Id) -> Result<Option<Job>> {
        Ok(self.job(name)?.filter(|job| job.record.id == *id))
    }

    /// Makes room for the job `name`: removes one of another id.
    fn make_room(&self, name: &str, id: &Id) -> Result<()> {
        let Some(job) = self.job(name)?.filter(|job| job.record.id != *id) else { return Ok(()) };
        // The run must not remove a file that it did not write.
        if let Some(path) = job.stranger() {
            return Err(Error::Stranger { path });
        }
        // Moved away with one rename first, so that a killed process leaves no partial job under the final name.
        let dir = self.unfinished(name);
        fs::rename(&job.dir, &dir).and_then(|()| fs::remove_dir_all(&dir)).map_err(io_error("remove", &dir))
    }

    /// The directory of the job `name` while this process has not finished it.
    fn unfinished(&self, name: &str) -> PathBuf {
        let worker = self.work.as_ref().map_or("", |work| work.presence.worker());
        self.dir.join(format!("{name}.{worker}.{UNFINISHED}"))
    }

    /// The finished job `name` whatever its id, if there is one.
    ///
    /// # Errors
    /// When it is damaged, or is not the job named in the run's record.
    pub(crate) fn job(&self, name: &str) -> Result<Option<Job>> {
        let Some(job) = Job::open(&self.dir.join(name))? else { return Ok(None) };
        // Whoever works in the run compares ids itself.
        let recorded = || origin::job_id(&self.dir, name);
        match self.work.is_none() && recorded().is_some_and(|id| id != job.record.id.as_str()) {
            true => Err(job.damaged(RECORD, "it belongs to another run".to_owned())),
            false => Ok(Some(job)),
        }
    }

    /// The duration in seconds of the finished job `name`; `None` if it does not exist or cannot be read.
    pub(crate) fn seconds(&self, name: &str) -> Option<f64> {
        Some(self.job(name).ok()??.record.seconds)
    }

    /// Reuses a job with this id from an earlier run of the same name, whatever the job was called there.
    /// Returns the job and the name of that run.
    ///
    /// Files are linked instead of copied if the file system supports it, since they are never changed in
    /// place.
    pub(crate) fn adopt(&self, name: &str, id: &Id) -> Result<Option<(Job, String)>> {
        for sibling in self.siblings() {
            // A damaged job is not an error: the work is simply done again.
            let mut jobs = Vec::new();
            find_jobs(&sibling, &mut jobs);
            let Some(job) = jobs.into_iter().find(|job| job.record.id == *id && job.verify().is_ok()) else {
                continue;
            };
            let draft = self.draft(name, id)?;
            for file in job.record.files.keys() {
                let (from, to) = (job.dir.join(file), draft.path(file)?);
                if fs::hard_link(&from, &to).is_err() {
                    fs::copy(&from, &to).map_err(io_error("write", &to))?;
                    sync_file(&to)?;
                }
            }
            draft.record(Record { job: name.to_owned(), ..job.record })?;
            let run = sibling.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Some((draft.publish(id)?, run)));
        }
        Ok(None)
    }

    /// Other runs of the same name, in a fixed order.
    fn siblings(&self) -> Vec<PathBuf> {
        let own = self.dir.file_name().unwrap_or_default().to_string_lossy();
        let (Some((name, id)), Some(runs)) = (own.rsplit_once('-'), self.dir.parent()) else {
            return Vec::new();
        };
        let is_sibling = |path: &PathBuf| {
            let other = path.file_name().unwrap_or_default().to_string_lossy();
            other.rsplit_once('-').is_some_and(|(other_name, other_id)| other_name == name && other_id != id)
        };
        let mut found = entries(runs);
        found.retain(is_sibling);
        found
    }

    /// Starts the job `name`.
    pub(crate) fn draft(&self, name: &str, id: &Id) -> Result<Draft> {
        self.make_room(name, id)?;
        let target = self.dir.join(name);
        let dir = self.unfinished(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(io_error("remove", &dir))?;
        }
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        let worker = self.work.as_ref().map(|work| work.presence.worker().to_owned());
        let kernels = self.work.as_ref().and_then(|work| work.kernels.clone());
        Ok(Draft { name: name.to_owned(), worker, kernels, dir, target })
    }
}

/// The finished jobs in a run, without those that cannot be read.
fn find_jobs(dir: &Path, jobs: &mut Vec<Job>) {
    let finished = |path: &PathBuf| path.extension().is_none_or(|extension| extension != UNFINISHED);
    for path in entries(dir).into_iter().filter(finished) {
        match Job::open(&path) {
            Ok(Some(job)) => jobs.push(job),
            _ if path.is_dir() => find_jobs(&path, jobs),
            _ => {}
        }
    }
}

/// The entries of a directory, in a fixed order; empty if it cannot be read.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

/// Creates a directory that only its owner can look into, unless it is there: what a run keeps shows texts that it was made from.
fn own_folder(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        other => other,
    }
}

/// Takes the lock of a directory to work in alone. The operating system lets go of it when the process ends, however it ends.
pub(crate) fn lock(dir: &Path) -> Result<Option<File>> {
    locked(lock_file(dir)?, true).map_err(|()| Error::Busy { path: dir.to_owned() })
}

fn lock_file(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    File::options().create(true).truncate(false).write(true).open(&path).map_err(io_error("create", &path))
}
