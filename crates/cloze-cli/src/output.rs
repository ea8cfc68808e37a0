//! A file that a command writes: it gets its name when it is complete, and replaces nothing unasked.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use cloze::task::Task;
use cloze::{Error, Run};
use same_file::{Handle, is_same_file};
use tempfile::NamedTempFile;

use crate::failure::{Failure, Result};

/// Files that are not replaced, whatever is asked for, each with what it is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Protected {
    files: Vec<(PathBuf, &'static str)>,
    /// Whether the file that standard input comes from is one.
    stdin: bool,
}

impl Protected {
    /// Protects a file.
    pub(crate) fn file(mut self, path: impl Into<PathBuf>, what: &'static str) -> Protected {
        self.files.push((path.into(), what));
        self
    }

    /// Protects the file that standard input comes from.
    pub(crate) fn stdin(self) -> Protected {
        Protected { stdin: true, ..self }
    }

    /// Protects the files that a task learns from and measures on, as far as they are there.
    pub(crate) fn data_of(mut self, task: &Task) -> Protected {
        self.files.extend(task.data_files().into_iter().map(|file| (file, "data of the run")));
        self
    }

    /// Refuses `path` if it is one of the files, by whatever name or link, or lies in a run.
    pub(crate) fn check(&self, path: &Path) -> Result {
        let refuse = |what: &str| {
            Err(Error::usage(
                format!("`{}` is {what} and must not be overwritten", path.display()),
                "choose another name for the output",
            )
            .into())
        };
        let is_input = || Some(Handle::stdin().ok()? == Handle::from_path(path).ok()?);
        if self.stdin && path.is_file() && is_input() == Some(true) {
            return refuse("the input");
        }
        for (file, what) in &self.files {
            // What is not there is no file of anybody's.
            if is_same_file(file, path).unwrap_or(false) {
                return refuse(what);
            }
        }
        // What is there of the path, with links followed.
        let there = std::path::absolute(path).ok();
        let folder = there
            .iter()
            .flat_map(|path| path.ancestors())
            .find_map(|part| part.canonicalize().ok())
            .unwrap_or_default();
        match folder.ancestors().find(|folder| Run::is_in(folder)) {
            Some(run) => refuse(&format!("in the run `{}`, whose files never change,", run.display())),
            None => Ok(()),
        }
    }

    /// Refuses to write to standard output where that is one of the files.
    pub(crate) fn check_stdout(&self) -> Result {
        let Ok(out) = Handle::stdout() else { return Ok(()) };
        // Where the system tells what it is called.
        if let Some(path) = fs::read_link("/proc/self/fd/1").ok().filter(|path| path.is_file()) {
            self.check(&path)?;
        }
        if self.stdin
            && Handle::stdin().is_ok_and(|input| input == out)
            && out.as_file().metadata().is_ok_and(|found| found.is_file())
        {
            return Err(Error::usage(
                "standard output goes to the file that the input comes from",
                "write to another file",
            )
            .into());
        }
        let file = self.files.iter().find(|(file, _)| Handle::from_path(file).is_ok_and(|file| file == out));
        match file.filter(|(file, _)| file.is_file()) {
            Some((file, what)) => Err(Error::usage(
                format!("standard output goes to `{}`, which is {what}", file.display()),
                "write to another file",
            )
            .into()),
            None => Ok(()),
        }
    }
}

/// A file being written.
pub(crate) struct Output {
    path: PathBuf,
    force: bool,
    to: To,
}

enum To {
    /// A pipe or a device, which is written to as it is.
    Special(File),
    /// A file beside it, which gets its name at the end and is gone if that never comes.
    Draft(NamedTempFile),
}

impl Output {
    /// Begins to write `path`, in the place of a file of that name if `force` says so.
    ///
    /// # Errors
    /// When it is there already, is protected, lies in a run, or cannot be written.
    pub(crate) fn create(path: &Path, force: bool, protected: &Protected) -> Result<Output> {
        let failed = |error| Failure::from(Error::io("write", path, error));
        let found = fs::metadata(path).ok();
        if found.as_ref().is_some_and(fs::Metadata::is_dir) {
            let remedy = format!("name a file, for example `{}`", path.join("predictions.csv").display());
            return Err(Error::usage(format!("`{}` is a directory", path.display()), remedy).into());
        }
        if found.as_ref().is_some_and(|found| !found.is_file()) {
            let file = File::options().write(true).open(path).map_err(failed)?;
            return Ok(Output { path: path.to_owned(), force, to: To::Special(file) });
        }
        protected.check(path)?;
        if found.is_some() && !force {
            return Err(exists(path).into());
        }
        // A link stays a link; what it points to is replaced.
        let target = if found.is_some() { path.canonicalize().map_err(failed)? } else { path.to_owned() };
        let folder =
            target.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        if !folder.is_dir() {
            let remedy = format!("create it first, for example with `mkdir -p {}`", folder.display());
            return Err(Error::usage(
                format!("there is no directory `{}` to write to", folder.display()),
                remedy,
            )
            .into());
        }
        let draft = draft(folder).map_err(failed)?;
        Ok(Output { path: target, force, to: To::Draft(draft) })
    }

    /// The file to write to.
    pub(crate) fn file(&self) -> Result<File> {
        let file = match &self.to {
            To::Special(file) => file.try_clone(),
            To::Draft(draft) => draft.as_file().try_clone(),
        };
        Ok(file.map_err(|error| Error::io("write", &self.path, error))?)
    }

    /// Gives the file its name.
    pub(crate) fn finish(self) -> Result {
        let Output { path, force, to } = self;
        let To::Draft(draft) = to else { return Ok(()) };
        let failed = |error| Failure::from(Error::io("write", &path, error));
        draft.as_file().sync_all().map_err(failed)?;
        if force {
            return draft.persist(&path).map(drop).map_err(|error| failed(error.error));
        }
        match draft.persist_noclobber(&path) {
            Ok(_) => Ok(()),
            Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(exists(&path).into()),
            // Some file systems cannot promise that.
            Err(error) if !path.exists() => {
                error.file.persist(&path).map(drop).map_err(|error| failed(error.error))
            }
            Err(error) => Err(failed(error.error)),
        }
    }
}

/// Writes a file whole or not at all, in the place of one of that name.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> std::result::Result<(), Error> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> io::Result<()> {
        let mut draft = draft(folder)?;
        draft.write_all(bytes)?;
        draft.as_file().sync_all()?;
        draft.persist(path).map(drop).map_err(|error| error.error)
    };
    write().map_err(|error| Error::io("write", path, error))
}

fn exists(path: &Path) -> Error {
    Error::usage(
        format!("`{}` already exists", path.display()),
        "choose another name with `-o FILE`, or add `--force` to replace it",
    )
}

/// A file with a name that nobody else has.
fn draft(folder: &Path) -> io::Result<NamedTempFile> {
    new_file(".cloze-", ".tmp", folder)
}

/// The same with a name that begins and ends so. It is gone unless it gets another name.
pub(crate) fn new_file(prefix: &str, suffix: &str, folder: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(prefix).suffix(suffix);
    #[cfg(unix)]
    builder.permissions({
        use std::os::unix::fs::PermissionsExt;
        // As any new file: what the user's mask leaves of it.
        fs::Permissions::from_mode(0o666)
    });
    builder.tempfile_in(folder)
}
