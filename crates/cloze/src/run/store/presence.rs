//! Who works in the runs of a folder, and whether they still do.
//!
//! A process says that it is at work with a file of its own, which grows by a byte several times within its lease. Whoever waits for it goes by
//! its own clock: a file that has not grown for a whole lease is that of a process that is gone, or paused. On the same machine, the operating
//! system also tells at once, by a lock, that a process has ended; network file systems are not asked for that.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use super::disk::{is_gone, json, nonce};
use crate::error::store::{Result, io_error};

/// The folder, among the runs, where processes say that they are at work and what they work on.
pub(super) const FOLDER: &str = ".workers";

/// How long the file of a process may stay as it is before its work is given to another.
pub(crate) const LEASE: Duration = Duration::from_secs(60);

/// How often a process is heard of within its lease.
const BEATS: u32 = 6;

/// After how many leases a file is old by the clocks of the machines, which may differ, so that whoever sees it for the first time need not wait.
const OLD: u32 = 20;

/// What a process says of itself: the first line of its file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Card {
    /// Its name, which no other has.
    pub(crate) worker: String,
    /// The machine's name.
    pub(crate) host: String,
    /// Differs for every start of every machine; empty if the system does not say.
    boot: String,
    /// Its number on the machine.
    pub(crate) pid: u32,
    /// The directory of the run that it works in, within the folder of runs.
    pub(crate) run: String,
    /// When it began, in seconds since 1970-01-01 00:00 UTC.
    pub(crate) since: f64,
    /// Its lease in seconds.
    lease: f64,
    /// Whether it holds a lock on the file as long as it lives.
    locked: bool,
}

impl Card {
    fn new(run: &str, lease: Duration) -> Card {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let plain: String =
            host.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '-').collect();
        let pid = std::process::id();
        Card {
            worker: format!("{plain}-{pid}-{}", nonce()),
            boot: boot(),
            run: run.to_owned(),
            since: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64()),
            lease: lease.as_secs_f64(),
            locked: false,
            host,
            pid,
        }
    }

    /// Whether the process has certainly ended.
    fn has_ended(&self, path: &Path) -> bool {
        let same_machine = if self.boot.is_empty() {
            gethostname::gethostname().to_string_lossy() == self.host
        } else {
            boot() == self.boot
        };
        self.locked && same_machine && File::open(path).is_ok_and(|file| file.try_lock().is_ok())
    }
}

fn boot() -> String {
    fs::read_to_string("/proc/sys/kernel/random/boot_id")
        .map_or_else(|_| String::new(), |id| id.trim().to_owned())
}

/// The file in which a process says that it is at work, kept up as long as this lives.
#[derive(Debug)]
pub(super) struct Presence {
    card: Card,
    path: PathBuf,
    /// Dropped to end the thread.
    stop: Option<mpsc::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Presence {
    /// Says that this process is at work in `run`, a directory in `runs`.
    pub(super) fn begin(runs: &Path, run: &str, lease: Duration) -> Result<Presence> {
        let folder = runs.join(FOLDER);
        let card = Card::new(run, lease);
        let path = path(&folder, &card.worker);
        let file = announce(&path, &card).map_err(io_error("create", &path))?;
        let (stop, stopped) = mpsc::channel();
        let beat = lease / BEATS;
        let (own, again) = (path.clone(), card.clone());
        let thread = thread::spawn(move || {
            let mut file = file;
            while stopped.recv_timeout(beat) == Err(RecvTimeoutError::Timeout) {
                // Somebody has given it up while it was paused, and is to hear of it again.
                if !own.exists()
                    && let Ok(anew) = announce(&own, &again)
                {
                    file = anew;
                }
                // If this fails, the next may not; at worst a job is done twice.
                let _ = file.write_all(b".");
            }
        });
        Ok(Presence { card, path, stop: Some(stop), thread: Some(thread) })
    }

    pub(super) fn worker(&self) -> &str {
        &self.card.worker
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
        let _ = fs::remove_file(&self.path);
        self.path.parent().into_iter().for_each(close);
    }
}

/// Removes the folder if nobody works any more, with what killed processes have asked for.
fn close(folder: &Path) {
    let files = super::entries(folder);
    if files.iter().any(|file| is_worker(file)) {
        return;
    }
    for file in files.into_iter().filter(|file| is_left(folder, file)) {
        let _ = fs::remove_file(file);
    }
    // Only if it is empty.
    let _ = fs::remove_dir(folder);
}

/// Whether a claim, or the draft of one or of a process's file, is that of a process that is gone. A process that begins in this moment is there
/// before it asks for anything.
fn is_left(folder: &Path, file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let draft = name.strip_suffix(super::UNFINISHED).and_then(|name| name.strip_suffix('.'));
    match draft.map(|draft| draft.rsplit_once('.')) {
        // A claim names its holder.
        None => !fs::read_to_string(file).is_ok_and(|worker| path(folder, &worker).exists()),
        Some(Some((_, worker))) => !path(folder, worker).exists(),
        // Whoever writes its own file holds its lock.
        Some(None) => File::open(file).is_ok_and(|file| file.try_lock().is_ok()),
    }
}

fn path(folder: &Path, worker: &str) -> PathBuf {
    folder.join(format!("{worker}.worker"))
}

/// Whether this is the file of a process.
fn is_worker(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "worker")
}

