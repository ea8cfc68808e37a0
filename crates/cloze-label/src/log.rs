//! The label log: every decision of a person is a line, and no line is ever changed.

use std::collections::HashSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cloze::Error;
use serde::{Deserialize, Serialize};

use crate::private;

/// The name of the log in the folder of a labelling project.
pub(crate) const FILE: &str = "labels.jsonl";

/// What identifies a text: the BLAKE3 hash of its columns, as 32 hexadecimal digits.
pub(crate) type Hash = String;

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Event {
    /// Counted from 1 without gaps.
    pub(crate) seq: u64,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub(crate) time: f64,
    /// Who decided.
    pub(crate) annotator: String,
    /// What was decided.
    #[serde(flatten)]
    pub(crate) action: Action,
}

/// The time of an event that happens now.
pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64()
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub(crate) enum Action {
    /// The texts that accuracy is measured on were drawn.
    Sample { rows: Vec<Hash> },
    /// A label was added.
    AddLabel { label: String, words: String },
    /// A label got another name.
    RenameLabel { label: String, to: String },
    /// Every text with a label has another one from now on.
    MergeLabel { label: String, into: String },
    /// A label got words that say what it means.
    DescribeLabel { label: String, words: String },
    /// A label that no text has was taken away.
    RemoveLabel { label: String },
    /// A text was labelled.
    Label {
        row: Hash,
        labels: Vec<String>,
        /// What the page suggested.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        suggested: Option<Vec<String>>,
        /// The model that the suggestion came from.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// Whether the page showed no suggestion.
        blind: bool,
    },
    /// A difference between annotators was settled.
    Settle { row: Hash, labels: Vec<String> },
    /// A text was passed over.
    Skip { row: Hash },
    /// An annotator took back what they said of a text.
    Clear { row: Hash },
    /// A note was written beside a text; an empty one removes it.
    Note { row: Hash, note: String },
    /// An earlier decision of the same annotator was undone.
    Undo { undoes: u64 },
}

impl Action {
    /// The text that it is about.
    pub(crate) fn row(&self) -> Option<&Hash> {
        match self {
            Action::Label { row, .. }
            | Action::Settle { row, .. }
            | Action::Skip { row }
            | Action::Clear { row }
            | Action::Note { row, .. } => Some(row),
            _ => None,
        }
    }
}

/// Events that count: those that no later one undoes.
pub(crate) fn standing(events: &[Event]) -> impl Iterator<Item = &Event> {
    let undone: HashSet<u64> = events
        .iter()
        .filter_map(|event| match event.action {
            Action::Undo { undoes } => Some(undoes),
            _ => None,
        })
        .collect();
    events
        .iter()
        .filter(move |event| !undone.contains(&event.seq) && !matches!(event.action, Action::Undo { .. }))
}

/// The file, which one process at a time may write.
pub(crate) struct Log {
    file: File,
    path: PathBuf,
    /// Bytes that are known to be on the disk.
    length: u64,
    /// Whether the end of the file is unknown, after a failure that could not be mended.
    broken: bool,
}

