//! The run directory: everything in it is complete.
//!
//! A job works in `NAME.tmp`; once everything is written and synced to disk, a single rename turns it into
//! `NAME`. `job.json` next to its files has their sizes and hashes, so that damage is noticed when a file is
//! read rather than when a result looks odd. Nothing is ever changed in place.

mod disk;
mod id;
mod job;
mod origin;
mod removal;
mod seal;
#[cfg(test)]
mod tests;

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

pub(crate) use crate::error::store::{Error, Result};
use crate::error::store::{MANIFEST, io_error};
use crate::run::event::{self, Event, Logged};

pub(crate) use disk::{json, pretty_json, replace, sync_dir, sync_file};
pub(crate) use id::Id;
use job::RECORD;
pub(crate) use job::{Draft, Job, Record};
pub(crate) use origin::job_line;
pub(crate) use origin::task_line;

/// Version of `job.json` and of the layout of the run directory.
pub(crate) const FORMAT: u32 = 1;

/// The beginning of a line in the header of `run.toml`.
pub(crate) const MADE_BY: &str = "# Made by cloze ";
const EVENTS: &str = "events.jsonl";
pub(crate) const LOCK: &str = "lock";
const UNFINISHED: &str = "tmp";

/// A run directory.
#[derive(Debug)]
pub(crate) struct RunDir {
    dir: PathBuf,
    /// Held while this process works in the run; `None` if it only reads. The operating system releases the
    /// lock when the process ends, however it ends.
    _lock: Option<File>,
    events: Option<File>,
}

impl RunDir {
    /// Opens the run `NAME-ID` under `runs` for work, creating it if necessary: takes its lock, removes what
    /// an interrupted process left unfinished, and writes `manifest` as `run.toml`.
    pub(crate) fn begin(runs: &Path, name: &str, id: &Id, manifest: &str) -> Result<RunDir> {
        let dir = runs.join(format!("{name}-{}", id.short()));
        fs::create_dir_all(runs).and_then(|()| own_folder(&dir)).map_err(io_error("create", &dir))?;
        let lock = lock(&dir)?;
        remove_unfinished(&dir)?;
        let path = dir.join(MANIFEST);
        if path.exists() {
            RunDir::open(&dir)?.manifest()?;
        } else {
            replace(&path, seal::seal(manifest).as_bytes())?;
        }
        let events = append_whole_lines(&dir.join(EVENTS))?;
        Ok(RunDir { dir, _lock: Some(lock), events: Some(events) })
    }

    /// Opens a run for reading.
    pub(crate) fn open(dir: &Path) -> Result<RunDir> {
        if !dir.join(MANIFEST).is_file() {
            return Err(Error::NotARun { path: dir.to_owned() });
        }
        Ok(RunDir { dir: dir.to_owned(), _lock: None, events: None })
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

    /// Appends an event to `events.jsonl`.
    pub(crate) fn log(&mut self, event: &Event) -> Result<()> {
        let Some(file) = &mut self.events else { return Ok(()) };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let time = (time * 1000.0).round() / 1000.0;
        let mut line = json(&Logged { format: event::FORMAT, time, event: event.clone() });
        line.push(b'\n');
        file.write_all(&line).map_err(io_error("write", &self.dir.join(EVENTS)))
    }

    /// Writes a file of the run itself, such as `results.json`, atomically.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace(&self.dir.join(name), bytes)
    }

    /// The finished job `name`, if there is one. A job with another id than `id` (for example from another
    /// version of cloze) counts as missing and is removed.
    pub(crate) fn finished(&self, name: &str, id: &Id) -> Result<Option<Job>> {
        let Some(job) = self.job(name)? else { return Ok(None) };
        if job.record.id == *id {
            return Ok(Some(job));
        }
        // The run must not remove a file that it did not write.
        if let Some(path) = job.stranger() {
            return Err(Error::Stranger { path });
        }
        // Moved away with one rename first, so that a killed process leaves no partial job under the final
        // name.
        let dir = self.unfinished(name);
        fs::rename(&job.dir, &dir)
            .and_then(|()| fs::remove_dir_all(&dir))
            .map_err(io_error("remove", &dir))?;
        Ok(None)
    }

