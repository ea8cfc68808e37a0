//! `cloze eval`: how good a trained classifier is on labelled rows.

use cloze::Error;
use cloze::metrics::{Evaluation, Measured};
use cloze::predict::Predictor;

use crate::args::{Eval, Global};
use crate::failure::Result;
use crate::interrupt;
use crate::layout::{Align, Table, count, counted, interval, percent};
use crate::printer::Printer;
use crate::progress::Counter;

use super::run_argument::RunArgument;
use super::{device, open_rows, rows_argument};

/// Pairs of labels that are taken for one another, as many as are shown.
const CONFUSED: usize = 5;

/// Classifies the rows and compares.
pub(crate) fn run(args: &Eval, global: &Global, printer: &Printer) -> Result {
    let run = RunArgument { given: &args.run, runs: &args.runs, rows: Some(&args.data) }.resolve(printer)?;
    rows_argument::check(&args.data, None)?;
    let mut predictor = Predictor::open(&run, args.with, &device(global)?)?;
    let mut task = predictor.task().clone();
    if let Some(label) = &args.label {
        task.data.label = Some(label.clone());
    }
    let rows = task.examples_of(open_rows(&args.data, args.from)?)?;
    let counter = Counter::new(printer, "rows");
    let evaluation = predictor.evaluate(&rows, |done, total| {
        counter.show(done, total);
        if interrupt::asked() { Err(Error::Stopped) } else { Ok(()) }
    })?;
    drop(counter);

    printer.json(&evaluation)?;
    let accuracy = &evaluation.accuracy;
    let figure = |(name, figure): (&str, Measured)| {
        format!("{name} {} ({})", percent(figure.value), interval(&figure))
    };
    let figures: Vec<String> = evaluation.figures().into_iter().map(figure).collect();
    printer.show(format_args!(
        "{}: {} of {} right (95 % interval {}), {}\n\n{}{}",
        printer.heading(&task.name),
        printer.strong(&percent(accuracy.value)),
        counted(evaluation.rows, if evaluation.topics.is_empty() { "row" } else { "answer" }),
        interval(accuracy),
        figures.join(", "),
        labels(&evaluation, printer),
        confused(&evaluation, printer),
    ))?;
    Ok(())
}

fn labels(evaluation: &Evaluation, printer: &Printer) -> String {
    let mut table = Table::new([Align::Left, Align::Right, Align::Right, Align::Right, Align::Right]);
    if !evaluation.labels.is_empty() {
        table.row(["label", "rows", "precision", "recall", "F1"].map(|title| printer.dim(title)));
    }
    // Whether yes or no is told of every label together; what each is like tells more.
    let labels = if evaluation.topics.is_empty() { &evaluation.labels } else { &evaluation.topics };
    for label in labels {
        let [precision, recall, f1] = [label.precision, label.recall, label.f1].map(percent);
        table.row([label.label.clone(), count(label.gold as usize), precision, recall, f1]);
    }
    table.to_string()
}

/// The labels that are most often taken for another one.
fn confused(evaluation: &Evaluation, printer: &Printer) -> String {
    let mut pairs = Vec::new();
    for (gold, (label, counts)) in evaluation.labels.iter().zip(&evaluation.confusion).enumerate() {
        for (other, (predicted, &rows)) in evaluation.labels.iter().zip(counts).enumerate() {
            if other != gold && rows > 0 {
                pairs.push((rows, label, predicted));
            }
        }
    }
    if pairs.is_empty() {
        return String::new();
    }
    pairs.sort_by_key(|(rows, ..)| std::cmp::Reverse(*rows));
    let mut table = Table::new([Align::Right, Align::Left]);
    for (rows, label, predicted) in pairs.into_iter().take(CONFUSED) {
        table.row([
            counted(rows as usize, "row"),
            format!("of {} taken for {}", label.label, predicted.label),
        ]);
    }
    format!("\n{}\n{table}", printer.heading("most often confused"))
}
