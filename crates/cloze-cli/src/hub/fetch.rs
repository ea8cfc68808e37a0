//! A model: its configuration first, so that nobody waits for weights that cloze cannot run.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cloze::Error;
use cloze_encoder::Config;
use serde::Serialize;

use super::cache::{Cache, Kept};
use super::client::Client;
use super::download::{Place, Source};
use super::listing::{CONFIG, Entry, Listing, Weights};
use super::{Name, Revision};

/// What is wanted.
pub(crate) struct Request<'a> {
    /// The model.
    pub(crate) name: &'a Name,
    /// The state of it.
    pub(crate) revision: &'a Revision,
    /// A directory for the files, if not the cache.
    pub(crate) to: Option<&'a Path>,
    /// Whether files in that directory may be replaced.
    pub(crate) force: bool,
}

/// What is heard on the way.
#[derive(Debug)]
pub(crate) enum Heard<'a> {
    /// A file begins to arrive, `at` bytes of which are here already.
    Begins { file: &'a str, size: u64, at: u64 },
    /// So much of it is here.
    At { bytes: u64 },
    /// A file is here and checked; it may have been before.
    Done { file: &'a str, size: u64, is_new: bool },
    /// A file that is not what it should be is replaced.
    Replaces { path: &'a Path },
    /// The network has failed, and another try follows.
    Waits { problem: &'a str },
}

/// A model that is here.
#[derive(Debug, Serialize)]
pub(crate) struct Fetched {
    /// Its name.
    pub(crate) name: String,
    /// The commit.
    pub(crate) revision: String,
    /// What to give to `--model`.
    pub(crate) directory: PathBuf,
    /// In the order in which they were fetched.
    pub(crate) files: Vec<FetchedFile>,
}

/// A file of it.
#[derive(Debug, Serialize)]
pub(crate) struct FetchedFile {
    /// Its name in the directory.
    pub(crate) file: String,
    /// In bytes.
    pub(crate) size: u64,
    /// Of its contents, in hexadecimal digits.
    pub(crate) sha256: String,
}

/// Fetches what a model needs and is not here yet.
///
/// # Errors
/// If the hub, the network or the disk refuses; if the model is of a kind that cloze does not run; [`Error::Stopped`] if the
/// listener breaks.
pub(crate) fn fetch(
    request: &Request,
    mut listener: impl FnMut(Heard<'_>) -> ControlFlow<()>,
) -> Result<Fetched, Error> {
    let Request { name, revision, .. } = *request;
    let cache = Cache::from_env()?;
    let client = Client::from_env(&cache.token_file())?;
    let mut source = Source { client: &client, name, listener: &mut listener };
    let listing = source.again(|client| client.listing(name, revision))?;
    let needed = Needed::of(&listing, name)?;
    let mut work =
        Work { source, request, commit: &listing.commit, kept: cache.model(name), files: Vec::new() };

    let was_there = request.to.is_some_and(|dir| dir.join(CONFIG).exists());
    let config = work.obtain(needed.config)?;
    if let Err(error) = Config::from_json(&read(&config)?) {
        if request.to.is_some() && !was_there {
            // A directory with nothing but this would look like a model.
            let _ = fs::remove_file(&config);
        }
        return Err(unusable(name, error));
    }
    for entry in needed.tokenizer {
        work.obtain(entry)?;
    }
    match needed.weights {
        Weights::File(entry) => drop(work.obtain(entry)?),
        Weights::Index(entry) => {
            let index = read(&work.obtain(entry)?)?;
            let named = listing.shards(&index);
            let shards = named.map_err(|reason| lacking(name, &format!("`{}`: {reason}", entry.name)))?;
            for shard in shards {
                work.obtain(shard)?;
            }
        }
    }
    if request.to.is_none() {
        work.kept.refer(revision, work.commit)?;
    }
    let directory = work.directory();
    Ok(Fetched { name: name.to_string(), revision: listing.commit.to_string(), directory, files: work.files })
}

/// The files that a model cannot be without.
struct Needed<'l> {
    config: &'l Entry,
    tokenizer: Vec<&'l Entry>,
    weights: Weights<'l>,
}

impl<'l> Needed<'l> {
    fn of(listing: &'l Listing, name: &Name) -> Result<Needed<'l>, Error> {
        let config = listing.file(CONFIG).ok_or_else(|| lacking(name, "there is no `config.json`"))?;
        let tokenizer = listing.tokenizer().ok_or_else(|| {
            lacking(
                name,
                "there is neither `tokenizer.json` nor `vocab.txt` nor `vocab.json` with `merges.txt`",
            )
        })?;
        let weights = listing.weights().ok_or_else(|| {
            let there = match listing.foreign().as_slice() {
                [] => String::new(),
                names => format!(", but {}", names.join(", ")),
            };
            lacking(name, &format!("there is neither `model.safetensors` nor `pytorch_model.bin`{there}"))
        })?;
        Ok(Needed { config, tokenizer, weights })
    }
}

/// A fetch under way.
struct Work<'a> {
    source: Source<'a>,
    request: &'a Request<'a>,
    commit: &'a Revision,
    kept: Kept,
    files: Vec<FetchedFile>,
}

impl Work<'_> {
    /// Where the files are to be.
    fn directory(&self) -> PathBuf {
        self.request.to.map_or_else(|| self.kept.snapshot(self.commit), Path::to_owned)
    }

    /// Sees to it that a file is in the directory.
    fn obtain(&mut self, entry: &Entry) -> Result<PathBuf, Error> {
        let hash = entry.digest.as_str();
        let blob = self.kept.blob(hash);
        // The hash is part of the name, so that what is resumed is the same file.
        let place = match self.request.to {
            Some(dir) => Place {
                file: dir.join(&entry.name),
                part: dir.join(format!("{}.{}.incomplete", entry.name, &hash[..12])),
                copy: Some(blob),
                replaces: self.request.force,
            },
            None => Place { part: blob.with_extension("incomplete"), file: blob, copy: None, replaces: true },
        };
        let sha256 = self.source.obtain(self.commit, entry, &place)?;
        self.files.push(FetchedFile { file: entry.name.clone(), size: entry.size, sha256 });
        match self.request.to {
            Some(_) => Ok(place.file),
            None => self.kept.link(self.commit, &entry.name, hash),
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    fs::read(path).map_err(|error| Error::io("read", path, error))
}

/// A repository without what a model needs.
fn lacking(name: &Name, reason: &str) -> Error {
    Error::usage(
        format!("`{name}` is not a model that cloze can read: {reason}"),
        "choose a model in the format of Hugging Face transformers",
    )
}

/// A model that cloze does not run.
fn unusable(name: &Name, error: cloze_encoder::Error) -> Error {
    match error {
        cloze_encoder::Error::Unsupported { what, remedy } => {
            Error::usage(format!("`{name}` cannot be used: {what} is not supported"), remedy)
        }
        other => Error::usage(
            format!("`{name}` cannot be used: {other}"),
            "choose another model; only its configuration was downloaded",
        ),
    }
}
