//! Carrying a study out: every variation as a run, and then what they show together.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::findings::{Arm, Comparison, FORMAT, Finding, Findings, RunRecord, Setting, Verdict};
use super::plan::{Axis, Reading, Source, Study, Variation, job_name};
use super::{page, plot, statistics, words};
use crate::ensemble::{Weights, merge};
use crate::metrics::Measured;
use crate::results::{ModelSource, Stage};
use crate::run::event::{Event, Listener};
use crate::run::store::{RunDir, pretty_json, replace};
use crate::run::train::Run;
use crate::scoring::scores::Scores;
use crate::task::{Example, Reduction};
use crate::{Error, Result};

/// A study that is finished.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its directory.
    pub dir: PathBuf,
    /// What it has found; the same as in `results.json`.
    pub findings: Findings,
    /// How long the jobs of every run have taken, those that it shares with others included.
    pub run_seconds: BTreeMap<String, f64>,
}

impl Study<'_> {
    /// Does what is missing of the study in `studies/NAME-ID`. All studies in `studies` keep their runs in `studies/runs`, so that
    /// one takes over what another has done. The listener hears of every job once.
    ///
    /// # Errors
    /// As [`Prepared::train`](crate::run::prepare::Prepared::train).
    pub fn carry_out(&self, studies: &Path, listener: &mut dyn Listener) -> Result<Outcome> {
        let began = Instant::now();
        let dir = studies.join(format!("{}-{}", self.task.name, self.id.short()));
        std::fs::create_dir_all(&dir).map_err(|error| Error::io("create", &dir, error))?;
        let shown = dir.display().to_string();
        let mut relay =
            Relay { listener, number: 0, variation: None, mine: HashSet::new(), told: HashSet::new() };
        relay.say(Event::Started { run: shown.clone(), version: env!("CARGO_PKG_VERSION").into() })?;
        let jobs = self
            .variations
            .iter()
            .enumerate()
            .flat_map(|(number, variation)| variation.own_jobs().map(move |job| job_name(number, job)));
        relay.say(Event::Planned { jobs: jobs.collect() })?;
        for note in &self.notes {
            relay.say(Event::warning(note))?;
        }
        let runs = studies.join("runs");
        let mut outcomes = Vec::new();
        for (number, variation) in self.variations.iter().enumerate() {
            (relay.number, relay.variation) = (number, Some(variation.title.as_str()));
            relay.mine = variation.own_jobs().map(str::to_owned).collect();
            outcomes.push(variation.prepared.train(&runs, &mut relay)?);
        }
        let outcome = self.conclude(dir, &outcomes)?;
        relay.say(Event::Finished { run: shown, seconds: began.elapsed().as_secs_f64() })?;
        Ok(outcome)
    }

    /// Reads what the runs have found and writes what it comes to.
    fn conclude(&self, dir: PathBuf, outcomes: &[Run]) -> Result<Outcome> {
        let readings = Readings { study: self, outcomes, test: &self.data.test };
        let mut run_seconds = BTreeMap::new();
        let mut runs = Vec::new();
        for (variation, outcome) in self.variations.iter().zip(outcomes) {
            let Variation { title, task, model, prepared, .. } = variation;
            let (run, mut seconds) = (RunDir::open(&outcome.path)?, 0.0);
            for job in &prepared.plan.jobs {
                seconds += run.job(&job.name)?.map_or(0.0, |job| job.record().seconds);
            }
            run_seconds.insert(run_name(outcome), seconds);
            runs.push(RunRecord {
                run: run_name(outcome),
                title: title.clone(),
                model: self.models[*model].name().to_owned(),
                task: task.canonical(),
            });
        }
        let factors = self.axes.iter().map(|axis| readings.finding(axis)).collect::<Result<Vec<_>>>()?;
        let findings = Findings {
            format: FORMAT,
            name: self.task.name.clone(),
            id: self.id.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            command: self.command(),
            labels: self.task.common_labels(),
            patterns: self.task.patterns.iter().map(ToString::to_string).collect(),
            models: self
                .models
                .iter()
                .map(|model| ModelSource {
                    name: model.name().to_owned(),
                    fingerprint: model.checkpoint().fingerprint().to_owned(),
                })
                .collect(),
            data: self.data.sources(&self.task),
            seeds: self.seeds.clone(),
            conclusions: words::conclusions(&factors),
            factors,
            runs,
            notes: self.notes.clone(),
        };
        for finding in &findings.factors {
            let name = finding.factor.name();
            replace(&dir.join(format!("{name}.csv")), csv(finding, &run_seconds).as_bytes())?;
            replace(&dir.join(format!("{name}.svg")), plot::svg(finding).as_bytes())?;
        }
        replace(&dir.join("report.html"), page::html(&findings).as_bytes())?;
        replace(&dir.join("results.json"), &pretty_json(&findings))?;
        Ok(Outcome { dir, findings, run_seconds })
    }
}

