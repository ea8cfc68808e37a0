//! `cloze calibrate`: probabilities that say how often answers are right.

use std::path::Path;

use cloze::task::Split;
use cloze::{Calibration, Change, Coverage, Error, Examples, Measured, Promise, Task};
use serde_json::json;

use crate::args::{Calibrate, Global};
use crate::failure::Result;
use crate::interrupt;
use crate::layout::{Align, Table, counted, interval, percent};
use crate::printer::Printer;
use crate::progress::Counter;

use super::labelled_rows::{LabelledRows, known_rows, passed_over, rows_of_run};
use super::run_argument::RunArgument;

/// Calibrates a run, or removes its calibration.
pub(crate) fn run(args: &Calibrate, global: &Global, printer: &Printer) -> Result {
    let Some(data) = &args.data else { return remove(args, printer) };
    let LabelledRows { run, predictor, rows } =
        LabelledRows::open(&args.run, data, &args.checked, global, printer)?;
    let task = predictor.task();
    let (examples, learned) = without_trained(task, &rows.examples, printer);
    let why = "the classifier may be surer of them than of new texts";
    let distilled = known_rows(task, Split::Unlabeled, &examples, why, printer);
    let earlier = Calibration::open(&run).ok().flatten();
    let counter = Counter::new(printer, "rows");
    let calibration = predictor.calibrate(&examples, |done, total| {
        counter.show(done, total);
        if interrupt::asked() { Err(Error::Stopped) } else { Ok(()) }
    })?;
    drop(counter);
    calibration.save(&run)?;
    if let Some(earlier) = earlier {
        let rows = counted(earlier.rows(), "checked row");
        printer.note(format_args!("this replaces the calibration of `{}` with {rows}", earlier.answered_by));
    }

    let promises = calibration.promises();
    let coverage = calibration.coverage();
    printer.json(&json!({
        "run": run,
        "answered_by": calibration.answered_by,
        "temperature": calibration.temperature,
        "rows": calibration.rows(),
        "accuracy": calibration.accuracy,
        "nll": with_verdict(&calibration.nll)?,
        "brier": with_verdict(&calibration.brier)?,
        "ece": with_verdict(&calibration.ece)?,
        "coverage": coverage,
        "promises": promises.iter().filter_map(|(_, promise)| promise.as_ref()).collect::<Vec<_>>(),
        "passed_over": {"unlabelled": rows.unlabelled, "unknown": rows.unknown, "learned_from": learned},
        "distilled_from": distilled,
    }))?;
    printer.show(format_args!(
        "{}: temperature {}, from {}\n{}\n{}\n{}\n{}{}{}",
        printer.heading(&task.name),
        printer.strong(&format!("{:.2}", calibration.temperature)),
        counted(calibration.rows(), "checked row"),
        passed_over(&rows),
        figures(&calibration, printer),
        printer.heading("if less probable answers are left out"),
        left_out(&coverage, printer),
        promised(&promises, printer),
        then(&calibration, &run),
    ))?;
    Ok(())
}

/// The rows without those that the run was trained on, and the number of these; none if it cannot be told.
fn without_trained(task: &Task, rows: &Examples, printer: &Printer) -> (Examples, Option<usize>) {
    let Some(trained) = rows_of_run(task, Split::Train, printer) else { return (rows.clone(), None) };
    let known = rows.also_in(&trained);
    if let Some(first) = known.first() {
        let (rows, verb) = (counted(known.len(), "row"), if known.len() == 1 { "is" } else { "are" });
        printer.warn(format_args!(
            "{rows} {verb} left out, first {}: the run was trained on the same text, so that its answer says nothing about new ones",
            first.place
        ));
    }
    (rows.not_in(&trained), Some(known.len()))
}

fn remove(args: &Calibrate, printer: &Printer) -> Result {
    let run = RunArgument { given: &args.run, runs: &args.checked.runs, rows: None }.resolve(printer)?;
    let removed = Calibration::remove(&run)?;
    printer.json(&json!({"run": run, "removed": removed}))?;
    let what = if removed { "is no longer calibrated" } else { "was not calibrated" };
    printer.show(format_args!("{} {what}\n", run.display()))?;
    Ok(())
}

fn with_verdict(change: &Change) -> Result<serde_json::Value> {
    let mut value = serde_json::to_value(change).map_err(std::io::Error::from)?;
    value["verdict"] = change.verdict().into();
    Ok(value)
}

/// Every figure before and after, with intervals, and whether the change is more than chance.
fn figures(calibration: &Calibration, printer: &Printer) -> String {
    let mut table = Table::new([Align::Left, Align::Left, Align::Left, Align::Left]);
    table.row(["", "before", "after", ""].map(|title| printer.dim(title)));
    let share = |figure: &Measured| format!("{} ({})", percent(figure.value), interval(figure));
    let number = |figure: &Measured| format!("{:.3} ({:.3} to {:.3})", figure.value, figure.low, figure.high);
    let accuracy = share(&calibration.accuracy);
    table.row(["accuracy".to_owned(), accuracy.clone(), accuracy, "the same labels".to_owned()]);
    let mut row = |name: &str, change: &Change, shown: &dyn Fn(&Measured) -> String| {
        table.row([
            name.to_owned(),
            shown(&change.before),
            shown(&change.after),
            change.verdict().to_owned(),
        ]);
    };
    row("NLL", &calibration.nll, &number);
    row("Brier score", &calibration.brier, &number);
    row("calibration error", &calibration.ece, &share);
    table.to_string()
}

/// Error against the share of answers that are given.
fn left_out(coverage: &[Coverage], printer: &Printer) -> String {
    let mut table = Table::new([Align::Right, Align::Right, Align::Left]);
    table.row(["answered", "probability from", "wrong"].map(|title| printer.dim(title)));
    for step in coverage.iter().rev().step_by(2) {
        let wrong = format!("{} ({})", percent(step.error.value), interval(&step.error));
        table.row([percent(step.answered), format!("{:.3}", step.probability), wrong]);
    }
    table.to_string()
}

/// Which precisions can be promised, and for how many rows.
fn promised(promises: &[(f64, Option<Promise>)], printer: &Printer) -> String {
    if promises.is_empty() {
        return String::new();
    }
    let mut table = Table::new([Align::Left, Align::Left]);
    for (precision, promise) in promises {
        let shown = match promise {
            Some(promise) => format!("{} answered, with {promise}", percent(promise.answered)),
            None => "these rows do not suffice".to_owned(),
        };
        table.row([format!("--precision {precision}"), shown]);
    }
    format!("\n{}\n{table}", printer.heading("what can be promised"))
}

/// What comes of it.
fn then(calibration: &Calibration, run: &Path) -> String {
    let run = run.display();
    let none_wrong = match calibration.accuracy.value < 1.0 {
        true => "",
        false => "\nno answer is wrong, so there is nothing to fit: probabilities stay as they are\n",
    };
    format!(
        "{none_wrong}\n`cloze predict {run}` now gives calibrated probabilities, and `cloze report {run}` draws this\n"
    )
}
