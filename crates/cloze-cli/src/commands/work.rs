//! `cloze work`: a part in a run that several processes share.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use cloze::inspect::Estimate;
use cloze::{Error, Part, Prepared, Run};
use serde_json::json;

use crate::args::{Global, ModelArg, Work};
use crate::failure::Result;
use crate::layout::counted;
use crate::printer::Printer;
use crate::progress::Progress;
use crate::runs::is_run;
use crate::{nearby, summary};

use super::{device, open_model, program};

/// Does jobs of a run until none is left for this process.
pub(crate) fn run(args: &Work, global: &Global, printer: &Printer) -> Result {
    let began = Instant::now();
    let prepared = open(&args.run, &args.model, global)?;
    let part = Part {
        index: args.index.unwrap_or(0),
        of: args.of.unwrap_or(1) as usize,
        waits: !args.no_wait,
        merges: !args.no_wait,
        lease: Duration::from_secs(args.lease),
        ..Part::default()
    };
    let finished = take_part(&prepared, &args.run, &part, printer)?;
    let open = Run::status(&args.run)?.jobs.iter().filter(|job| job.seconds.is_none()).count();
    printer.json(&json!({"run": args.run, "finished": finished.is_some(), "open_jobs": open}))?;
    let cost = summary::cost(began.elapsed());
    match finished {
        Some(run) => printer
            .show(format_args!("\n{cost}; the run is finished: {}/report.html\n", run.path.display()))?,
        None => printer.show(format_args!(
            "\n{cost}; {} left for other processes\n\nnext:\n  {} status {}\n",
            counted(open, "job"),
            program(),
            args.run.display()
        ))?,
    }
    Ok(())
}

/// The run in `dir`, ready to go on with.
pub(super) fn open(dir: &Path, model: &ModelArg, global: &Global) -> Result<Prepared> {
    check(dir)?;
    let task = Run::task(dir)?;
    let model = open_model(model, Some(&task))?;
    Ok(Prepared::of_run(dir, &model, &device(global.threads)?)?)
}

/// Makes sure that this is a run.
pub(super) fn check(dir: &Path) -> Result {
    if is_run(dir) {
        return Ok(());
    }
    let problem = match nearby::is_missing(dir) {
        true => format!("there is no `{}`", dir.display()),
        false => format!("`{}` is not the directory of a run", dir.display()),
    };
    let program = program();
    let remedy = format!(
        "name a directory that `{program} train` or `{program} submit` has created, such as `{program} runs` lists them"
    );
    Err(Error::usage(problem, remedy).into())
}

/// Works in the run in `dir` and shows how it goes.
pub(super) fn take_part(
    prepared: &Prepared,
    dir: &Path,
    part: &Part,
    printer: &Printer,
) -> Result<Option<Run>> {
    let expected = Estimate::measured(prepared)?.jobs.into_iter().map(|job| (job.job, job.seconds));
    let mut progress = Progress::new(printer, expected);
    Ok(prepared.work(&folder(dir), part, &mut |event| progress.hear(event))?)
}

/// The folder of runs that a run is in, whatever it was called.
pub(super) fn folder(dir: &Path) -> PathBuf {
    let dir = match dir.file_name() {
        Some(_) => dir.to_owned(),
        None => dir.canonicalize().unwrap_or_else(|_| dir.to_owned()),
    };
    nearby::folder(&dir).to_owned()
}
