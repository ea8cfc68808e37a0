//! `cloze check`: checks a task file and its data before anything is trained.

use std::path::Path;

use cloze::Warning;
use cloze::inspect::{
    self, CheckReport, ClassReport, Estimate, FilledReport, LabelReport, PatternReport, Piece, PieceKind,
    SplitReport, WordReport,
};

use crate::args::{Check, Global};
use crate::failure::Result;
use crate::layout::{Align, Table, abridged, count, counted, percent};
use crate::printer::Printer;
use crate::summary;

use super::{device, open};

/// Characters of a row's text, and of what is cut off it, that are shown.
const SHOWN: (usize, usize) = (200, 60);

/// Checks a task and shows what was found.
pub(crate) fn run(args: &Check, global: &Global, printer: &Printer) -> Result {
    let device = device(global.threads)?;
    let (task, model) = open(&args.task)?;
    let report = inspect::check(&task, &model, &device)?;
    for label in report.labels.iter().filter(|_| task.described.is_some()) {
        let words: Vec<&str> = label.words.iter().map(|word| word.word.as_str()).collect();
        printer.note(format_args!("words for `{}`: {}", label.name, words.join(", ")));
    }

    printer.json(&report)?;
    printer.show(head(&report, &model.name, printer))?;
    printer.show(data(&report.sets, printer))?;
    printer.show(classes(&report.classes, printer))?;
    if !report.labels.is_empty() {
        printer.show(format_args!("\n{}", printer.heading("labels")))?;
        printer.show(labels_with_words(&report.labels, printer))?;
    }
    for (number, pattern) in report.patterns.iter().enumerate() {
        printer.show(pattern_with_rows(number, pattern, printer))?;
    }
    if let Some(estimate) = &report.estimate {
        printer.show(format_args!("\n{}\n{}", printer.heading("training"), cost(estimate)))?;
    }
    printer.show(warnings(&report.warnings, printer))?;
    Ok(())
}

fn cost(estimate: &Estimate) -> String {
    let jobs: Vec<&str> = estimate.jobs.iter().map(|job| job.job.as_str()).collect();
    format!("  {}: {}\n  {}\n", counted(jobs.len(), "job"), jobs.join(", "), summary::expected(estimate))
}

fn head(report: &CheckReport, model: &str, printer: &Printer) -> String {
    let labels = if report.classes.is_empty() { report.labels.len() } else { report.classes.len() };
    format!(
        "{}: {}, {}, {} to fine-tune, model {model}\n",
        printer.heading(&report.name),
        summary::labels(labels),
        counted(report.patterns.len(), "pattern"),
        counted(report.members, "model"),
    )
}

fn data(sets: &[SplitReport], printer: &Printer) -> String {
    let mut table = Table::new([Align::Left, Align::Left, Align::Left, Align::Left]);
    for SplitReport { set, files, columns, rows, unlabelled } in sets {
        let files = match files.as_slice() {
            [file] => file.clone(),
            several => format!("{} and {} more", several[0], several.len() - 1),
        };
        let mut rows = counted(*rows, "row");
        if *unlabelled > 0 {
            rows += &format!(", {} without a label", count(*unlabelled));
        }
        table.row([set.to_string(), rows, files, columns.join(", ")]);
    }
    format!("\n{}\n{table}", printer.heading("data"))
}

/// The classes that rows can be about, if they can have several labels, and how many rows are about each.
fn classes(classes: &[ClassReport], printer: &Printer) -> String {
    if classes.is_empty() {
        return String::new();
    }
    let mut table = Table::new([Align::Left, Align::Right, Align::Right, Align::Left]);
    table.row(["class", "labelled", "test", "description"].map(|title| printer.dim(title)));
    for ClassReport { name, text, train_rows, test_rows } in classes {
        table.row([name.clone(), count(*train_rows), count(*test_rows), text.clone()]);
    }
    format!("\n{}\n{table}", printer.heading("classes"))
}

/// The labels, how many rows have each, and their words.
pub(crate) fn labels_with_words(labels: &[LabelReport], printer: &Printer) -> String {
    let known = labels.iter().any(|label| label.told_apart.is_some());
    let mut table = Table::new(
        [
            &[Align::Left, Align::Right, Align::Right][..],
            &vec![Align::Right; usize::from(known)],
            &[Align::Left],
        ]
        .concat(),
    );
    let apart = |text: String| known.then_some(text);
    let row = |name: String, labelled: String, test: String, told: String, words: String| {
        [name, labelled, test].into_iter().chain(apart(told)).chain([words]).collect::<Vec<_>>()
    };
    let titles = ["label", "labelled", "test", "separation", "words and their token ids"]
        .map(|title| printer.dim(title));
    let [name, labelled, test, told, words] = titles;
    table.row(row(name, labelled, test, told, words));
    for LabelReport { name, train_rows, test_rows, told_apart, words } in labels {
        let words: Vec<String> = words.iter().map(word_with_tokens).collect();
        let told = told_apart.map_or(String::new(), |share| format!("{:.0} %", 100.0 * share));
        table.row(row(name.clone(), count(*train_rows), count(*test_rows), told, words.join(", ")));
    }
    format!("\n{table}")
}

/// `payment 7909`, `rock climbing (2600 + 8218)`, or `{choice1} (from the row)`.
fn word_with_tokens(word: &WordReport) -> String {
    match word.ids.as_slice() {
        [] => format!("{} (from the row)", word.word),
        [id] => format!("{} {id}", word.word),
        ids => {
            let ids: Vec<String> = ids.iter().map(u32::to_string).collect();
            format!("{} ({})", word.word, ids.join(" + "))
        }
    }
}

/// A pattern and, below it, some rows in it.
pub(crate) fn pattern_with_rows(number: usize, report: &PatternReport, printer: &Printer) -> String {
    let PatternReport { pattern, examples, lengths } = report;
    let mut text = format!("\n{} {pattern}\n", printer.heading(&format!("pattern {number}")));
    for FilledReport { place, pieces, .. } in examples {
        let file = Path::new(&place.file).file_name().unwrap_or_default().to_string_lossy();
        let place = place.line.map_or(file.to_string(), |line| format!("{file}:{line}"));
        text += &format!("  {}  {}\n", filled(pieces, printer), printer.dim(&format!("({place})")));
    }
    let cut = if lengths.cut_share > 0.0 {
        format!("{} of the rows are cut", percent(lengths.cut_share))
    } else {
        "no row is cut".to_owned()
    };
    text + &printer
        .dim(&format!("  {:.0} tokens on average, {} at most; {cut}\n", lengths.mean, lengths.longest))
}

/// Likely mistakes, with what to do about each.
fn warnings(warnings: &[Warning], printer: &Printer) -> String {
    let mut text = String::new();
    for Warning { place, problem, remedy } in warnings {
        text += &format!("\n{} {place}: {problem}\n  {remedy}\n", printer.caution("warning:"));
    }
    text
}

/// A filled pattern on one line; the row's own text stands out, and what is cut is in brackets.
fn filled(pieces: &[Piece], printer: &Printer) -> String {
    let mut line = String::new();
    for piece in pieces {
        line += &match piece.kind {
            PieceKind::Literal => piece.text.clone(),
            PieceKind::Field => printer.text(&abridged(&piece.text, SHOWN.0)),
            PieceKind::Cut { tokens } => {
                let gone = abridged(piece.text.trim(), SHOWN.1);
                printer.dim(&format!(" [cut, {}: {gone}]", counted(tokens, "token")))
            }
            PieceKind::Mask => printer.strong("____"),
            PieceKind::Sep => " | ".to_owned(),
        };
    }
    line
}
