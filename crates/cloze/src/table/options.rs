//! Options for reading a file.

use std::fmt;

use super::encoding::Encoding;
use super::format::Format;
use super::quoting::Quoting;

/// Options for reading a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// The format; if `None`, the extension or the first line decides.
    pub format: Option<Format>,
    /// The encoding; if `None`, UTF-8, or UTF-16 if the first bytes show it.
    pub encoding: Option<Encoding>,
    /// What quotes mean in CSV or TSV; if `None`, [`Quoting::Double`], and text that was probably not written
    /// that way is rejected.
    pub quoting: Option<Quoting>,
    /// Whether these options come from a task file; remedies then refer to the task file.
    pub of_task: bool,
}

impl ReadOptions {
    /// For remedies: the place where `key` can be set to `value`.
    pub(super) fn say(self, key: &str, value: impl fmt::Display) -> String {
        match self.of_task {
            true => format!("`{key} = \"{value}\"` under `[data]`"),
            false => format!("`--{key} {value}`"),
        }
    }
}

impl From<Format> for ReadOptions {
    fn from(format: Format) -> ReadOptions {
        Some(format).into()
    }
}

impl From<Option<Format>> for ReadOptions {
    fn from(format: Option<Format>) -> ReadOptions {
        ReadOptions { format, ..ReadOptions::default() }
    }
}
