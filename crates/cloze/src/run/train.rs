//! Carrying a plan out: every job that is not in the run directory yet, and then the results.
//!
//! Whatever a later job or the results need of an earlier job is read back from its directory. So a run that was interrupted
//! and a run that was not go the same way, and end the same.

mod collect;
mod files;
mod mean;
mod merging;
mod rows;
mod sets;
mod work;

use std::path::{Path, PathBuf};
use std::time::Instant;

use cloze_encoder::{Checkpoint, Device};

use crate::dataset::Data;
use crate::error::counted;
use crate::pvp::encode::PatternEncoder;
use crate::pvp::verbalizer::Verbalizer;
use crate::results::{ModelSource, Results, insight};
use crate::run::event::{Event, Listener};
use crate::run::plan::{self, Plan, Work};
use crate::run::prepare::Prepared;
use crate::run::store::{self, Job, RunDir, pretty_json};
use crate::run::summary::Summary;
use crate::task::{Example, Method, Split, Task};
use crate::{Error, Result, report};

/// A run that is finished.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its directory.
    pub path: PathBuf,
    /// What it has found; the same as in `results.json`.
    pub results: Results,
}

impl Prepared {
    /// Trains what the task asks for in a directory under `runs`, or goes on with it. A listener that answers `Break` stops the run after
    /// the step that it is in; what is finished is kept.
    ///
    /// # Errors
    /// When there is nothing to learn from, the rows or the model cannot be used, the run's directory cannot be written or is damaged,
    /// or the listener stops.
    pub fn train(&self, runs: &Path, listener: &mut dyn Listener) -> Result<Run> {
        let began = Instant::now();
        self.check_rows()?;
        let Prepared { task, data, device, plan, .. } = self;
        check_patterns(task, self.checkpoint(), data)?;
        let model = self.source();
        let run = RunDir::begin(runs, &task.name, &plan.id, &manifest(task, plan, &model))?;
        check_record(&run, task)?;
        let mut worker = Worker {
            task,
            checkpoint: self.checkpoint(),
            device,
            data,
            plan,
            model: &model,
            mean: mean::Mean::default(),
            log: Log { run, listener },
        };
        worker.run(began)
    }
}

/// Finds mistakes in words and rows that cannot be cut enough now, not after the first patterns have been trained.
pub(crate) fn check_patterns(task: &Task, checkpoint: &Checkpoint, data: &Data) -> Result<()> {
    for (number, pattern) in task.patterns.iter().enumerate() {
        let verbalizer = Verbalizer::new(task, number, &checkpoint.tokenizer)?;
        let of = |label: usize| data.train.iter().any(|example| example.label == Some(label));
        if let Some((label, _)) =
            verbalizer.free_text().filter(|(label, _)| !of(*label) && !data.train.is_empty())
        {
            let name = &task.labels[label].name;
            return Err(Error::data(
                data.train[0].place.clone(),
                format!(
                    "no labelled row is `{name}`, and what the model is to write can be learnt only from such"
                ),
                format!("label a few rows with `{name}`"),
            ));
        }
        let encoder = PatternEncoder::of_task(task, number, &checkpoint.tokenizer).asking_for(&verbalizer);
        // Where every field may be cut, one row fits if another does.
        let all = pattern.fields().any(|field| field.whole) || !verbalizer.is_one_token();
        let rows = if all { usize::MAX } else { 1 };
        for part in [&data.train, &data.unlabeled, &data.test] {
            encoder.encode_all(&part[..part.len().min(rows)])?;
        }
    }
    Ok(())
}

/// Checks that a run that was begun before has the record of this task: its id is made of what both are to have in common.
fn check_record(run: &RunDir, task: &Task) -> Result<()> {
    let name = run.dir().join("run.toml").display().to_string();
    let record = Task::parse(&name, &run.manifest()?, run.dir());
    match record.is_ok_and(|record| record.canonical() == task.canonical()) {
        true => Ok(()),
        false => Err(run.changed(true).into()),
    }
}

/// `run.toml`: versions and hashes as comments for people, and the task in full, which is how the run is read again.
fn manifest(task: &Task, plan: &Plan, model: &ModelSource) -> String {
    let mut text = format!(
        "{}{}. The run's id is {}.\n# model: {} ({})\n",
        store::MADE_BY,
        env!("CARGO_PKG_VERSION"),
        plan.id,
        model.name.escape_debug(),
        model.fingerprint
    );
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

/// The run directory together with who listens: every event goes to both.
struct Log<'a> {
    run: RunDir,
    listener: &'a mut dyn Listener,
}

impl Log<'_> {
    fn say(&mut self, event: Event) -> Result<()> {
        if !event.is_progress() {
            self.run.log(&event)?;
        }
        match self.listener.hear(&event) {
            std::ops::ControlFlow::Continue(()) => Ok(()),
            std::ops::ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }

    fn progress(&mut self, job: &str, stage: &str, unit: &str, done: usize, total: usize) -> Result<()> {
        self.say(Event::Progress { job: job.into(), stage: stage.into(), done, total, unit: unit.into() })
    }
}

/// A model of the ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Member {
    generation: usize,
    pattern: usize,
    seed: u64,
}

impl Member {
    /// Its directory in the run.
    fn name(self) -> String {
        plan::member_name(self.generation, self.pattern, self.seed)
    }
}

struct Worker<'a> {
    task: &'a Task,
    checkpoint: &'a Checkpoint,
    device: &'a Device,
    data: &'a Data,
    plan: &'a Plan,
    model: &'a ModelSource,
    /// Of the members of the last generation that this process has trained.
    mean: mean::Mean,
    log: Log<'a>,
}

