//! Rows as they are read.

use std::sync::Arc;

use crate::error::{list, nearest};
use crate::{Error, Place, Result};

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(super) file: Arc<str>,
    /// Its first line in the file, counted from 1.
    pub(super) line: u64,
    pub(super) values: Vec<String>,
    pub(super) object: Option<Object>,
}

/// What a row of JSON Lines holds beside its columns' text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// The object as it was written.
    pub(super) text: String,
    /// Keys that the first object does not have, so that they are not columns.
    pub(super) unlisted: Vec<String>,
    /// Columns whose key it lacks.
    pub(super) absent: Vec<usize>,
}

impl Row {
    /// The text of a column; empty where a JSON object lacks the key or has `null`.
    ///
    /// # Panics
    /// If `column` is not less than the number of columns of the reader it came from.
    pub(crate) fn value(&self, column: usize) -> &str {
        &self.values[column]
    }

    /// The text of all columns.
    pub(crate) fn values(&self) -> &[String] {
        &self.values
    }

    /// Checks that the row has a column that is needed. A JSON object may lack a key; but if it has keys that the first object does
    /// not have, one of them may be this key misspelt.
    pub(crate) fn check_key(&self, column: usize, name: &str) -> Result<()> {
        let Some(Object { unlisted, absent, .. }) = &self.object else { return Ok(()) };
        if unlisted.is_empty() || !absent.contains(&column) {
            return Ok(());
        }
        let remedy = match nearest(name, unlisted.iter().map(String::as_str)) {
            Some(near) => format!(
                "is `{near}` meant to be `{name}`? If the row has no such text, write `\"{name}\": null`"
            ),
            None => format!("add it, or write `\"{name}\": null` if the row has no such text"),
        };
        let problem = format!(
            "the object has no `{name}`, but {}, which the first object does not have",
            list(unlisted)
        );
        Err(Error::data(self.place(), problem, remedy))
    }

    /// A row at the same place with these values and nothing else.
    pub(crate) fn with_values(&self, values: Vec<String>) -> Row {
        Row { file: Arc::clone(&self.file), line: self.line, values, object: None }
    }

    /// The file and line it came from.
    pub(crate) fn place(&self) -> Place {
        Place::file(&*self.file).line(self.line)
    }
}
