//! The results of a run on one screen.

use std::path::Path;
use std::time::Duration;

use cloze::inspect::Estimate;
use cloze::task::Keep;
use cloze::{Cost, Results, Run, Stage};
use serde_json::{Value, json};

use crate::layout::{Align, Table, bytes, count, counted, duration, interval, percent};
use crate::printer::Printer;
use crate::retyped::typed_path;

/// The table of all stages that were measured, or of all if none was, each with its accuracy, interval, what else the task asks for, and time.
pub(crate) fn table(run: &Run, printer: &Printer) -> String {
    let results = &run.results;
    let mut stages = results.stages();
    if stages.iter().any(|(_, stage)| stage.test.is_some()) {
        stages.retain(|(_, stage)| stage.test.is_some());
    }
    let outcome = results.outcome().map(|stage| &stage.job);
    // The first one, macro F1, is measured for all tasks and stands in the report.
    let figures =
        |stage: &Stage| stage.test.as_ref().map(|test| test.figures().split_off(1)).unwrap_or_default();
    let others = stages.first().map_or(Vec::new(), |(_, stage)| figures(stage));
    let names = others.iter().map(|(name, _)| *name);
    let titles = ["", "accuracy", "95 % interval"].into_iter().chain(names).chain(["time"]);
    let titles: Vec<String> = titles.map(|title| printer.dim(title)).collect();
    let mut aligned = vec![Align::Right; titles.len()];
    aligned[0] = Align::Left;
    let mut table = Table::new(aligned);
    table.row(titles);
    for (title, stage) in stages {
        let time = run.job_seconds.get(&stage.job).map_or(String::new(), |seconds| duration(*seconds));
        let (accuracy, within) = match &stage.test {
            Some(test) => (percent(test.accuracy.value), interval(&test.accuracy)),
            None => ("-".into(), "-".into()),
        };
        let accuracy = if outcome == Some(&stage.job) { printer.strong(&accuracy) } else { accuracy };
        let others = figures(stage).into_iter().map(|(_, figure)| percent(figure.value));
        table.row([vec![title, accuracy, within], others.collect(), vec![time]].concat());
    }
    table.to_string()
}

/// What to do if the accuracy of a run is unknown; empty if it is known.
pub(crate) fn unmeasured(results: &Results, run: &Path, keep: Keep) -> String {
    if results.rows("test") > 0 {
        return String::new();
    }
    // A run that has kept no model cannot be measured later.
    let later = match keep {
        Keep::None => String::new(),
        Keep::All | Keep::Final => {
            format!(", or measure this run later with `cloze eval {} checked.csv`", typed_path(run))
        }
    };
    format!(
        "\nnote: there are no labelled test rows, so the accuracy is unknown; add some as `test = \"checked.csv\"` \
         under `[data]` and train again{later}\n"
    )
}

/// `10 labels`, or what there is instead.
pub(crate) fn labels(count: usize) -> String {
    if count == 0 { "each row has its own choices".to_owned() } else { counted(count, "label") }
}

/// `10 labels; 40 labelled, 2,000 unlabelled and 1,000 test rows; model cloze-mini-en`.
pub(crate) fn inputs(results: &Results, model: &str) -> String {
    let rows = |part: &str| count(results.rows(part));
    format!(
        "{}; {} labelled, {} unlabelled and {} test rows; model {model}",
        labels(if results.classes.is_empty() { results.labels.len() } else { results.classes.len() }),
        rows("train"),
        rows("unlabeled"),
        rows("test"),
    )
}

/// `about 2 min, 400 MB of memory, 90 MB of disk`.
pub(crate) fn expected(estimate: &Estimate) -> String {
    format!(
        "about {}, {} of memory, {} of disk",
        duration(estimate.seconds),
        bytes(estimate.memory),
        bytes(estimate.disk)
    )
}

/// `1 min 20 s, 410 MB of memory at most`.
pub(crate) fn cost(elapsed: Duration) -> String {
    let time = duration(elapsed.as_secs_f64());
    match peak_memory() {
        Some(peak) => format!("{time}, {} of memory at most", bytes(peak)),
        None => time,
    }
}

/// The largest amount of memory that this process has used so far, in bytes, where the system tells.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    let kilobytes: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kilobytes * 1024)
}

/// The results for scripts.
pub(crate) fn json(run: &Run, elapsed: Duration) -> cloze::Result<Value> {
    Ok(json!({
        "run": run.path,
        "seconds": elapsed.as_secs_f64(),
        "peak_memory_bytes": peak_memory(),
        "job_seconds": run.job_seconds,
        "cost": run.cost()?,
        "results": run.results,
    }))
}

/// Fewer rows say little about the cost of many.
const ENOUGH_ROWS: usize = 100;

/// What 1,000 predictions cost, if `rows` of them have cost this.
pub(crate) fn per_thousand(cost: Cost, rows: usize) -> Option<Cost> {
    (rows >= ENOUGH_ROWS).then(|| cost * (1000.0 / rows as f64))
}

/// `; per 1,000 rows 2.9 s of processor time, 41 J`, as far as it is known.
pub(crate) fn shown_per_thousand(cost: Option<Cost>) -> String {
    let Some(cost) = cost else { return String::new() };
    let cpu = cost.cpu_seconds.map(|seconds| format!("{} of processor time", duration(seconds)));
    let joules = cost.joules.map(|joules| format!("{joules:.0} J"));
    let known: Vec<String> = cpu.into_iter().chain(joules).collect();
    if known.is_empty() { String::new() } else { format!("; per 1,000 rows {}", known.join(", ")) }
}
