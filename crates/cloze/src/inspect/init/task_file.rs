//! Writes the text of a drafted task file, with comments for those who will edit it.

use std::fmt::Write;
use std::path::Path;

use super::Request;
use super::label_column::LabelColumn;
use super::limits::steps;
use crate::Result;
use crate::error::counted;
use crate::table::Table;
use crate::task::{Task, plain_name, quoted};
use crate::words::choice::{Chosen, spaced};

/// Number of tokens of an example when patterns are tried; longer examples are truncated.
const TRIED: usize = 128;

/// The content of the file.
pub(super) struct TaskFile<'a> {
    pub(super) table: &'a Table,
    pub(super) request: &'a Request<'a>,
    pub(super) column: &'a LabelColumn,
    pub(super) text: &'a [String],
    pub(super) patterns: Vec<String>,
    pub(super) words: Vec<Chosen>,
    pub(super) length: usize,
}

impl TaskFile<'_> {
    /// The task that the file describes, with placeholders where words are still missing. The draft must be a
    /// valid task file; if it is not, that is a bug or due to an unexpected name.
    pub(super) fn task(&self) -> Result<Task> {
        let mut task = Task::parse(
            "the drafted task file",
            &self.toml(|number| format!("placeholder {number}")),
            Path::new("."),
        )?;
        debug_assert_eq!(task.inputs(), *self.text);
        task.options.max_length = TRIED;
        Ok(task)
    }

    /// The text of the file; the label with index n has the word `placeholder(n)` if it has none yet.
    pub(super) fn toml(&self, placeholder: impl Fn(usize) -> String) -> String {
        let TaskFile { table, request, column, .. } = self;
        let mut toml = String::new();
        // Writing to a string cannot fail.
        let mut line = |text: std::fmt::Arguments| _ = writeln!(toml, "{text}");
        line(format_args!(
            "# A task for cloze, drafted from {}.",
            counted(table.rows.len() - column.without(), "labelled row")
        ));
        line(format_args!(
            "# `cloze check` shows what the model will see; improve the wording here wherever you can."
        ));
        line(format_args!(""));
        line(format_args!("format   = 1"));
        line(format_args!("name     = {}", quoted(&plain_name(request.name))));
        line(format_args!(""));
        line(format_args!(
            "# Each pattern asks for the label in its own way: {{mask}} is the word that the model fills in, {{column}} a"
        ));
        line(format_args!(
            "# column of the data. A text that is too long is cut at its end, but {{column!}} never is. Columns here:"
        ));
        line(format_args!("# {}.", comment(&table.columns.names().join(", "))));
        line(format_args!("patterns = ["));
        for pattern in &self.patterns {
            line(format_args!("    {},", quoted(pattern)));
        }
        line(format_args!("]"));
        line(format_args!(""));
        line(format_args!("[data]"));
        line(format_args!("train     = {}", quoted(request.train)));
        line(format_args!("label     = {}", quoted(request.label)));
        if !column.missing.is_empty() {
            let marks: Vec<String> = column.missing.iter().map(|(mark, _)| quoted(mark)).collect();
            let rows = column.missing.iter().map(|(_, rows)| rows).sum();
            line(format_args!(
                "missing   = [{}] # {} without a label; if one of these is a label, remove it here and add it below",
                marks.join(", "),
                counted(rows, "row")
            ));
        }
        if let Some(encoding) = request.reading.encoding {
            line(format_args!("encoding  = {}", quoted(&encoding.to_string())));
        }
        if let Some(quoting) = request.reading.quoting {
            line(format_args!("quoting   = {}", quoted(quoting.name())));
        }
        line(format_args!(
            "# Unlabelled text of the same kind, from which the model learns most: hundreds of rows or more."
        ));
        match request.unlabeled.or((column.without() > 0).then_some(request.train)) {
            Some(file) => line(format_args!("unlabeled = {}", quoted(file))),
            None => line(format_args!("# unlabeled = \"more.csv\"   # or a list, or \"folder/*.csv\"")),
        }
        match request.test {
            Some(file) => line(format_args!("test      = {}", quoted(file))),
            None => line(format_args!("# test = \"checked.csv\"   # labelled rows, used only to measure")),
        }
        line(format_args!(""));
        match column.several {
            true => self.classes(&mut toml),
            false => self.labels(&mut toml, placeholder),
        }
        let _ = writeln!(
            toml,
            "\n[train]\nmax_length = {} # tokens per input; most rows have fewer, longer texts are cut",
            self.length
        );
        if let Some(steps) = steps(column.labels.iter().map(|(_, rows)| rows).sum()) {
            let _ = writeln!(
                toml,
                "steps = {steps} # updates of the weights, enough for this many labelled rows"
            );
        }
        toml
    }

    fn labels(&self, toml: &mut String, placeholder: impl Fn(usize) -> String) {
        let mut line = |text: std::fmt::Arguments| _ = writeln!(toml, "{text}");
        line(format_args!(
            "# What {{mask}} should be for each label: a word that the model knows, or a list of such words."
        ));
        line(format_args!("[labels]"));
        for (number, ((name, rows), word)) in self.column.labels.iter().zip(&self.words).enumerate() {
            let hint = match (word.words.is_empty(), word.sure) {
                (true, _) => "; the model does not know the name: write a word",
                (false, false) => "; a guess from the rows: are these the right words?",
                (false, true) => "",
            };
            let word = match word.words.as_slice() {
                [] => quoted(&placeholder(number)),
                [word] => quoted(word),
                words => {
                    format!("[{}]", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", "))
                }
            };
            line(format_args!("{} = {word} # {}{hint}", key(name), counted(*rows, "row")));
        }
    }

    /// The sections of a multi-label task, which asks about each class separately.
    fn classes(&self, toml: &mut String) {
        let mut line = |text: std::fmt::Arguments| _ = writeln!(toml, "{text}");
        let names = || self.column.labels.iter().map(|(name, _)| name.as_str());
        line(format_args!(
            "# Rows have several labels here, so each gets its own question: what {{{}}} should be for it.",
            self.class_column()
        ));
        line(format_args!("[multi_label]"));
        if self.class_column() != "topic" {
            line(format_args!("column    = {}", quoted(&self.class_column())));
        }
        if let Some(mark) = self.column.separator.filter(|mark| *mark != ';') {
            line(format_args!("separator = {}", quoted(&mark.to_string())));
        } else if names().any(|name| name.contains(';')) {
            let free = ["|", "/", "\t", "||", ";;"]
                .into_iter()
                .find(|mark| !names().any(|name| name.contains(mark)));
            line(format_args!("separator = {}", quoted(free.unwrap_or("|||"))));
        }
        if names().any(|name| name == "none") {
            line(format_args!("none      = \"no label\""));
        }
        // Names that differ only in punctuation are their own descriptions.
        let alike = |words: &String| names().filter(|name| spaced(name) == *words).count() > 1;
        let words = |name: &str| {
            let words = Some(spaced(name)).filter(|words| !words.is_empty() && !alike(words));
            words.unwrap_or_else(|| name.to_owned())
        };
        let classes: Vec<String> =
            names().map(|name| format!("{} = {}", key(name), quoted(&words(name)))).collect();
        line(format_args!("topics    = {{ {} }}", classes.join(", ")));
        line(format_args!(""));
        line(format_args!("# The answers: the first one means yes."));
        line(format_args!("[labels]"));
        line(format_args!("yes = \"yes\""));
        line(format_args!("no = \"no\""));
    }

    /// The column that contains a class's description.
    pub(super) fn class_column(&self) -> String {
        self.table.columns.free_name("topic", &[])
    }
}

/// A key of the file, quoted if necessary.
fn key(name: &str) -> String {
    let bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    if bare { name.to_owned() } else { quoted(name) }
}

/// A comment, which must stay on one line.
fn comment(text: &str) -> String {
    text.replace(char::is_control, " ")
}
