//! `cloze study`: which factors matter on a task.

use std::path::Path;
use std::time::Instant;

use cloze::study::{Alternatives, Factor, Finding, Findings, FinishedStudy, Study};
use cloze::{Model, Prepared, Task};
use cloze_encoder::Device;
use serde_json::{Map, Value, json};

use crate::args::{Global, Study as Args};
use crate::failure::Result;
use crate::layout::{Align, Table, counted, duration, interval, percent};
use crate::printer::Printer;
use crate::progress::Progress;
use crate::summary;

use super::{adapt, device, find_model, open, say_words, task_argument};

/// Carries a study out, or goes on with it, and shows what it has found.
pub(crate) fn run(args: &Args, global: &Global, printer: &Printer) -> Result {
    let began = Instant::now();
    let device = device(global.threads)?;
    let (task, model) = open(&args.task)?;
    let factors = factors(args);
    let mut alternatives = alternatives(args)?;
    if factors.contains(&Factor::Adaptation) {
        alternatives.adapted = Some(adapted(args, &task, &model, &device, printer)?);
    }
    let study = Study::new(&task, &model, &alternatives, &factors, usize::from(args.seeds), &device)?;
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
        "setting_seconds": setting_seconds(&outcome.findings),
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

/// The factors that are asked for, and those for which something to compare is named.
fn factors(args: &Args) -> Vec<Factor> {
    let named = [
        (Factor::Models, !args.models.is_empty()),
        (Factor::Words, !args.words.is_empty()),
        (Factor::Patterns, !args.pattern_sets.is_empty()),
    ];
    let mut factors = args.factors.clone();
    for (factor, _) in named.into_iter().filter(|(_, is_named)| *is_named) {
        if !factors.contains(&factor) {
            factors.push(factor);
        }
    }
    factors
}

/// What the options name to compare the task with.
fn alternatives(args: &Args) -> Result<Alternatives> {
    let mut models = Vec::new();
    for (number, model) in args.models.iter().enumerate() {
        if !args.models[..number].iter().any(|earlier| is_same(earlier, model)) {
            models.push(find_model(model)?);
        }
    }
    let mut words = Vec::new();
    for file in &args.words {
        task_argument::check(file)?;
        words.push(Task::open(file).map_err(|error| task_argument::explained(file, error))?);
    }
    Ok(Alternatives { models, words, pattern_sets: args.pattern_sets.clone(), adapted: None })
}

/// The model adapted to the rows of the task, beside the study's runs.
fn adapted(
    args: &Args,
    task: &Task,
    model: &Model,
    device: &Device,
    printer: &Printer,
) -> Result<(Model, f64)> {
    adapt::to_rows(&Prepared::new(task, model, device)?, &args.studies, printer)
}

/// The time of every setting, by factor: the mean over the seeds.
fn setting_seconds(findings: &Findings) -> Value {
    let of_factor = |finding: &Finding| {
        let settings = finding.settings.iter();
        let seconds: Map<String, Value> =
            settings.map(|setting| (setting.setting.clone(), setting.seconds.into())).collect();
        (finding.factor.to_string(), seconds.into())
    };
    findings.factors.iter().map(of_factor).collect::<Map<_, _>>().into()
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
    let mut table =
        Table::new([Align::Left, Align::Right, Align::Right, Align::Right, Align::Right, Align::Left]);
    let titles = ["", "accuracy", "95 % interval", "macro F1", "time", "by seed"];
    table.row(titles.map(|title| printer.dim(title)));
    for setting in &finding.settings {
        let seeds: Vec<String> = setting.arms.iter().map(|arm| percent(arm.accuracy.value)).collect();
        table.row([
            setting.setting.clone(),
            percent(setting.accuracy.value),
            interval(&setting.accuracy),
            percent(setting.macro_f1),
            duration(setting.seconds),
            seeds.join(", "),
        ]);
    }
    format!("\n{}: {}\n\n{table}", printer.heading(&finding.factor.to_string()), finding.question)
}