impl Variation {
    /// The jobs that no earlier variation has.
    fn own_jobs(&self) -> impl Iterator<Item = &str> {
        self.prepared
            .plan
            .jobs
            .iter()
            .zip(&self.new)
            .filter(|(_, new)| **new)
            .map(|(job, _)| job.name.as_str())
    }
}

fn run_name(outcome: &Run) -> String {
    outcome.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Tells the listener of a study what happens in its runs: jobs that an earlier run has done are left out.
struct Relay<'a> {
    listener: &'a mut dyn Listener,
    number: usize,
    variation: Option<&'a str>,
    /// The jobs that only this run and later ones have.
    mine: HashSet<String>,
    told: HashSet<String>,
}

impl Relay<'_> {
    fn say(&mut self, event: Event) -> Result<()> {
        match self.listener.hear(&event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }
}

impl Listener for Relay<'_> {
    fn hear(&mut self, event: &Event) -> ControlFlow<()> {
        let mut event = event.clone();
        match &mut event {
            Event::Started { .. } | Event::Planned { .. } | Event::Finished { .. } => {
                return ControlFlow::Continue(());
            }
            Event::Warning { message } if !self.told.insert(message.clone()) => {
                return ControlFlow::Continue(());
            }
            Event::JobSkipped { job, .. } | Event::Measured { job, .. } if !self.mine.contains(job) => {
                return ControlFlow::Continue(());
            }
            Event::JobStarted { job, what } => {
                *job = job_name(self.number, job);
                *what = format!("{}: {what}", self.variation.unwrap_or_default());
            }
            Event::JobSkipped { job, .. }
            | Event::JobFinished { job, .. }
            | Event::Progress { job, .. }
            | Event::Measured { job, .. } => *job = job_name(self.number, job),
            Event::Warning { .. } => {}
        }
        self.listener.hear(&event)
    }
}

/// What the runs say about the test rows.
struct Readings<'a> {
    study: &'a Study<'a>,
    outcomes: &'a [Run],
    test: &'a [Example],
}

