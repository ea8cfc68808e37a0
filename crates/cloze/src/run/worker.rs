//! The worker: carries out the jobs of a plan that are not yet in the run directory and that no other process does, and then collects the results.
//!
//! Whatever a later job or the results need from an earlier job is read back from its directory. An
//! interrupted run and an uninterrupted one, and one that several processes share, therefore take the same path and end the same.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use cloze_encoder::Device;

use crate::results::{Results, checksum, insight};
use crate::run::Run;
use crate::run::answered_rows;
use crate::run::costs::Spending;
use crate::run::event::Event;
use crate::run::jobs::Workspace;
use crate::run::log::Log;
use crate::run::plan::{self, Plan, Work};
use crate::run::precheck::check_patterns;
use crate::run::prepare::Prepared;
use crate::run::record::{bound, check_record, manifest};
use crate::run::store::{Claimed, Id, Job, LEASE, RunDir, pretty_json};
use crate::run::summary::Summary;
use crate::{Error, Model, Result, report};

const RESULTS: &str = "results.json";

/// The part that a process takes in a run that several work on.
#[derive(Debug, Clone)]
pub struct Part {
    /// Which of `of` processes this is, counted from 0: it asks first for every `of`-th job, beginning with this one.
    pub index: usize,
    /// The number of processes that are meant to work in the run, at least 1.
    pub of: usize,
    /// Whether it waits for the jobs of others and stays until the run is finished. Otherwise it ends when what is left needs a job that another
    /// process is busy with; it waits only for the pretrained model's scores, which take seconds, and to find out whether a process is gone.
    pub waits: bool,
    /// Whether it also does the jobs that merge the results of others, after which there may again be work for several.
    pub merges: bool,
    /// Whether it ends as soon as there are several jobs that can be done side by side.
    pub alone: bool,
    /// After how long without a sign of life others take its work over.
    pub lease: Duration,
}

impl Default for Part {
    fn default() -> Part {
        Part { index: 0, of: 1, waits: true, merges: true, alone: false, lease: LEASE }
    }
}

impl Prepared {
    /// Trains the task in a directory under `runs`, or resumes training. A listener that returns `Break`
    /// stops the run after the current step; everything finished is kept. Other processes may work in the run at the same time.
    ///
    /// # Errors
    /// When there is nothing to train on, the data or the model cannot be used, the run's directory is
    /// damaged or cannot be written, or the listener stops the run.
    pub fn train(&self, runs: &Path, listener: &mut dyn FnMut(&Event) -> ControlFlow<()>) -> Result<Run> {
        let finished = self.take_part(runs, &Part::default(), false, listener)?;
        // It waits for all others.
        Ok(finished.expect("whoever waits ends with the run"))
    }

