//! A task's rows in memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::task::{Example, Split, SplitRows, Task, fingerprint, label_counts};
use crate::{Error, Result, Warning};

/// The rows of a task by role.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// Labelled rows to learn from.
    pub train: Vec<Example>,
    /// Rows to annotate.
    pub unlabeled: Vec<Example>,
    /// Labelled rows to evaluate on.
    pub test: Vec<Example>,
    /// The sets that the task has, in this order.
    pub sets: Vec<SplitReport>,
    /// What is probably not meant.
    pub warnings: Vec<Warning>,
}

/// A set of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitReport {
    /// `train`, `unlabeled` or `test`.
    pub set: &'static str,
    /// Its files, and what rows from memory are called.
    pub files: Vec<String>,
    /// The columns of the first of them.
    pub columns: Vec<String>,
    /// How many rows are used.
    pub rows: usize,
    /// How many rows were passed over, since nobody has labelled them.
    pub unlabelled: usize,
}

/// Rows that a run has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// How many; where rows can have several labels, one for every topic.
    pub rows: usize,
    /// Hash of what is in them.
    pub fingerprint: String,
}

impl Data {
    /// Reads all rows of a task. Test rows without a label are left out, since nothing can be said about them.
    ///
    /// # Errors
    /// As [`Task::examples`].
    pub fn read(task: &Task) -> Result<Data> {
        let mut first = None;
        let mut data = Data::read_all(task, |error| {
            first.get_or_insert(error);
        });
        data.test.retain(|example| example.label.is_some());
        first.map_or(Ok(data), Err)
    }

    /// Reads all rows of a task, test rows without a label among them. A set that cannot be read is left out; `failed` hears why.
    pub(crate) fn read_all(task: &Task, mut failed: impl FnMut(Error)) -> Data {
        let mut data = Data::default();
        let [train, unlabeled, test] = [Split::Train, Split::Unlabeled, Split::Test].map(|split| {
            let read = task.read(split);
            data.take(
                task,
                split,
                read.unwrap_or_else(|error| {
                    failed(error);
                    SplitRows::default()
                }),
            )
        });
        Data { train, unlabeled, test, ..data }
    }

    /// The examples of a set; everything else about it stays here.
    fn take(&mut self, task: &Task, split: Split, read: SplitRows) -> Vec<Example> {
        let SplitRows { files, columns, examples, unlabelled, warnings } = read;
        if !files.is_empty() {
            let rows = examples.len() / task.copies();
            self.sets.push(SplitReport { set: split.key(), files, columns, rows, unlabelled });
        }
        self.warnings.extend(warnings);
        examples
    }

    /// Size and fingerprint of every part.
    pub fn sources(&self, task: &Task) -> BTreeMap<String, DataSource> {
        [("train", &self.train), ("unlabeled", &self.unlabeled), ("test", &self.test)]
            .into_iter()
            .map(|(part, examples)| {
                let source = DataSource { rows: examples.len(), fingerprint: fingerprint(task, examples) };
                (part.to_owned(), source)
            })
            .collect()
    }

    /// Labelled rows of each label.
    pub fn label_counts(&self, task: &Task) -> Vec<usize> {
        label_counts(task.labels.len(), &self.train)
    }
}
