//! The task file: what to classify, with which patterns and which data.
//!
//! ```toml
//! format   = 1
//! name     = "support"
//! patterns = ["{subject} {message} This is about {mask}.", "Department: {mask}. {subject} {message}"]
//!
//! [data]
//! train     = "labelled.csv"
//! unlabeled = ["tickets/*.csv", "archive.jsonl"]
//! test      = "checked.csv"
//! label     = "team"
//!
//! [labels]
//! billing   = ["invoice", "payment"]
//! technical = "bug"
//! ```
//!
//! | key | meaning | default |
//! | --- | --- | --- |
//! | `format` | version of the format, 1 | required |
//! | `name` | the name used in run directories | the file's name |
//! | `patterns` | see [`Pattern`] | required |
//! | `spacing` | how the parts of a filled pattern are joined: as running text (`"text"`), or with each part tokenised separately (`"parts"`) | `"text"` |
//! | `data.dir` | the folder that relative paths of `[data]` are resolved against, itself relative to the task file | the task file's folder |
//! | `data.train`, `data.unlabeled`, `data.test` | a file, a file name pattern, or a list of them | none |
//! | `data.label` | the column with the label; rows where it is empty are unlabelled | required with `train` or `test` |
//! | `data.missing` | values of that column that count as empty; labels are never among them | none |
//! | `data.encoding` | the files' encoding, if it is neither UTF-8 nor UTF-16, see [`Encoding`](crate::Encoding) | UTF-8 |
//! | `data.quoting` | what quotes mean in CSV and TSV, see [`Quoting`](crate::Quoting) | doubled |
//! | `data.rows` | the nested lists whose items are examples: `passage.questions[].answers[]` | none |
//! | `columns.*` | columns derived from others | none |
//! | `data.mirror` | two columns that are swapped in a second copy of every row | none |
//! | `multi_label.*` | the classes, if an example can belong to several, see [`Class`] | none |
//! | `metrics.*` | metrics besides accuracy and macro F1 | none |
//! | `data.train_limit` | maximum number of labelled examples, drawn at random | all |
//! | `data.train_seed` | the seed for drawing them | 0 |
//! | `data.unlabeled_limit` | maximum number of unlabelled examples, evenly spaced over the files | all |
//! | `data.test_limit` | maximum number of test examples, evenly spaced over the files | all |
//! | `labels.NAME` | the label's word, or a list of words | at least two labels; exactly two with `[multi_label]` |
//! | `choices.*` | instead of labels, if each example has its own texts to choose from | none |
//! | `model.directory` | a Hugging Face model directory, relative to the task file | the built-in model |
//! | `train.*`, `ipet.*`, `distil.*` | see [`Options`] | see [`Options`] |

mod answers;
mod builder;
mod choices;
mod columns;
mod multi_label;
mod options;
mod parse;
mod serialize;
mod split;
mod toml_value;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cloze_encoder::Config;
use serde::Serialize;

pub(crate) use answers::Answers;
pub(crate) use choices::Choices;
pub(crate) use columns::{Derivation, DerivedColumn, Rows};
pub(crate) use multi_label::MultiLabel;
#[cfg(test)]
pub(crate) use multi_label::tests::SEVERAL;
pub(crate) use options::choice::{Decoding, Hinge, Measure, Reduction, Start};
pub(crate) use parse::plain_name;
pub(crate) use serialize::quoted;
use split::InMemory;

pub use self::{
    builder::TaskBuilder,
    multi_label::Class,
    options::choice::{Keep, Method, Precision, Preset},
    options::help::OptionHelp,
    options::setting::Setting,
    options::table::{Distil, Ipet, Options},
    split::Split,
};

use crate::error::Mistake;
use crate::pattern::{Pattern, Template};
use crate::table::ReadOptions;
use crate::{Error, Place, Result};

/// How the parts of a filled pattern are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Spacing {
    /// As running text, as a person would write it.
    #[default]
    Text,
    /// Every literal and every field is tokenised separately, as in the reference implementation of PET; the
    /// tokenizer determines the white space between parts.
    Parts,
}

