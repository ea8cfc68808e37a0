//! Errors that tell the user where to look and what to do.

pub(crate) mod store;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use miette::{Diagnostic, LabeledSpan, NamedSource};
use serde::Serialize;

/// The result of anything in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An expected failure. Each names its place, what was found there, and the remedy (as the diagnostic's help).
#[derive(Debug, thiserror::Error, Diagnostic)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused something.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// What was tried: `read`, `write`.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// Data that cannot be used: a ragged row, an unknown label, a missing column.
    #[error("{place}: {problem}")]
    #[diagnostic(help("{remedy}"))]
    Data {
        /// The file, and where possible the line and column.
        place: Place,
        /// What was found, and what was expected.
        problem: String,
        /// What to do.
        remedy: Box<str>,
        /// What it is about, where a program may know more to do.
        hint: Option<Hint>,
    },
    /// Mistakes in a task file, with the lines they are in.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Task(#[from] TaskError),
    /// An argument or option that cannot be used.
    #[error("{problem}")]
    #[diagnostic(help("{remedy}"))]
    Usage {
        /// What was given, and why it cannot be.
        problem: String,
        /// What to do.
        remedy: Box<str>,
        /// What it is about, where a program may know more to do.
        hint: Option<Hint>,
    },
    /// A run directory that cannot be used as it is.
    #[error(transparent)]
    #[diagnostic(transparent)]
    Store(#[from] store::Error),
    /// Training has produced a number that is not finite.
    #[error("training has diverged: {what} of step {step} is {value}, at a learning rate of {learning_rate}")]
    #[diagnostic(help("{}", calmer(*learning_rate, section)))]
    Diverged {
        /// `the loss`, `the gradient`.
        what: &'static str,
        /// The update, counted from 1.
        step: usize,
        /// The number.
        value: f32,
        /// The learning rate of the update.
        learning_rate: f32,
        /// The section of the task file with the learning rate; `adapt` where there is no task.
        section: &'static str,
    },
    /// A model gives scores that are not finite numbers.
    #[error("the model gives {value} as a score, but scores must be finite numbers")]
    #[diagnostic(help(
        "its weights are too large: if it was trained here, lower `learning_rate` in the task file, to 1e-4 for example, and run the same \
         command again; otherwise use another model"
    ))]
    NotFinite {
        /// The score.
        value: f32,
    },
    /// The listener has asked to stop; what is finished is kept.
    #[error("stopped before the end")]
    #[diagnostic(help("run the same command again to resume; what is finished is kept"))]
    Stopped,
    /// A model that cannot be read, understood or written.
    #[error(transparent)]
    Model(#[from] cloze_encoder::Error),
}

/// What to do when training with this learning rate has diverged.
fn calmer(learning_rate: f32, section: &str) -> String {
    if section == "adapt" {
        return "remove the unfinished directory and run the same command with a lower `--learning-rate`, half of it for example, or a lower \
                `--anchor` if that is above 1"
            .to_owned();
    }
    // Those of the presets, and what others use, are below.
    match learning_rate > 1e-3 {
        true => {
            format!(
                "lower `learning_rate` under `[{section}]` in the task file, to 1e-4 for example, and run the same command again"
            )
        }
        false => format!(
            "the learning rate is a common one, so check the other options under `[train]` and `[{section}]`, above all `weight_decay`, \
             and the model: use another one, or halve `learning_rate`"
        ),
    }
}

impl Error {
    /// An answer of the operating system about `path`.
    pub fn io(action: &'static str, path: impl AsRef<Path>, source: std::io::Error) -> Error {
        Error::Io { action, path: path.as_ref().to_owned(), source }
    }

    /// Unusable data at `place`.
    pub(crate) fn data(place: Place, problem: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::Data { place, problem: problem.into(), remedy: remedy.into().into(), hint: None }
    }

    /// An unusable argument or option.
    pub fn usage(problem: impl Into<String>, remedy: impl Into<String>) -> Error {
        Error::Usage { problem: problem.into(), remedy: remedy.into().into(), hint: None }
    }

