//! What a reader must be told about a file.

use std::fmt;

use super::encoding::Encoding;
use super::format::Format;
use super::quoting::Quoting;

/// How a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Its format; with `None` the extension or the first line decides.
    pub format: Option<Format>,
    /// Its encoding; with `None` UTF-8, or UTF-16 if the first bytes show it.
    pub encoding: Option<Encoding>,
    /// What quotes mean in it, if it is CSV or TSV; with `None` [`Quoting::Double`], and text that is unlikely to be meant so is
    /// refused.
    pub quoting: Option<Quoting>,
    /// Whether a task file says so: then remedies name the task file.
    pub of_task: bool,
}

impl ReadOptions {
    /// Where to say that `key` is `value`, for remedies.
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
