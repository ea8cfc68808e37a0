//! The task file: what to classify, asked how, with which data.
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
//! | `name` | names run directories | the file's name |
//! | `patterns` | see [`Pattern`] | required |
//! | `spacing` | how the parts of a filled pattern meet: running text (`"text"`), or each tokenised by itself (`"parts"`) | `"text"` |
//! | `data.dir` | where relative paths of `[data]` start, itself relative to the task file | the task file's folder |
//! | `data.train`, `data.unlabeled`, `data.test` | a file, a pattern of file names, or a list of them | none |
//! | `data.label` | the column with the label; rows where it is empty are not labelled | required with `train` or `test` |
//! | `data.missing` | values of that column that mean the same as an empty one; labels are never among them | none |
//! | `data.encoding` | the files' encoding, if it is neither UTF-8 nor UTF-16, see [`Encoding`](crate::Encoding) | UTF-8 |
//! | `data.quoting` | what quotes mean in CSV and TSV, see [`Quoting`](crate::Quoting) | doubled |
//! | `data.rows` | the lists within a row whose items are rows: `passage.questions[].answers[]` | none |
//! | `columns.*` | columns that are derived from others | none |
//! | `data.mirror` | two columns that change places in a second copy of every row | none |
//! | `multi_label.*` | the classes, where a row can belong to several, see [`Class`] | none |
//! | `metrics.*` | what is measured beside accuracy and macro F1 | none |
//! | `data.train_limit` | use so many labelled rows, drawn | all |
//! | `data.train_seed` | what they are drawn from | 0 |
//! | `data.unlabeled_limit` | use so many unlabelled rows, evenly spread over the files | all |
//! | `data.test_limit` | measure on so many test rows, evenly spread over the files | all |
//! | `labels.NAME` | the label's word, or a list of words | at least two labels; with `[multi_label]` just two |
//! | `choices.*` | instead of labels: where each row has its own texts to choose among | none |
//! | `model.directory` | a Hugging Face directory, relative to the task file | the model in the program |
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

/// How the parts of a filled pattern meet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Spacing {
    /// The filled pattern is running text, as a person would write it.
    #[default]
    Text,
    /// Every literal and every field is tokenised on its own, as the reference implementation of PET does; white
    /// space between parts is what the tokenizer makes of it.
    Parts,
}

impl options::choice::Choice for Spacing {
    const ALL: &'static [(&'static str, Self)] = &[("text", Spacing::Text), ("parts", Spacing::Parts)];
}

/// A label and the words that stand for it in a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Label {
    /// As it stands in the data and in every output.
    pub name: String,
    /// At least one; no word belongs to two labels.
    pub words: Vec<String>,
}

/// Where the rows are: the section `[data]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Data {
    /// Where relative paths start.
    pub dir: PathBuf,
    /// Files with labelled rows to learn from; may be patterns such as `tickets/*.csv`.
    pub train: Vec<String>,
    /// Files with rows to annotate.
    pub unlabeled: Vec<String>,
    /// Files with rows to evaluate on.
    pub test: Vec<String>,
    /// The column with the label.
    pub label: Option<String>,
    /// What the label column says of rows without a label, beside nothing; a label of the task is always one.
    pub missing: Vec<String>,
    /// What the files do not say of themselves: their encoding, and what quotes mean in them.
    pub reading: ReadOptions,
    /// The lists within a file's row whose items are rows.
    pub(crate) rows: Option<Rows>,
    /// Columns that change places in a second copy of every row to learn from or to annotate.
    pub(crate) mirror: Option<Mirror>,
    /// Columns derived from others: the section `[columns]`.
    pub(crate) columns: Vec<DerivedColumn>,
    /// How many labelled rows are used at most: drawn, every label by its share and once at least where that is possible.
    pub train_limit: Option<usize>,
    /// What these are drawn from; with the same seed, fewer rows are some of more.
    pub train_seed: u64,
    /// How many unlabelled rows are used at most.
    pub unlabeled_limit: Option<usize>,
    /// How many test rows are measured on at most; about so many where rows belong together in groups.
    pub test_limit: Option<usize>,
}

/// Two columns that change places, and the labels with them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mirror {
    /// The columns.
    pub columns: [String; 2],
    /// For every label the one that a row of it has once its columns have changed places.
    pub labels: Vec<usize>,
}

/// What is measured beside accuracy and macro F1: the section `[metrics]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Metrics {
    /// The label whose F1 is measured.
    pub positive: Option<usize>,
    /// The column that is the same in rows of one question, all of which are to be right.
    pub group: Option<String>,
}

