//! Writing so that what is there is whole.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::UNFINISHED;
use crate::error::store::{Result, io_error};

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
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
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

pub(super) fn sync_file(path: &Path) -> Result<()> {
    File::options().write(true).open(path).and_then(|file| file.sync_all()).map_err(io_error("write", path))
}

/// Not every system can bring a directory to the disk, and where it cannot, renames are still atomic.
pub(super) fn sync_dir(path: &Path) {
    let _ = File::open(path).and_then(|dir| dir.sync_all());
}
