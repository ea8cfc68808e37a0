//! What examples are answered with.

use super::{Choices, MultiLabel};

/// What an example of a task is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answers {
    /// One of the task's labels.
    OneLabel,
    /// All classes that it belongs to. About each of them one question is asked, which the task's two labels answer: yes and no.
    SeveralLabels(MultiLabel),
    /// One of the texts in a list of its own. The task's labels are the places of such a list, and have no words.
    Choice(Choices),
}

impl Answers {
    /// The classes, where an example can belong to several.
    pub(crate) fn several(&self) -> Option<&MultiLabel> {
        match self {
            Answers::SeveralLabels(several) => Some(several),
            Answers::OneLabel | Answers::Choice(_) => None,
        }
    }

    /// Where every example has a list of its own to choose from.
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

    /// How many questions are asked about an example.
    pub(crate) fn questions(&self) -> usize {
        self.several().map_or(1, |several| several.classes.len())
    }
}