impl options::choice::Choice for Spacing {
    const ALL: &'static [(&'static str, Self)] = &[("text", Spacing::Text), ("parts", Spacing::Parts)];
}

/// A label and the words that represent it in a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Label {
    /// Its name in the data and in all output.
    pub name: String,
    /// The words, at least one; no word belongs to two labels.
    pub words: Vec<String>,
}

/// The task's data: the section `[data]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// The folder that relative paths are resolved against.
    pub dir: PathBuf,
    /// Files with labelled examples for training; patterns such as `tickets/*.csv` are allowed.
    pub train: Vec<String>,
    /// Files with examples to annotate.
    pub unlabeled: Vec<String>,
    /// Files with examples for evaluation.
    pub test: Vec<String>,
    /// The column with the label.
    pub label: Option<String>,
    /// Values of the label column that mark an unlabelled row, besides an empty cell; the names of the task's
    /// labels always count as labels.
    pub missing: Vec<String>,
    /// How to read the files: their encoding and the meaning of quotes.
    pub reading: ReadOptions,
    /// The nested lists within a row whose items are examples.
    pub(crate) rows: Option<Rows>,
    /// Columns that are swapped in a second copy of every training or unlabelled example.
    pub(crate) mirror: Option<Mirror>,
    /// Columns derived from others: the section `[columns]`.
    pub(crate) columns: Vec<DerivedColumn>,
    /// Maximum number of labelled examples: drawn at random, each label in proportion to its share and at
    /// least once if possible.
    pub train_limit: Option<usize>,
    /// The seed for drawing them; with the same seed, a smaller sample is a subset of a larger one.
    pub train_seed: u64,
    /// Maximum number of unlabelled examples.
    pub unlabeled_limit: Option<usize>,
    /// Maximum number of test examples; approximate if examples belong to groups.
    pub test_limit: Option<usize>,
}

/// Two columns that are swapped, together with their labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// The columns.
    pub columns: [String; 2],
    /// For every label, the label of an example after the swap.
    pub labels: Vec<usize>,
}

/// Metrics besides accuracy and macro F1: the section `[metrics]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metrics {
    /// The label whose F1 is computed.
    pub positive: Option<usize>,
    /// The column that identifies a question; a question counts as right only if all its rows are.
    pub group: Option<String>,
}

/// A task: everything that a run depends on except the contents of the data and the model.
#[derive(Debug, Clone)]
pub struct Task {
    /// The name used in run directories: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// The patterns, at least one.
    pub patterns: Vec<Pattern>,
    /// For every pattern, its own words if it has some, which replace those of `labels`; the labels are the
    /// same.
    pub own_words: Vec<Option<Vec<Label>>>,
    /// How the parts of a filled pattern are joined.
    pub(crate) spacing: Spacing,
    /// The labels, at least two, with different names, in the order of the file.
    pub labels: Vec<Label>,
    /// With `words = "auto"`: the description of every label, if any. The labels have no words until some are
    /// found.
    pub described: Option<Vec<Option<String>>>,
    /// The kind of answer that examples have.
    pub(crate) answers: Answers,
    /// The task's data.
    pub data: Data,
    /// Additional metrics.
    pub(crate) metrics: Metrics,
    /// The model directory, or `None` for the default model.
    pub model: Option<PathBuf>,
    /// Training options.
    pub options: Options,
    in_memory: InMemory,
    origin: Origin,
}

/// The positions of a task's parts in the task file.
#[derive(Debug, Clone)]
struct Origin {
    file: String,
    text: Arc<str>,
    patterns: Vec<Range<usize>>,
    labels: Vec<Range<usize>>,
    words: Vec<Vec<Range<usize>>>,
    keys: Vec<(String, Range<usize>)>,
    source: Source,
}

/// The source of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A task file, or its text.
    File,
    /// The record of a run, which must not be changed.
    Record,
    /// A program.
    Program,
}

