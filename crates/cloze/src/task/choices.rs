//! Examples with their own choices: a column holds a list of texts, of which one or several are right.
//!
//! To the rest of the program, the positions in a list are labels, as many as the longest allowed list has; a
//! label beyond the end of an example's list has no words in that example.

use super::Label;

/// The source of the choices: the section `[choices]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Choices {
    /// The column with the list.
    pub from: String,
    /// Maximum number of choices per example that are compared in training: the right one and randomly drawn
    /// wrong ones.
    pub most: usize,
}

impl Choices {
    /// Maximum number of choices per example.
    pub(crate) const LARGEST: usize = 64;

    /// Default number of choices compared in training, as in the reference implementation.
    pub(crate) const MOST: usize = 10;

    /// A label for every position.
    pub(super) fn labels() -> Vec<Label> {
        let label = |place: usize| Label { name: place.to_string(), words: Vec::new() };
        (1..=Choices::LARGEST).map(label).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::{Error, Task};

    const TASK: &str = "format = 1\npatterns = '{text} {mask}'\n[data]\ntrain = 't.jsonl'\ntest = 't.jsonl'\n\
        label = 'answers'\n[choices]\nfrom = 'offered'\nmost = 3\n";

    #[test]
    fn what_choices_rule_out_is_refused() {
        let refuse =
            |old: &str, new: &str| match Task::parse("t.toml", &TASK.replace(old, new), Path::new(".")) {
                Err(Error::Task(error)) => error.mistakes[0].problem.clone(),
                other => panic!("{other:?}"),
            };
        assert!(refuse("[choices]", "[labels]\na = 'b'\nc = 'd'\n[choices]").contains("and `[labels]`"));
        assert!(refuse("label =", "unlabeled = 'u.jsonl'\nlabel =").contains("unlabelled"));
        assert!(refuse("[choices]", "[train]\nmethod = 'ipet'\n[choices]").contains("`method"));
        assert!(refuse("[choices]", "[train]\ncompare = true\n[choices]").contains("`compare"));
        assert!(refuse("most = 3", "most = 1").contains("`most = 1`"));
        assert!(refuse("from = 'offered'\n", "").contains("`from` is missing"));
    }
}
