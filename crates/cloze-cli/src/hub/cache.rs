//! The folder in which Hugging Face's own tools keep what they fetch, laid out as they lay it out:
//!
//! ```text
//! models--google-bert--bert-base-uncased/
//!   blobs/HASH                      what files contain
//!   snapshots/COMMIT/config.json    links to them
//!   refs/main                       the commit that a branch was at
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use cloze::Error;

use super::{Name, Revision};

/// Where fetched models are.
pub(crate) struct Cache {
    dir: PathBuf,
    home: PathBuf,
}

/// A model there.
pub(super) struct Kept {
    dir: PathBuf,
}

impl Cache {
    /// Where `HF_HUB_CACHE` says, else `hub` in `HF_HOME`, else `huggingface/hub` in `XDG_CACHE_HOME`, else in `~/.cache`.
    ///
    /// # Errors
    /// If nothing says where the user's files are.
    pub(crate) fn from_env() -> Result<Cache, Error> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = set("HF_HOME").or_else(|| {
            let caches = set("XDG_CACHE_HOME").or_else(|| Some(std::env::home_dir()?.join(".cache")));
            Some(caches?.join("huggingface"))
        });
        let home = home.ok_or_else(|| {
            Error::usage(
                "cannot find the folder for fetched models",
                "set HF_HOME, or give a directory with `--to DIR`",
            )
        })?;
        Ok(Cache { dir: set("HF_HUB_CACHE").unwrap_or_else(|| home.join("hub")), home })
    }

    /// The file in which `hf auth login` leaves a token.
    pub(super) fn token_file(&self) -> PathBuf {
        std::env::var_os("HF_TOKEN_PATH").map_or_else(|| self.home.join("token"), PathBuf::from)
    }

    /// The directory of a model that was fetched before: what is called `NAME` or `NAME@REVISION`.
    pub(crate) fn find(&self, called: &str) -> Option<PathBuf> {
        let (name, revision) = match called.split_once('@') {
            Some((name, revision)) => (name, revision.parse().ok()?),
            None => (called, Revision::default()),
        };
        let kept = self.model(&name.parse().ok()?);
        let commit = match fs::read_to_string(kept.reference(&revision)) {
            Ok(commit) => commit.trim().parse().ok()?,
            Err(_) => revision,
        };
        let snapshot = commit.is_commit().then(|| kept.snapshot(&commit))?;
        snapshot.is_dir().then_some(snapshot)
    }

    pub(super) fn model(&self, name: &Name) -> Kept {
        Kept { dir: self.dir.join(format!("models--{}", name.as_str().replace('/', "--"))) }
    }
}

impl Kept {
    /// The directory to give to `--model`.
    pub(super) fn snapshot(&self, commit: &Revision) -> PathBuf {
        self.dir.join("snapshots").join(commit.as_str())
    }

    /// What a file with this hash contains.
    pub(super) fn blob(&self, hash: &str) -> PathBuf {
        self.dir.join("blobs").join(hash)
    }

    fn reference(&self, revision: &Revision) -> PathBuf {
        self.dir.join("refs").join(revision.as_str())
    }

    /// Lets a file of a snapshot be the blob with this hash.
    pub(super) fn link(&self, commit: &Revision, file: &str, hash: &str) -> Result<PathBuf, Error> {
        let link = self.snapshot(commit).join(file);
        let target = Path::new("../../blobs").join(hash);
        if fs::read_link(&link).is_ok_and(|found| found == target) {
            return Ok(link);
        }
        let make = || -> io::Result<()> {
            fs::create_dir_all(self.snapshot(commit))?;
            match fs::remove_file(&link) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            // Not every system and disk has links, or lets everybody make them.
            symlink(&target, &link)
                .or_else(|_| fs::hard_link(self.blob(hash), &link))
                .or_else(|_| fs::copy(self.blob(hash), &link).map(drop))
        };
        make().map_err(|error| Error::io("create", &link, error))?;
        Ok(link)
    }

    /// Notes what a branch or tag stood for.
    pub(super) fn refer(&self, revision: &Revision, commit: &Revision) -> Result<(), Error> {
        if revision.is_commit() {
            return Ok(());
        }
        let path = self.reference(revision);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| Error::io("create", parent, error))?;
        }
        crate::output::replace(&path, commit.as_str().as_bytes())
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}
