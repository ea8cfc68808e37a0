//! Rows that are each about a choice of their own: a column holds a list of texts, and one or several of them are right.
//!
//! To the rest of the program the places of a list are labels, as many as the longest list may have; a label whose place a row's
//! list does not reach has no words in that row.

use cloze_encoder::Rng;
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
fn texts(cell: &str) -> Option<Vec<String>> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    serde_json::from_str::<Vec<Value>>(cell).ok()?.into_iter().map(text).collect()
}

impl Task {
    /// The texts to choose among of a row whose texts are those of [`Task::fields`]; none if the task has no such rows.
    ///
    /// # Errors
    /// When the column holds no list, or one that is empty or too long.
    pub(crate) fn read_choices(&self, row: &[String], place: &Place) -> Result<Vec<String>> {
        let Some((choices, cell)) = self.choices_cell(row) else { return Ok(Vec::new()) };
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
            Some(found) => Ok(found),
        }
    }

    /// A row's own list as it is written, if it has one.
    fn choices_cell<'r>(&self, row: &'r [String]) -> Option<(&Choices, &'r str)> {
        let choices = self.answers.choices()?;
        let field = self.fields().iter().position(|field| *field == choices.from);
        Some((choices, field.map_or("", |field| &row[field])))
    }

    /// Whether a cell of right answers says nothing of a row with choices of its own, which may be no list then.
    pub(super) fn says_nothing(&self, cell: &str, row: &[String]) -> bool {
        let cell = cell.trim();
        let is_choice = || {
            let offered = self.choices_cell(row).and_then(|(_, offered)| texts(offered));
            offered.is_some_and(|offered| offered.iter().any(|choice| choice.trim() == cell))
        };
        cell.is_empty() || (self.data.missing.iter().any(|mark| mark == cell) && !is_choice())
    }

    /// An example with choices of its own and the right ones of them, which `answers` names: a text, or a JSON list of texts.
    ///
    /// # Errors
    /// When an answer is not among the choices.
    pub(super) fn with_right_choices(&self, example: Example, answers: &str) -> Result<Example> {
        let offered = &example.choices;
        let answers = texts(answers).unwrap_or_else(|| vec![answers.to_owned()]);
        let mut right = Vec::new();
        for answer in answers {
            let Some(found) = offered.iter().position(|choice| choice.trim() == answer.trim()) else {
                return Err(Error::data(
                    example.place.clone(),
                    format!("the answer `{answer}` is none of the choices"),
                    format!("correct it; the choices are {}", list(offered)),
                ));
            };
            if !right.contains(&found) {
                right.push(found);
            }
        }
        let mut right = right.into_iter();
        Ok(Example { label: right.next(), also: right.collect(), ..example })
    }

    /// What is learnt from an example with choices: one lesson for each right choice, which comes first, with wrong ones drawn if there are
    /// more than may be compared.
    pub(super) fn lessons_of(&self, example: Example, number: usize) -> Vec<Example> {
        let Some(choices) = self.answers.choices() else { return vec![example] };
        let field = self.fields().iter().position(|field| *field == choices.from);
        let offered = &example.choices;
        let right: Vec<usize> = example.label.into_iter().chain(example.also.iter().copied()).collect();
        let lesson = |(turn, answer): (usize, &usize)| {
            let mut wrong: Vec<usize> = (0..offered.len()).filter(|place| !right.contains(place)).collect();
            let room = choices.most.saturating_sub(1);
            if wrong.len() > room {
                let stream = [PURPOSE, number as u64, turn as u64];
                Rng::stream(self.data.train_seed, &stream).shuffle(&mut wrong);
                wrong.truncate(room);
                wrong.sort_unstable();
            }
            let kept = std::iter::once(answer).chain(&wrong).map(|place| offered[*place].clone()).collect();
            let mut lesson = Example { label: Some(0), also: Vec::new(), choices: kept, ..example.clone() };
            if let Some(field) = field {
                // The text says what the lesson is, for whoever hashes it.
                lesson.texts[field] = Value::from(lesson.choices.clone()).to_string();
            }
            lesson
        };
        right.iter().enumerate().map(lesson).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::task::Split;

    const TASK: &str = "format = 1\npatterns = '{text} {mask}'\n[data]\ntrain = 't.jsonl'\ntest = 't.jsonl'\n\
        label = 'answers'\n[choices]\nfrom = 'offered'\nmost = 3\n";

    fn read(rows: &str, split: Split) -> Result<Vec<Example>> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.jsonl"), rows).unwrap();
        Task::parse("t.toml", TASK, folder.path()).unwrap_or_else(|error| panic!("{error:?}")).examples(split)
    }

    #[test]
    fn every_answer_is_a_row_to_learn_from_with_a_few_wrong_choices() {
        let row = r#"{"text": "x", "offered": ["a", "b", "c", "d", 5], "answers": ["b", "5"]}"#;
        let lessons = read(row, Split::Train).unwrap();
        let offered: Vec<Vec<String>> =
            lessons.iter().map(|lesson| texts(&lesson.texts[1]).unwrap()).collect();
        assert_eq!((offered[0][0].as_str(), offered[1][0].as_str()), ("b", "5"));
        for (lesson, offered) in lessons.iter().zip(&offered) {
            assert_eq!((lesson.label, offered.len()), (Some(0), 3));
            assert!(offered[1..].iter().all(|choice| ["a", "c", "d"].contains(&choice.as_str())));
        }
        let test = read(row, Split::Test).unwrap();
        assert_eq!((test[0].label, test[0].also.as_slice()), (Some(1), &[4][..]));
    }

    #[test]
    fn a_single_answer_may_be_plain_text() {
        let test = read(r#"{"text": "x", "offered": ["a", "b"], "answers": "b"}"#, Split::Test).unwrap();
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
            let error = read(&row, Split::Test).unwrap_err();
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
