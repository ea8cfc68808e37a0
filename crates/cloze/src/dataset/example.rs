//! An example as a task sees it.

use crate::Place;
use crate::task::Task;

/// An example as a task sees it; where examples can have several labels, one of the questions that are asked about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text of each column that the patterns use, in order of first use.
    pub texts: Vec<String>,
    /// The index of its label among those of the task, if it has one.
    pub label: Option<usize>,
    /// Other labels that are right too, where examples have choices of their own.
    pub accepted: Vec<usize>,
    /// The texts to choose among, where every example has its own.
    pub choices: Vec<String>,
    /// What it has in common with the other examples of its group, where the task's metrics ask for that.
    pub group: Option<String>,
    /// Where it stands.
    pub place: Place,
}

impl Example {
    /// Whether a label is right.
    pub(crate) fn is_right(&self, label: usize) -> bool {
        self.label == Some(label) || self.accepted.contains(&label)
    }

    /// All right labels.
    pub(crate) fn right(&self) -> impl Iterator<Item = usize> {
        self.label.into_iter().chain(self.accepted.iter().copied())
    }
}

/// How many examples each of the task's labels has.
pub(crate) fn label_counts(labels: usize, examples: &[Example]) -> Vec<usize> {
    let mut counts = vec![0; labels];
    for label in examples.iter().filter_map(|example| example.label) {
        counts[label] += 1;
    }
    counts
}

/// A hash of what the examples say, texts and labels (by name), not of the files they come from. 64 hexadecimal digits.
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

/// The labels of examples that have one.
pub(crate) fn gold(examples: &[Example]) -> Vec<usize> {
    examples.iter().filter_map(|example| example.label).collect()
}
