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
pub(super) fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}.{UNFINISHED}", nonce()));
    name.into()
}

/// Writes `path` under a temporary name, syncs it to disk and renames it.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    let draft = draft_of(path);
    let write = || -> io::Result<()> {
        let mut file = File::create(&draft)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&draft, path)
    };
    write().map_err(|error| {
        // Half a file is useless; if it cannot be removed either, the next run removes it.
        let _ = fs::remove_file(&draft);
        io_error("write", path)(error)
    })?;
    if let Some(parent) = path.parent() {
        sync_dir(parent);
    }
    Ok(())
}

pub(crate) fn sync_file(path: &Path) -> Result<()> {
    File::options().write(true).open(path).and_then(|file| file.sync_all()).map_err(io_error("write", path))
}

/// Not every system can sync a directory to disk; where it cannot, renames are still atomic.
pub(crate) fn sync_dir(path: &Path) {
    let _ = File::open(path).and_then(|dir| dir.sync_all());
}
