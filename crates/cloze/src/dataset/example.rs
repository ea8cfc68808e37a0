//! A single example of a task.

use crate::Place;
use crate::task::Task;

/// An example of a task; in a multi-label task, one of the questions about an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text of each column that the patterns use, in order of first use.
    pub texts: Vec<String>,
    /// The index of its label in the task's labels, if it has one.
    pub label: Option<usize>,
    /// Other labels that are also right, if examples have their own choices.
    pub accepted: Vec<usize>,
    /// Its own choices, if the task has choices.
    pub choices: Vec<String>,
    /// The value shared by the examples of its group, if the task's metrics use groups.
    pub group: Option<String>,
    /// Its position in the data.
    pub place: Place,
}

impl Example {
    /// Whether a label is right.
    pub(crate) fn is_right(&self, label: usize) -> bool {
        self.label == Some(label) || self.accepted.contains(&label)
    }

    /// All labels that are right.
    pub(crate) fn right(&self) -> impl Iterator<Item = usize> {
        self.label.into_iter().chain(self.accepted.iter().copied())
    }
}

/// The number of examples for each of the task's labels.
pub(crate) fn label_counts(labels: usize, examples: &[Example]) -> Vec<usize> {
    let mut counts = vec![0; labels];
    for label in examples.iter().filter_map(|example| example.label) {
        counts[label] += 1;
    }
    counts
}

/// A hash of the examples' contents, texts and labels (by name), independent of their files; 64 hexadecimal
/// digits.
pub(crate) fn fingerprint(task: &Task, examples: &[Example]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for example in examples {
        for text in &example.texts {
            add(text);
        }
        match example.label.and_then(|label| task.labels.get(label)) {
            Some(label) => add(&label.name),
            None => add(""),
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// The labels of those examples that have one.
pub(crate) fn gold(examples: &[Example]) -> Vec<usize> {
    examples.iter().filter_map(|example| example.label).collect()
}
