//! `cloze predict`: labels and probabilities for new rows.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use cloze::{
    Annotated, Attribution, Error, Explained, Explanation, Format, Meter, Prediction, Predictor, Reader, Run,
    Task,
};
use serde::{Serialize, Serializer};
use serde_json::json;

use crate::args::{Global, OutputFormat, Predict};
use crate::extension::writable_format;
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::layout::{Align, Table, count, counted, duration, percent};
use crate::output::{Output, Protected};
use crate::packing::Packing;
use crate::printer::Printer;
use crate::progress::Counter;
use crate::summary;

use super::run_argument::RunArgument;
use super::{
    answerer, device, explain, is_std, open_rows, rows_argument, say_calibration, say_who_answers, shard,
};

/// Classifies rows, or the texts on the command line.
pub(crate) fn run(args: &Predict, global: &Global, printer: &Printer) -> Result {
    if args.shard.is_none() {
        writable_format(&args.output)?;
    }
    let how = args.explaining.attribution()?;
    if args.to == Some(OutputFormat::SuperGlue) && how.is_some() {
        let problem = "a submission to SuperGLUE has no place for what the model used";
        let remedy = "leave `--explain` away, or write another format with `--to jsonl`";
        return Err(Error::usage(problem, remedy).into());
    }
    let first = args.input.first().map(PathBuf::as_path);
    let run = RunArgument { given: &args.run, runs: &args.runs, rows: first }.resolve(printer)?;
    let input = match (args.shard, args.input.as_slice()) {
        (Some(_), _) | (None, []) => None,
        (None, [input]) => Some(input),
        (None, several) => {
            let problem = format!(
                "there are {}, and the rows of one are written",
                counted(several.len(), "input file")
            );
            let remedy = "give one, or write a folder with a file for each: `--shard 0/1 -o FOLDER`";
            return Err(Error::usage(problem, remedy).into());
        }
    };
    if let Some(input) = input {
        rows_argument::check(input, Some(&run))?;
    }
    let mut predictor = Predictor::open_with(&run, args.with, &device(global.threads)?)?;
    if args.uncalibrated {
        predictor = predictor.uncalibrated();
    }
    if let Some(precision) = args.precision {
        predictor = predictor.with_precision(precision)?;
    }
    match (args.shard, input) {
        (Some(shard), _) => shard::run(shard, args, how, &run, &predictor, printer),
        (None, Some(input)) => rows(args, input, how, &run, &predictor, printer),
        (None, None) => {
            let rows = typed(&args.text, predictor.task())?;
            say_about(args, &predictor, &run, printer)?;
            if let Some(promise) = predictor.promise() {
                printer.note(format_args!("a label needs {promise}"));
            }
            match how {
                None => {
                    let labelled = classify(&predictor, &rows)?;
                    labelled.iter().try_for_each(|labelled| printer.json(labelled))?;
                    show(&labelled, printer)
                }
                Some(how) => explain_typed(how, &predictor, &rows, printer),
            }
        }
    }
}

/// Says who answers, and what the probabilities are.
pub(super) fn say_about(args: &Predict, predictor: &Predictor, run: &Path, printer: &Printer) -> Result {
    say_who_answers(predictor, run, printer);
    if args.uncalibrated { Ok(()) } else { say_calibration(predictor, run, printer) }
}

/// The texts on the command line as rows: as many for each as the patterns use columns of the data.
fn typed(texts: &[String], task: &Task) -> Result<Vec<Vec<String>>> {
    let fields = task.inputs();
    if !texts.len().is_multiple_of(fields.len()) {
        let given: Vec<_> = fields.iter().map(|field| format!("--text {}", field.to_uppercase())).collect();
        return Err(Error::usage(
            format!("the patterns of this run use {}", counted(fields.len(), "column")),
            format!("give `{}`", given.join(" ")),
        )
        .into());
    }
    Ok(texts.chunks(fields.len()).map(<[String]>::to_vec).collect())
}

/// A text with its label, or those that it has of several, and the probability of every label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Labelled {
    pub(crate) text: Vec<String>,
    #[serde(flatten)]
    pub(crate) given: Given,
    /// `final` or `ensemble`.
    pub(crate) answered_by: &'static str,
    /// By label, in the task's order.
    #[serde(serialize_with = "as_map")]
    pub(crate) probabilities: Vec<(String, f64)>,
    #[serde(flatten)]
    pub(crate) used: Option<Used>,
}

/// What the model used for the label, or for each of several.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Used {
    Explanation(Explanation),
    Explanations(Vec<Explanation>),
}

/// What a text is given: `label`, which is null if it is not sure enough, or the list `labels`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Given {
    Label(Option<String>),
    Labels(Vec<String>),
}

impl Given {
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Given::Label(label) => label.as_slice(),
            Given::Labels(labels) => labels,
        }
    }
}

