//! What can go wrong with a run directory.

use std::path::{Path, PathBuf};
use std::{fmt, io};

/// The file that makes a directory a run.
pub(crate) const MANIFEST: &str = "run.toml";

/// A run directory that cannot be used as it is.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`, `create`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Another process works in the run.
    #[error("another process is working in `{}`", path.display())]
    Busy {
        /// The run directory.
        path: PathBuf,
    },
    /// A finished job's file is not what was written.
    #[error("`{}` is damaged: {reason}", file.display())]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What was found and what was expected.
        reason: String,
        /// The directory to delete.
        job: PathBuf,
        /// The task file of its run, if that is known.
        task: Option<PathBuf>,
    },
    /// A directory that is about to be removed holds a file that cloze did not write.
    #[error("`{}` does not belong to the run, and its directory is about to be replaced", path.display())]
    Stranger {
        /// The file.
        path: PathBuf,
    },
    /// The record of a run is not as it was written.
    #[error("`{}` {}", path.display(), match sealed {
        true => "has been changed since the run began",
        false => "does not begin with its checksum: an earlier version of cloze wrote it, or it was changed",
    })]
    Changed {
        /// The file.
        path: PathBuf,
        /// Whether it has a checksum.
        sealed: bool,
        /// The task file of the run, if that is known.
        task: Option<PathBuf>,
    },
    /// The run is bound to kernels that this processor cannot run.
    #[error("`{}` is computed with the kernels `{wanted}`, which this processor does not have", path.display())]
    Kernels {
        /// The run directory.
        path: PathBuf,
        /// Their name.
        wanted: String,
    },
    /// The directory is not a run.
    #[error("`{}` is not a run directory: it has no `{MANIFEST}`", path.display())]
    NotARun {
        /// The directory.
        path: PathBuf,
    },
}

/// The result of reading or writing a run directory.
pub(crate) type Result<T> = std::result::Result<T, Error>;

impl miette::Diagnostic for Error {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        let remedy = match self {
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    "free some space and run the same command again; finished jobs are kept".to_owned()
                }
                io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::PermissionDenied => {
                    "choose a directory that you may write to".to_owned()
                }
                _ => return None,
            },
            Error::Busy { .. } => "wait until it has finished, or stop it".to_owned(),
            Error::Damaged { job, task, .. } => format!(
                "delete the directory `{}` and run {} again: it repeats this job and keeps everything else",
                job.display(),
                train(task.as_deref())
            ),
            Error::Changed { path, task, .. } => format!(
                "undo the change; or move `{}` away and run {} again, which restores it if task and data are unchanged. To change \
                 labels, patterns or options, edit the task file, which starts a new run",
                path.display(),
                train(task.as_deref())
            ),
            Error::Stranger { .. } => "move it out of the run and run the same command again".to_owned(),
            Error::Kernels { .. } => "work in it on a machine like that on which it was begun; or train anew with another `--runs`, \
                beginning on the machine with the oldest processor, whose kernels the others then use"
                .to_owned(),
            Error::NotARun { .. } => "give a directory that `cloze train` has created".to_owned(),
        };
        Some(Box::new(remedy))
    }
}

/// The command that goes on with the run of a task.
fn train(task: Option<&Path>) -> String {
    match task.filter(|task| task.is_file()) {
        Some(task) => format!("`cloze train {}`, with the options it was run with,", task.display()),
        None => "`cloze train` with the run's task file".to_owned(),
    }
}

/// Turns the operating system's answer into an error that names `path`.
pub(crate) fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
    move |source| Error::Io { action, path: path.to_owned(), source }
}
