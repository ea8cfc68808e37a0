//! Rows of a file.

use std::sync::Arc;

use arrow_array::RecordBatch;

use crate::error::{Unit, list, nearest};
use crate::{Error, Place, Result};

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(super) file: Arc<str>,
    /// Its first line in the file, or its number in a file without lines, counted from 1.
    pub(super) line: u64,
    /// What `line` counts.
    pub(super) unit: Unit,
    pub(super) values: Vec<String>,
    pub(super) object: Option<Object>,
    /// The values with their types, if the row comes from Parquet and nothing has dropped them to save memory.
    pub(super) cells: Option<Cells>,
}

/// The values of a row of Parquet.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cells {
    /// The rows that were decoded together with it.
    pub(super) batch: Arc<RecordBatch>,
    /// Its index among them.
    pub(super) index: usize,
}

/// What a row of JSON Lines holds beyond the text of its columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Object {
    /// The object exactly as written.
    pub(super) text: String,
    /// Keys that the first object does not have, and which are therefore not columns.
    pub(super) unlisted: Vec<String>,
    /// Columns whose key is missing.
    pub(super) absent: Vec<usize>,
}

impl Row {
    /// The text of a column; empty if a JSON object lacks the key or has `null`.
    ///
    /// # Panics
    /// If `column` is out of range for the reader that the row came from.
    pub(crate) fn value(&self, column: usize) -> &str {
        &self.values[column]
    }

    /// The text of all columns.
    pub(crate) fn values(&self) -> &[String] {
        &self.values
    }

    /// Checks that the row has a required column. A JSON object may omit a key; but if it also has keys that
    /// the first object does not have, one of them may be this key misspelt.
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

    /// A row with these values at the same file and line, without the JSON object or the cells of Parquet.
    pub(crate) fn with_values(&self, values: Vec<String>) -> Row {
        Row {
            file: Arc::clone(&self.file),
            line: self.line,
            unit: self.unit,
            values,
            object: None,
            cells: None,
        }
    }

    /// The file and line, or row, that the row came from.
    pub(crate) fn place(&self) -> Place {
        Place::file(&*self.file).line(self.line).counting(self.unit)
    }
}
