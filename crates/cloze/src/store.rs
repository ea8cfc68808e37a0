//! The run directory: what is finished is there, and what is there is finished.
//!
//! A job works in `NAME.tmp`; when everything is written and on the disk, one rename makes it `NAME`. `job.json` beside its
//! files holds their sizes and hashes, so that damage is noticed when a file is read and not when a result looks odd.
//! Nothing is ever changed in place.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::event::{self, Event, Logged};

/// Version of `job.json` and of the layout of the run directory.
pub const FORMAT: u32 = 1;

const RECORD: &str = "job.json";
const MANIFEST: &str = "run.toml";
const EVENTS: &str = "events.jsonl";
const LOCK: &str = "lock";
const UNFINISHED: &str = "tmp";

/// A run directory that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Another process works in the run.
    #[error("another process is working in `{}`", path.display())]
    Busy {
        /// The run directory.
        path: PathBuf,
    },
    /// A finished job's file is not what was written.
    #[error("`{}` is damaged: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found and what was expected.
        reason: String,
        /// The directory to delete.
        job: PathBuf,
    },
    /// The directory is not a run.
    #[error("`{}` is not a run directory: it has no `{MANIFEST}`", path.display())]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
}

/// The result of reading or writing a run directory.
pub type Result<T> = std::result::Result<T, Error>;

impl miette::Diagnostic for Error {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let remedy = match self {
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space and run the same command again; finished jobs are kept".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                    "choose a directory that you may write to".to_owned()
                }
                _ => return None,
            },
            Error::Busy { .. } => "wait until it has finished, or stop it".to_owned(),
            Error::Damaged { job, .. } => format!(
                "delete the directory `{}` and run the same command again; everything else is kept",
                job.display()
            ),
            Error::NotARun { .. } => "give a directory that `cloze train` has made".to_owned(),
        };
        Some(Box::new(remedy))
    }
}

/// Turns the operating system's answer into an error that names `path`.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { action, path: path.to_owned(), source }
}

/// Hash of everything that a result depends on; equal ids mean equal results. 32 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(String);

impl Id {
    /// The id of a value: a hash of its JSON form. The value's maps must have a fixed order.
    pub fn of(value: &impl Serialize) -> Self {
        let mut hasher = blake3::Hasher::new();
        // Numbers, strings, lists and structures always serialise, and the hasher takes every byte.
        serde_json::to_writer(&mut hasher, value).expect("plain data has a JSON form");
        Id::from_hash(&hasher)
    }

    /// The id of some bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(bytes);
        Id::from_hash(&hasher)
    }

    fn from_hash(hasher: &blake3::Hasher) -> Self {
        Id(hasher.finalize().to_hex()[..32].to_owned())
    }

    /// All digits.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight digits, for names that people read.
    pub fn short(&self) -> &str {
        &self.0[..8.min(self.0.len())]
    }
}

impl fmt::Display for Id {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Size and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRecord {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3, in hexadecimal digits.
    pub blake3: String,
}

/// `job.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// The job's name, which is its directory in the run.
    pub job: String,
    /// Hash of everything that the job's files depend on.
    pub id: Id,
    /// How long the job took.
    pub seconds: f64,
    /// Its files.
    pub files: BTreeMap<String, FileRecord>,
}

/// A run directory.
#[derive(Debug)]
pub struct Run {
    dir: PathBuf,
    /// Held while this process works in the run; none if it only reads. The operating system lets go of the lock
    /// when the process ends, however it ends.
    _lock: Option<File>,
    events: Option<File>,
}

impl Run {
    /// Opens the run `NAME-ID` under `runs` for work, making it if it is not there: takes its lock, removes what an
    /// interrupted process has left unfinished, and writes `manifest` as `run.toml`.
    pub fn begin(runs: &Path, name: &str, id: &Id, manifest: &str) -> Result<Run> {
        let dir = runs.join(format!("{name}-{}", id.short()));
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        let lock = lock(&dir)?;
        remove_unfinished(&dir)?;
        let path = dir.join(MANIFEST);
        if !path.exists() {
            replace(&path, manifest.as_bytes())?;
        }
        let events = append_whole_lines(&dir.join(EVENTS))?;
        Ok(Run { dir, _lock: Some(lock), events: Some(events) })
    }

    /// Opens a run to read it.
    pub fn open(dir: &Path) -> Result<Run> {
        if !dir.join(MANIFEST).is_file() {
            return Err(Error::NotARun { path: dir.to_owned() });
        }
        Ok(Run { dir: dir.to_owned(), _lock: None, events: None })
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The text of `run.toml`.
    pub fn manifest(&self) -> Result<String> {
        let path = self.dir.join(MANIFEST);
        fs::read_to_string(&path).map_err(io_error("read", &path))
    }

    /// Appends an event to `events.jsonl`.
    pub fn log(&mut self, event: &Event) -> Result<()> {
        let Some(file) = &mut self.events else { return Ok(()) };
        let time = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let time = (time * 1000.0).round() / 1000.0;
        let mut line = json(&Logged { format: event::FORMAT, time, event: event.clone() });
        line.push(b'\n');
        file.write_all(&line).map_err(io_error("write", &self.dir.join(EVENTS)))
    }

    /// Writes a file of the run itself, such as `results.json`, whole or not at all.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<()> {
        replace(&self.dir.join(name), bytes)
    }