impl Worker<'_> {
    fn run(&mut self, began: Instant) -> Result<Run> {
        let run = self.log.run.dir().to_owned();
        let shown = run.display().to_string();
        self.log.say(Event::Started { run: shown.clone(), version: env!("CARGO_PKG_VERSION").into() })?;
        let jobs = self.plan.jobs.iter().map(|job| job.name.clone()).collect();
        self.log.say(Event::Planned { jobs })?;
        for note in &self.plan.notes {
            self.log.say(Event::warning(note))?;
        }
        for planned in &self.plan.jobs {
            self.job(planned)?;
        }
        let results = self.results()?;
        let insight = self.insight(&results)?;
        if let Some(insight) = &insight {
            self.log.run.write(insight::FILE, &pretty_json(insight))?;
        }
        let page = report::html(&results, insight.as_ref(), Some(self.task));
        self.log.run.write("report.html", page.as_bytes())?;
        self.log.run.write("results.json", &pretty_json(&results))?;
        self.log.say(Event::Finished { run: shown, seconds: began.elapsed().as_secs_f64() })?;
        Ok(Run { path: run, results })
    }

    /// Does a job, unless this run or an earlier one has done it.
    fn job(&mut self, planned: &plan::Job) -> Result<()> {
        let name = &planned.name;
        let job = if let Some(job) = self.log.run.finished(name, &planned.id)? {
            self.log.say(Event::JobSkipped { job: name.clone(), from: None })?;
            job
        } else if let Some((job, from)) = self.log.run.adopt(name, &planned.id)? {
            self.log.say(Event::JobSkipped { job: name.clone(), from: Some(from) })?;
            job
        } else {
            let began = Instant::now();
            self.log.say(Event::JobStarted { job: name.clone(), what: self.what(planned.work) })?;
            let draft = self.log.run.draft(name)?;
            match planned.work {
                Work::ZeroShot { pattern } => self.zero_shot(&draft, name, pattern)?,
                Work::Probe => self.probe(&draft, name)?,
                Work::Sets { generation } => self.sets(&draft, generation)?,
                Work::Member { generation, pattern, seed } => {
                    self.member(&draft, name, Member { generation, pattern, seed })?
                }
                Work::Ensemble { generation } => self.ensemble(&draft, generation)?,
                Work::Supervised { seed } => self.supervised(&draft, name, seed)?,
                Work::Primed { pattern, seed } => self.primed(&draft, name, pattern, seed)?,
                Work::Final { seed } if self.task.options.method == Method::Supervised => {
                    self.supervised(&draft, name, seed)?
                }
                Work::Final { seed } => self.distil(&draft, name, seed)?,
            }
            let job = draft.finish(&planned.id, began.elapsed().as_secs_f64())?;
            self.log.say(Event::JobFinished { job: name.clone(), seconds: job.record().seconds })?;
            job
        };
        self.tell_figures(&job)
    }

    fn what(&self, work: Work) -> String {
        let pattern_text = |pattern: usize| self.task.pattern_text(pattern);
        match work {
            Work::ZeroShot { pattern } => {
                format!("pretrained model with pattern {pattern}: {}", pattern_text(pattern))
            }
            Work::Probe => "contrastive fine-tuning and a linear probe, without patterns".to_owned(),
            Work::Sets { generation } => {
                format!(
                    "drawing what generation {generation} learns from among the labelled by the one before"
                )
            }
            Work::Member { generation: 0, pattern, .. } if self.data.train.is_empty() => {
                format!("pretrained model with pattern {pattern}: {}", pattern_text(pattern))
            }
            Work::Member { pattern, seed, .. } => {
                format!("fine-tuning with pattern {pattern}, seed {seed}: {}", pattern_text(pattern))
            }
            Work::Ensemble { generation: 0 } if self.data.train.is_empty() => {
                "merging the zero-shot patterns' scores".to_owned()
            }
            Work::Ensemble { .. } => "merging the fine-tuned models' scores".to_owned(),
            Work::Supervised { .. } => "plain fine-tuning on the labelled rows, to compare".to_owned(),
            Work::Primed { pattern, seed } => {
                let examples = counted(self.task.options.priming.min(self.data.train.len()), "example");
                let text = pattern_text(pattern);
                format!("pretrained model primed with {examples}, pattern {pattern}, seed {seed}: {text}")
            }
            Work::Final { .. } if self.task.options.method == Method::Supervised => {
                "plain fine-tuning on the labelled rows".to_owned()
            }
            Work::Final { .. } => "distilling the ensemble into a classifier".to_owned(),
        }
    }

    fn tell_figures(&mut self, job: &Job) -> Result<()> {
        let summary = Summary::read(job)?;
        for note in &summary.notes {
            self.log.say(Event::warning(note))?;
        }
        let Some(test) = summary.test else { return Ok(()) };
        let job = job.record().job.clone();
        for (metric, figure) in [("test accuracy", test.accuracy), ("test macro F1", test.macro_f1)] {
            self.log.say(Event::Measured {
                job: job.clone(),
                metric: metric.into(),
                rows: test.rows,
                figure,
            })?;
        }
        Ok(())
    }

    /// A job that is done, or it would not be asked for.
    fn finished(&self, name: &str) -> Result<Job> {
        let dir = self.log.run.dir().join(name);
        self.log.run.job(name)?.ok_or_else(|| {
            let source = std::io::ErrorKind::NotFound.into();
            store::Error::Io { action: "read", path: dir, source }.into()
        })
    }

    fn examples(&self, split: Split) -> &[Example] {
        match split {
            Split::Train => &self.data.train,
            Split::Unlabeled => &self.data.unlabeled,
            Split::Test => &self.data.test,
        }
    }
}