    /// The same about examples that a program has provided, not a file; `before` is the number of examples before them.
    pub(crate) fn in_memory(self, before: u64) -> Error {
        match self {
            Error::Data { mut place, problem, remedy, hint } => {
                place.line = place.line.map(|line| line + before);
                Error::Data { place: place.in_memory(), problem, remedy, hint }
            }
            other => other,
        }
    }

    pub(crate) fn with_hint(mut self, given: Hint) -> Error {
        if let Error::Data { hint, .. } | Error::Usage { hint, .. } = &mut self {
            *hint = Some(given);
        }
        self
    }

    /// What to do about it, where that is known.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Error::Task(error) => error.mistakes.first().map(|mistake| mistake.remedy.clone()),
            other => other.help().map(|help| help.to_string()),
        }
    }
}

/// What an error is about, where a program may offer a remedy of its own: an option, a button.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// A file of the task is not there; the task's files may be in another folder.
    DataFolder,
    /// Which column has the labels is not known, or the column is not there.
    LabelColumn,
    /// No row has a label; another column may have them, or none is needed.
    NoLabels,
    /// Rows have labels that a run does not know; they may be left out.
    UnknownLabels,
    /// A file of text has nothing in it, not even the names of columns.
    EmptyFile,
}

/// A place in the user's data or task file: `tickets.csv, line 12, column team`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file as the user wrote it, or `standard input`.
    pub file: String,
    /// The line, counted from 1; for a record over several lines the first of them. In a file without lines, such as Parquet,
    /// the row.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column's or key's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What `line` counts.
    #[serde(skip)]
    unit: Unit,
}

/// What the number of a place counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    /// Lines of a file.
    Line,
    /// Rows of a file that has no lines.
    Row,
    /// Examples from memory; the name of the file is what they are called.
    Example,
}

impl Place {
    /// A whole file.
    pub(crate) fn file(file: impl Into<String>) -> Place {
        Place { file: file.into(), line: None, field: None, unit: Unit::Line }
    }

    /// The same place among examples that a program has provided, not in a file.
    pub(crate) fn in_memory(self) -> Place {
        self.counting(Unit::Example)
    }

    /// The same place, with a number that counts something else.
    pub(crate) fn counting(self, unit: Unit) -> Place {
        Place { unit, ..self }
    }

    /// A line in it.
    pub(crate) fn line(self, line: u64) -> Place {
        Place { line: Some(line), ..self }
    }

    /// A column of it.
    pub(crate) fn field(self, field: impl Into<String>) -> Place {
        Place { field: Some(field.into()), ..self }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.unit) {
            (Some(line), Unit::Example) => write!(f, "example {line} of {}", self.file)?,
            (None, Unit::Example) => f.write_str(&self.file)?,
            (Some(line), Unit::Line) => write!(f, "`{}`, line {line}", self.file)?,
            (Some(row), Unit::Row) => write!(f, "`{}`, row {row}", self.file)?,
            (None, Unit::Line | Unit::Row) => write!(f, "`{}`", self.file)?,
        }
        if let Some(field) = &self.field {
            write!(f, ", column `{field}`")?;
        }
        Ok(())
    }
}

/// Something that works but is probably a mistake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Where.
    pub place: Place,
    /// What was found.
    pub problem: String,
    /// What to do.
    pub remedy: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.place, self.problem, self.remedy)
    }
}

/// One mistake in a task file, with the text it points at.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Mistake {
    /// What is wrong.
    pub problem: String,
    /// What to do.
    pub remedy: String,
    /// What it is about, where a program may know more to do.
    pub hint: Option<Hint>,
    /// The file and line it is in.
    pub place: Place,
    /// The bytes of the file that it points at.
    pub span: Range<usize>,
    source: NamedSource<Arc<str>>,
}

impl Mistake {
    /// A mistake at the bytes `span` of `text`, the contents of the file `name`.
    pub(crate) fn new(
        name: &str,
        text: &Arc<str>,
        span: Range<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Mistake {
        let source = NamedSource::new(name, Arc::clone(text)).with_language("toml");
        let before = text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|&&byte| byte == b'\n').count() as u64;
        let place = Place::file(name).line(line);
        Mistake { problem: problem.into(), remedy: remedy.into(), hint: None, place, span, source }
    }

