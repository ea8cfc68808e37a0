//! `cloze train`: from a task file to a classifier.

use std::path::Path;
use std::time::Instant;

use cloze::inspect::Estimate;
use cloze::task::Precision;
use cloze::{Prepared, Run, inspect};

use crate::args::{Global, Train};
use crate::failure::Result;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::summary;

use super::{adapt, device, open_with, prepare, program};

/// Trains, or goes on with training, and shows the results.
pub(crate) fn run(args: &Train, global: &Global, printer: &Printer) -> Result {
    let began = Instant::now();
    let device = device(global.threads)?;
    let (task, model) = open_with(&args.task, args.overrides.settings()?)?;

    let model = match args.adapt {
        true => adapt::to_rows(&Prepared::new(&task, &model, &device)?, &args.runs, printer)?.0,
        false => model,
    };
    let prepared = prepare(&task, &model, &device, printer)?;
    let run = carry_out(&prepared, task.options.precision, &args.runs, printer)?;

    printer.json(&summary::json(&run, began.elapsed())?)?;
    let results = &run.results;
    printer.show(format_args!(
        "\n{}: {}\n\n",
        printer.heading(&results.name),
        summary::inputs(results, &model.name)
    ))?;
    printer.show(summary::table(&run, printer))?;
    for note in &results.notes {
        printer.show(format_args!("\nnote: {note}\n"))?;
    }
    printer.show(summary::unmeasured(results, &run.path, task.options.keep))?;
    let run = run.path.display();
    printer.show(format_args!(
        "\n{}; the full report is {run}/report.html\n\nnext:\n  {} predict {run} INPUT -o OUTPUT\n",
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
    if asked == Precision::Bfloat16 && prepared.task.options.precision != asked {
        printer.note("bfloat16 is not faster on this processor, so float32 is used");
    }
    inspect::warnings(prepared).iter().for_each(|warning| printer.warn(warning));
    let estimate = Estimate::measured(prepared)?;
    printer.note(format_args!("{} from scratch", summary::expected(&estimate)));
    let expected = estimate.jobs.into_iter().map(|job| (job.job, job.seconds));
    let mut progress = Progress::new(printer, expected);
    Ok(prepared.train(runs, &mut |event| progress.hear(event))?)
}
