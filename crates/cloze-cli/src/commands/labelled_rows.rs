//! Labelled rows for a run, and which of them it has seen before.

use std::path::{Path, PathBuf};

use cloze::task::Split;
use cloze::{Examples, Labelled, Predictor, Task};

use crate::args::{CheckedArgs, Global};
use crate::failure::Result;
use crate::layout::{count, counted};
use crate::printer::Printer;

use super::run_argument::RunArgument;
use super::{device, open_rows, rows_argument, say_who_answers};

/// A run and labelled rows for it.
pub(crate) struct LabelledRows {
    pub(crate) run: PathBuf,
    pub(crate) predictor: Predictor,
    pub(crate) rows: Labelled,
}

impl LabelledRows {
    /// Opens the run and reads the rows, and says who answers and what is probably not meant.
    pub(crate) fn open(
        run: &Path,
        data: &Path,
        args: &CheckedArgs,
        global: &Global,
        printer: &Printer,
    ) -> Result<LabelledRows> {
        let run = RunArgument { given: run, runs: &args.runs, rows: Some(data) }.resolve(printer)?;
        rows_argument::check(data, None)?;
        let predictor = Predictor::open_with(&run, args.with, &device(global.threads)?)?;
        let mut task = predictor.task().clone();
        if let Some(label) = &args.label {
            task.data.label = Some(label.clone());
        }
        let reader = open_rows(data, args.reading.options(args.from))?;
        let rows = Labelled::read(&task, reader, args.skip_unknown)?;
        say_who_answers(&predictor, &run, printer);
        rows.warnings.iter().for_each(|warning| printer.warn(warning));
        Ok(LabelledRows { run, predictor, rows })
    }
}

/// The rows of a set that the run was made from; none if they are not there any more.
pub(crate) fn rows_of_run(task: &Task, split: Split, printer: &Printer) -> Option<Examples> {
    match task.examples(split) {
        Ok(there) => Some(there),
        Err(error) => {
            printer.note(format_args!("cannot tell whether rows are among {}: {error}", called(split)));
            None
        }
    }
}

/// How many of the rows are among those of a set that the run was made from, with a warning that says `why` that matters; nothing if those
/// are not there any more.
pub(crate) fn known_rows(
    task: &Task,
    split: Split,
    rows: &Examples,
    why: &str,
    printer: &Printer,
) -> Option<usize> {
    let there = rows_of_run(task, split, printer)?;
    let known = rows.also_in(&there);
    if let Some(first) = known.first() {
        let verb = if known.len() == 1 { "is" } else { "are" };
        let rows = counted(known.len(), "row");
        printer.warn(format_args!("{rows} {verb} among {}, first {}; {why}", called(split), first.place));
    }
    Some(known.len())
}

fn called(split: Split) -> &'static str {
    match split {
        Split::Unlabeled => "the unlabelled rows that the classifier was distilled from",
        Split::Train | Split::Test => "the rows that the run was trained on",
    }
}

/// What of the input is not in the figures.
pub(crate) fn passed_over(rows: &Labelled) -> String {
    let mut parts = Vec::new();
    if rows.unlabelled > 0 {
        parts.push(format!("{} without a label", counted(rows.unlabelled, "row")));
    }
    if rows.passed_over > 0 {
        let names: Vec<String> =
            rows.unknown.iter().map(|(name, rows)| format!("`{name}` {}", count(*rows))).collect();
        let rows = counted(rows.passed_over, "row");
        parts.push(format!("{rows} with a label that the run does not know ({})", names.join(", ")));
    }
    if parts.is_empty() { String::new() } else { format!("skipped: {}\n", parts.join(", ")) }
}