impl Log {
    /// Opens the log of a folder, or begins one, and reads what is in it. A last line that was not written to
    /// its end, because the process or the machine stopped, was never acknowledged and is removed.
    ///
    /// # Errors
    /// When another process has it open, it cannot be read, or a line is no event.
    pub(crate) fn open(folder: &Path) -> cloze::Result<(Log, Vec<Event>)> {
        let path = folder.join(FILE);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        private::own_file(&mut options);
        let mut file = options.open(&path).map_err(|source| Error::io("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::usage(
                    format!("another process is labelling in `{}`", folder.display()),
                    "use the page that it serves, or stop it; for another project, give another folder with `-o DIR`",
                ));
            }
            Err(TryLockError::Error(source)) => return Err(Error::io("lock", &path, source)),
        }
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(|source| Error::io("read", &path, source))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        let events = read(&path, &bytes[..whole])?;
        let mut log = Log { file, path, length: whole as u64, broken: false };
        log.truncate().map_err(|source| Error::io("write", &log.path, source))?;
        Ok((log, events))
    }

    /// Writes events, and returns once they are on the disk. If that fails, none of them is in the log.
    pub(crate) fn append(&mut self, events: &[Event]) -> io::Result<()> {
        if self.broken {
            self.truncate()?;
        }
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event)?;
            lines.push(b'\n');
        }
        let written = self.file.write_all(&lines).and_then(|()| self.file.sync_data());
        match written {
            Ok(()) => self.length += lines.len() as u64,
            Err(_) => self.broken = self.truncate().is_err(),
        }
        written
    }

    /// Cuts the file to what is known to be whole.
    fn truncate(&mut self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.seek(SeekFrom::Start(self.length))?;
        self.broken = false;
        Ok(())
    }

    /// From now on the file cannot be written to, as on a disk that is full.
    #[cfg(test)]
    pub(crate) fn make_read_only(&mut self) {
        self.file = File::open(&self.path).unwrap();
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The events of whole lines.
pub(crate) fn read(path: &Path, bytes: &[u8]) -> cloze::Result<Vec<Event>> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let event = |(number, line): (usize, &[u8])| {
        let damaged = |problem: String| {
            Error::usage(
                format!("`{}`, line {}: {problem}", path.display(), number + 1),
                "restore the file from a copy; or, to go on without this line and all after it, delete them",
            )
        };
        let event: Event = serde_json::from_slice(line).map_err(|error| damaged(error.to_string()))?;
        match event.seq == number as u64 + 1 {
            true => Ok(event),
            false => Err(damaged(format!("`seq` is {} instead of {}", event.seq, number + 1))),
        }
    };
    lines.enumerate().map(event).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Event {
        let action = Action::AddLabel { label: format!("l{seq}"), words: String::new() };
        Event { seq, time: 1.5, annotator: "a".into(), action }
    }

    #[test]
    fn what_was_written_is_read_again() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, events) = Log::open(dir.path()).unwrap();
        assert!(events.is_empty());
        log.append(&[event(1), event(2)]).unwrap();
        drop(log);
        assert_eq!(Log::open(dir.path()).unwrap().1, [event(1), event(2)]);
    }

    #[test]
    fn a_line_that_broke_off_is_dropped_and_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let (mut log, _) = Log::open(dir.path()).unwrap();
        log.append(&[event(1), event(2)]).unwrap();
        drop(log);
        let path = dir.path().join(FILE);
        let bytes = std::fs::read(&path).unwrap();
        for length in 0..=bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let (mut log, events) = Log::open(dir.path()).unwrap();
            let next = event(events.len() as u64 + 1);
            log.append(std::slice::from_ref(&next)).unwrap();
            drop(log);
            let again = Log::open(dir.path()).unwrap().1;
            assert_eq!(again.last(), Some(&next));
            assert_eq!(again.len(), events.len() + 1);
        }
    }

    #[test]
    fn a_damaged_line_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        for (text, place) in [("{}\n", "line 1"), ("{\"seq\":1}\nx\n", "line 1"), ("\u{0}\n", "line 1")] {
            std::fs::write(&path, text).unwrap();
            let error = Log::open(dir.path()).err().unwrap().to_string();
            assert!(error.contains(place), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text, "it stays as it was");
        }
        let (mut lines, mut last) = (serde_json::to_string(&event(1)).unwrap(), event(2));
        last.seq = 3;
        lines += &format!("\n{}\n", serde_json::to_string(&last).unwrap());
        std::fs::write(&path, lines).unwrap();
        assert!(Log::open(dir.path()).err().unwrap().to_string().contains("`seq` is 3 instead of 2"));
    }

    #[test]
    fn a_second_process_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let _first = Log::open(dir.path()).unwrap();
        let error = Log::open(dir.path()).err().unwrap();
        assert!(error.to_string().contains("another process is labelling"), "{error}");
    }

    #[test]
    fn what_was_undone_does_not_stand() {
        let mut events = vec![event(1), event(2), event(3)];
        events[2].action = Action::Undo { undoes: 1 };
        assert_eq!(standing(&events).map(|event| event.seq).collect::<Vec<_>>(), [2]);
    }
}
