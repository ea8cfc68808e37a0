//! Rows that are each about a choice of their own: a column holds a list of texts, and one or several of them are right.
//!
//! To the rest of the program the places of a list are labels, as many as the longest list may have; a label whose place a row's
//! list does not reach has no words in that row.

use cloze_encoder::Random;
use serde_json::Value;

use super::{Example, Label, Task};
use crate::error::list;
use crate::{Error, Place, Result};

/// What tells the draw of wrong choices from all others under the same seed.
const PURPOSE: u64 = 0xC401;

/// Where choices come from: the section `[choices]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// The column with the list.
    pub from: String,
    /// How many of a row's choices are compared in training: the right one and drawn wrong ones.
    pub most: usize,
}

impl Choices {
    /// Choices that a row may have.
    pub const LARGEST: usize = 64;

    /// Compared in training unless the task says otherwise, as in the reference implementation.
    pub const MOST: usize = 10;

    /// A label for every place.
    pub(super) fn labels() -> Vec<Label> {
        let label = |place: usize| Label { name: place.to_string(), words: Vec::new() };
        (1..=Choices::LARGEST).map(label).collect()
    }
}

/// The texts of a JSON list of texts and numbers; nothing if it is something else.
pub(crate) fn texts(cell: &str) -> Option<Vec<String>> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    serde_json::from_str::<Vec<Value>>(cell).ok()?.into_iter().map(text).collect()
}

impl Task {
    /// The texts to choose among of a row whose texts are those of [`Task::fields`]; none if the task has no such rows.
    pub fn choices_of<T: AsRef<str>>(&self, row: &[T]) -> Vec<String> {
        let cell = self.choices_field().and_then(|field| row.get(field));
        cell.and_then(|cell| texts(cell.as_ref())).unwrap_or_default()
    }

    /// The place of the list among [`Task::fields`].
    fn choices_field(&self) -> Option<usize> {
        let choices = self.choices.as_ref()?;
        self.fields().iter().position(|field| *field == choices.from)
    }

    /// Checks that a row has choices, if it should have some.
    ///
    /// # Errors
    /// When the column holds no list, or one that is empty or too long.
    pub(crate) fn check_choices(&self, row: &[String], place: &Place) -> Result<()> {
        let Some(choices) = &self.choices else { return Ok(()) };
        let cell = self.choices_field().map_or("", |field| &row[field]);
        let error = |problem: String, remedy: &str| {
            Err(Error::data(place.clone().field(&choices.from), problem, remedy))
        };
        match texts(cell) {
            None => error(
                "this is no list of texts to choose among".into(),
                "write a JSON list, for example [\"one\", \"two\"]",
            ),
            Some(found) if found.is_empty() => {
                error("there is nothing to choose".into(), "remove the row, or add choices")
            }
            Some(found) if found.len() > Choices::LARGEST => {
                let problem = format!(
                    "there are {} choices, and at most {} are possible",
                    found.len(),
                    Choices::LARGEST
                );
                error(problem, "leave out those that are surely wrong")
            }
            Some(_) => Ok(()),
        }
    }

    /// The places of the right choices of a row; `answers` is a text, or a JSON list of texts.
    ///
    /// # Errors
    /// As [`Task::check_choices`]; when an answer is not among the choices.
    pub(super) fn right_choices(&self, row: &[String], answers: &str, place: &Place) -> Result<Vec<usize>> {
        self.check_choices(row, place)?;
        let offered = self.choices_of(row);
        let answers = texts(answers).unwrap_or_else(|| vec![answers.to_owned()]);
        let mut right = Vec::new();
        for answer in answers {
            let Some(found) = offered.iter().position(|choice| choice.trim() == answer.trim()) else {
                return Err(Error::data(
                    place.clone(),
                    format!("the answer `{answer}` is none of the choices"),
                    format!("correct it; the choices are {}", list(&offered)),
                ));
            };
            if !right.contains(&found) {
                right.push(found);
            }
        }
        Ok(right)
    }