fn as_map<S: Serializer>(pairs: &[(String, f64)], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.collect_map(pairs.iter().map(|(name, value)| (name, value)))
}

/// Classifies rows that were typed, each with a text for every column of the data that the patterns use.
pub(crate) fn classify(predictor: &Predictor, rows: &[Vec<String>]) -> Result<Vec<Labelled>> {
    let predictions = predictor.classify_all(rows.iter().cloned());
    let labelled =
        rows.iter().zip(predictions).map(|(row, prediction)| Ok(labelled(predictor, row, prediction?)));
    labelled.collect()
}

fn labelled(predictor: &Predictor, row: &[String], prediction: Prediction) -> Labelled {
    let Prediction { labels, probabilities, answered_by, .. } = prediction;
    let given = match predictor.task().classes() {
        [] => Given::Label(labels.into_iter().next()),
        [..] => Given::Labels(labels),
    };
    Labelled { text: row.to_owned(), given, answered_by: answerer(answered_by), probabilities, used: None }
}

/// Classifies rows that were typed, and says what the model used.
fn explain_typed(how: Attribution, predictor: &Predictor, rows: &[Vec<String>], printer: &Printer) -> Result {
    let explained = predictor.explain_all(rows.iter().cloned(), how);
    for (number, (row, explained)) in rows.iter().zip(explained).enumerate() {
        let explained = explained?;
        show_explained(number, &explained, printer)?;
        let Explained { prediction, mut explanations, .. } = explained;
        let labelled = labelled(predictor, row, prediction);
        let used = match &labelled.given {
            Given::Label(_) => explanations.pop().map(Used::Explanation),
            Given::Labels(_) => Some(Used::Explanations(explanations)),
        };
        printer.json(&Labelled { used, ..labelled })?;
    }
    Ok(())
}

/// Each text's labels, the likeliest first; those that it is given stand out.
fn show(labelled: &[Labelled], printer: &Printer) -> Result {
    for (number, Labelled { text, given, probabilities, .. }) in labelled.iter().enumerate() {
        let table = likeliest_first(given.names(), probabilities, printer);
        let gap = if number > 0 { "\n" } else { "" };
        printer.show(format_args!("{gap}{}\n{table}", printer.heading(&text.join(" | "))))?;
    }
    Ok(())
}

/// The same for an example, and what the model used for each label that it is given.
fn show_explained(number: usize, explained: &Explained, printer: &Printer) -> io::Result<()> {
    let Prediction { labels, probabilities, .. } = &explained.prediction;
    let table = likeliest_first(labels, probabilities, printer);
    let used = explained.explanations.iter().map(|one| explain::lines(one, printer));
    let gap = if number > 0 { "\n" } else { "" };
    let heading = explain::heading(explained, printer);
    printer.show(format_args!("{gap}{heading}\n{table}{}", used.collect::<String>()))
}

fn likeliest_first(given: &[String], probabilities: &[(String, f64)], printer: &Printer) -> Table {
    let mut order = probabilities.to_vec();
    order.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut table = Table::new([Align::Left, Align::Right]);
    for (label, probability) in order {
        let probability = percent(probability);
        let is_given = given.contains(&label);
        table.row([label, if is_given { printer.strong(&probability) } else { probability }]);
    }
    table
}

