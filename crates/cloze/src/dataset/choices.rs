//! Examples with their own choices, and which of those are right.

use cloze_encoder::Rng;
use serde_json::Value;

use super::example::Example;
use crate::error::list;
use crate::task::{Choices, Task};
use crate::{Error, Place, Result};

/// Separates the random stream for drawing wrong choices from all others with the same seed.
const PURPOSE: u64 = 0xC401;

/// The texts of a JSON list of texts and numbers; `None` if it is anything else.
fn texts(cell: &str) -> Option<Vec<String>> {
    let text = |value: Value| match value {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    serde_json::from_str::<Vec<Value>>(cell).ok()?.into_iter().map(text).collect()
}

impl Example {
    /// An unlabelled example, given the text of each of [`Task::fields`].
    ///
    /// # Errors
    /// When it has no choices but should have.
    pub(crate) fn new(task: &Task, texts: Vec<String>, place: Place) -> Result<Example> {
        let choices = read(task, &texts, &place)?;
        Ok(Example { texts, label: None, accepted: Vec::new(), choices, group: None, place })
    }
}

/// The choices of a row whose texts are those of [`Task::fields`]; empty if the task has no choices.
///
/// # Errors
/// When the column does not hold a list, or the list is empty or too long.
fn read(task: &Task, row: &[String], place: &Place) -> Result<Vec<String>> {
    let Some((choices, cell)) = choices_cell(task, row) else { return Ok(Vec::new()) };
    let error =
        |problem: String, remedy: &str| Err(Error::data(place.clone().field(&choices.from), problem, remedy));
    match texts(cell) {
        None => error(
            "this is no list of texts to choose among".into(),
            "write a JSON list, for example [\"one\", \"two\"]",
        ),
        Some(found) if found.is_empty() => {
            error("there is nothing to choose".into(), "remove the row, or add choices")
        }
        Some(found) if found.len() > Choices::LARGEST => {
            let problem =
                format!("there are {} choices, and at most {} are possible", found.len(), Choices::LARGEST);
            error(problem, "leave out those that are surely wrong")
        }
        Some(found) => Ok(found),
    }
}

/// The row's own list of choices as written, if it has one.
fn choices_cell<'r>(task: &'r Task, row: &'r [String]) -> Option<(&'r Choices, &'r str)> {
    let choices = task.answers.choices()?;
    let field = task.fields().iter().position(|field| *field == choices.from);
    Some((choices, field.map_or("", |field| &row[field])))
}

/// Whether an answer cell is empty or marked as missing; the row's own choices may be an invalid list in that
/// case.
pub(super) fn says_nothing(task: &Task, cell: &str, row: &[String]) -> bool {
    let cell = cell.trim();
    let is_choice = || {
        let offered = choices_cell(task, row).and_then(|(_, offered)| texts(offered));
        offered.is_some_and(|offered| offered.iter().any(|choice| choice.trim() == cell))
    };
    cell.is_empty() || (task.data.missing.iter().any(|mark| mark == cell) && !is_choice())
}

/// The example with its right choices marked, as named in `answers`: a text, or a JSON list of texts.
///
/// # Errors
/// When an answer is not among the choices.
pub(super) fn with_right(example: Example, answers: &str) -> Result<Example> {
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
    Ok(Example { label: right.next(), accepted: right.collect(), ..example })
}

/// The training examples made from an example with choices: one for each right choice, which comes first,
/// with a random selection of wrong ones if there are more than may be compared.
pub(super) fn training_examples(task: &Task, example: Example, number: usize) -> Vec<Example> {
    let Some(choices) = task.answers.choices() else { return vec![example] };
    let field = task.fields().iter().position(|field| *field == choices.from);
    let offered = &example.choices;
    let right: Vec<usize> = example.right().collect();
    let training_example = |(turn, answer): (usize, &usize)| {
        let mut wrong: Vec<usize> = (0..offered.len()).filter(|index| !right.contains(index)).collect();
        let room = choices.most.saturating_sub(1);
        if wrong.len() > room {
            let stream = [PURPOSE, number as u64, turn as u64];
            Rng::stream(task.data.train_seed, &stream).shuffle(&mut wrong);
            wrong.truncate(room);
            wrong.sort_unstable();
        }
        let kept = std::iter::once(answer).chain(&wrong).map(|index| offered[*index].clone()).collect();
        let mut made = Example { label: Some(0), accepted: Vec::new(), choices: kept, ..example.clone() };
        if let Some(field) = field {
            // Makes the text list the same choices, so that fingerprints include them.
            made.texts[field] = Value::from(made.choices.clone()).to_string();
        }
        made
    };
    right.iter().enumerate().map(training_example).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::Examples;
    use crate::task::Split;

    const TASK: &str = "format = 1\npatterns = '{text} {mask}'\n[data]\ntrain = 't.jsonl'\ntest = 't.jsonl'\n\
        label = 'answers'\n[choices]\nfrom = 'offered'\nmost = 3\n";

    fn read_rows(rows: &str, split: Split) -> Result<Examples> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("t.jsonl"), rows).unwrap();
        Task::parse("t.toml", TASK, folder.path()).unwrap_or_else(|error| panic!("{error:?}")).examples(split)
    }

    #[test]
    fn every_answer_is_a_training_example_with_a_few_wrong_choices() {
        let row = r#"{"text": "x", "offered": ["a", "b", "c", "d", 5], "answers": ["b", "5"]}"#;
        let examples = read_rows(row, Split::Train).unwrap();
        let offered: Vec<Vec<String>> =
            examples.iter().map(|example| texts(&example.texts[1]).unwrap()).collect();
        assert_eq!((offered[0][0].as_str(), offered[1][0].as_str()), ("b", "5"));
        for (example, offered) in examples.iter().zip(&offered) {
            assert_eq!((example.label, offered.len()), (Some(0), 3));
            assert!(offered[1..].iter().all(|choice| ["a", "c", "d"].contains(&choice.as_str())));
        }
        let test = read_rows(row, Split::Test).unwrap();
        assert_eq!((test[0].label, test[0].accepted.as_slice()), (Some(1), &[4][..]));
    }

    #[test]
    fn a_single_answer_may_be_plain_text() {
        let test = read_rows(r#"{"text": "x", "offered": ["a", "b"], "answers": "b"}"#, Split::Test).unwrap();
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
            let error = read_rows(&row, Split::Test).unwrap_err();
            assert!(error.to_string().contains(problem) && error.to_string().contains("line 1"), "{error}");
        }
    }
}