    /// The finished job `name`, or none. A job whose id is not `id` (made by another version of cloze, say) counts as
    /// not there and is removed.
    pub fn finished(&self, name: &str, id: &Id) -> Result<Option<Job>> {
        let Some(job) = self.job(name)? else { return Ok(None) };
        if job.record.id == *id {
            return Ok(Some(job));
        }
        // Out of the way with one rename first, so that being killed leaves no half of a job under its name.
        let dir = self.unfinished(name);
        fs::rename(&job.dir, &dir)
            .and_then(|()| fs::remove_dir_all(&dir))
            .map_err(io_error("remove", &dir))?;
        Ok(None)
    }

    /// Where the job `name` is while it is not finished.
    fn unfinished(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.{UNFINISHED}"))
    }

    /// The finished job `name` whatever its id, or none.
    pub fn job(&self, name: &str) -> Result<Option<Job>> {
        Job::open(&self.dir.join(name))
    }

    /// Takes a job with this id over from an earlier run of the same name, whatever it was called there. Returns the job and
    /// the name of that run.
    ///
    /// Files are linked, not copied, where the file system can: nobody changes them in place.
    pub fn adopt(&self, name: &str, id: &Id) -> Result<Option<(Job, String)>> {
        for sibling in self.siblings() {
            // A damaged job is no reason to stop: this one is simply done again.
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

    /// Begins the job `name`.
    pub fn draft(&self, name: &str) -> Result<Draft> {
        let target = self.dir.join(name);
        let dir = self.unfinished(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(io_error("remove", &dir))?;
        }
        fs::create_dir_all(&dir).map_err(io_error("create", &dir))?;
        Ok(Draft { name: name.to_owned(), dir, target })
    }
}

/// A job in the making.
#[derive(Debug)]
pub struct Draft {
    name: String,
    dir: PathBuf,
    target: PathBuf,
}

impl Draft {
    /// Where its files go until it is finished.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of a file in it; folders on the way are made.
    pub fn path(&self, file: &str) -> Result<PathBuf> {
        let path = self.dir.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error("create", parent))?;
        }
        Ok(path)
    }

    /// Writes a file.
    pub fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(file)?;
        fs::write(&path, bytes).map_err(io_error("write", &path))
    }

    /// Writes a value as JSON, one field a line.
    pub fn write_json(&self, file: &str, value: &impl Serialize) -> Result<()> {
        self.write(file, &pretty_json(value))
    }

    /// Records all files, brings everything to the disk and gives the job its name.
    pub fn finish(self, id: &Id, seconds: f64) -> Result<Job> {
        let mut files = BTreeMap::new();
        record_files(&self.dir, "", &mut files)?;
        let seconds = (seconds * 1000.0).round() / 1000.0;
        let record = Record { format: FORMAT, job: self.name.clone(), id: id.clone(), seconds, files };
        self.record(record)?;
        self.publish()
    }

    fn record(&self, record: Record) -> Result<()> {
        self.write_json(RECORD, &record)?;
        sync_file(&self.dir.join(RECORD))
    }

    fn publish(self) -> Result<Job> {
        sync_dir(&self.dir);
        fs::rename(&self.dir, &self.target).map_err(io_error("create", &self.target))?;
        if let Some(parent) = self.target.parent() {
            sync_dir(parent);
        }
        Job::open(&self.target)?.ok_or_else(|| Error::Io {
            action: "read",
            path: self.target.clone(),
            source: io::ErrorKind::NotFound.into(),
        })
    }
}

/// A finished job.
#[derive(Debug, Clone)]
pub struct Job {
    dir: PathBuf,
    record: Record,
}