    /// The directory of the job `name` while it is unfinished.
    fn unfinished(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.{UNFINISHED}"))
    }

    /// The finished job `name` whatever its id, if there is one.
    ///
    /// # Errors
    /// When it is damaged, or is not the job named in the run's record.
    pub(crate) fn job(&self, name: &str) -> Result<Option<Job>> {
        let Some(job) = Job::open(&self.dir.join(name))? else { return Ok(None) };
        match origin::job_id(&self.dir, name) {
            Some(id) if id != job.record.id.as_str() && self.events.is_none() => {
                Err(job.damaged(RECORD, "it belongs to another run".to_owned()))
            }
            _ => Ok(Some(job)),
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
            let draft = self.draft(name)?;
            for file in job.record.files.keys() {
                let (from, to) = (job.dir.join(file), draft.path(file)?);
                if fs::hard_link(&from, &to).is_err() {
                    fs::copy(&from, &to).map_err(io_error("write", &to))?;
                    sync_file(&to)?;
                }
            }
            draft.record(Record { job: name.to_owned(), ..job.record })?;
            let run = sibling.file_name().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Some((draft.publish()?, run)));
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
    pub(crate) fn draft(&self, name: &str) -> Result<Draft> {
        let target = self.dir.join(name);
        let dir = self.unfinished(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(io_error("remove", &dir))?;
        }
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        Ok(Draft { name: name.to_owned(), dir, target })
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

/// Takes the lock of a directory to work in. The operating system lets go of it when the process ends, however it ends.
pub(crate) fn lock(dir: &Path) -> Result<File> {
    let path = dir.join(LOCK);
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .map_err(io_error("create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::Busy { path: dir.to_owned() }),
        // Some network file systems have no locks; there, users must make sure that only one process works in
        // a run.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(io_error("lock", &path)(error)),
    }
}

/// Removes what an interrupted process left in a run: drafts of the run's own files, and directories of
/// unfinished jobs. Other files with such names are not touched.
fn remove_unfinished(dir: &Path) -> Result<()> {
    for name in [MANIFEST, "insight.json", "results.json", "report.html", "temperature.json"] {
        match fs::remove_file(dir.join(format!("{name}.{UNFINISHED}"))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("remove", dir)(error));
            }
            _ => {}
        }
    }
    let numbered = |name: &str, start: char| {
        let digits = name.strip_prefix(start);
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_group = |name: &str| ["zero-shot", "primed"].contains(&name) || numbered(name, 'g');
    let is_job = |name: &str, in_group: bool| match (in_group, name.split_once('-')) {
        (false, _) => ["final", "probe", "supervised"].contains(&name),
        (true, None) => ["ensemble", "sets"].contains(&name) || numbered(name, 'p'),
        (true, Some((pattern, seed))) => numbered(pattern, 'p') && numbered(seed, 's'),
    };
    let name_of = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut folders = vec![(dir.to_owned(), false)];
    folders.extend(entries(dir).into_iter().filter(|path| is_group(&name_of(path))).map(|path| (path, true)));
    for (folder, in_group) in folders {
        for path in entries(&folder) {
            let name = name_of(&path);
            let job = name.strip_suffix(UNFINISHED).and_then(|name| name.strip_suffix('.'));
            if path.is_dir() && job.is_some_and(|job| is_job(job, in_group)) {
                fs::remove_dir_all(&path).map_err(io_error("remove", &path))?;
            }
        }
    }
    Ok(())
}

/// Opens a file of lines for appending. An incomplete last line, left by a killed process, is cut off.
fn append_whole_lines(path: &Path) -> Result<File> {
    let open = || -> io::Result<File> {
        let mut file = File::options().create(true).truncate(false).read(true).write(true).open(path)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text)?;
        let whole = text.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1) as u64;
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole))?;
        Ok(file)
    };
    open().map_err(io_error("write", path))
}
