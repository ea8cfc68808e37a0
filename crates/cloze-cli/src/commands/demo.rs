//! `cloze demo`: from 40 labelled examples to a classifier, on built-in data and with the built-in model.
//!
//! The data is written to a directory and from there everything goes the way of `cloze check`, `cloze train` and
//! `cloze predict`, so what the demo shows is what the user's own data will get.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cloze::inspect;
use cloze::{Error, Predictor, Task};
use serde_json::json;

use crate::args::{Demo, Global};
use crate::failure::Result;
use crate::layout::{Align, Table, percent};
use crate::output;
use crate::printer::Printer;
use crate::summary;

use super::check::{labels_with_words, pattern_with_rows};
use super::predict::{Labelled, classify};
use super::{device, open_model, prepare, program, train};

/// The files of the demo by name, compiled in: a task, its data, and where they come from with their licence.
const FILES: [(&str, &str); 6] = [
    ("task.toml", include_str!("../../demo/task.toml")),
    ("labelled.csv", include_str!("../../demo/labelled.csv")),
    ("unlabeled.csv", include_str!("../../demo/unlabeled.csv")),
    ("test.csv", include_str!("../../demo/test.csv")),
    ("README.md", include_str!("../../demo/README.md")),
    ("LICENSE", include_str!("../../demo/LICENSE")),
];

/// Sentences for the finished classifier; none of them is in the data.
const SENTENCES: [&str; 3] = [
    "how much is left on my checking account",
    "my car makes a strange noise when i brake",
    "find me a cheap flight to lisbon in may",
];

/// Shows patterns, training, results and predictions.
pub(crate) fn run(args: &Demo, global: &Global, printer: &Printer) -> Result {
    let began = Instant::now();
    let path = unpack(&args.runs.join("demo"))?;
    let task = Task::open(&path)?;
    let model = open_model(&args.model, Some(&task))?;
    let device = device(global.threads)?;
    let prepared = prepare(&task, &model, &device, printer)?;
    let report = inspect::preview(&prepared)?;

    let carried = if args.model.model.is_some() { "The data is" } else { "Data and model are" };
    printer.tell(format_args!(
        "40 labelled utterances in 10 classes, 2,000 unlabelled ones, and 1,000 for testing (CLINC150).\n\
         {carried} built into this program; nothing is downloaded.\n",
    ))?;
    printer.tell(step(
        1,
        "each pattern turns a row into a sentence with a mask for the model to fill",
        printer,
    ))?;
    for (number, pattern) in report.patterns.iter().enumerate() {
        printer.tell(pattern_with_rows(number, pattern, printer))?;
    }
    printer.tell(step(2, "the words that fill the mask stand for labels", printer))?;
    printer.tell(labels_with_words(&report.labels, printer))?;
    printer.tell(step(
        3,
        "each pattern is tried zero-shot, then fine-tuned on the 40 labelled examples; the ensemble of\n   these models labels \
         the 2,000 other utterances, and a single classifier is distilled from them",
        printer,
    ))?;
    printer.tell("\n")?;
    let run = train::carry_out(&prepared, task.options.precision, &args.runs, printer)?;

    let rows = SENTENCES.map(|sentence| vec![sentence.to_owned()]);
    let predicted = classify(&Predictor::open_with(&run.path, None, &device)?, &rows)?;
    let mut result = summary::json(&run, began.elapsed())?;
    result["task"] = json!(path);
    result["predictions"] = json!(predicted);
    printer.json(&result)?;

    printer.tell(step(4, "accuracy on the 1,000 test utterances, which no model was trained on", printer))?;
    printer.show(format_args!("\n{}", summary::table(&run, printer)))?;
    printer.tell(step(5, "the classifier on three new sentences", printer))?;
    printer.show(format_args!("\n{}", sentences(&predicted, printer)))?;
    printer.show(format_args!(
        "\n{}; everything is in {}\n",
        summary::cost(began.elapsed()),
        run.path.display()
    ))?;
    printer.show(next(&run.path, &path, printer))?;
    Ok(())
}

/// Writes the demo's files into `dir`, and gives the path of its task file.
fn unpack(dir: &Path) -> Result<PathBuf> {
    fs::create_dir_all(dir).map_err(|error| Error::io("create", dir, error))?;
    for (name, text) in FILES {
        let path = dir.join(name);
        match fs::read(&path) {
            Ok(there) if there == text.as_bytes() => {}
            Ok(_) => {
                return Err(Error::usage(
                    format!("`{}` already exists and is not the demo's file", path.display()),
                    format!(
                        "if you changed it, train with `{} train {}`; to restore the demo, remove `{}`",
                        program(),
                        dir.join("task.toml").display(),
                        dir.display()
                    ),
                )
                .into());
            }
            Err(_) => output::replace(&path, text.as_bytes())?,
        }
    }
    Ok(dir.join("task.toml"))
}

fn step(number: usize, what: &str, printer: &Printer) -> String {
    format!("\n{}\n", printer.heading(&format!("{number}. {what}")))
}

fn sentences(predicted: &[Labelled], printer: &Printer) -> String {
    let mut table = Table::new([Align::Left, Align::Left, Align::Right]);
    for Labelled { text, given, probabilities, .. } in predicted {
        let likeliest = probabilities.iter().map(|(_, share)| *share).fold(0.0, f64::max);
        table.row([text.join(" "), printer.strong(&given.names().concat()), percent(likeliest)]);
    }
    table.to_string()
}

fn next(run: &Path, task: &Path, printer: &Printer) -> String {
    let (program, run, task) = (program(), run.display(), task.display());
    let mut table = Table::new([Align::Left, Align::Left]);
    for (what, command) in [
        ("ask it something", format!("predict {run} --text \"remind me to call my sister at five\"")),
        ("look at a task file", format!("check {task}")),
        ("train more models", format!("train {task} --seeds 1,2,3")),
        ("use your own data", "init YOUR.csv --label COLUMN".to_owned()),
        ("see the full report", format!("open {run}/report.html in a browser")),
    ] {
        let command = if command.starts_with("open") { command } else { format!("{program} {command}") };
        table.row([what.to_owned(), command]);
    }
    format!("\n{}\n{table}", printer.heading("try next"))
}
