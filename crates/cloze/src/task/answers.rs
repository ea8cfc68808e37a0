//! The kinds of answers that examples have.

use super::{Choices, MultiLabel};

/// The kind of answer that a task's examples have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answers {
    /// One of the task's labels.
    OneLabel,
    /// All classes that the example belongs to. The task has one question for each class, answered by its two
    /// labels: yes and no.
    SeveralLabels(MultiLabel),
    /// One of the texts in the example's own list. The task's labels are the positions in such a list, and
    /// have no words.
    Choice(Choices),
}

impl Answers {
    /// The classes, in a multi-label task.
    pub(crate) fn several(&self) -> Option<&MultiLabel> {
        match self {
            Answers::SeveralLabels(several) => Some(several),
            Answers::OneLabel | Answers::Choice(_) => None,
        }
    }

    /// The choices, if every example has its own list.
    pub(crate) fn choices(&self) -> Option<&Choices> {
        match self {
            Answers::Choice(choices) => Some(choices),
            Answers::OneLabel | Answers::SeveralLabels(_) => None,
        }
    }

    /// Whether an example has one of the task's labels.
    pub(crate) fn is_one_label(&self) -> bool {
        *self == Answers::OneLabel
    }

    /// The number of questions per example.
    pub(crate) fn questions(&self) -> usize {
        self.several().map_or(1, |several| several.classes.len())
    }
}
