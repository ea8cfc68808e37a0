//! The folder in which a model is adapted, until it gets its name. What is in it lets the same command go on with the same bits.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use cloze_encoder::Session;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::run::store::{LOCK, lock, pretty_json, replace, sync_dir, sync_file};
use crate::{Error, Place, Result};

/// What is asked for, as JSON.
pub(super) const RECORD: &str = "adapt.json";
/// How far the training is, and everything that it goes on with.
const STATE: &str = "state.bin";
/// The states that an anchor keeps the model near.
const GOALS: &str = "goals.bin";
/// The finished model, before it gets its name.
const MODEL: &str = "model";
/// How `state.bin` begins.
const MAGIC: &[u8] = b"cloze adapt 2\n";
/// Bytes of a hash, with which files end.
const HASH: usize = 32;

/// How far a training is.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Position {
    /// Updates that are done.
    pub(super) step: usize,
    /// The lines of `adapt.jsonl`.
    pub(super) log: Vec<String>,
    /// The bits of the sum of the losses of the updates since the last line, and how many these are.
    pub(super) loss: (u64, usize),
    /// How long it has taken.
    pub(super) seconds: f64,
}

/// The folder; no other process works in it.
pub(super) struct Folder {
    dir: PathBuf,
    output: PathBuf,
    /// A hash of what is asked for, which `state.bin` belongs to.
    record: [u8; HASH],
    _lock: Option<File>,
}

/// A folder that goes again if nothing is put into it.
pub(super) struct Claimed(PathBuf);

impl Drop for Claimed {
    fn drop(&mut self) {
        // Fails where there is something in it.
        let _ = fs::remove_dir(&self.0);
    }
}

impl Folder {
    /// The folder beside `output` in which it comes to be.
    ///
    /// # Errors
    /// If `output` is there already, or names no directory that could be.
    pub(super) fn beside(output: &Path) -> Result<PathBuf> {
        let Some(name) = output.file_name() else {
            return Err(Error::usage(
                format!("`{}` is no name for a new directory", output.display()),
                "give one that is not there, for example `models/adapted`",
            ));
        };
        if output.symlink_metadata().is_ok() {
            return Err(Error::usage(
                format!("`{}` already exists, and nothing is overwritten", output.display()),
                "choose another name for the model, or remove what is there",
            ));
        }
        let mut unfinished = OsString::from(name);
        unfinished.push(".unfinished");
        Ok(output.with_file_name(unfinished))
    }

