//! The examples of a split and the questions about them.

use std::collections::HashSet;
use std::ops::{Deref, Range, RangeFrom};

use super::example::Example;
use crate::task::Task;

/// The examples of a split.
///
/// The task has one question about each example, or one for every class if it is a multi-label task. As a
/// slice, `Examples` contains all questions; those about the same example are adjacent, in the order of the
/// classes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examples {
    questions: Vec<Example>,
    /// The number of questions per example.
    per_example: usize,
}

impl Examples {
    /// The examples that these `questions` of `task` belong to.
    pub(crate) fn new(task: &Task, questions: Vec<Example>) -> Examples {
        Examples { questions, per_example: task.answers.questions() }
    }

    /// The smallest number of examples of `task` that have at least this many questions.
    pub(crate) fn having(questions: usize, task: &Task) -> usize {
        questions.div_ceil(task.answers.questions())
    }

    /// The number of examples.
    pub(crate) fn count(&self) -> usize {
        self.questions.len() / self.per_example
    }

    /// The questions about each example.
    pub(crate) fn examples(&self) -> impl Iterator<Item = &[Example]> {
        self.questions.chunks(self.per_example)
    }

    /// The range of questions about each example.
    pub(crate) fn ranges(&self) -> impl Iterator<Item = Range<usize>> {
        (0..self.count()).map(|example| example * self.per_example..(example + 1) * self.per_example)
    }

    /// The first question about each example. It has everything about the example except the other classes.
    pub(crate) fn first_questions(&self) -> impl Iterator<Item = &Example> {
        self.questions.iter().step_by(self.per_example)
    }

    /// The fewest leading examples that have at least this many questions, or all if there are not enough.
    pub(crate) fn first_with(&self, questions: usize) -> Examples {
        let end = self.questions.len().min(questions.next_multiple_of(self.per_example));
        Examples { questions: self.questions[..end].to_vec(), per_example: self.per_example }
    }

    /// The index of the example that a question is about, and the index of the class.
    pub(crate) fn example_and_class(&self, question: usize) -> (usize, usize) {
        (question / self.per_example, question % self.per_example)
    }

    /// The examples whose texts are the same as those of an example in `known`.
    pub fn also_in(&self, known: &Examples) -> Vec<&Example> {
        let known: HashSet<&[String]> =
            known.first_questions().map(|example| example.texts.as_slice()).collect();
        self.first_questions().filter(|example| known.contains(example.texts.as_slice())).collect()
    }

    /// The examples whose texts are not those of any example in `known`.
    #[must_use]
    pub fn not_in(&self, known: &Examples) -> Examples {
        let known: HashSet<&[String]> =
            known.first_questions().map(|example| example.texts.as_slice()).collect();
        let is_new = |questions: &&[Example]| !known.contains(questions[0].texts.as_slice());
        let questions = self.examples().filter(is_new).flatten().cloned().collect();
        Examples { questions, per_example: self.per_example }
    }

    /// Keeps the examples with these indices.
    pub(super) fn keep(&mut self, kept: &HashSet<usize>) {
        let mut question = 0;
        self.questions.retain(|_| {
            question += 1;
            kept.contains(&((question - 1) / self.per_example))
        });
    }

    /// Keeps the questions that have a label.
    pub(crate) fn keep_labelled(&mut self) {
        self.questions.retain(|example| example.label.is_some());
    }

    /// Appends other examples of the same task.
    pub(super) fn append(&mut self, mut others: Examples) {
        self.questions.append(&mut others.questions);
    }

    /// Applies a change to the questions in a range.
    pub(super) fn change(&mut self, questions: RangeFrom<usize>, change: impl FnMut(&mut Example)) {
        self.questions[questions].iter_mut().for_each(change);
    }
}

impl Default for Examples {
    fn default() -> Self {
        Examples { questions: Vec::new(), per_example: 1 }
    }
}

impl Deref for Examples {
    type Target = [Example];

    fn deref(&self) -> &[Example] {
        &self.questions
    }
}

impl<'e> IntoIterator for &'e Examples {
    type Item = &'e Example;
    type IntoIter = std::slice::Iter<'e, Example>;

    fn into_iter(self) -> Self::IntoIter {
        self.questions.iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use crate::task::SEVERAL;
    use crate::task::tests::{EXAMPLE, parse};

    /// The questions about rows with these texts, two for each.
    fn several(rows: &[&str]) -> Examples {
        let task = parse(SEVERAL);
        let question = |text: &&str, class: &str| {
            Example::new(&task, vec![(*text).to_owned(), class.to_owned()], Place::file("a.csv")).unwrap()
        };
        let questions = rows.iter().flat_map(|text| ["one", "two"].map(|class| question(text, class)));
        Examples::new(&task, questions.collect())
    }

    #[test]
    fn questions_about_an_example_stand_together() {
        let mut examples = several(&["a", "b", "c"]);
        assert_eq!((examples.count(), examples.len()), (3, 6));
        assert!(examples.examples().all(|questions| questions[0].texts[0] == questions[1].texts[0]));
        assert_eq!(examples.ranges().collect::<Vec<_>>(), [0..2, 2..4, 4..6]);
        let texts = |examples: &Examples| -> String {
            examples.first_questions().map(|first| first.texts[0].as_str()).collect()
        };
        assert_eq!(texts(&examples), "abc");
        assert_eq!(examples.example_and_class(3), (1, 1));
        assert_eq!([0, 1, 2, 3, 9].map(|questions| examples.first_with(questions).len()), [0, 2, 2, 4, 6]);
        assert_eq!(examples.also_in(&several(&["c", "d", "a"])).len(), 2);
        assert_eq!(texts(&examples.not_in(&several(&["c", "d", "a"]))), "b");
        examples.keep(&HashSet::from([0, 2]));
        assert_eq!(texts(&examples), "ac");
        examples.append(several(&["d"]));
        assert_eq!((texts(&examples).as_str(), examples.len()), ("acd", 6));
    }

    #[test]
    fn a_chunk_of_questions_is_of_whole_examples() {
        let (one, two) = (parse(EXAMPLE), parse(SEVERAL));
        assert_eq!((Examples::having(5, &one), Examples::having(5, &two)), (5, 3));
    }
}
