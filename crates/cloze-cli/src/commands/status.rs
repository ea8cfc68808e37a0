//! `cloze status`: how far a run is, and who works in it.

use cloze::{Run, Status};
use serde_json::json;

use crate::args;
use crate::failure::Result;
use crate::layout::{Align, Table, counted, duration};
use crate::printer::Printer;

use super::{program, slurm, work};

/// Shows a run's jobs, the processes in it, and the jobs that Slurm still has of it.
pub(crate) fn run(args: &args::Status, printer: &Printer) -> Result {
    work::check(&args.run)?;
    let status = Run::status(&args.run)?;
    let queue = slurm::queue(&args.run);
    let mut value = json!(status);
    value["slurm"] = json!(queue);
    for (job, found) in value["jobs"].as_array_mut().into_iter().flatten().zip(&status.jobs) {
        job["state"] = state(found).into();
    }
    printer.json(&value)?;
    printer.show(format_args!("{}\n\n{}", headline(&status), jobs(&status)))?;
    if !status.workers.is_empty() {
        printer.show(format_args!("\n{}", workers(&status)))?;
    }
    if !queue.is_empty() {
        let mut table = Table::new([Align::Right, Align::Left, Align::Left, Align::Left]);
        table.row(["slurm job", "name", "state", ""]);
        for job in &queue {
            table.row([&job.id, &job.name, &job.state, &job.reason]);
        }
        printer.show(format_args!("\n{table}"))?;
    }
    if !status.finished && status.workers.iter().all(|worker| !worker.alive) && queue.is_empty() {
        printer.show(format_args!("\nnext:\n  {} work {}\n", program(), args.run.display()))?;
    }
    Ok(())
}

fn state(job: &cloze::JobStatus) -> &'static str {
    match (job.seconds, &job.worker) {
        (Some(_), _) => "done",
        (None, Some(_)) => "working",
        (None, None) => "open",
    }
}

fn headline(status: &Status) -> String {
    let of = |wanted: &str| status.jobs.iter().filter(|job| state(job) == wanted).count();
    let end = match (status.finished, of("working")) {
        (true, _) => "finished".to_owned(),
        (false, 0) => "nothing is being done".to_owned(),
        (false, working) => format!("{working} being done"),
    };
    format!("{}: {} of {} done, {end}", status.run.display(), of("done"), counted(status.jobs.len(), "job"))
}

fn jobs(status: &Status) -> String {
    let mut table = Table::new([Align::Left, Align::Left, Align::Right, Align::Left]);
    table.row(["job", "state", "time", "process"]);
    for job in &status.jobs {
        let time = job.seconds.map_or(String::new(), duration);
        table.row([job.job.clone(), state(job).into(), time, job.worker.clone().unwrap_or_default()]);
    }
    table.to_string()
}

fn workers(status: &Status) -> String {
    let mut table = Table::new([Align::Left, Align::Right, Align::Left, Align::Right, Align::Left]);
    table.row(["machine", "process", "name", "since", ""]);
    for worker in &status.workers {
        let note = if worker.alive { "" } else { "gone without a word; its job is given to another" };
        let pid = worker.pid.to_string();
        table.row([worker.host.clone(), pid, worker.worker.clone(), duration(worker.seconds), note.into()]);
    }
    table.to_string()
}
