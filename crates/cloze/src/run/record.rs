//! The record of a run, `run.toml`: what it was started with.

use std::path::Path;

use cloze_encoder::{Device, Kernels};

use crate::Result;
use crate::results::ModelSource;
use crate::run::plan::Plan;
use crate::run::store::{self, RunDir};
use crate::task::Task;

/// Checks that an existing run has the record of this task; they must agree in everything that the run's id
/// covers.
pub(super) fn check_record(run: &RunDir, task: &Task) -> Result<()> {
    let name = run.dir().join("run.toml").display().to_string();
    let record = Task::parse(&name, &run.manifest()?, run.dir());
    match record.is_ok_and(|record| record.canonical() == task.canonical()) {
        true => Ok(()),
        false => Err(run.changed(true).into()),
    }
}

/// The device to work on in the run in `dir`: the threads of `device`, with the kernels that the run is bound to, so that every job comes out the
/// same on every machine.
pub(super) fn bound(dir: &Path, device: &Device) -> Result<Device> {
    let Some(wanted) = store::kernels(dir).filter(|wanted| wanted != device.kernels().name()) else {
        return Ok(device.clone());
    };
    match wanted.parse().ok().filter(|kernels: &Kernels| kernels.available()) {
        Some(kernels) => Ok(Device::with_kernels(device.threads(), kernels)),
        None => Err(store::Error::Kernels { path: dir.to_owned(), wanted }.into()),
    }
}

/// `run.toml`: versions and hashes as comments for readers, and the complete task, from which the run is read
/// again.
pub(super) fn manifest(task: &Task, plan: &Plan, model: &ModelSource, kernels: Kernels) -> String {
    let mut text = format!(
        "{}{}. The run's id is {}.\n# model: {} ({})\n",
        store::MADE_BY,
        env!("CARGO_PKG_VERSION"),
        plan.id,
        model.name.escape_debug(),
        model.fingerprint
    );
    text.push_str(&store::kernels_line(kernels.name()));
    text.push_str(&store::task_line(task.file()));
    for (part, source) in &plan.data {
        text.push_str(&format!("# {part}: {} rows ({})\n", source.rows, source.fingerprint));
    }
    for job in &plan.jobs {
        text.push_str(&store::job_line(&job.name, &job.id));
    }
    text.push('\n');
    text.push_str(&task.to_toml());
    text
}
