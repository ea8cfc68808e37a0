//! `cloze eval`: how good a trained classifier is on labelled rows.

use cloze::task::Split;
use cloze::{Error, Evaluation, Measured};
use serde_json::json;

use crate::args::{Eval, Global};
use crate::failure::Result;
use crate::interrupt;
use crate::layout::{Align, Table, count, counted, interval, percent};
use crate::printer::Printer;
use crate::progress::Counter;

use super::labelled_rows::{LabelledRows, known_rows, passed_over};
use super::{answerer, per_label};

/// The number of confused pairs of labels that are shown.
const CONFUSED: usize = 5;

/// Classifies the rows and compares.
pub(crate) fn run(args: &Eval, global: &Global, printer: &Printer) -> Result {
    let LabelledRows { predictor, rows, .. } =
        LabelledRows::open(&args.run, &args.data, &args.checked, global, printer)?;
    let known = |set, why| known_rows(predictor.task(), set, &rows.examples, why, printer);
    let learned = known(Split::Train, "leave them out: they make the score too good");
    let distilled = known(Split::Unlabeled, "it may do slightly worse on new texts");
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
        printer.heading(&predictor.task().name),
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

/// What is counted: rows, or answers where every row is asked about each of several classes.
fn unit(evaluation: &Evaluation) -> &'static str {
    if evaluation.classes.is_empty() { "row" } else { "answer" }
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