impl Readings<'_> {
    fn finding(&self, axis: &Axis) -> Result<Finding> {
        let mut settings = Vec::new();
        let mut right: Vec<Vec<Vec<f64>>> = Vec::new();
        for setting in &axis.settings {
            let mut arms = Vec::new();
            let mut of_setting = Vec::new();
            for source in &setting.sources {
                let (arm, right) = self.arm(source)?;
                arms.push(arm);
                of_setting.push(right);
            }
            let accuracy = within(0.0, statistics::measure(&of_setting));
            let macro_f1: Vec<f64> = arms.iter().map(|arm: &Arm| arm.macro_f1.value).collect();
            let macro_f1 = statistics::mean(&macro_f1);
            settings.push(Setting { setting: setting.setting.clone(), accuracy, macro_f1, arms });
            right.push(of_setting);
        }
        let compare = |(one, other): (usize, usize)| {
            let minus = |(one, other): (&Vec<f64>, &Vec<f64>)| {
                one.iter().zip(other).map(|(one, other)| one - other).collect()
            };
            let differences: Vec<Vec<f64>> = right[one].iter().zip(&right[other]).map(minus).collect();
            let difference = within(-1.0, statistics::measure(&differences));
            Comparison {
                setting: settings[one].setting.clone(),
                against: settings[other].setting.clone(),
                verdict: Verdict::of(&difference),
                difference,
            }
        };
        let comparisons = axis.factor.pairs(settings.len()).into_iter().map(compare).collect();
        let overview = words::overview(axis.factor, &settings);
        let question = axis.factor.question().to_owned();
        Ok(Finding { factor: axis.factor, question, comparisons, overview, settings })
    }

    /// An arm, and for every test row 1 if it is labelled rightly, else 0.
    fn arm(&self, source: &Source) -> Result<(Arm, Vec<f64>)> {
        let outcome = &self.outcomes[source.variation];
        let results = &outcome.results;
        let stage = match source.reading {
            Reading::Outcome => results.outcome(),
            Reading::Ensemble => results.ensemble.as_ref(),
            Reading::Member(pattern) => results.members.iter().find(|stage| stage.pattern == Some(pattern)),
            Reading::Untouched => results.zero_shot_together.as_ref(),
            Reading::Primed => results.primed_together.as_ref(),
        };
        let missing = || {
            let title = &self.study.variations[source.variation].title;
            Error::usage(
                format!("`{}` ({title}) has not measured what the study asks for", outcome.path.display()),
                "delete its directory and run the same command again",
            )
        };
        let Stage { job, test, examples, .. } = stage.ok_or_else(missing)?;
        let test = test.as_ref().ok_or_else(missing)?;
        let jobs = |stages: &[Stage]| stages.iter().map(|stage| stage.job.clone()).collect();
        let parts: Vec<String> = match source.reading {
            Reading::Untouched => jobs(&results.zero_shot),
            Reading::Primed => jobs(&results.primed),
            _ => vec![job.clone()],
        };
        let labels = self.study.task.label_names();
        let scores = parts
            .into_iter()
            .map(|part| read_scores(&outcome.path, &part, &labels)?.ok_or_else(missing))
            .collect::<Result<Vec<_>>>()?;
        let merged = merge(&scores, &Weights::new(Reduction::Mean, &vec![1.0; scores.len()]));
        let predicted = self.test.iter().zip(merged.predictions());
        let right = predicted.map(|(example, label)| f64::from(example.is_right(label)));
        let arm = Arm {
            seed: source.seed,
            accuracy: test.accuracy,
            macro_f1: test.macro_f1,
            examples: *examples,
            run: run_name(outcome),
            job: job.clone(),
        };
        Ok((arm, right.collect()))
    }
}

/// A figure whose interval stays between `lowest` and 1.
fn within(lowest: f64, figure: Measured) -> Measured {
    Measured { low: figure.low.max(lowest), high: figure.high.min(1.0), ..figure }
}

/// The scores of the test rows.
fn read_scores(run: &Path, job: &str, labels: &[String]) -> Result<Option<Scores>> {
    let Some(job) = RunDir::open(run)?.job(job)? else { return Ok(None) };
    let scores = Scores::read_csv(labels, &job.read("test.csv")?[..]);
    scores.map(Some).map_err(|reason| job.damaged("test.csv", reason).into())
}

/// Every arm of a factor as a line.
fn csv(finding: &Finding, seconds: &BTreeMap<String, f64>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    let header = "setting,seed,accuracy,accuracy_low,accuracy_high,macro_f1,macro_f1_low,macro_f1_high,run_seconds,run,job";
    // Writing plain data to memory cannot fail.
    let _ = writer.write_record(header.split(','));
    for setting in &finding.settings {
        for arm in &setting.arms {
            let numbers = [arm.accuracy, arm.macro_f1]
                .into_iter()
                .flat_map(|figure| [figure.value, figure.low, figure.high])
                .chain(seconds.get(&arm.run).copied())
                .map(|number| format!("{number:.6}"));
            let line = [setting.setting.clone(), arm.seed.to_string()].into_iter().chain(numbers);
            let _ = writer.write_record(line.chain([arm.run.clone(), arm.job.clone()]));
        }
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}
