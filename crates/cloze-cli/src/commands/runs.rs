//! `cloze runs`: what runs keep, and how it is freed.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use cloze::{Error, Run};
use serde_json::{Value, json};

use crate::args::{Prune, Runs, RunsAction};
use crate::failure::Result;
use crate::layout::{Align, Table, bytes, counted, moment, percent};
use crate::printer::Printer;
use crate::runs::{Found, within};

/// Lists runs, or removes some.
pub(crate) fn run(args: &Runs, printer: &Printer) -> Result {
    match &args.action {
        None => list(&args.dir, printer),
        Some(RunsAction::Prune(args)) => prune(args, printer),
    }
}

fn list(dir: &Path, printer: &Printer) -> Result {
    let runs = found(dir)?;
    let mut table = Table::new([Align::Left, Align::Left, Align::Right, Align::Right, Align::Left]);
    table.row(["run", "when", "size", "accuracy", ""]);
    let mut all = Vec::new();
    let mut total = 0;
    for run in &runs {
        let size = size(&run.dir);
        total += size;
        let accuracy = Run::open(&run.dir).ok().and_then(|run| {
            let outcome = run.results.distilled.or(run.results.supervised)?;
            Some(outcome.test?.accuracy.value)
        });
        table.row([
            run.dir.display().to_string(),
            moment(run.time),
            bytes(size),
            accuracy.map_or(String::new(), percent),
            if run.finished { String::new() } else { "not finished".to_owned() },
        ]);
        all.push(json!({"run": run.dir, "finished": run.finished, "bytes": size, "accuracy": accuracy}));
    }
    printer.json(&json!({"runs": all, "bytes": total}))?;
    if runs.is_empty() {
        printer.show(format_args!("There are no runs in {}.\n", dir.display()))?;
        return Ok(());
    }
    printer.show(format_args!("{table}\n{} in {}\n", bytes(total), counted(runs.len(), "run")))?;
    printer.show(format_args!("\nnext:\n  {} runs prune {}\n", super::program(), dir.display()))?;
    Ok(())
}

fn prune(args: &Prune, printer: &Printer) -> Result {
    let runs = found(&args.dir)?;
    let mut kept: HashMap<String, usize> = HashMap::new();
    let mut removed: Vec<(&Found, &str, u64)> = Vec::new();
    for run in &runs {
        let kept = kept.entry(task_of(run)).or_default();
        // A run that was never finished is only in the way once a newer one is.
        let stays = *kept < args.keep || !run.finished && *kept == 0;
        *kept += usize::from(run.finished && stays);
        let members = members(&run.dir);
        if !stays {
            removed.push((run, "all of it", size(&run.dir)));
        } else if args.members && run.finished && members > 0 && run.dir.join("final/job.json").is_file() {
            removed.push((run, "models of the ensemble", members));
        }
    }
    let total: u64 = removed.iter().map(|(_, _, bytes)| bytes).sum();
    let mut table = Table::new([Align::Left, Align::Left, Align::Right]);
    for (run, what, size) in &removed {
        table.row([run.dir.display().to_string(), (*what).to_owned(), bytes(*size)]);
    }
    let mut failed = Vec::new();
    for (run, what, _) in removed.iter().filter(|_| args.yes) {
        let done = match *what {
            "all of it" => Run::remove(&run.dir),
            _ => Run::remove_members(&run.dir),
        };
        if let Err(error) = done {
            printer.warn(format_args!("{} stays: {error}", run.dir.display()));
            failed.push(run.dir.clone());
        }
    }
    let lines: Vec<Value> = removed
        .iter()
        .map(|(run, what, size)| json!({"run": run.dir, "what": what, "bytes": size}))
        .collect();
    printer.json(&json!({"removed": args.yes, "runs": lines, "bytes": total, "failed": failed}))?;
    if removed.is_empty() {
        printer.show(format_args!("There is nothing to remove in {}.\n", args.dir.display()))?;
        return Ok(());
    }
    let verb = if args.yes { "freed" } else { "would be freed; add `--yes` to remove it" };
    printer.show(format_args!("{table}\n{} {verb}\n", bytes(total)))?;
    Ok(())
}

fn found(dir: &Path) -> Result<Vec<Found>> {
    if dir.is_dir() {
        return Ok(within(dir));
    }
    Err(Error::usage(
        format!("there is no directory `{}`", dir.display()),
        "name the directory that `--runs` named, or go to the folder in which `cloze train` was run",
    )
    .into())
}

/// The task of a run, as its directory names it.
fn task_of(run: &Found) -> String {
    let name = run.dir.file_name().unwrap_or_default().to_string_lossy().into_owned();
    name.rsplit_once('-').map_or(name.clone(), |(task, _)| task.to_owned())
}

/// Bytes of all files in a directory.
fn size(dir: &Path) -> u64 {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}

/// Bytes of everything in a run but its own files and its final classifier.
fn members(run: &Path) -> u64 {
    let entries = fs::read_dir(run).into_iter().flatten().flatten().map(|entry| entry.path());
    entries.filter(|path| path.is_dir() && !path.ends_with("final")).map(|path| size(&path)).sum()
}
