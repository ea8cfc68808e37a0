//! A task's rows in memory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::task::{Example, Set, Task, fingerprint, label_counts};
use crate::{Result, Warning};

/// The rows of a task by role.
#[derive(Debug, Clone, Default)]
pub struct Data {
    /// Labelled rows to learn from.
    pub train: Vec<Example>,
    /// Rows to annotate.
    pub unlabeled: Vec<Example>,
    /// Labelled rows to evaluate on.
    pub test: Vec<Example>,
    /// What is probably not meant.
    pub warnings: Vec<Warning>,
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
        let mut warnings = Vec::new();
        let mut read = |set| -> Result<Vec<Example>> {
            let mut rows = task.read(set)?;
            warnings.append(&mut rows.warnings);
            Ok(rows.examples)
        };
        let (train, unlabeled, mut test) = (read(Set::Train)?, read(Set::Unlabeled)?, read(Set::Test)?);
        test.retain(|example| example.label.is_some());
        Ok(Data { train, unlabeled, test, warnings })
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
