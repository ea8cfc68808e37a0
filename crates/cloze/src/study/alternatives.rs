//! What a study compares a task with, if that is not in the task itself.

use std::path::Path;

use crate::task::Task;
use crate::{Error, Model, Result};

/// What to compare a task with, for the factors that cannot find it in the task itself.
#[derive(Clone, Default)]
pub struct Alternatives {
    /// For [`Factor::Models`](super::Factor::Models): models besides the task's own.
    pub models: Vec<Model>,
    /// For [`Factor::Adaptation`](super::Factor::Adaptation): the task's model, adapted to its rows, and how
    /// many seconds that took, as from [`Adaptation::to_rows`](crate::adapt::Adaptation::to_rows).
    pub adapted: Option<(Model, f64)>,
    /// For [`Factor::Words`](super::Factor::Words): tasks with the same labels and other words for them, of
    /// which nothing else is used.
    pub words: Vec<Task>,
    /// For [`Factor::Patterns`](super::Factor::Patterns): sets of patterns, by their numbers, counted from 0.
    pub pattern_sets: Vec<Vec<usize>>,
}

impl Alternatives {
    /// Checks that the task has the patterns that are named.
    ///
    /// # Errors
    /// When a set is empty or has a pattern that the task does not have.
    pub(super) fn check_patterns(&self, task: &Task) -> Result<()> {
        let last = task.patterns.len() - 1;
        let remedy = format!("choose from the patterns 0 to {last}, in the order of the task file");
        for set in &self.pattern_sets {
            if let Some(unknown) = set.iter().find(|&&pattern| pattern > last) {
                return Err(Error::usage(format!("the task has no pattern {unknown}"), remedy));
            }
            if set.is_empty() {
                return Err(Error::usage("a set of patterns is empty", remedy));
            }
        }
        Ok(())
    }

    /// The options of the command that name them, each after a blank. An adapted model needs none.
    pub(super) fn flags(&self) -> String {
        let models = self.models.iter().map(|model| model.name.clone());
        let file = |task: &Task| {
            Path::new(task.file()).file_name().unwrap_or_default().to_string_lossy().into_owned()
        };
        let sets = self.pattern_sets.iter().map(|set| joined(set));
        let flags: [(&str, Vec<String>); 3] = [
            ("--models", models.collect()),
            ("--words", self.words.iter().map(file).collect()),
            ("--pattern-sets", sets.collect()),
        ];
        let given = flags.iter().filter(|(_, values)| !values.is_empty());
        given.map(|(flag, values)| format!(" {flag} {}", values.join(","))).collect()
    }
}

/// A set of patterns as it is typed: `0+2`.
pub(super) fn joined(set: &[usize]) -> String {
    set.iter().map(usize::to_string).collect::<Vec<_>>().join("+")
}