impl Task {
    /// Reads a task file. Relative paths are resolved against the folder that contains it.
    ///
    /// # Errors
    /// When it cannot be read; otherwise all mistakes in it.
    pub fn open(path: &Path) -> Result<Task> {
        Task::open_with(path, None)
    }

    /// Starts building a task in a program.
    pub fn builder() -> TaskBuilder {
        TaskBuilder::default()
    }

    /// Like [`Task::open`], but with this `preset` instead of the file's.
    ///
    /// # Errors
    /// As [`Task::open`].
    pub fn open_with(path: &Path, preset: Option<Preset>) -> Result<Task> {
        let bytes = std::fs::read(path).map_err(|source| Error::io("read", path, source))?;
        let name = path.display().to_string();
        let text = String::from_utf8(bytes).map_err(|error| {
            let line = 1 + error.as_bytes()[..error.utf8_error().valid_up_to()]
                .iter()
                .filter(|&&byte| byte == b'\n')
                .count();
            let place = Place::file(&*name).line(line as u64);
            Error::data(place, "the text is not UTF-8", "save the task file as UTF-8")
        })?;
        let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Task::parse_with(&name, &text, dir, preset)
    }

    /// Parses the text of a task file; errors refer to it as `file`, and relative paths are resolved against
    /// `dir`.
    ///
    /// # Errors
    /// All mistakes in it.
    pub fn parse(file: &str, text: &str, dir: &Path) -> Result<Task> {
        Task::parse_with(file, text, dir, None)
    }

    /// Like [`Task::parse`], but with this `preset` instead of the text's.
    pub(crate) fn parse_with(file: &str, text: &str, dir: &Path, preset: Option<Preset>) -> Result<Task> {
        Ok(parse::parse(file, text, dir, preset)?)
    }

    /// Marks the task as the record of a run: if data does not fit it, the error is reported for the data
    /// rather than the task.
    pub(crate) fn into_record(mut self) -> Task {
        self.origin.source = Source::Record;
        self
    }

    /// Marks the task as made by a program: remedies do not speak of its file.
    pub(crate) fn into_task_of_program(mut self) -> Task {
        self.origin.source = Source::Program;
        self
    }

    /// Whether the task is the record of a run.
    pub(crate) fn is_record(&self) -> bool {
        self.origin.source == Source::Record
    }

    /// The task with `max_length` and `freeze` reduced to what a model supports.
    pub(crate) fn fitted(&self, config: &Config) -> Task {
        let mut task = self.clone();
        let options = &mut task.options;
        options.max_length = options.max_length.min(config.max_length());
        options.freeze = if config.shares_layers() { 0 } else { options.freeze.min(config.layers() / 3) };
        task
    }

    /// The columns that the patterns use, each once, in order of first use.
    pub(crate) fn fields(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let labels = self.labels.iter().chain(self.own_words.iter().flatten().flatten());
        let words: Vec<Template> =
            labels.flat_map(|label| &label.words).filter_map(|word| word.parse().ok()).collect();
        let of_words = words.iter().flat_map(Template::fields);
        for field in self.patterns.iter().flat_map(Pattern::fields).chain(of_words) {
            if !names.contains(&field.name) {
                names.push(field.name.clone());
            }
        }
        let choices = self.answers.choices().map(|choices| &choices.from);
        names.extend(choices.filter(|from| !names.contains(from)).cloned());
        names
    }

    /// The indices among [`Task::fields`] of the texts that say something of an example itself: neither the
    /// description of a class nor a list of choices.
    pub(crate) fn own_texts(&self) -> Vec<usize> {
        let inputs = self.inputs();
        let choices = self.answers.choices().map(|choices| &choices.from);
        let is_own = |field: &String| inputs.contains(field) && choices != Some(field);
        self.fields().iter().enumerate().filter(|(_, field)| is_own(field)).map(|(index, _)| index).collect()
    }