    /// Makes the folder, so that it is known early whether it can be made; as long as nothing is in it, it goes again.
    ///
    /// # Errors
    /// If it cannot be made.
    pub(super) fn claim(dir: &Path) -> Result<Claimed> {
        fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, error))?;
        Ok(Claimed(dir.to_owned()))
    }

    /// Opens the folder, or makes it, for an adaptation that `record` describes.
    ///
    /// # Errors
    /// If another process works in it, or what is unfinished there was begun otherwise.
    pub(super) fn open(output: &Path, record: &Map<String, Value>) -> Result<Folder> {
        let dir = Folder::beside(output)?;
        fs::create_dir_all(&dir).map_err(|error| Error::io("create", &dir, error))?;
        refuse_foreign(&dir)?;
        let lock = lock(&dir)?;
        let hash = *blake3::hash(&pretty_json(record)).as_bytes();
        let folder = Folder { dir, output: output.to_owned(), record: hash, _lock: lock };
        let path = folder.dir.join(RECORD);
        match fs::read(&path) {
            Ok(bytes) => {
                let earlier: Map<String, Value> = serde_json::from_slice(&bytes)
                    .map_err(|error| folder.damaged(&path, &error.to_string()))?;
                folder.compare(&earlier, record)?;
            }
            Err(error) if error.kind() == ErrorKind::NotFound => replace(&path, &pretty_json(record))?,
            Err(error) => return Err(Error::io("read", &path, error)),
        }
        Ok(folder)
    }

    /// Refuses to go on with what was begun otherwise, and says what differs.
    fn compare(&self, earlier: &Map<String, Value>, now: &Map<String, Value>) -> Result<()> {
        let differs = |key: &&String| earlier.get(*key) != now.get(*key);
        let keys = now.keys().chain(earlier.keys().filter(|key| !now.contains_key(*key)));
        let differences: Vec<String> = keys
            .filter(differs)
            .map(|key| {
                let shown = |record: &Map<String, Value>| record.get(key).map(Value::to_string);
                let name = key.replace('_', " ");
                match (shown(earlier), shown(now)) {
                    // Hashes say nothing to people.
                    (Some(earlier), Some(now)) if earlier.len() < 40 && now.len() < 40 => {
                        format!("{name} {earlier} instead of {now}")
                    }
                    _ => format!("another {name}"),
                }
            })
            .collect();
        if differences.is_empty() {
            return Ok(());
        }
        let dir = self.dir.display();
        Err(Error::usage(
            format!("`{dir}` is unfinished and was begun with {}", differences.join(", ")),
            format!(
                "to finish it, repeat the command that began it; to begin anew, remove `{dir}`, or choose another name for the model"
            ),
        ))
    }

    /// Brings the session to where the training was when it was last saved; none if it never was.
    pub(super) fn resume(&self, session: &mut Session) -> Result<Option<Position>> {
        let path = self.dir.join(STATE);
        let Some(mut input) = self.checked(&path)? else { return Ok(None) };
        let mut read = || -> io::Result<Position> {
            let mut magic = vec![0; MAGIC.len()];
            input.read_exact(&mut magic)?;
            if magic != MAGIC {
                return Err(io::Error::other("another version of cloze wrote it"));
            }
            let mut record = [0; HASH];
            input.read_exact(&mut record)?;
            if record != self.record {
                return Err(io::Error::other("it belongs to another adaptation"));
            }
            let mut size = [0; 8];
            input.read_exact(&mut size)?;
            let mut header = Vec::new();
            (&mut input).take(u64::from_le_bytes(size)).read_to_end(&mut header)?;
            let position = serde_json::from_slice(&header)?;
            session.read_state(&mut input)?;
            Ok(position)
        };
        read().map(Some).map_err(|error| self.damaged(&path, &error.to_string()))
    }

    /// Saves where the training is.
    pub(super) fn save(&self, session: &Session, position: &Position) -> Result<()> {
        let header = crate::run::store::json(position);
        self.write(STATE, |out| {
            out.write_all(MAGIC)?;
            out.write_all(&self.record)?;
            out.write_all(&(header.len() as u64).to_le_bytes())?;
            out.write_all(&header)?;
            session.write_state(out)
        })
    }

    /// The goals of an anchor, if they are kept; there must be `count`.
    pub(super) fn goals(&self, count: usize) -> Result<Option<Vec<f32>>> {
        let path = self.dir.join(GOALS);
        let Some(mut input) = self.checked(&path)? else { return Ok(None) };
        let mut bytes = Vec::new();
        input.read_to_end(&mut bytes).map_err(|error| Error::io("read", &path, error))?;
        bytes.truncate(bytes.len().saturating_sub(HASH));
        if bytes.len() != 4 * count {
            return Err(self.damaged(&path, "it has another size"));
        }
        Ok(Some(bytes.as_chunks::<4>().0.iter().map(|value| f32::from_le_bytes(*value)).collect()))
    }

    /// Keeps the goals of an anchor.
    pub(super) fn keep_goals(&self, goals: &[f32]) -> Result<()> {
        self.write(GOALS, |out| goals.iter().try_for_each(|value| out.write_all(&value.to_le_bytes())))
    }

    /// Gives the finished model its name and removes the folder. `write` fills the directory.
    pub(super) fn publish(self, write: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let model = self.dir.join(MODEL);
        if model.exists() {
            fs::remove_dir_all(&model).map_err(|error| Error::io("remove", &model, error))?;
        }
        fs::create_dir(&model).map_err(|error| Error::io("create", &model, error))?;
        write(&model)?;
        let entries = fs::read_dir(&model).map_err(|error| Error::io("read", &model, error))?;
        for entry in entries.flatten() {
            sync_file(&entry.path())?;
        }
        sync_dir(&model);
        // Somebody may have made one in the meantime.
        Folder::beside(&self.output)?;
        fs::rename(&model, &self.output).map_err(|error| Error::io("create", &self.output, error))?;
        self.output.parent().into_iter().for_each(sync_dir);
        // Only what is known to be ours is removed.
        for name in [STATE, GOALS, RECORD, LOCK] {
            for name in [name.to_owned(), format!("{name}.tmp")] {
                let path = self.dir.join(name);
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(Error::io("remove", &path, error));
                    }
                    _ => {}
                }
            }
        }
        let _ = fs::remove_dir(&self.dir);
        Ok(())
    }

    /// Writes a file with its hash behind it, whole or not at all.
    fn write(
        &self,
        name: &str,
        write: impl FnOnce(&mut Hashing<BufWriter<File>>) -> io::Result<()>,
    ) -> Result<()> {
        let (path, draft) = (self.dir.join(name), self.dir.join(format!("{name}.tmp")));
        let all = || -> io::Result<()> {
            let mut out =
                Hashing { out: BufWriter::new(File::create(&draft)?), hasher: blake3::Hasher::new() };
            write(&mut out)?;
            let Hashing { mut out, hasher } = out;
            out.write_all(hasher.finalize().as_bytes())?;
            out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&draft, &path)
        };
        all().map_err(|error| Error::io("write", &path, error))?;
        sync_dir(&self.dir);
        Ok(())
    }

    /// A file that was written with its hash, from its beginning, if it is there.
    fn checked(&self, path: &Path) -> Result<Option<BufReader<File>>> {
        let failed = |error| Error::io("read", path, error);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let size = file.metadata().map_err(failed)?.len();
        let Some(size) = size.checked_sub(HASH as u64) else {
            return Err(self.damaged(path, "it is too short"));
        };
        let mut hasher = blake3::Hasher::new();
        let mut input = BufReader::new(file);
        io::copy(&mut (&mut input).take(size), &mut hasher).map_err(failed)?;
        let mut hash = Vec::new();
        input.read_to_end(&mut hash).map_err(failed)?;
        if hash != hasher.finalize().as_bytes() {
            return Err(self.damaged(path, "it is not what was written"));
        }
        Ok(Some(BufReader::new(File::open(path).map_err(failed)?)))
    }

    fn damaged(&self, path: &Path, reason: &str) -> Error {
        Error::data(
            Place::file(path.display().to_string()),
            format!("it is damaged: {reason}"),
            format!("remove `{}` and run the same command again, which begins anew", self.dir.display()),
        )
    }
}

/// Refuses a folder that this program has not begun: one without a record that has anything else in it, or a link.
fn refuse_foreign(dir: &Path) -> Result<()> {
    let failed = |error| Error::io("read", dir, error);
    let is_link = dir.symlink_metadata().map_err(failed)?.is_symlink();
    let ours = |name: &OsStr| name == LOCK || name.to_string_lossy().starts_with(RECORD);
    let mut foreign = is_link;
    if !dir.join(RECORD).exists() {
        for entry in fs::read_dir(dir).map_err(failed)? {
            foreign |= !ours(&entry.map_err(failed)?.file_name());
        }
    }
    match foreign {
        false => Ok(()),
        true => Err(Error::usage(
            format!("`{}` is already there, and not the unfinished work of this command", dir.display()),
            "choose another name for the model, or move what is there",
        )),
    }
}

/// Hashes what is written.
struct Hashing<W> {
    out: W,
    hasher: blake3::Hasher,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.hasher.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}
