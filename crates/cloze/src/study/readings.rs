//! Results of a study's runs on the test examples.

use std::path::Path;

use super::findings::{Comparison, Finding, Verdict};
use super::level::Reading;
use super::plan::Study;
use super::setting::{Arm, Setting};
use super::statistics;
use super::variations::{Axis, Source, Variation};
use crate::dataset::Example;
use crate::ensemble::{Weights, merge};
use crate::metrics::Measured;
use crate::results::Stage;
use crate::run::Run;
use crate::run::plan::Work;
use crate::run::store::RunDir;
use crate::scoring::scores::Scores;
use crate::task::Reduction;
use crate::{Error, Result};

/// Results of the runs on the test examples.
pub(super) struct Readings<'a> {
    pub(super) study: &'a Study,
    pub(super) outcomes: &'a [Run],
    pub(super) test: &'a [Example],
}

impl Readings<'_> {
    pub(super) fn finding(&self, axis: &Axis) -> Result<Finding> {
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
            let seconds: Vec<f64> = arms.iter().map(|arm| arm.seconds).collect();
            let seconds = statistics::mean(&seconds);
            settings.push(Setting { setting: setting.setting.clone(), accuracy, macro_f1, seconds, arms });
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
        let overview = axis.factor.overview(&settings);
        let question = axis.factor.question().to_owned();
        Ok(Finding { factor: axis.factor, question, comparisons, overview, settings })
    }

    /// An arm, and for every test example 1 if it is classified correctly and 0 otherwise.
    fn arm(&self, source: &Source) -> Result<(Arm, Vec<f64>)> {
        let outcome = &self.outcomes[source.variation];
        let results = &outcome.results;
        let stage = match source.reading {
            Reading::Outcome => results.outcome(),
            Reading::Ensemble => results.ensemble.as_ref(),
            Reading::Member(pattern) => results.members.iter().find(|stage| stage.pattern == Some(pattern)),
            Reading::Generation(number) => match results.generations.get(number) {
                Some(generation) => generation.ensemble.as_ref(),
                None => results.ensemble.as_ref(),
            },
            Reading::Pretrained => results.zero_shot_together.as_ref(),
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
            Reading::Pretrained => jobs(&results.zero_shot),
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
            seconds: self.seconds(source)?,
            examples: *examples,
            run: run_name(outcome),
            job: job.clone(),
        };
        Ok((arm, right.collect()))
    }

    /// How long the jobs took that a figure depends on, and the adaptation of the model if it is an adapted one.
    fn seconds(&self, source: &Source) -> Result<f64> {
        let Variation { prepared, model, .. } = &self.study.variations[source.variation];
        let run = RunDir::open(&self.outcomes[source.variation].path)?;
        let jobs = &prepared.plan.jobs;
        let generation =
            |work| if let Work::Ensemble { generation } = work { Some(generation) } else { None };
        let last = jobs.iter().filter_map(|job| generation(job.work)).max().unwrap_or(0);
        let adaptation = self.study.adaptation.filter(|(adapted, _)| adapted == model);
        let mut seconds = adaptation.map_or(0.0, |(_, seconds)| seconds);
        for planned in jobs.iter().filter(|job| source.reading.needs(job.work, last)) {
            seconds += run.job(&planned.name)?.map_or(0.0, |job| job.record().seconds);
        }
        Ok(seconds)
    }
}

/// The figure, with its interval clipped to the range from `lowest` to 1.
fn within(lowest: f64, figure: Measured) -> Measured {
    Measured { low: figure.low.max(lowest), high: figure.high.min(1.0), ..figure }
}

/// The scores of the test examples.
fn read_scores(run: &Path, job: &str, labels: &[String]) -> Result<Option<Scores>> {
    let Some(job) = RunDir::open(run)?.job(job)? else { return Ok(None) };
    let scores = Scores::read_csv(labels, &job.read("test.csv")?[..]);
    scores.map(Some).map_err(|reason| job.damaged("test.csv", reason).into())
}

/// The name of a run's directory.
pub(super) fn run_name(outcome: &Run) -> String {
    outcome.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
