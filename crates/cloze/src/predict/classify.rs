//! Predicts labels for in-memory examples.

use serde::{Serialize, Serializer};

use super::answer::Answer;
use super::models::Read;
use super::{Predictor, With};
use crate::dataset::{Example, Examples, Projection};
use crate::table::{Record, Records, Row, check_texts};
use crate::task::{Answers, Task};
use crate::{Error, Place, Result};

/// The name of the examples in errors.
const NAME: &str = "the examples";

/// The prediction for an example.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Prediction {
    /// The most likely label; in a multi-label task, all classes with a probability above one half. Empty if a
    /// precision is promised and the label is not confident enough for it.
    pub labels: Vec<String>,
    /// Every label with its probability, in the task's order; if an example has its own choices, each of
    /// those. The probabilities add up to 1, except in a multi-label task, where each class is independent.
    #[serde(serialize_with = "as_map")]
    pub probabilities: Vec<(String, f64)>,
    /// The score of each of these labels before it becomes a probability; in a multi-label task, how much more *yes* has than *no*.
    #[serde(skip)]
    pub scores: Vec<f32>,
    /// Tokens of the example that were not read, because it is longer than the models read; of several models, the most.
    #[serde(skip)]
    pub cut: usize,
    /// The models of the run that made the prediction.
    #[serde(skip)]
    pub answered_by: With,
}

impl Prediction {
    /// The label, or the first of several; `None` if there is none.
    pub fn label(&self) -> Option<&str> {
        self.labels.first().map(String::as_str)
    }

    /// The probability of a label; `None` if the task has no such label.
    pub fn probability(&self, label: &str) -> Option<f64> {
        self.probabilities.iter().find(|(name, _)| name == label).map(|(_, probability)| *probability)
    }
}

fn as_map<S: Serializer>(pairs: &[(String, f64)], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

impl Predictor {
    /// Predicts the label of an example, given as a text, a text for each column that the patterns use, or
    /// values by column name.
    ///
    /// # Errors
    /// When the example lacks a text or a column, or cannot be truncated to the model's maximum length.
    pub fn classify(&self, example: impl Into<Record>) -> Result<Prediction> {
        let remedy = "classify it with `classify_all`, which gives a prediction for each";
        only(self.classify_some(&[example.into()], 0)?, remedy)
    }

    /// Predicts the labels of many examples as fast as those of a file, in chunks of some hundreds. If the
    /// task has nested rows, each of them gets a prediction. The iterator ends after an error.
    ///
    /// # Errors
    /// As [`Predictor::classify`]; they name the number of the example.
    pub fn classify_all<'p, I>(&'p self, examples: I) -> impl Iterator<Item = Result<Prediction>> + 'p
    where
        I: IntoIterator<Item: Into<Record> + 'p, IntoIter: 'p>,
    {
        in_chunks(examples, self.chunk(), |records, before| self.classify_some(records, before))
    }

    /// Predicts the labels of some examples, with `before` examples preceding them.
    fn classify_some(&self, records: &[Record], before: u64) -> Result<Vec<Prediction>> {
        let examples = questions(&self.task, records).map_err(|error| error.in_memory(before))?;
        let read = self.read(&examples, |_, _| Ok(()))?;
        Ok(self.predictions(&examples, &read))
    }

    /// What the models make of examples as predictions.
    pub(super) fn predictions(&self, examples: &Examples, Read { scores, cut }: &Read) -> Vec<Prediction> {
        let task = &self.task;
        let answers = Answer::of(task, scores, examples, &self.reading());
        let cut = examples.ranges().map(|questions| cut[questions].iter().copied().max().unwrap_or(0));
        let prediction = |((first, answer), cut): ((&Example, Answer), usize)| {
            let names = match task.answers {
                Answers::Choice(_) => first.choices.clone(),
                Answers::OneLabel | Answers::SeveralLabels(_) => task.answer_names(),
            };
            Prediction {
                labels: answer.labels,
                probabilities: names.into_iter().zip(answer.probabilities).collect(),
                scores: answer.scores,
                cut,
                answered_by: self.with,
            }
        };
        examples.first_questions().zip(answers).zip(cut).map(prediction).collect()
    }
}

/// The answer for a single example; `remedy` says what to do about an example that has several.
pub(super) fn only<T>(answers: Vec<T>, remedy: &str) -> Result<T> {
    let mut answers = answers.into_iter();
    match (answers.next(), answers.next()) {
        (Some(answer), None) => Ok(answer),
        (first, _) => Err(Error::data(
            Place::file(NAME).in_memory(),
            match first {
                None => "the example has no rows within it",
                Some(_) => "the example has several rows within it",
            },
            remedy,
        )),
    }
}

/// Answers for many examples, `size` at a time; `answer` also receives the number of examples before these. The
/// iterator ends after an error.
pub(super) fn in_chunks<'p, I, T: 'p>(
    examples: I,
    size: usize,
    answer: impl Fn(&[Record], u64) -> Result<Vec<T>> + 'p,
) -> impl Iterator<Item = Result<T>> + 'p
where
    I: IntoIterator<Item: Into<Record> + 'p, IntoIter: 'p>,
{
    let mut examples = examples.into_iter().map(Into::into);
    let mut before = 0;
    let mut failed = false;
    let chunks = std::iter::from_fn(move || {
        let chunk: Vec<Record> = examples.by_ref().take(size).collect();
        if chunk.is_empty() || failed {
            return None;
        }
        let answered = answer(&chunk, before);
        before += chunk.len() as u64;
        failed = answered.is_err();
        Some(match answered {
            Ok(answers) => answers.into_iter().map(Ok).collect::<Vec<_>>(),
            Err(error) => vec![Err(error)],
        })
    });
    chunks.flatten()
}

/// The questions about the examples.
pub(super) fn questions(task: &Task, records: &[Record]) -> Result<Examples> {
    let (fields, inputs) = (task.fields(), task.inputs());
    let all_texts: Option<Vec<&[String]>> = records.iter().map(Record::texts).collect();
    let mut examples = Vec::new();
    if let Some(all) = all_texts {
        for (number, texts) in all.into_iter().enumerate() {
            let place = Place::file(NAME).line(number as u64 + 1);
            check_texts(texts, &inputs, place.clone())?;
            for texts in task.rows_of(texts) {
                examples.push(Example::new(task, texts, place.clone())?);
            }
        }
        return Ok(Examples::new(task, examples));
    }
    let mut reader = Records::new(NAME, records, &inputs, None)?.reader()?;
    let mut projection = Projection::new(task, reader.header(), &fields, None)?;
    for row in reader.rows() {
        let row: Row = row?;
        for question in projection.read(&row)? {
            examples.push(Example::new(task, question.values, row.place())?);
        }
    }
    Ok(Examples::new(task, examples))
}
