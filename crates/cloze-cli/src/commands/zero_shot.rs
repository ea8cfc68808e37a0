//! `cloze zero-shot`: how good the patterns are with the pretrained model.

use cloze::Error;
use cloze::inspect::{self, Outcome};
use serde_json::json;

use crate::args::{Global, ZeroShot};
use crate::failure::Result;
use crate::interrupt;
use crate::layout::{Align, Table, count, counted, interval, percent};
use crate::printer::Printer;
use crate::progress::Counter;

use super::{device, open, per_label, prepare};

/// Scores the rows with every pattern and shows how good that is.
pub(crate) fn run(args: &ZeroShot, global: &Global, printer: &Printer) -> Result {
    let device = device(global.threads)?;
    let (task, model) = open(&args.task)?;
    let prepared = prepare(&task, &model, &device, printer)?;
    let counter = Counter::new(printer, "rows");
    let found = inspect::zero_shot(&prepared, args.priming, |done, total| {
        counter.show(done, total);
        if interrupt::asked() { Err(Error::Stopped) } else { Ok(()) }
    })?;
    drop(counter);

    printer.json(&json!({"name": task.name, "model": model.name, "result": found}))?;
    let together = &found.together;
    let what = match found.rows {
        "train" => "labelled rows",
        "unlabeled" => "unlabelled rows",
        _ => "test rows",
    };
    let in_front = found.examples.map_or(String::new(), |examples| format!(" primed with {examples}"));
    printer.show(format_args!(
        "{}: {} {what}, pretrained model {}{in_front}\n\n{}\n{}",
        printer.heading(&task.name),
        count(together.count),
        model.name,
        patterns(&found.patterns, together, printer),
        labels(together, printer),
    ))?;
    if together.evaluation.is_none() {
        printer.show("\nNo row has a label, so the accuracy is unknown.\n")?;
    }
    Ok(())
}

fn patterns(patterns: &[Outcome], together: &Outcome, printer: &Printer) -> String {
    let mut table = Table::new([Align::Right, Align::Right, Align::Left]);
    table.row(["accuracy", "95 % interval", "pattern"].map(|title| printer.dim(title)));
    for outcome in patterns.iter().chain([together]) {
        let (accuracy, within) = match &outcome.evaluation {
            Some(evaluation) => (percent(evaluation.accuracy.value), interval(&evaluation.accuracy)),
            None => ("-".into(), "-".into()),
        };
        let pattern = outcome.pattern.clone();
        let pattern =
            pattern.unwrap_or_else(|| format!("all {} together", counted(patterns.len(), "pattern")));
        table.row([accuracy, within, pattern]);
    }
    table.to_string()
}

/// How often each label was given by all patterns together, and how often it is right.
fn labels(together: &Outcome, printer: &Printer) -> String {
    let mut table = Table::new([Align::Left, Align::Right, Align::Right, Align::Right]);
    match &together.evaluation {
        Some(evaluation) if evaluation.labels.is_empty() => {}
        Some(evaluation) => {
            table.row(["label", "rows", "predicted", "recall"].map(|title| printer.dim(title)));
            for label in per_label(evaluation) {
                let [gold, given] = [label.gold, label.predicted].map(|rows| count(rows as usize));
                table.row([label.label.clone(), gold, given, percent(label.recall)]);
            }
        }
        None => {
            table.row(["label", "predicted"].map(|title| printer.dim(title)));
            for (label, rows) in &together.predicted {
                table.row([label.clone(), count(*rows)]);
            }
        }
    }
    table.to_string()
}