/// A task: everything that a run depends on beside the data's contents and the model.
#[derive(Debug, Clone)]
pub struct Task {
    /// Names run directories: letters, digits, `-`, `_` and `.`.
    pub name: String,
    /// At least one.
    pub patterns: Vec<Pattern>,
    /// For every pattern the words that it has for itself instead of those of `labels`; the labels are the same.
    pub own_words: Vec<Option<Vec<Label>>>,
    /// How the parts of a filled pattern meet.
    pub(crate) spacing: Spacing,
    /// At least two, with different names, in the order of the file.
    pub labels: Vec<Label>,
    /// With `words = "auto"`: what is said of every label. They have no words until some were found.
    pub described: Option<Vec<Option<String>>>,
    /// What examples are answered with.
    pub(crate) answers: Answers,
    /// Where the rows are.
    pub data: Data,
    /// What is measured.
    pub(crate) metrics: Metrics,
    /// A model's directory, or `None` for the default model.
    pub model: Option<PathBuf>,
    /// How to train.
    pub options: Options,
    in_memory: InMemory,
    origin: Origin,
}

/// Where things stand in the task file.
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

/// What a task was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    /// A task file, or its text.
    File,
    /// The record of a run, which nobody is to change.
    Record,
    /// A program has built it.
    Program,
}

impl Task {
    /// Reads a task file. Its relative paths start at the folder that it lies in.
    ///
    /// # Errors
    /// When it cannot be read, or with all the mistakes in it.
    pub fn open(path: &Path) -> Result<Task> {
        Task::open_with(path, None)
    }

    /// Begins a task that a program makes by itself.
    pub fn builder() -> TaskBuilder {
        TaskBuilder::default()
    }

    /// The same with this `preset` in the place of the file's.
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
        Ok(parse::parse(&name, &text, dir, preset)?)
    }

    /// Reads the text of a task file that errors call `file`; relative paths start at `dir`.
    ///
    /// # Errors
    /// All the mistakes in it.
    pub fn parse(file: &str, text: &str, dir: &Path) -> Result<Task> {
        Ok(parse::parse(file, text, dir, None)?)
    }

    /// The task of a run: what does not fit it is never its own mistake, but that of the data.
    pub(crate) fn into_record(mut self) -> Task {
        self.origin.source = Source::Record;
        self
    }

    /// Whether it is the record of a run.
    pub(crate) fn is_record(&self) -> bool {
        self.origin.source == Source::Record
    }

    /// The task with no longer inputs than a model can read, and no more layers frozen than it can spare.
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

    /// The labels with the words that they have in a pattern.
    ///
    /// # Panics
    /// If the task has no such pattern.
    pub(crate) fn labels_of(&self, pattern: usize) -> &[Label] {
        self.own_words[pattern].as_deref().unwrap_or(&self.labels)
    }

    /// A pattern for people to read, with its words if it has some for itself.
    ///
    /// # Panics
    /// If the task has no such pattern.
    pub(crate) fn pattern_text(&self, pattern: usize) -> String {
        let text = self.patterns[pattern].to_string();
        let Some(labels) = &self.own_words[pattern] else { return text };
        let words: Vec<String> = labels.iter().map(|label| label.words.join(", ")).collect();
        format!("{text} ({})", words.join(" / "))
    }

    /// The labels' names in order.
    pub(crate) fn label_names(&self) -> Vec<String> {
        self.labels.iter().map(|label| label.name.clone()).collect()
    }

    /// What results name as labels: all labels, or none where rows have choices of their own.
    pub(crate) fn common_labels(&self) -> Vec<String> {
        if self.answers.choices().is_some() { Vec::new() } else { self.label_names() }
    }

    /// Checks options that were changed after reading, for example on the command line.
    ///
    /// # Errors
    /// The first option out of its range.
    pub(crate) fn check_options(&self) -> Result<()> {
        match self.options.out_of_range().into_iter().next() {
            Some(found) => Err(Error::usage(found.problem, found.remedy)),
            None => Ok(()),
        }
    }

    /// Checks that inputs fit into a model that takes at most `positions` tokens.
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

    /// Whether a program has built it, so that there is no task file.
    pub(crate) fn is_of_program(&self) -> bool {
        self.origin.source == Source::Program
    }

    /// The name of the task file.
    pub(crate) fn file(&self) -> &str {
        &self.origin.file
    }

    /// The place of a pattern in the file, for warnings.
    pub(crate) fn place_of_pattern(&self, pattern: usize) -> Place {
        self.mistake(self.origin.patterns.get(pattern), "", "").place
    }

    /// The place of a label in the file, for warnings.
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

    /// A mistake in a field where it is used first, in a pattern or a word.
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

    /// A mistake in the value of a key, for example `train.max_length`; at the top of the file if it is not there.
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

/// Where a pattern's source names a field: `{field` up to its closing brace.
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

    /// The mistakes in a task file: line, text pointed at, problem, remedy.
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