    pub(crate) fn with_hint(self, hint: Hint) -> Mistake {
        Mistake { hint: Some(hint), ..self }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.problem)
    }
}

impl std::error::Error for Mistake {}

impl Diagnostic for Mistake {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(&self.remedy))
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        Some(&self.source)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(LabeledSpan::underline(self.span.clone()))))
    }
}

/// All the mistakes found in a task file, in the order of the file.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TaskError {
    /// The mistakes, at least one.
    pub mistakes: Vec<Mistake>,
}

impl TaskError {
    /// The error for these mistakes, or `None` when there are none.
    pub(crate) fn of(mut mistakes: Vec<Mistake>) -> Option<TaskError> {
        mistakes.sort_by_key(|mistake| mistake.span.start);
        (!mistakes.is_empty()).then_some(TaskError { mistakes })
    }
}

impl From<Mistake> for TaskError {
    fn from(mistake: Mistake) -> Self {
        TaskError { mistakes: vec![mistake] }
    }
}

impl From<Mistake> for Error {
    fn from(mistake: Mistake) -> Self {
        Error::Task(mistake.into())
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.as_slice() {
            [one] => one.fmt(f),
            several => write!(f, "`{}` has {} mistakes", several[0].source.name(), several.len()),
        }
    }
}

impl std::error::Error for TaskError {}

/// A single mistake is shown as itself; several are shown one below the other.
impl Diagnostic for TaskError {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        if let [one] = self.mistakes.as_slice() { one.help() } else { None }
    }

    fn source_code(&self) -> Option<&dyn miette::SourceCode> {
        if let [one] = self.mistakes.as_slice() { one.source_code() } else { None }
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if let [one] = self.mistakes.as_slice() { one.labels() } else { None }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.mistakes.len() == 1 {
            return None;
        }
        Some(Box::new(self.mistakes.iter().map(|mistake| mistake as &dyn Diagnostic)))
    }
}

/// The candidate closest to `name`, if it is close enough to be a typing error.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let close = |candidate: &str| strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase());
    let best = candidates.into_iter().max_by(|a, b| close(a).total_cmp(&close(b)))?;
    (close(best) >= 0.6).then_some(best)
}

/// Names in backticks, separated by commas: `a`, `b`.
pub(crate) fn list<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> String {
    names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect::<Vec<_>>().join(", ")
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_reads_from_the_file_to_the_column() {
        let place = Place::file("tickets.csv").line(12).field("team");
        assert_eq!(place.to_string(), "`tickets.csv`, line 12, column `team`");
    }

    #[test]
    fn a_single_mistake_is_shown_as_itself_and_several_are_counted() {
        let text: Arc<str> = "a = 1\nb = 2\n".into();
        let late = Mistake::new("t.toml", &text, 6..7, "no such key `b`", "remove it");
        let early = Mistake::new("t.toml", &text, 0..1, "no such key `a`", "remove it");
        assert_eq!(TaskError::from(late.clone()).to_string(), "`t.toml`, line 2: no such key `b`");
        let both = TaskError::of(vec![late, early]).unwrap();
        assert_eq!(both.to_string(), "`t.toml` has 2 mistakes");
        assert_eq!(both.mistakes[0].place.line, Some(1));
        assert!(TaskError::of(Vec::new()).is_none());
    }

    #[test]
    fn what_an_error_is_about_is_told_to_the_program() {
        let text: Arc<str> = "a = 1\n".into();
        let mistake = Mistake::new("t.toml", &text, 0..1, "there is no file", "correct it");
        assert_eq!(mistake.clone().with_hint(Hint::DataFolder).hint, Some(Hint::DataFolder));
        let usage = Error::usage("no file", "give one").with_hint(Hint::NoLabels);
        assert!(matches!(usage, Error::Usage { hint: Some(Hint::NoLabels), .. }));
    }

    #[test]
    fn only_a_likely_slip_is_suggested() {
        assert_eq!(nearest("titel", ["body", "title"]), Some("title"));
        assert_eq!(nearest("Title", ["title"]), Some("title"));
        assert_eq!(nearest("zebra", ["body", "title"]), None);
    }
}
