//! A task's examples: read from files or memory and reduced to the columns that its patterns use, with their
//! labels.

mod cell;
mod choices;
mod derive;
mod doubts;
mod evaluation;
pub(crate) mod example;
pub(crate) mod examples;
pub(crate) mod labelled;
mod labels;
mod nested;
mod projection;
mod read;
mod sample;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub(crate) use self::cell::{is_structure, listed, means_missing};
pub(crate) use self::doubts::{PREDICTION, PREDICTIONS};
pub(crate) use self::evaluation::evaluation;
pub(crate) use self::example::Example;
pub(crate) use self::example::{fingerprint, gold, label_counts};
pub(crate) use self::examples::Examples;
pub(crate) use self::projection::{Projected, Projection};
use self::read::{ReadSplit, read};
pub(crate) use self::sample::spread;
use crate::task::{Split, Task};
use crate::{Error, Result, Warning};

/// The examples of a task, by split.
#[derive(Debug, Clone, Default)]
pub(crate) struct Data {
    /// Labelled examples for training.
    pub train: Examples,
    /// Examples for the ensemble to annotate.
    pub unlabeled: Examples,
    /// Labelled examples for evaluation.
    pub test: Examples,
    /// The splits that the task has, in this order.
    pub sets: Vec<SplitReport>,
    /// Likely mistakes.
    pub warnings: Vec<Warning>,
}

/// The sources of a split.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SplitReport {
    /// `train`, `unlabeled` or `test`.
    pub set: &'static str,
    /// Its files, and the names of in-memory data.
    pub files: Vec<String>,
    /// The columns of the first file.
    pub columns: Vec<String>,
    /// The number of examples used.
    pub rows: usize,
    /// The number of rows skipped because they have no label.
    pub unlabelled: usize,
}

/// A split that a run has read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DataSource {
    /// The number of questions: one per example, or one per class in a multi-label task.
    pub rows: usize,
    /// Hash of the contents.
    pub fingerprint: String,
}

impl Data {
    /// Reads all examples of a task. Test examples without a label are left out, since they cannot be
    /// evaluated.
    ///
    /// # Errors
    /// As [`Task::examples`].
    pub(crate) fn read(task: &Task) -> Result<Data> {
        let mut first = None;
        let mut data = Data::read_all(task, |error| {
            first.get_or_insert(error);
        });
        data.test.keep_labelled();
        first.map_or(Ok(data), Err)
    }

    /// Reads all examples of a task, including test examples without a label. A split that cannot be read is
    /// left out, and its error is passed to `failed`.
    pub(crate) fn read_all(task: &Task, mut failed: impl FnMut(Error)) -> Data {
        let mut data = Data::default();
        let [train, unlabeled, test] = [Split::Train, Split::Unlabeled, Split::Test].map(|split| {
            let read = read(task, split);
            data.take(
                split,
                read.unwrap_or_else(|error| {
                    failed(error);
                    ReadSplit::new(task)
                }),
            )
        });
        Data { train, unlabeled, test, ..data }
    }

    /// Takes the examples out of a split and keeps its report and warnings.
    fn take(&mut self, split: Split, read: ReadSplit) -> Examples {
        let ReadSplit { files, columns, examples, unlabelled, warnings } = read;
        if !files.is_empty() {
            let rows = examples.count();
            self.sets.push(SplitReport { set: split.key(), files, columns, rows, unlabelled });
        }
        self.warnings.extend(warnings);
        examples
    }

    /// Size and fingerprint of every split.
    pub(crate) fn sources(&self, task: &Task) -> BTreeMap<String, DataSource> {
        [("train", &self.train), ("unlabeled", &self.unlabeled), ("test", &self.test)]
            .into_iter()
            .map(|(part, examples)| {
                let source = DataSource { rows: examples.len(), fingerprint: fingerprint(task, examples) };
                (part.to_owned(), source)
            })
            .collect()
    }

    /// The number of training examples of each label.
    pub(crate) fn label_counts(&self, task: &Task) -> Vec<usize> {
        label_counts(task.labels.len(), &self.train)
    }
}
