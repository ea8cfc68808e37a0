//! `cloze eval`: how good a trained classifier is on labelled rows.

use cloze::task::Split;
use cloze::{Error, Evaluation, Examples, Labelled, Measured, Predictor, Task};
use serde_json::json;

use crate::args::{Eval, Global};
use crate::failure::Result;
use crate::interrupt;
use crate::layout::{Align, Table, count, counted, interval, percent};
use crate::printer::Printer;
use crate::progress::Counter;

use super::run_argument::RunArgument;
use super::{answerer, device, open_rows, per_label, rows_argument, say_who_answers};

/// The number of confused pairs of labels that are shown.
const CONFUSED: usize = 5;

/// Classifies the rows and compares.
pub(crate) fn run(args: &Eval, global: &Global, printer: &Printer) -> Result {
    let run = RunArgument { given: &args.run, runs: &args.runs, rows: Some(&args.data) }.resolve(printer)?;
    rows_argument::check(&args.data, None)?;
    let predictor = Predictor::open_with(&run, args.with, &device(global.threads)?)?;
    let mut task = predictor.task().clone();
    if let Some(label) = &args.label {
        task.data.label = Some(label.clone());
    }
    let reader = open_rows(&args.data, args.reading.options(args.from))?;
    let rows = Labelled::read(&task, reader, args.skip_unknown)?;
    say_who_answers(&predictor, &run, printer);
    rows.warnings.iter().for_each(|warning| printer.warn(warning));
    let known = |set| known_rows(predictor.task(), set, &rows.examples, printer);
    let (learned, distilled) = (known(Split::Train), known(Split::Unlabeled));
    let counter = Counter::new(printer, "rows");
    let evaluation = predictor.evaluate(&rows.examples, |done, total| {
        counter.show(done, total);
        if interrupt::asked() { Err(Error::Stopped) } else { Ok(()) }
    })?;
    drop(counter);

    let mut result = serde_json::to_value(&evaluation).map_err(std::io::Error::from)?;
    result["answered_by"] = answerer(predictor.with).into();
    result["passed_over"] = json!({"unlabelled": rows.unlabelled, "unknown": rows.unknown});
    result["learned_from"] = learned.into();
    result["distilled_from"] = distilled.into();
    printer.json(&result)?;
    let accuracy = &evaluation.accuracy;
    let figure = |(name, figure): (&str, Measured)| {
        format!("{name} {} ({})", percent(figure.value), interval(&figure))
    };
    let figures: Vec<String> = evaluation.figures().into_iter().map(figure).collect();
    printer.show(format_args!(
        "{}: {} of {} right (95 % interval {}), {}\n{}\n{}{}",
        printer.heading(&task.name),
        printer.strong(&percent(accuracy.value)),
        counted(evaluation.rows, unit(&evaluation)),
        interval(accuracy),
        figures.join(", "),
        passed_over(&rows),
        labels(&evaluation, printer),
        confused(&evaluation, printer),
    ))?;
    Ok(())
}

/// How many of the rows are among those of a set that the run was made from, of which it says nothing new how they are classified;
/// nothing if those are not there any more.
fn known_rows(task: &Task, split: Split, rows: &Examples, printer: &Printer) -> Option<usize> {
    let (what, why) = match split {
        Split::Unlabeled => (
            "the unlabelled rows that the classifier was distilled from",
            "it may do slightly worse on new texts",
        ),
        _ => ("the rows that the run was trained on", "leave them out: they make the score too good"),
    };
    let there = match task.examples(split) {
        Ok(there) => there,
        Err(error) => {
            printer.note(format_args!("cannot tell whether rows are among {what}: {error}"));
            return None;
        }
    };
    let known = rows.also_in(&there);
    if let Some(first) = known.first() {
        let verb = if known.len() == 1 { "is" } else { "are" };
        let rows = counted(known.len(), "row");
        printer.warn(format_args!("{rows} {verb} among {what}, first {}; {why}", first.place));
    }
    Some(known.len())
}

/// What is counted: rows, or answers where every row is asked about each of several classes.
fn unit(evaluation: &Evaluation) -> &'static str {
    if evaluation.classes.is_empty() { "row" } else { "answer" }
}

/// What of the input is not in the figures.
fn passed_over(rows: &Labelled) -> String {
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

fn labels(evaluation: &Evaluation, printer: &Printer) -> String {
    let mut table = Table::new([Align::Left, Align::Right, Align::Right, Align::Right, Align::Right]);
    if !evaluation.labels.is_empty() {
        table.row(["label", "rows", "precision", "recall", "F1"].map(|title| printer.dim(title)));
    }
    for label in per_label(evaluation) {
        let [precision, recall, f1] = [label.precision, label.recall, label.f1].map(percent);
        table.row([label.label.clone(), count(label.gold as usize), precision, recall, f1]);
    }
    table.to_string()
}

/// The labels that are most often taken for another one.
fn confused(evaluation: &Evaluation, printer: &Printer) -> String {
    let confusions = evaluation.confusions();
    if confusions.is_empty() {
        return String::new();
    }
    let mut table = Table::new([Align::Right, Align::Left]);
    for (right, given, rows) in confusions.into_iter().take(CONFUSED) {
        table.row([
            counted(rows as usize, unit(evaluation)),
            format!("of {} predicted as {}", right.label, given.label),
        ]);
    }
    format!("\n{}\n{table}", printer.heading("most often confused"))
}