fn rows(
    args: &Predict,
    input: &Path,
    how: Option<Attribution>,
    run: &Path,
    predictor: &Predictor,
    printer: &Printer,
) -> Result {
    let meter = Meter::start();
    let to_stdout = is_std(&args.output);
    let protected = match is_std(input) {
        true => protected(args, run, predictor).stdin(),
        false => protected(args, run, predictor).file(input, "the input"),
    };
    // Before anything is read: what may not be written need not be computed.
    let output = match to_stdout {
        true => {
            protected.check_stdout()?;
            None
        }
        false => Some(Output::create(&args.output, args.force, &protected)?),
    };
    if to_stdout && args.to == Some(OutputFormat::Rows(Format::Parquet)) {
        let problem = "Parquet is not text, and is not written to standard output";
        return Err(Error::usage(problem, "name a file, for example with `-o predictions.parquet`").into());
    }
    let reader = open_rows(input, args.reading.options(args.from))?;
    say_about(args, predictor, run, printer)?;
    let format = args.to.unwrap_or_else(|| {
        OutputFormat::Rows(match Format::of_path(&args.output) {
            // Parquet is no text.
            _ if to_stdout && (printer.is_json() || reader.format() == Format::Parquet) => Format::Jsonl,
            of_path => of_path.unwrap_or(reader.format()),
        })
    });
    let counter = Counter::new(printer, "rows");
    let progress = |rows| {
        counter.show(rows, 0);
        if interrupt::asked() { Err(Error::Stopped) } else { Ok(()) }
    };
    let written = match (output, how) {
        // Nobody reads rows of a table with a column of contributions.
        (None, Some(how)) if printer.is_read() && args.to.is_none() => {
            let mut number = 0;
            predictor.explain_rows(how, reader, progress, |explained| {
                let shown = show_explained(number, &explained, printer);
                number += 1;
                shown.map_err(|error| Error::io("write", "standard output", error))
            })?
        }
        (None, _) => {
            let out = BufWriter::new(io::stdout());
            write(predictor, how, reader, out, "standard output", format, progress)?
        }
        (Some(output), _) => {
            interrupt::catch();
            let name = args.output.display().to_string();
            let failed = |error| Error::io("write", &args.output, error);
            let mut file = Packing::named(&args.output, BufWriter::new(output.file()?)).map_err(failed)?;
            let written = write(predictor, how, reader, &mut file, &name, format, progress).map_err(
                |error| match error {
                    Error::Stopped => Failure::Interrupted(format!("`{name}` was not written")),
                    error => error.into(),
                },
            )?;
            file.finish().map_err(failed)?;
            output.finish()?;
            written
        }
    };
    drop(counter);
    warn_without_text(written, printer);
    let answered = answered(predictor, written);
    let cost = meter.cost();
    let per_thousand = summary::per_thousand(cost, written.rows);
    let seconds = cost.wall_seconds;
    let told = format!(
        "{} in {}{answered}{}",
        counted(written.rows, "row"),
        duration(seconds),
        summary::shown_per_thousand(per_thousand)
    );
    if to_stdout {
        printer.note(told);
        return Ok(());
    }
    let path = args.output.display();
    let by = answerer(predictor.with);
    let mut result =
        json!({"output": args.output, "rows": written.rows, "seconds": seconds, "answered_by": by});
    result["cost"] = json!(cost);
    result["cost_per_1000_rows"] = json!(per_thousand);
    if let Some(promise) = predictor.promise() {
        result["answered"] = written.answered.into();
        result["promise"] = json!(promise);
    }
    printer.json(&result)?;
    printer.show(format_args!("{path}: {told}\n"))?;
    Ok(())
}

/// The files of the run and its task, which are never written to.
pub(super) fn protected(args: &Predict, run: &Path, predictor: &Predictor) -> Protected {
    let mut protected = Protected::default().data_of(predictor.task());
    // A run that was moved together with its data still knows them by their names beside it.
    if let Some(project) = run.canonicalize().ok().as_deref().and_then(|run| run.parent()?.parent()) {
        let mut task = predictor.task().clone();
        task.data.dir = project.to_owned();
        protected = protected.data_of(&task);
    }
    // What was typed may be a task file that has other data by now.
    if let Some(task) =
        Some(&args.run).filter(|typed| typed.is_file()).and_then(|typed| Task::open(typed).ok())
    {
        protected = protected.file(&args.run, "the task file").data_of(&task);
    }
    if let Some(file) = Run::task_file(run) {
        if let Ok(task) = Task::open(&file) {
            protected = protected.data_of(&task);
        }
        protected = protected.file(file, "the task file of the run");
    }
    protected
}

/// Warns of rows without text.
pub(super) fn warn_without_text(written: Annotated, printer: &Printer) {
    match written.without_text {
        0 => {}
        1 => printer.warn("1 row had no text but was given a label anyway"),
        rows => {
            printer.warn(format_args!("{} had no text but were given a label anyway", counted(rows, "row")))
        }
    }
}

/// How many rows have a label, if a precision is promised for these.
pub(super) fn answered(predictor: &Predictor, written: Annotated) -> String {
    let Some(promise) = predictor.promise() else { return String::new() };
    let share = written.answered as f64 / written.rows.max(1) as f64;
    format!(
        "; {} answered ({}), those with {promise}, so that at least {} of them are right{}",
        count(written.answered),
        percent(share),
        percent(promise.precision),
        if promise.thresholds.len() > 1 { ", and of those with each threshold" } else { "" }
    )
}

/// Writes the labels of rows, and what was used for them if that is asked; says how many there were.
pub(super) fn write(
    predictor: &Predictor,
    how: Option<Attribution>,
    reader: Reader,
    output: impl Write + Send,
    name: &str,
    format: OutputFormat,
    progress: impl FnMut(usize) -> cloze::Result<()>,
) -> cloze::Result<Annotated> {
    match (format, how) {
        (OutputFormat::Rows(format), None) => predictor.annotate(reader, output, name, format, progress),
        (OutputFormat::Rows(format), Some(how)) => {
            predictor.annotate_explained(how, reader, output, name, format, progress)
        }
        (OutputFormat::SuperGlue, _) => predictor.submit(reader, output, name, progress),
    }
}
