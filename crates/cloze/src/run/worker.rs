//! The worker: carries out every job of a plan that is not yet in the run directory, one after the other, and
//! then collects the results.
//!
//! Whatever a later job or the results need from an earlier job is read back from its directory. An
//! interrupted run and an uninterrupted one therefore take the same path and end the same.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use crate::results::{checksum, insight};
use crate::run::Run;
use crate::run::answered_rows;
use crate::run::event::Event;
use crate::run::jobs::Workspace;
use crate::run::log::Log;
use crate::run::plan;
use crate::run::precheck::check_patterns;
use crate::run::prepare::Prepared;
use crate::run::record::{check_record, manifest};
use crate::run::store::{Job, RunDir, pretty_json};
use crate::run::summary::Summary;
use crate::{Result, report};

impl Prepared {
    /// Trains the task in a directory under `runs`, or resumes training. A listener that returns `Break`
    /// stops the run after the current step; everything finished is kept.
    ///
    /// # Errors
    /// When there is nothing to train on, the data or the model cannot be used, the run's directory is
    /// damaged or cannot be written, or the listener stops the run.
    pub fn train(&self, runs: &Path, listener: &mut dyn FnMut(&Event) -> ControlFlow<()>) -> Result<Run> {
        let began = Instant::now();
        self.check_rows()?;
        let Prepared { task, data, plan, .. } = self;
        check_patterns(task, self.checkpoint(), data)?;
        let model = self.source();
        let run = RunDir::begin(runs, &task.name, &plan.id, &manifest(task, plan, &model))?;
        check_record(&run, task)?;
        let log = Log { run, listener };
        carry_out(&mut Workspace::new(self, &model, log), began)
    }
}

/// Carries out the plan.
fn carry_out(workspace: &mut Workspace, began: Instant) -> Result<Run> {
    let run = workspace.log.run.dir().to_owned();
    let shown = run.display().to_string();
    workspace.log.say(Event::Started { run: shown.clone(), version: env!("CARGO_PKG_VERSION").into() })?;
    let jobs = workspace.plan.jobs.iter().map(|job| job.name.clone()).collect();
    workspace.log.say(Event::Planned { jobs })?;
    let plan = workspace.plan;
    for note in &plan.notes {
        workspace.log.say(Event::warning(note))?;
    }
    for planned in &plan.jobs {
        job(workspace, planned)?;
    }
    let finished = workspace.finished();
    let results = finished.results()?;
    let insight = answered_rows::insight(finished, &results, workspace.device)?;
    if let Some(insight) = &insight {
        workspace.log.run.write(insight::FILE, &checksum::sealed(pretty_json(insight)))?;
    }
    let page = report::html(&results, insight.as_ref(), Some(workspace.task));
    workspace.log.run.write("report.html", page.as_bytes())?;
    workspace.log.run.write("results.json", &checksum::sealed(pretty_json(&results)))?;
    workspace.log.say(Event::Finished { run: shown, seconds: began.elapsed().as_secs_f64() })?;
    Ok(Run::of_results(run, results))
}

/// Carries out a job, unless this run or an earlier one has done it.
fn job(workspace: &mut Workspace, planned: &plan::Job) -> Result<()> {
    let name = &planned.name;
    let job = if let Some(job) = workspace.log.run.finished(name, &planned.id)? {
        workspace.log.say(Event::JobSkipped { job: name.clone(), from: None })?;
        job
    } else if let Some((job, from)) = workspace.log.run.adopt(name, &planned.id)? {
        workspace.log.say(Event::JobSkipped { job: name.clone(), from: Some(from) })?;
        job
    } else {
        let began = Instant::now();
        workspace.log.say(Event::JobStarted { job: name.clone(), what: workspace.what(planned.work) })?;
        let draft = workspace.log.run.draft(name)?;
        workspace.work(&draft, planned)?;
        let job = draft.finish(&planned.id, began.elapsed().as_secs_f64())?;
        workspace.log.say(Event::JobFinished { job: name.clone(), seconds: job.record().seconds })?;
        job
    };
    tell_figures(&mut workspace.log, &job)
}

/// Reports what a job has measured and its notes for the user.
fn tell_figures(log: &mut Log, job: &Job) -> Result<()> {
    let summary = Summary::read(job)?;
    for note in &summary.notes {
        log.say(Event::warning(note))?;
    }
    let Some(test) = summary.test else { return Ok(()) };
    let job = job.record().job.clone();
    for (metric, figure) in [("test accuracy", test.accuracy), ("test macro F1", test.macro_f1)] {
        log.say(Event::Measured { job: job.clone(), metric: metric.into(), rows: test.rows, figure })?;
    }
    Ok(())
}
