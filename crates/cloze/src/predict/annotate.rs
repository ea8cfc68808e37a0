//! Annotates the rows of a file with labels.

use std::io::Write;
use std::ops::Range;
use std::sync::PoisonError;

use serde_json::Value;

use super::answer::Answer;
use super::explain::Explained;
use super::models::Read;
use super::{Predictor, explain};
use crate::dataset::{Example, Examples, Projected, Projection};
use crate::explanation::{Attribution, Explanation};
use crate::table::submission::{self, Submission};
use crate::table::{Added, Format, Kind, Reader, Row, Writer};
use crate::task::{Answers, Rows};
use crate::{Error, Result};

/// Number of rows that are read, scored and written at a time.
pub(super) const CHUNK: usize = 512;

/// The same for an ensemble too large to keep in memory, whose models are read again for every chunk.
const LARGE_CHUNK: usize = 8192;

/// The number of rows that were labelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Annotated {
    /// All rows.
    pub rows: usize,
    /// Rows with a label: all, unless a precision is promised; in a multi-label task, also those without any
    /// of the labels.
    pub answered: usize,
    /// Rows without text in any of the columns that the patterns use; they were labelled like any other.
    pub without_text: usize,
}

impl Predictor {
    /// Reads rows and writes each with its label and the probability of every label, in the columns
    /// `prediction` and `p_NAME` (`prediction` and `probability` if examples have their own choices), or
    /// `prediction_2` and so on if the input already has a column of that name. In a multi-label task, the
    /// column is `predictions`. Errors refer to `output` as `name`; `progress` receives the number of rows
    /// written. Returns the number of rows.
    ///
    /// # Errors
    /// When the input lacks a column that the patterns use or cannot be read, or the output cannot be
    /// written.
    pub fn annotate<W: Write + Send>(
        &self,
        reader: Reader,
        output: W,
        name: &str,
        format: Format,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Annotated> {
        self.annotate_with(None, reader, output, name, format, progress)
    }

    /// The same with one more column, `explanation` (`explanations` in a multi-label task): what the models used for
    /// the label of each row. In CSV and TSV it is `word:+0.123` for every word, the strongest first; in JSON Lines
    /// an [`Explanation`] as an object, in Parquet the same as JSON text.
    ///
    /// # Errors
    /// As [`Predictor::annotate`]; or when gradients are asked for and not the final classifier predicts.
    pub fn annotate_explained<W: Write + Send>(
        &self,
        how: Attribution,
        reader: Reader,
        output: W,
        name: &str,
        format: Format,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Annotated> {
        self.annotate_with(Some(how), reader, output, name, format, progress)
    }

    fn annotate_with<W: Write + Send>(
        &self,
        how: Option<Attribution>,
        reader: Reader,
        output: W,
        name: &str,
        format: Format,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Annotated> {
        let task = self.task.clone();
        let fields = task.fields();
        // Nested rows are not written as rows of the file, since nothing there would distinguish them.
        let within = task.data.rows.is_some();
        let group = task
            .metrics
            .group
            .iter()
            .filter(|group| within && Projection::has(&task, reader.header(), group));
        let names: Vec<String> = group.chain(&fields).cloned().collect();
        let mut projection = Projection::new(&task, reader.header(), &names, None)?;
        // The description of a class is not part of the row.
        let inputs = task.inputs();
        let is_shown = |name: &String| !fields.contains(name) || inputs.contains(name);
        let shown: Vec<usize> = (0..names.len()).filter(|&column| is_shown(&names[column])).collect();
        let project = |all: &[String]| -> Vec<String> { shown.iter().map(|&at| all[at].clone()).collect() };
        let columns =
            if within { reader.header().renamed(&project(&names)) } else { reader.header().clone() };
        let wanted = std::iter::once(Answer::column(&task).to_owned()).chain(match task.answers {
            Answers::Choice(_) => vec!["probability".to_owned()],
            Answers::OneLabel | Answers::SeveralLabels(_) => {
                task.answer_names().iter().map(|label| format!("p_{label}")).collect()
            }
        });
        let several = task.answers.several().is_some();
        let explanation = if several { "explanations" } else { "explanation" };
        let wanted = wanted.chain(how.map(|_| explanation.to_owned()));
        let mut added: Vec<String> = Vec::new();
        for name in wanted {
            // Label names could make two of these column names equal.
            let free = columns.free_name(&name, &added);
            added.push(free);
        }
        // The labels come first; what follows are probabilities.
        let labels = if several && format.has_lists() { Kind::Texts } else { Kind::Text };
        let kinds = std::iter::once(labels).chain(std::iter::repeat(Kind::Number));
        let mut added: Vec<Added> =
            added.into_iter().zip(kinds).map(|(name, kind)| Added { name, kind }).collect();
        if let (Some(last), true) = (added.last_mut(), how.is_some()) {
            last.kind = Kind::Text;
        }
        let mut writer = Writer::new(name, output, format, &columns, &added)?;
        let first = names.len() - fields.len();
        let written = self.label(how, reader, &mut projection, first, progress, |chunk| {
            for (row, example, answer) in chunk.answers() {
                let mut new = vec![answer.value(&task, format)];
                // Six digits exceed the precision of these probabilities.
                let rounded = |probability: &f64| Value::from((probability * 1e6).round() / 1e6);
                new.extend(answer.shown(&task).iter().map(rounded));
                let explanations = chunk.explanations.get(example);
                new.extend(explanations.map(|found| Explanation::value(found, several, format)));
                if within {
                    writer.write(&row.with_values(project(&chunk.values[example])), &new)?;
                } else {
                    writer.write(row, &new)?;
                }
            }
            writer.flush()
        })?;
        writer.finish()?;
        Ok(written)
    }

    /// Reads rows and writes their labels in the format of the SuperGLUE benchmark: `idx` and the label.
    /// Otherwise like [`Predictor::annotate`].
    ///
    /// # Errors
    /// As [`Predictor::annotate`]; also when a row has no `idx`, or a precision is promised: a submission has a
    /// label for every row.
    pub fn submit<W: Write>(
        &self,
        reader: Reader,
        output: W,
        name: &str,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Annotated> {
        if self.promise.is_some() {
            return Err(Error::usage(
                "a submission needs a label for every row, and with a promised precision some have none",
                "leave the precision out, or write another format",
            ));
        }
        let task = self.task.clone();
        let lists = task.data.rows.as_ref().map_or(&[][..], Rows::lists);
        let mut projection = Projection::new(&task, reader.header(), &task.fields(), None)?;
        let mut writer = Submission::new(name, output, reader.header(), lists)?;
        self.label(None, reader, &mut projection, 0, progress, |chunk| {
            let mut answers = chunk.answers().peekable();
            for (row, examples) in &chunk.rows {
                let mut labels = Vec::new();
                while let Some((_, _, answer)) = answers.next_if(|(_, example, _)| examples.contains(example))
                {
                    labels.push(match answer.value(&task, Format::Jsonl) {
                        // A choice is text, whatever it looks like.
                        Value::String(name) if task.answers.choices().is_none() => submission::label(&name),
                        value => value,
                    });
                }
                writer.write(row, &labels)?;
            }
            writer.flush()
        })
    }

    /// Predicts the labels of rows and explains them, one after the other, for `show`. `progress` receives the number of
    /// rows done.
    ///
    /// # Errors
    /// As [`Predictor::annotate_explained`], and those of `show`.
    pub fn explain_rows(
        &self,
        how: Attribution,
        reader: Reader,
        progress: impl FnMut(usize) -> Result<()>,
        mut show: impl FnMut(Explained) -> Result<()>,
    ) -> Result<Annotated> {
        let mut projection = Projection::new(&self.task, reader.header(), &self.task.fields(), None)?;
        self.label(Some(how), reader, &mut projection, 0, progress, |chunk| {
            self.explained(&chunk.examples, &chunk.read, chunk.explanations).try_for_each(&mut show)
        })
    }

    /// Reads and scores rows in chunks, and explains them if `how` is given. The values of `projection` from index
    /// `first` on are the texts.
    fn label(
        &self,
        how: Option<Attribution>,
        reader: Reader,
        projection: &mut Projection,
        first: usize,
        mut progress: impl FnMut(usize) -> Result<()>,
        mut write: impl FnMut(Chunk) -> Result<()>,
    ) -> Result<Annotated> {
        let size = how.map_or_else(|| Examples::having(self.chunk(), &self.task), |_| explain::CHUNK);
        let mut reader = reader;
        let mut written = Annotated::default();
        loop {
            let read: Vec<Row> = reader.rows().take(size).collect::<Result<_>>()?;
            if read.is_empty() {
                return Ok(written);
            }
            let mut rows = Vec::with_capacity(read.len());
            let mut values = Vec::new();
            let mut questions = Vec::new();
            for row in read {
                let before = values.len();
                for Projected { class, values: found, .. } in projection.read(&row)? {
                    questions.push(Example::new(&self.task, found[first..].to_vec(), row.place())?);
                    if class == 0 {
                        values.push(found);
                    }
                }
                rows.push((row, before..values.len()));
            }
            let examples = Examples::new(&self.task, questions);
            let (fields, inputs) = (self.task.fields(), self.task.inputs());
            let is_empty = |example: &&Example| {
                let mut texts = fields.iter().zip(&example.texts).filter(|(field, _)| inputs.contains(field));
                texts.all(|(_, text)| text.trim().is_empty())
            };
            written.without_text += examples.first_questions().filter(is_empty).count();
            let read = self.read(&examples, |_, _| progress(written.rows))?;
            let explained =
                how.map(|how| self.explanations(&examples, &read, how, || progress(written.rows)));
            let explanations = explained.transpose()?.unwrap_or_default();
            written.rows += examples.count();
            let answers = Answer::of(&self.task, &read.scores, &examples, &self.reading());
            let is_answered =
                |answer: &&Answer| !answer.labels.is_empty() || !self.task.answers.is_one_label();
            written.answered += answers.iter().filter(is_answered).count();
            write(Chunk { rows, values, examples, read, answers, explanations })?;
            progress(written.rows)?;
        }
    }

    /// The number of rows scored at a time.
    pub(super) fn chunk(&self) -> usize {
        let models = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if models.is_resident() { CHUNK } else { LARGE_CHUNK }
    }
}

/// Rows of a file and the answers for their examples.
struct Chunk {
    /// Each row, with the indices of its examples.
    rows: Vec<(Row, Range<usize>)>,
    /// The projected values of every example.
    values: Vec<Vec<String>>,
    examples: Examples,
    read: Read,
    /// The answer for every example.
    answers: Vec<Answer>,
    /// What was used for the labels of every example, if that was asked.
    explanations: Vec<Vec<Explanation>>,
}

impl Chunk {
    /// The output: the row, the index of one of its examples, and the answer.
    fn answers(&self) -> impl Iterator<Item = (&Row, usize, &Answer)> {
        let examples =
            self.rows.iter().flat_map(|(row, examples)| examples.clone().map(move |example| (row, example)));
        examples.zip(&self.answers).map(|((row, example), answer)| (row, example, answer))
    }
}