    /// Does what is left to do in a run under `runs`, together with the other processes that work in it; `None` if it does not wait and others have
    /// not finished their jobs.
    ///
    /// # Errors
    /// As [`Prepared::train`].
    pub fn work(
        &self,
        runs: &Path,
        part: &Part,
        listener: &mut dyn FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Option<Run>> {
        self.take_part(runs, part, true, listener)
    }

    /// The run in `dir`, to go on with: its task as it was recorded, with the kernels that it is bound to.
    ///
    /// # Errors
    /// When `dir` is no run, its data cannot be used, the processor lacks its kernels, or data, `model` or version are not those that it was begun
    /// with.
    pub fn of_run(dir: &Path, model: &Model, device: &Device) -> Result<Prepared> {
        let prepared = Prepared::new(&Run::task(dir)?, model, &bound(dir, device)?)?;
        match prepared.run_in(Path::new("")) {
            own if dir.canonicalize().is_ok_and(|dir| dir.ends_with(&own)) => Ok(prepared),
            own => Err(Error::usage(
                format!(
                    "with the data, the model and the cloze of today, `{}` would be `{}`",
                    dir.display(),
                    own.display()
                ),
                "restore the data that it was begun with, and name its model with `--model`; or train anew",
            )),
        }
    }

    /// The directory of the run under `runs`, whether it is there or not.
    pub fn run_in(&self, runs: &Path) -> PathBuf {
        RunDir::path(runs, &self.task.name, &self.plan.id)
    }

    /// The names of all jobs, in order.
    pub fn jobs(&self) -> Vec<String> {
        self.plan.jobs.iter().map(|planned| planned.name.clone()).collect()
    }

    /// Creates the run under `runs` without doing any of its jobs; its directory.
    ///
    /// # Errors
    /// As [`Prepared::train`].
    pub fn begin(&self, runs: &Path) -> Result<PathBuf> {
        Ok(self.open(runs, LEASE)?.0.dir().to_owned())
    }

    /// The jobs of the run under `runs` that processes can do side by side now: everything that they need is finished, and they merge nothing.
    ///
    /// # Errors
    /// When the run's directory is damaged.
    pub fn ready(&self, runs: &Path) -> Result<Vec<String>> {
        let ready = side_by_side(&RunDir::open(&self.run_in(runs))?, &self.plan)?;
        Ok(ready.into_iter().map(|planned| planned.name.clone()).collect())
    }

    fn open(&self, runs: &Path, lease: Duration) -> Result<(RunDir, Device)> {
        self.check_rows()?;
        let Prepared { task, data, plan, .. } = self;
        check_patterns(task, self.checkpoint(), data)?;
        let device = bound(&self.run_in(runs), &self.device)?;
        let manifest = manifest(task, plan, &self.source(), device.kernels());
        let run = RunDir::begin(runs, &task.name, &plan.id, &manifest, lease)?;
        check_record(&run, task)?;
        // Another machine may have begun the run in this moment.
        let device = bound(run.dir(), &device)?;
        Ok((run, device))
    }

    /// Works in the run like [`Prepared::work`]; `shares` is whether the process that trains the final classifier may be another one, even if none is at work in this moment.
    pub(crate) fn take_part(
        &self,
        runs: &Path,
        part: &Part,
        shares: bool,
        listener: &mut dyn FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<Option<Run>> {
        let mut spending = Spending::begin();
        let (run, device) = self.open(runs, part.lease)?;
        let model = self.source();
        let log = Log { run, listener };
        carry_out(&mut Workspace::new(self, &model, &device, shares, log), part, &mut spending)
    }
}

/// Carries out the plan, or a part of it, and writes down what that has cost.
fn carry_out(workspace: &mut Workspace, part: &Part, spending: &mut Spending) -> Result<Option<Run>> {
    let run = workspace.log.run.dir().to_owned();
    let shown = run.display().to_string();
    workspace.log.say(Event::Started { run: shown.clone(), version: env!("CARGO_PKG_VERSION").into() })?;
    let results = results(workspace, part, spending);
    // Work that was stopped has cost something, too; but why it stopped matters more than a failure to say so.
    let written = write_costs(workspace, spending);
    let Some(results) = results? else { return written.map(|()| None) };
    written?;
    workspace.log.say(Event::Finished { run: shown, seconds: spending.so_far().wall_seconds })?;
    Ok(Some(Run::of_results(run, results)))
}

/// Adds what this process has spent to what others have; they do so one after the other.
fn write_costs(workspace: &Workspace, spending: &Spending) -> Result<()> {
    const TRIES: usize = 100;
    let id = Id::of(&("costs", &workspace.plan.id));
    for _ in 0..TRIES {
        match workspace.log.run.claim(&id)? {
            Claimed::Mine(_claim) => return spending.write(&workspace.log.run, workspace.plan),
            Claimed::Theirs(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
    // It takes no time, so whoever began to has been killed; the numbers are not worth waiting for.
    Ok(())
}

/// Carries out the jobs, and writes the results of the run and its page; `None` if other processes have not finished theirs.
fn results(workspace: &mut Workspace, part: &Part, spending: &mut Spending) -> Result<Option<Results>> {
    let jobs = workspace.plan.jobs.iter().map(|job| job.name.clone()).collect();
    workspace.log.say(Event::Planned { jobs })?;
    let plan = workspace.plan;
    for note in &plan.notes {
        workspace.log.say(Event::warning(note))?;
    }
    if !carry_out_jobs(workspace, part, spending)? {
        return Ok(None);
    }
    conclude(workspace, part)
}

/// The jobs of a run that can be done now, and that merge nothing.
fn side_by_side<'p>(run: &RunDir, plan: &'p Plan) -> Result<Vec<&'p plan::Job>> {
    let mut done = BTreeSet::new();
    for planned in &plan.jobs {
        if run.finished(&planned.name, &planned.id)?.is_some() {
            done.insert(planned.name.as_str());
        }
    }
    let is_ready = |planned: &&plan::Job| {
        !done.contains(planned.name.as_str())
            && !planned.work.merges()
            && plan.inputs(planned).iter().all(|input| done.contains(input))
    };
    Ok(plan.jobs.iter().filter(is_ready).collect())
}

/// Carries out the jobs of the plan that no other process does; whether all are finished.
fn carry_out_jobs(workspace: &mut Workspace, part: &Part, spending: &mut Spending) -> Result<bool> {
    let plan = workspace.plan;
    let of = part.of.max(1);
    let mut order: Vec<(usize, &plan::Job)> = plan.jobs.iter().enumerate().collect();
    order.sort_by_key(|(place, _)| ((place + of - part.index % of) % of, *place));
    let mut done: BTreeSet<&str> = BTreeSet::new();
    let mut elsewhere: BTreeSet<&str> = BTreeSet::new();
    while done.len() < plan.jobs.len() {
        if part.alone && side_by_side(&workspace.log.run, plan)?.len() > 1 {
            return Ok(false);
        }
        let mut has_begun = false;
        let mut is_brief = false;
        for (_, planned) in &order {
            let name = planned.name.as_str();
            let is_ready = || plan.inputs(planned).iter().all(|input| done.contains(input));
            if done.contains(name) || !is_ready() {
                continue;
            }
            let is_left = !part.merges && planned.work.merges();
            if is_left && workspace.log.run.finished(name, &planned.id)?.is_none() {
                continue;
            }
            let Some(worker) = job(workspace, planned, spending)? else {
                done.insert(name);
                has_begun = true;
                break;
            };
            is_brief |=
                matches!(planned.work, Work::ZeroShot { .. }) || workspace.log.run.is_in_doubt(&worker);
            if elsewhere.insert(name) {
                workspace.log.say(Event::JobElsewhere { job: name.to_owned(), worker })?;
            }
        }
        if has_begun {
            continue;
        }
        if !part.waits && !is_brief {
            return Ok(false);
        }
        wait(workspace, done.len())?;
    }
    Ok(true)
}

/// Waits a little for the jobs of others.
fn wait(workspace: &mut Workspace, done: usize) -> Result<()> {
    const LOOKS: usize = 5;
    let total = workspace.plan.jobs.len();
    for _ in 0..LOOKS {
        workspace.log.progress("", "wait", "jobs", done, total)?;
        thread::sleep(Duration::from_millis(100));
    }
    Ok(())
}

/// Carries out a job, unless this run or an earlier one has done it, or another process is doing it, whose name is returned.
fn job(workspace: &mut Workspace, planned: &plan::Job, spending: &mut Spending) -> Result<Option<String>> {
    let plan::Job { name, id, .. } = planned;
    let skipped = |workspace: &mut Workspace, job: &Job, from| {
        workspace.log.say(Event::JobSkipped { job: name.clone(), from })?;
        tell_figures(&mut workspace.log, job).map(|()| None)
    };
    if let Some(job) = workspace.log.run.finished(name, id)? {
        return skipped(workspace, &job, None);
    }
    let _claim = match workspace.log.run.claim(id)? {
        Claimed::Mine(claim) => claim,
        Claimed::Theirs(worker) => return Ok(Some(worker)),
    };
    // Another process may have finished it between the look and the claim.
    if let Some(job) = workspace.log.run.finished(name, id)? {
        return skipped(workspace, &job, None);
    }
    if let Some((job, from)) = workspace.log.run.adopt(name, id)? {
        return skipped(workspace, &job, Some(from));
    }
    let before = spending.so_far();
    workspace.log.say(Event::JobStarted { job: name.clone(), what: workspace.what(planned.work) })?;
    let draft = workspace.log.run.draft(name, id)?;
    let place = draft.dir().to_owned();
    let worked = workspace.work(&draft, planned).and_then(|()| {
        let cost = spending.job(&draft, before)?;
        Ok(draft.finish(id, cost.wall_seconds)?)
    });
    let job = match worked {
        Ok(job) => job,
        // This process was paused for so long that another has taken the job over and removed what was begun.
        Err(error) if !matches!(error, Error::Stopped) && !place.exists() && workspace.log.run.is_there() => {
            let message = format!("{name} was taken over by another process while this one was paused");
            workspace.log.say(Event::warning(message))?;
            return Ok(Some("another process".to_owned()));
        }
        Err(error) => return Err(error),
    };
    workspace.log.say(Event::JobFinished { job: name.clone(), seconds: job.record().seconds })?;
    tell_figures(&mut workspace.log, &job)?;
    Ok(None)
}

/// Writes what follows from all jobs, unless another process does; `None` if this one does not wait for that.
fn conclude(workspace: &mut Workspace, part: &Part) -> Result<Option<Results>> {
    let id = Id::of(&("results", &workspace.plan.id));
    let _claim = loop {
        match workspace.log.run.claim(&id)? {
            Claimed::Mine(claim) => break claim,
            Claimed::Theirs(_) if !part.waits => return Ok(None),
            Claimed::Theirs(_) => wait(workspace, workspace.plan.jobs.len())?,
        }
    };
    let results = workspace.finished().results()?;
    let bytes = checksum::sealed(pretty_json(&results));
    // Whoever was here before has written the same.
    if workspace.shares && workspace.log.run.has(RESULTS, &bytes) {
        return Ok(Some(results));
    }
    let insight = answered_rows::insight(workspace.finished(), &results, workspace.device)?;
    let run = &workspace.log.run;
    if let Some(insight) = &insight {
        run.write(insight::FILE, &checksum::sealed(pretty_json(insight)))?;
    }
    let page = report::html(&results, insight.as_ref(), Some(workspace.task));
    run.write("report.html", page.as_bytes())?;
    run.write(RESULTS, &bytes)?;
    run.remove_shared();
    Ok(Some(results))
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
