//! `cloze study`: which factors matter on a task.

use std::path::Path;
use std::time::Instant;

use cloze::study::{Factor, Finding, FinishedStudy, Study};
use serde_json::json;

use crate::args::{Global, Study as Args};
use crate::failure::Result;
use crate::layout::{Align, Table, counted, interval, percent};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::summary;

use super::{device, find_model, open, say_words};

/// Carries a study out, or goes on with it, and shows what it has found.
pub(crate) fn run(args: &Args, global: &Global, printer: &Printer) -> Result {
    let began = Instant::now();
    let device = device(global.threads)?;
    let (task, model) = open(&args.task)?;
    let mut models = vec![model];
    for (number, model) in args.models.iter().enumerate() {
        if !args.models[..number].iter().any(|earlier| is_same(earlier, model)) {
            models.push(find_model(model)?);
        }
    }
    let mut factors = args.factors.clone();
    if !args.models.is_empty() && !factors.contains(&Factor::Models) {
        factors.push(Factor::Models);
    }
    let study = Study::new(&task, &models, &factors, usize::from(args.seeds), &device)?;
    say_words(&task, &study.task, printer);
    let estimate = study.estimate()?;
    printer.note(format_args!(
        "{}, {}: {} from scratch",
        counted(study.runs, "run"),
        counted(estimate.jobs.len(), "job"),
        summary::expected(&estimate)
    ));
    let expected = estimate.jobs.into_iter().map(|job| (job.job, job.seconds));
    let mut progress = Progress::new(printer, expected);
    let outcome = study.carry_out(&args.studies, &mut |event| progress.hear(event))?;
    drop(progress);

    printer.json(&json!({
        "study": outcome.dir,
        "seconds": began.elapsed().as_secs_f64(),
        "run_seconds": outcome.run_seconds,
        "results": outcome.findings,
    }))?;
    show(&outcome, printer)?;
    printer.show(format_args!(
        "\n{}; the full report is {}/report.html\n",
        summary::cost(began.elapsed()),
        outcome.dir.display()
    ))?;
    Ok(())
}

/// Whether two paths lead to the same place.
fn is_same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

fn show(outcome: &FinishedStudy, printer: &Printer) -> Result {
    let findings = &outcome.findings;
    for finding in &findings.factors {
        printer.show(table(finding, printer))?;
        if let Some(overview) = &finding.overview {
            printer.show(format_args!("  {overview}\n"))?;
        }
    }
    for note in &findings.notes {
        printer.show(format_args!("\nnote: {note}\n"))?;
    }
    printer.show(format_args!("\n{}\n", printer.heading("what helped")))?;
    for conclusion in &findings.conclusions {
        printer.show(format_args!("  {conclusion}\n"))?;
    }
    Ok(())
}

fn table(finding: &Finding, printer: &Printer) -> String {
    let mut table = Table::new([Align::Left, Align::Right, Align::Right, Align::Right, Align::Left]);
    table.row(["", "accuracy", "95 % interval", "macro F1", "by seed"].map(|title| printer.dim(title)));
    for setting in &finding.settings {
        let seeds: Vec<String> = setting.arms.iter().map(|arm| percent(arm.accuracy.value)).collect();
        table.row([
            setting.setting.clone(),
            percent(setting.accuracy.value),
            interval(&setting.accuracy),
            percent(setting.macro_f1),
            seeds.join(", "),
        ]);
    }
    format!("\n{}: {}\n\n{table}", printer.heading(&finding.factor.to_string()), finding.question)
}
