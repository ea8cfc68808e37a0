//! Writes files so that they are never incomplete.

use std::collections::hash_map::RandomState;
use std::fs::{self, File};
use std::hash::{BuildHasher, Hasher};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::UNFINISHED;
use crate::error::store::{Result, io_error};

/// A value as one line of JSON.
pub(crate) fn json(value: &impl Serialize) -> Vec<u8> {
    // The crate's own records have only string keys; other keys are all that JSON could reject.
    serde_json::to_vec(value).expect("plain data has a JSON form")
}

/// A value as JSON that is also readable for people.
pub(crate) fn pretty_json(value: &impl Serialize) -> Vec<u8> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("plain data has a JSON form");
    bytes.push(b'\n');
    bytes
}

/// Eight digits that no other call returns.
pub(super) fn nonce() -> String {
    // The standard library seeds every state at random.
    format!("{:08x}", RandomState::new().build_hasher().finish() as u32)
}

/// Whether there is no such file. A network file system also says that one it has seen before is stale.
pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle)
}

/// The name of a file's draft, which no other process uses.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{UNFINISHED}", nonce()));
    name.into()
}

/// Writes `path` under a temporary name, syncs it to disk and renames it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    drafts(path).into_iter().filter(|draft| is_left(draft)).for_each(|draft| drop(fs::remove_file(draft)));
    // Another process may take the draft for one that is left, in the moment before it is locked.
    let written =
        write(path, bytes).or_else(|error| if is_gone(&error) { write(path, bytes) } else { Err(error) });
    written.map_err(io_error("write", path))?;
    if let Some(parent) = path.parent() {
        sync_dir(parent);
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let draft = draft_of(path);
    let write = || -> io::Result<()> {
        let mut file = File::create(&draft)?;
        // Tells others that somebody is writing; where files cannot be locked they leave it alone.
        let _ = file.try_lock();
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().inspect_err(|_| {
        // Half a file is useless; if it cannot be removed either, the next call removes it.
        let _ = fs::remove_file(&draft);
    })
}

/// The drafts of a file, as [`draft_of`] calls them.
fn drafts(path: &Path) -> Vec<PathBuf> {
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let is_draft = |draft: &PathBuf| {
        let name = draft.file_name().unwrap_or_default().to_string_lossy();
        let rest = name.strip_prefix(&*file).and_then(|rest| rest.strip_prefix('.'));
        let nonce = rest.and_then(|rest| rest.strip_suffix(UNFINISHED)?.strip_suffix('.'));
        nonce.is_some_and(|nonce| nonce.len() == 8 && nonce.bytes().all(|digit| digit.is_ascii_hexdigit()))
    };
    path.parent().map_or(Vec::new(), |folder| super::entries(folder).into_iter().filter(is_draft).collect())
}

/// Whether a process that was killed has left a draft: whoever writes one holds its lock.
fn is_left(draft: &Path) -> bool {
    File::open(draft).is_ok_and(|file| file.try_lock().is_ok())
}

pub(crate) fn sync_file(path: &Path) -> Result<()> {
    File::options().write(true).open(path).and_then(|file| file.sync_all()).map_err(io_error("write", path))
}

/// Not every system can sync a directory to disk; where it cannot, renames are still atomic.
pub(crate) fn sync_dir(path: &Path) {
    let _ = File::open(path).and_then(|dir| dir.sync_all());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_killed_process_has_left_of_a_file_is_removed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        for name in [
            "report.html.0a1b2c3d.tmp",
            "report.html.9f9f9f9f.tmp",
            "report.html.mine.tmp",
            "other.html.0a1b2c3d.tmp",
        ] {
            fs::write(place(name), "half").unwrap();
        }
        let held = File::open(place("report.html.9f9f9f9f.tmp")).unwrap();
        held.try_lock().unwrap();
        replace(&place("report.html"), b"whole").unwrap();
        assert_eq!(fs::read(place("report.html")).unwrap(), b"whole");
        assert!(!place("report.html.0a1b2c3d.tmp").exists());
        for name in ["report.html.9f9f9f9f.tmp", "report.html.mine.tmp", "other.html.0a1b2c3d.tmp"] {
            assert!(place(name).exists(), "{name}");
        }
    }
}