    /// Rows to learn from: one for each right choice, which comes first, with wrong ones drawn from `seed` if there are more
    /// than may be compared.
    pub(super) fn lessons_of(&self, example: Example, number: usize) -> Vec<Example> {
        let (Some(choices), Some(field)) = (&self.choices, self.choices_field()) else {
            return vec![example];
        };
        let offered = self.choices_of(&example.texts);
        let right: Vec<usize> = example.label.into_iter().chain(example.also.iter().copied()).collect();
        let lesson = |(turn, answer): (usize, &usize)| {
            let mut wrong: Vec<usize> = (0..offered.len()).filter(|place| !right.contains(place)).collect();
            let room = choices.most.saturating_sub(1);
            if wrong.len() > room {
                let stream = [PURPOSE, number as u64, turn as u64];
                Random::stream(self.data.train_seed, &stream).shuffle(&mut wrong);
                wrong.truncate(room);
                wrong.sort_unstable();
            }
            let kept: Vec<&String> =
                std::iter::once(answer).chain(&wrong).map(|place| &offered[*place]).collect();
            let mut lesson = Example { label: Some(0), also: Vec::new(), ..example.clone() };
            lesson.texts[field] = Value::from_iter(kept.into_iter().cloned()).to_string();
            lesson
        };
        right.iter().enumerate().map(lesson).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::task::Set;

    const TASK: &str = "format = 1\npatterns = '{text} {mask}'\n[data]\ntrain = 't.jsonl'\ntest = 't.jsonl'\n\
        label = 'answers'\n[choices]\nfrom = 'offered'\nmost = 3\n";

    fn read(rows: &str, set: Set) -> Result<Vec<Example>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.jsonl"), rows).unwrap();
        Task::parse("t.toml", TASK, folder.path()).unwrap_or_else(|error| panic!("{error:?}")).examples(set)
    }

    #[test]
    fn every_answer_is_a_row_to_learn_from_with_a_few_wrong_choices() {
        let row = r#"{"text": "x", "offered": ["a", "b", "c", "d", 5], "answers": ["b", "5"]}"#;
        let lessons = read(row, Set::Train).unwrap();
        let offered: Vec<Vec<String>> =
            lessons.iter().map(|lesson| texts(&lesson.texts[1]).unwrap()).collect();
        assert_eq!((offered[0][0].as_str(), offered[1][0].as_str()), ("b", "5"));
        for (lesson, offered) in lessons.iter().zip(&offered) {
            assert_eq!((lesson.label, offered.len()), (Some(0), 3));
            assert!(offered[1..].iter().all(|choice| ["a", "c", "d"].contains(&choice.as_str())));
        }
        let test = read(row, Set::Test).unwrap();
        assert_eq!((test[0].label, test[0].also.as_slice()), (Some(1), &[4][..]));
    }

    #[test]
    fn a_single_answer_may_be_plain_text() {
        let test = read(r#"{"text": "x", "offered": ["a", "b"], "answers": "b"}"#, Set::Test).unwrap();
        assert_eq!(test[0].label, Some(1));
    }

    #[test]
    fn rows_without_sensible_choices_are_errors_with_their_place() {
        let many: Vec<String> = (0..65).map(|choice| format!("\"{choice}\"")).collect();
        for (row, problem) in [
            (r#"{"text": "x", "offered": "a", "answers": "a"}"#.to_owned(), "no list of texts"),
            (r#"{"text": "x", "offered": [], "answers": "a"}"#.to_owned(), "nothing to choose"),
            (r#"{"text": "x", "offered": ["a"], "answers": "b"}"#.to_owned(), "the answer `b` is none"),
            (format!(r#"{{"text": "x", "offered": [{}], "answers": "1"}}"#, many.join(",")), "at most 64"),
        ] {
            let error = read(&row, Set::Test).unwrap_err();
            assert!(error.to_string().contains(problem) && error.to_string().contains("line 1"), "{error}");
        }
    }

    #[test]
    fn what_choices_rule_out_is_refused() {
        let refuse =
            |old: &str, new: &str| match Task::parse("t.toml", &TASK.replace(old, new), Path::new(".")) {
                Err(Error::Task(error)) => error.mistakes()[0].problem.clone(),
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