/// Writes a process's file, which others see only when it is locked and whole.
fn announce(path: &Path, card: &Card) -> io::Result<File> {
    // The last process that leaves removes the folder, perhaps in this moment.
    announced(path, card).or_else(|_| announced(path, card))
}

fn announced(path: &Path, card: &Card) -> io::Result<File> {
    let draft = path.with_extension(super::UNFINISHED);
    path.parent().map_or(Ok(()), fs::create_dir_all)?;
    let mut file = File::create(&draft)?;
    let card = Card { locked: file.try_lock().is_ok(), ..card.clone() };
    let mut line = json(&card);
    line.push(b'\n');
    file.write_all(&line)?;
    fs::rename(&draft, path)?;
    Ok(file)
}

/// The processes that say that they work in `runs`, in a fixed order, dead ones included.
pub(super) fn cards(runs: &Path) -> Vec<Card> {
    let files = super::entries(&runs.join(FOLDER)).into_iter().filter(|path| is_worker(path));
    files.filter_map(|path| card(&fs::read(path).ok()?)).collect()
}

fn card(file: &[u8]) -> Option<Card> {
    serde_json::from_slice(file.split(|byte| *byte == b'\n').next()?).ok()
}

/// What one process has seen of others.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// The length of their files, and since when.
    seen: HashMap<String, (usize, Instant)>,
    /// Those whose file has grown meanwhile.
    heard: HashSet<String>,
}

impl Watch {
    /// Whether a process has not been heard of since it was first looked at, which may have been a moment ago.
    pub(super) fn is_in_doubt(&self, worker: &str) -> bool {
        !self.heard.contains(worker)
    }

    /// Whether a process is still to be counted on. In doubt it is.
    pub(super) fn is_alive(&mut self, runs: &Path, worker: &str) -> bool {
        let path = path(&runs.join(FOLDER), worker);
        let file = match fs::read(&path) {
            Err(error) if is_gone(&error) => return false,
            file => file.unwrap_or_default(),
        };
        let card = card(&file);
        let lease =
            card.as_ref().map_or(LEASE, |card| Duration::try_from_secs_f64(card.lease).unwrap_or(LEASE));
        let ended = card.is_some_and(|card| card.has_ended(&path));
        !ended && !self.is_silent(worker, file.len(), lease) && !is_old(&path, lease * OLD)
    }

    /// Whether something has had this length for longer than `lease`.
    fn is_silent(&mut self, what: &str, length: usize, lease: Duration) -> bool {
        let now = Instant::now();
        let seen = self.seen.entry(what.to_owned()).or_insert((length, now));
        if seen.0 != length {
            *seen = (length, now);
            self.heard.insert(what.to_owned());
        }
        now.duration_since(seen.1) > lease
    }
}

/// Removes the files of processes in `runs` that are gone.
pub(super) fn sweep(runs: &Path, watch: &mut Watch) {
    for gone in cards(runs).into_iter().filter(|card| !watch.is_alive(runs, &card.worker)) {
        // Another process may have done so.
        let _ = fs::remove_file(path(&runs.join(FOLDER), &gone.worker));
    }
}

fn is_old(path: &Path, age: Duration) -> bool {
    let changed = fs::metadata(path).and_then(|file| file.modified());
    changed.is_ok_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed > age))
}

/// Takes the lock of a file for as long as it is open, as one of several, or alone; `Ok(None)` where the file system has no locks.
///
/// # Errors
/// When another process holds it.
pub(super) fn locked(file: File, alone: bool) -> std::result::Result<Option<File>, ()> {
    match if alone { file.try_lock() } else { file.try_lock_shared() } {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Err(()),
        Err(TryLockError::Error(_)) => Ok(None),
    }
}