    /// The labels with the words that they have in a pattern.
    ///
    /// # Panics
    /// If the task has no such pattern.
    pub(crate) fn labels_of(&self, pattern: usize) -> &[Label] {
        self.own_words[pattern].as_deref().unwrap_or(&self.labels)
    }

    /// A pattern for display, with its own words if it has any.
    ///
    /// # Panics
    /// If the task has no such pattern.
    pub(crate) fn pattern_text(&self, pattern: usize) -> String {
        let text = self.patterns[pattern].to_string();
        let Some(labels) = &self.own_words[pattern] else { return text };
        let words: Vec<String> = labels.iter().map(|label| label.words.join(", ")).collect();
        format!("{text} ({})", words.join(" / "))
    }

    /// The names of the labels, in order.
    pub(crate) fn label_names(&self) -> Vec<String> {
        self.labels.iter().map(|label| label.name.clone()).collect()
    }

    /// The labels named in results: all labels, or none if examples have their own choices.
    pub(crate) fn common_labels(&self) -> Vec<String> {
        if self.answers.choices().is_some() { Vec::new() } else { self.label_names() }
    }

    /// Checks options that were changed after the file was read, for example on the command line.
    ///
    /// # Errors
    /// The first option that is out of range.
    pub(crate) fn check_options(&self) -> Result<()> {
        match self.options.out_of_range().into_iter().next() {
            Some(found) => Err(Error::usage(found.problem, found.remedy)),
            None => Ok(()),
        }
    }

    /// Checks that inputs fit a model that accepts at most `positions` tokens.
    ///
    /// # Errors
    /// A mistake in `max_length`.
    pub(crate) fn check_length(&self, positions: usize) -> Result<()> {
        let length = self.options.max_length;
        if length <= positions {
            return Ok(());
        }
        let problem = format!("`max_length` is {length}, and the model takes at most {positions} tokens");
        let remedy = format!("write `max_length = {positions}` or less under `[train]`");
        Err(self.mistake_in_key("train.max_length", problem, remedy).into())
    }

    /// Whether a program built the task, so there is no task file.
    pub(crate) fn is_of_program(&self) -> bool {
        self.origin.source == Source::Program
    }

    /// The name of the task file.
    pub(crate) fn file(&self) -> &str {
        &self.origin.file
    }

    /// The position of a pattern in the file, for warnings.
    pub(crate) fn place_of_pattern(&self, pattern: usize) -> Place {
        self.mistake(self.origin.patterns.get(pattern), "", "").place
    }

    /// The position of a label in the file, for warnings.
    pub(crate) fn place_of_label(&self, label: usize) -> Place {
        self.mistake_in_label(label, "", "").place
    }