impl Job {
    fn open(dir: &Path) -> Result<Option<Job>> {
        let path = dir.join(RECORD);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !dir.exists() => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(damaged(dir, RECORD, "it is missing".to_owned()));
            }
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        let record: Record = serde_json::from_slice(&bytes)
            .map_err(|error| damaged(dir, RECORD, format!("it cannot be understood ({error})")))?;
        if record.format != FORMAT {
            let reason = format!("it has format {}, this version of cloze reads {FORMAT}", record.format);
            return Err(damaged(dir, RECORD, reason));
        }
        Ok(Some(Job { dir: dir.to_owned(), record }))
    }

    /// Where it is.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// What `job.json` says.
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// Whether the job has the file `name`.
    pub fn has(&self, name: &str) -> bool {
        self.record.files.contains_key(name)
    }

    /// The bytes of one of its files, which are those that were written.
    pub fn read(&self, name: &str) -> Result<Vec<u8>> {
        let expected = self
            .record
            .files
            .get(name)
            .ok_or_else(|| self.damaged(name, format!("`{RECORD}` does not name it")))?;
        let path = self.dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(self.damaged(name, "it is missing".to_owned()));
            }
            Err(error) => return Err(io_error("read", &path)(error)),
        };
        if bytes.len() as u64 != expected.bytes {
            let reason = format!("it has {} bytes, {} were written", bytes.len(), expected.bytes);
            return Err(self.damaged(name, reason));
        }
        if blake3::hash(&bytes).to_hex().as_str() != expected.blake3 {
            return Err(self.damaged(name, "its content is not what was written".to_owned()));
        }
        Ok(bytes)
    }

    /// Reads a JSON file of the job.
    pub fn read_json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_slice(&self.read(name)?)
            .map_err(|error| self.damaged(name, format!("it cannot be understood ({error})")))
    }

    /// Checks all files.
    pub fn verify(&self) -> Result<()> {
        self.record.files.keys().try_for_each(|name| self.read(name).map(drop))
    }

    /// The error for a file of this job that is not as it should be.
    pub fn damaged(&self, name: &str, reason: String) -> Error {
        damaged(&self.dir, name, reason)
    }
}

/// The finished jobs in a run, leaving out what cannot be read.
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

/// What is in a directory, in a fixed order; nothing if it cannot be read.
fn entries(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> =
        fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    found.sort();
    found
}

fn damaged(job: &Path, name: &str, reason: String) -> Error {
    Error::Damaged { file: job.join(name), reason, job: job.to_owned() }
}

/// A value as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    // The crate's own records have string keys only, the one thing that JSON could refuse.
    serde_json::to_vec(value).expect("plain data has a JSON form")
}

/// A value as JSON to be read by people too.
pub(crate) fn pretty_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("plain data has a JSON form");
    bytes.push(b'\n');
    bytes
}

/// Writes `path` under a temporary name, brings it to the disk and renames it.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(UNFINISHED);
    let draft = PathBuf::from(name);
    let write = || -> io::Result<()> {
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(|error| {
        // Half a file helps nobody; if even removing fails, the next start tries again.
        let _ = fs::remove_file(&draft);
        io_error("write", path)(error)
    })?;
    if let Some(parent) = path.parent() {
        sync_dir(parent);
    }
    Ok(())
}

fn lock(dir: &Path) -> Result<File> {
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
        // Some network file systems have no locks; a run there is the user's own to guard.
        Err(TryLockError::Error(error)) if error.kind() == io::ErrorKind::Unsupported => Ok(file),
        Err(TryLockError::Error(error)) => Err(io_error("lock", &path)(error)),
    }
}

/// Removes `*.tmp` in a run, outside finished jobs.
fn remove_unfinished(dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(io_error("read", dir))? {
        let path = entry.map_err(io_error("read", dir))?.path();
        let unfinished = path.extension().is_some_and(|extension| extension == UNFINISHED);
        match (unfinished, path.is_dir()) {
            (true, true) => fs::remove_dir_all(&path).map_err(io_error("remove", &path))?,
            (true, false) => fs::remove_file(&path).map_err(io_error("remove", &path))?,
            (false, true) if !path.join(RECORD).exists() => remove_unfinished(&path)?,
            _ => {}
        }
    }
    Ok(())
}

/// Opens a file of lines to append to it. A last line that a killed process has left without its end is cut off.
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

fn record_files(dir: &Path, prefix: &str, files: &mut BTreeMap<String, FileRecord>) -> Result<()> {
    for entry in fs::read_dir(dir).map_err(io_error("read", dir))? {
        let path = entry.map_err(io_error("read", dir))?.path();
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.is_dir() {
            record_files(&path, &format!("{name}/"), files)?;
            sync_dir(&path);
            continue;
        }
        sync_file(&path)?;
        let mut hasher = blake3::Hasher::new();
        let read = File::open(&path).and_then(|mut file| io::copy(&mut file, &mut hasher));
        let bytes = read.map_err(io_error("read", &path))?;
        files.insert(name, FileRecord { bytes, blake3: hasher.finalize().to_hex().to_string() });
    }
    Ok(())
}

fn sync_file(path: &Path) -> Result<()> {
    File::options().write(true).open(path).and_then(|file| file.sync_all()).map_err(io_error("write", path))
}

/// Not every system can bring a directory to the disk, and where it cannot, renames are still atomic.
fn sync_dir(path: &Path) {
    let _ = File::open(path).and_then(|dir| dir.sync_all());
}
