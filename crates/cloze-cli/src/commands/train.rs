//! `cloze train`: from a task file to a classifier.

use std::path::Path;
use std::time::Instant;

use cloze::dataset::Data;
use cloze::inspect::estimate::{Estimate, Speed};
use cloze::run::train::{self, Outcome};
use cloze::task::{Method, Precision, Task};
use cloze::{Error, Model};
use cloze_encoder::Device;

use crate::args::{Global, Overrides, Train};
use crate::failure::Result;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::summary;

use super::{device, doubt_language, open, program};

/// Trains, or goes on with training, and shows the results.
pub(crate) fn run(args: &Train, global: &Global, printer: &Printer) -> Result {
    let began = Instant::now();
    let device = device(global)?;
    let (mut task, model) = open(&args.task, &device, printer)?;
    override_options(&mut task, &args.overrides)?;

    let outcome = carry_out(&task, &model, &device, &args.runs, printer)?;

    printer.json(&summary::json(&outcome, began.elapsed())?)?;
    let results = &outcome.results;
    printer.show(format_args!("\n{}: {}\n\n", printer.heading(&results.name), summary::inputs(results)))?;
    printer.show(summary::table(results, &outcome.run, printer)?)?;
    for note in &results.notes {
        printer.show(format_args!("\nnote: {note}\n"))?;
    }
    printer.show(summary::unmeasured(results, &outcome.run, task.options.keep))?;
    let run = outcome.run.display();
    printer.show(format_args!(
        "\n{}; the whole story is in {run}/report.html\n\nnext:\n  {} predict {run} INPUT -o OUTPUT\n",
        summary::cost(began.elapsed()),
        program()
    ))?;
    Ok(())
}

/// Trains in a directory under `runs` and shows the progress.
pub(crate) fn carry_out(
    task: &Task,
    model: &Model,
    device: &Device,
    runs: &Path,
    printer: &Printer,
) -> Result<Outcome> {
    let checkpoint = model.checkpoint();
    let device = &task.options.precision.device(device);
    if task.options.precision == Precision::Bfloat16 && !device.kernels().is_bf16() {
        printer.note("this processor gains nothing by bfloat16: computing in float32");
    }
    let speed = Speed::measure(checkpoint, device)?;
    let data = Data::read(task)?;
    data.warnings.iter().for_each(|warning| printer.warn(warning));
    if let Some(warning) = doubt_language(task, &data, model) {
        printer.warn(warning);
    }
    let estimate = Estimate::new(task, &data, checkpoint, speed)?;
    printer.note(format_args!("{} if nothing is done yet", summary::expected(&estimate)));
    let expected = estimate.jobs.into_iter().map(|job| (job.job, job.seconds));
    let mut progress = Progress::new(printer, expected);
    Ok(train::train(task, model.name(), checkpoint, device, runs, &mut progress)?)
}

/// Puts what was said on the command line in the place of what the task file says.
fn override_options(task: &mut Task, overrides: &Overrides) -> Result {
    let Overrides { method, seeds, keep, compare } = overrides;
    let classifier = *compare || method.is_some_and(|method| method != Method::Pet);
    if classifier && task.choices.is_some() {
        return Err(Error::usage(
            "rows with `[choices]` of their own can have no classifier",
            "leave `--method` and `--compare` out",
        )
        .into());
    }
    task.options.compare |= compare;
    if let Some(method) = method {
        task.options.method = *method;
    }
    if let Some(keep) = keep {
        task.options.keep = *keep;
    }
    if !seeds.is_empty() {
        task.options.seeds.clone_from(seeds);
    }
    Ok(task.check_options()?)
}
