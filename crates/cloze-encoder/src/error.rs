//! Errors when reading or writing a model.

use std::path::{Path, PathBuf};

/// A model directory that cannot be read, understood or written.
///
/// Every variant names the file, what was found in it and, if there is one, the remedy.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused to read or write a file.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The failed action: `read`, `write`, `create`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The operating system's error.
        source: std::io::Error,
    },
    /// A file was read but is not valid.
    #[error("`{file}` is not usable: {reason}")]
    Malformed {
        /// The file, as the user knows it, for example `config.json`.
        file: String,
        /// What was found and what was expected.
        reason: String,
    },
    /// A model of a kind that this version cannot run.
    #[error("{what} is not supported: {remedy}")]
    Unsupported {
        /// What was found, for example "model type `t5`".
        what: String,
        /// What to use instead.
        remedy: String,
    },
}

impl Error {
    pub(crate) fn malformed(file: impl Into<String>, reason: impl ToString) -> Self {
        Error::Malformed { file: file.into(), reason: reason.to_string() }
    }

    pub(crate) fn io(action: &'static str, path: &Path, source: std::io::Error) -> Self {
        Error::Io { action, path: path.to_owned(), source }
    }
}

/// The result of reading or writing a model.
pub type Result<T> = std::result::Result<T, Error>;
