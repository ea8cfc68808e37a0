//! A job's directory: its files, and `job.json` with their hashes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use cloze_encoder::Checkpoint;
use serde::{Deserialize, Serialize};

use super::disk::{is_gone, pretty_json, sync_dir, sync_file};
use super::{FORMAT, Id, origin};
use crate::error::store::{Error, Result, io_error};

/// The record's file.
pub(super) const RECORD: &str = "job.json";

/// Size and hash of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileRecord {
    /// Length in bytes.
    pub bytes: u64,
    /// BLAKE3, in hexadecimal digits.
    pub blake3: String,
}

/// `job.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// The job's name, which is its directory in the run.
    pub job: String,
    /// Hash of everything that the job's files depend on.
    pub id: Id,
    /// The duration of the job.
    pub seconds: f64,
    /// The process that did it; `None` in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub worker: Option<String>,
    /// The kernels that it was computed with; `None` in runs of earlier versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kernels: Option<String>,
    /// Its files.
    pub files: BTreeMap<String, FileRecord>,
}

/// An unfinished job.
#[derive(Debug)]
pub(crate) struct Draft {
    pub(super) name: String,
    pub(super) worker: Option<String>,
    pub(super) kernels: Option<String>,
    pub(super) dir: PathBuf,
    pub(super) target: PathBuf,
}

impl Draft {
    /// The directory of its files until it is finished.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The path of a file in it; missing parent folders are created.
    pub(crate) fn path(&self, file: &str) -> Result<PathBuf> {
        let path = self.dir.join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io_error("create", parent))?;
        }
        Ok(path)
    }

    /// Writes a file.
    pub(crate) fn write(&self, file: &str, bytes: &[u8]) -> Result<()> {
        let path = self.path(file)?;
        fs::write(&path, bytes).map_err(io_error("write", &path))
    }

    /// Writes a value as JSON, one field per line.
    pub(crate) fn write_json(&self, file: &str, value: &impl Serialize) -> Result<()> {
        self.write(file, &pretty_json(value))
    }

    /// Records all files, syncs everything to disk and gives the job its final name.
    pub(crate) fn finish(self, id: &Id, seconds: f64) -> Result<Job> {
        let mut files = BTreeMap::new();
        record_files(&self.dir, "", &mut files)?;
        let seconds = (seconds * 1000.0).round() / 1000.0;
        self.record(Record {
            format: FORMAT,
            job: self.name.clone(),
            id: id.clone(),
            seconds,
            worker: self.worker.clone(),
            kernels: self.kernels.clone(),
            files,
        })?;
        self.publish(id)
    }

    pub(super) fn record(&self, record: Record) -> Result<()> {
        self.write_json(RECORD, &record)?;
        sync_file(&self.dir.join(RECORD))
    }

    /// Gives the job its final name, unless another process has finished it meanwhile: what a job writes depends on its id alone.
    pub(super) fn publish(self, id: &Id) -> Result<Job> {
        sync_dir(&self.dir);
        let renamed = fs::rename(&self.dir, &self.target);
        if let Some(parent) = self.target.parent() {
            sync_dir(parent);
        }
        match (Job::open(&self.target)?, renamed) {
            (Some(job), Ok(())) => Ok(job),
            (Some(job), Err(_)) if job.record.id == *id => {
                let _ = fs::remove_dir_all(&self.dir);
                Ok(job)
            }
            (_, Err(error)) => Err(io_error("create", &self.target)(error)),
            (None, Ok(())) => Err(io_error("read", &self.target)(io::ErrorKind::NotFound.into())),
        }
    }
}

/// A finished job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(super) dir: PathBuf,
    pub(super) record: Record,
}

impl Job {
    /// A model that it has kept, verified by its hashes. `folder` is empty or ends with a slash.
    pub(crate) fn checkpoint(&self, folder: &str) -> crate::Result<Checkpoint> {
        let file = |name: &str| self.read(&format!("{folder}{name}"));
        Ok(Checkpoint::from_parts(
            &file("config.json")?,
            &file("tokenizer.json")?,
            file("model.safetensors")?,
        )?)
    }

    pub(super) fn open(dir: &Path) -> Result<Option<Job>> {
        let path = dir.join(RECORD);
        // Another process may finish the job between the two looks of the first time.
        let missing = |error: &io::Error| is_gone(error) && dir.exists();
        let read = fs::read(&path);
        let read = if read.as_ref().is_err_and(missing) { fs::read(&path) } else { read };
        let bytes = match read {
            Ok(bytes) => bytes,
            Err(error) if missing(&error) => return Err(damaged(dir, RECORD, "it is missing".to_owned())),
            Err(error) if is_gone(&error) => return Ok(None),
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

    /// A file in its directory that the job did not write, if there is one.
    pub(super) fn stranger(&self) -> Option<PathBuf> {
        let mut files = BTreeMap::new();
        record_files(&self.dir, "", &mut files).ok()?;
        let known = |name: &String| *name == RECORD || self.record.files.contains_key(name);
        files.keys().find(|name| !known(name)).map(|name| self.dir.join(name))
    }

    /// The job's directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The contents of `job.json`.
    pub(crate) fn record(&self) -> &Record {
        &self.record
    }

    /// Whether the job has the file `name`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.record.files.contains_key(name)
    }

    /// The contents of one of its files, verified to be those that were written.
    pub(crate) fn read(&self, name: &str) -> Result<Vec<u8>> {
        let expected = self
            .record
            .files
            .get(name)
            .ok_or_else(|| self.damaged(name, format!("`{RECORD}` does not name it")))?;
        let path = self.dir.join(name);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if is_gone(&error) => return Err(self.damaged(name, "it is missing".to_owned())),
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
    pub(crate) fn read_json<T: serde::de::DeserializeOwned>(&self, name: &str) -> Result<T> {
        serde_json::from_slice(&self.read(name)?)
            .map_err(|error| self.damaged(name, format!("it cannot be understood ({error})")))
    }

    /// Checks all files.
    pub(crate) fn verify(&self) -> Result<()> {
        self.record.files.keys().try_for_each(|name| self.read(name).map(drop))
    }

    /// The error for a damaged file of this job.
    pub(crate) fn damaged(&self, name: &str, reason: String) -> Error {
        damaged(&self.dir, name, reason)
    }
}

fn damaged(job: &Path, name: &str, reason: String) -> Error {
    // A job's directory is in the run, or in the directory of one of its generations.
    let task = job.ancestors().skip(1).take(2).find_map(origin::of_run);
    Error::Damaged { file: job.join(name), reason, job: job.to_owned(), task }
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