    /// A mistake in a label.
    pub(crate) fn mistake_in_label(
        &self,
        label: usize,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Mistake {
        self.mistake(self.origin.labels.get(label), problem, remedy)
    }

    /// A mistake in a pattern.
    pub(crate) fn mistake_in_pattern(
        &self,
        pattern: usize,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Mistake {
        self.mistake(self.origin.patterns.get(pattern), problem, remedy)
    }

    /// A mistake in a field, reported where it is first used in a pattern or word.
    pub(crate) fn mistake_in_field(
        &self,
        field: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Mistake {
        let within = |span: &Range<usize>| {
            let found = find_field(&self.origin.text[span.clone()], field)?;
            Some(span.start + found.start..span.start + found.end)
        };
        let mut places = self.origin.patterns.iter().chain(self.origin.words.iter().flatten());
        let first = self.origin.patterns.first();
        self.mistake(places.find_map(within).as_ref().or(first), problem, remedy)
    }

    /// A mistake in a label's word.
    pub(crate) fn mistake_in_word(
        &self,
        label: usize,
        word: usize,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Mistake {
        let span = self.origin.words.get(label).and_then(|words| words.get(word));
        self.mistake(span, problem, remedy)
    }

    /// A mistake in the value of a key such as `train.max_length`; at the top of the file if the key is
    /// absent.
    pub(crate) fn mistake_in_key(
        &self,
        key: &str,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Mistake {
        let span = self.origin.keys.iter().find(|(name, _)| name == key).map(|(_, span)| span);
        self.mistake(span, problem, remedy)
    }

    fn mistake(
        &self,
        span: Option<&Range<usize>>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Mistake {
        Mistake::new(&self.origin.file, &self.origin.text, span.cloned().unwrap_or(0..0), problem, remedy)
    }
}

/// The position of a field in a pattern's source: `{field` up to its closing brace.
fn find_field(source: &str, field: &str) -> Option<Range<usize>> {
    source.match_indices('{').find_map(|(start, _)| {
        let rest = source[start + 1..].trim_start().strip_prefix(field)?.trim_start();
        let len = source.len() - start - rest.len();
        rest.starts_with(['!', '|', '}'])
            .then(|| start..start + len + rest.find('}').map_or(0, |end| end + 1))
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) const EXAMPLE: &str = r#"
format   = 1
name     = "support"
patterns = ["{subject} {message} This is about {mask}.", 'Team: {mask}. {subject|trim} {message}']

[data]
train     = "labelled.csv"
unlabeled = ["tickets/*.csv"]
label     = "team"

[labels]
technical = "bug"
billing   = ["invoice", "payment"]
"not mine" = "other"
"#;

    pub(crate) fn parse(text: &str) -> Task {
        Task::parse("t.toml", text, Path::new("/tasks")).unwrap()
    }

    /// The mistakes in a task file: line, highlighted text, problem, remedy.
    pub(crate) fn refuse(text: &str) -> Vec<(u64, String, String, String)> {
        match Task::parse("t.toml", text, Path::new(".")) {
            Err(Error::Task(error)) => error
                .mistakes
                .iter()
                .map(|mistake| {
                    let at = text[mistake.span.clone()].to_owned();
                    (mistake.place.line.unwrap(), at, mistake.problem.clone(), mistake.remedy.clone())
                })
                .collect(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_example_is_read_in_the_order_of_the_file() {
        let task = parse(EXAMPLE);
        assert_eq!(task.name, "support");
        assert_eq!(task.label_names(), ["technical", "billing", "not mine"]);
        assert_eq!(task.labels[1].words, ["invoice", "payment"]);
        assert_eq!(task.fields(), ["subject", "message"]);
        assert_eq!(task.data.unlabeled, ["tickets/*.csv"]);
        assert_eq!(task.data.dir, Path::new("/tasks"));
        assert_eq!(task.options, Options::default());
        assert_eq!(task.spacing, Spacing::Text);
    }

    #[test]
    fn a_field_is_pointed_at_within_its_pattern() {
        let task = parse(EXAMPLE);
        let mistake = task.mistake_in_field("subject", "", "");
        assert_eq!(&EXAMPLE[mistake.span.clone()], "{subject}");
        assert_eq!(mistake.place, Place::file("t.toml").line(4));
        assert_eq!(&EXAMPLE[task.mistake_in_word(1, 1, "", "").span], "\"payment\"");
        assert_eq!(&EXAMPLE[task.mistake_in_key("data.label", "", "").span], "\"team\"");
    }

    #[test]
    fn a_task_without_a_name_is_called_like_its_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("my tickets.toml");
        std::fs::write(&path, EXAMPLE.replace("name     = \"support\"", "")).unwrap();
        let task = Task::open(&path).unwrap();
        assert_eq!((task.name.as_str(), task.data.dir.as_path()), ("my-tickets", dir.path()));
    }

    #[test]
    fn a_task_file_that_is_not_there_or_not_utf8_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.toml");
        assert!(Task::open(&path).unwrap_err().to_string().starts_with("cannot read `"));
        std::fs::write(&path, b"format = 1\nname = \"caf\xe9\"").unwrap();
        let error = Task::open(&path).unwrap_err().to_string();
        assert!(error.ends_with("line 2: the text is not UTF-8"), "{error}");
    }
}
