//! `cloze train`: from a task file to a classifier.

use std::path::Path;
use std::time::Instant;

use cloze::inspect::estimate::{Estimate, Speed};
use cloze::run::prepare::Prepared;
use cloze::task::{Method, Precision};
use cloze::{Error, Run, Task, inspect};

use crate::args::{Global, Overrides, Train};
use crate::failure::Result;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::summary;

use super::{device, open, prepare, program};

/// Trains, or goes on with training, and shows the results.
pub(crate) fn run(args: &Train, global: &Global, printer: &Printer) -> Result {
    let began = Instant::now();
    let device = device(global)?;
    let (mut task, model) = open(&args.task)?;
    override_options(&mut task, &args.overrides)?;

    let prepared = prepare(&task, &model, &device, printer)?;
    let run = carry_out(&prepared, task.options.precision, &args.runs, printer)?;

    printer.json(&summary::json(&run, began.elapsed())?)?;
    let results = &run.results;
    printer.show(format_args!("\n{}: {}\n\n", printer.heading(&results.name), summary::inputs(results)))?;
    printer.show(summary::table(results, &run.path, printer)?)?;
    for note in &results.notes {
        printer.show(format_args!("\nnote: {note}\n"))?;
    }
    printer.show(summary::unmeasured(results, &run.path, task.options.keep))?;
    let run = run.path.display();
    printer.show(format_args!(
        "\n{}; the whole story is in {run}/report.html\n\nnext:\n  {} predict {run} INPUT -o OUTPUT\n",
        summary::cost(began.elapsed()),
        program()
    ))?;
    Ok(())
}

/// Trains in a directory under `runs` and shows the progress. `asked` is the numeric format that the task asks for.
pub(crate) fn carry_out(
    prepared: &Prepared,
    asked: Precision,
    runs: &Path,
    printer: &Printer,
) -> Result<Run> {
    if asked == Precision::Bfloat16 && prepared.task().options.precision != asked {
        printer.note("this processor gains nothing by bfloat16: computing in float32");
    }
    inspect::warnings(prepared).iter().for_each(|warning| printer.warn(warning));
    let estimate = Estimate::new(prepared, Speed::measure(prepared)?)?;
    printer.note(format_args!("{} if nothing is done yet", summary::expected(&estimate)));
    let expected = estimate.jobs.into_iter().map(|job| (job.job, job.seconds));
    let mut progress = Progress::new(printer, expected);
    Ok(prepared.train(runs, &mut progress)?)
}

/// Puts what was said on the command line in the place of what the task file says.
fn override_options(task: &mut Task, overrides: &Overrides) -> Result {
    let Overrides { method, seeds, keep, compare } = overrides;
    let classifier = *compare || method.is_some_and(|method| method != Method::Pet);
    if classifier && task.answers.choices().is_some() {
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
