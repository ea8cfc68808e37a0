//! The results of a run, collected from its jobs.

use std::io::ErrorKind;

use crate::Result;
use crate::dataset::{Data, evaluation, gold};
use crate::ensemble::{Weights, merge};
use crate::metrics::Evaluation;
use crate::pvp::priming::Demonstrations;
use crate::results::{Disputed, FORMAT, Generation, ModelSource, Results, Stage};
use crate::run::job_files;
use crate::run::plan::{Plan, Work};
use crate::run::store::{self, Job, RunDir};
use crate::run::summary::Summary;
use crate::scoring::scores::Scores;
use crate::task::{Method, Reduction, Split, Task};

/// The finished jobs of a run.
#[derive(Clone, Copy)]
pub(super) struct Finished<'a> {
    pub(super) task: &'a Task,
    pub(super) data: &'a Data,
    pub(super) plan: &'a Plan,
    pub(super) model: &'a ModelSource,
    pub(super) run: &'a RunDir,
}

impl Finished<'_> {
    /// A job, which must be finished.
    pub(super) fn job(self, name: &str) -> Result<Job> {
        self.run.job(name)?.ok_or_else(|| {
            let path = self.run.dir().join(name);
            let source = ErrorKind::NotFound.into();
            store::Error::Io { action: "read", path, source }.into()
        })
    }

    /// A job's scores for the examples of a split.
    pub(super) fn scores(self, job: &Job, split: Split) -> Result<Scores> {
        job_files::read_scores(job, &self.task.label_names(), split)
    }

    /// The results of all jobs.
    pub(super) fn results(self) -> Result<Results> {
        match self.plan.has_classifier() {
            true => self.results_with_classifier(Summary::read(&self.job("final")?)?.stage("final")),
            false => self.results_before_classifier(),
        }
    }

    /// The results of all jobs, given the evaluation of the final one.
    pub(super) fn results_with_classifier(self, stage: Stage) -> Result<Results> {
        let mut results = self.results_before_classifier()?;
        match self.task.options.method {
            Method::Supervised => results.supervised = Some(stage),
            Method::Pet | Method::Ipet => results.distilled = Some(stage),
        }
        Ok(results)
    }

    /// The results of all jobs except the final one.
    fn results_before_classifier(self) -> Result<Results> {
        let mut results = Results {
            format: FORMAT,
            name: self.task.name.clone(),
            id: self.plan.id.to_string(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            method: match self.task.options.method {
                Method::Pet => "pet",
                Method::Ipet => "ipet",
                Method::Supervised => "supervised",
            }
            .to_owned(),
            labels: self.task.common_labels(),
            classes: self.task.answers.several().map_or(Vec::new(), |several| several.classes.clone()),
            patterns: (0..self.task.patterns.len()).map(|pattern| self.task.pattern_text(pattern)).collect(),
            model: self.model.clone(),
            data: self.plan.data.clone(),
            notes: self.plan.notes.clone(),
            zero_shot: Vec::new(),
            zero_shot_together: None,
            probe: None,
            primed: Vec::new(),
            primed_together: None,
            generations: Vec::new(),
            sets: Vec::new(),
            members: Vec::new(),
            ensemble: None,
            distilled: None,
            supervised: None,
            agreement: None,
            label_next: Vec::new(),
        };
        let mut zero_shot = Vec::new();
        let mut primed = Vec::new();
        for planned in &self.plan.jobs {
            if matches!(planned.work, Work::Final { .. }) {
                continue;
            }
            let job = self.job(&planned.name)?;
            let summary = Summary::read(&job)?;
            let stage = summary.stage(&planned.name);
            match planned.work {
                Work::ZeroShot { pattern } => {
                    if self.task.options.measures_all() {
                        zero_shot.push(self.scores(&job, Split::Test)?);
                    }
                    results.zero_shot.push(Stage { pattern: Some(pattern), ..stage });
                }
                Work::Probe => results.probe = Some(Stage { weight: Some(0.0), ..stage }),
                Work::Sets { .. } => {
                    // What was the last generation until now turns out not to be the last.
                    results.generations.push(Generation {
                        sets: std::mem::take(&mut results.sets),
                        members: std::mem::take(&mut results.members),
                        ensemble: results.ensemble.take(),
                        agreement: results.agreement.take(),
                    });
                    results.sets = job.read_json("sets.json")?;
                    results.notes.extend(summary.notes);
                }
                Work::Member { pattern, seed, .. } => {
                    results.members.push(Stage { pattern: Some(pattern), seed: Some(seed), ..stage });
                }
                Work::Ensemble { .. } => {
                    for member in &mut results.members {
                        member.weight = summary.weights.get(&member.job).copied();
                    }
                    if let (Some(probe), Some(part)) = (&mut results.probe, summary.probe) {
                        probe.weight = Some(part.share);
                    }
                    results.agreement = summary.agreement;
                    results.notes.extend(summary.notes);
                    let disputed: Vec<Disputed> = job.read_json("label_next.json")?;
                    let place =
                        |row: usize| self.data.unlabeled.get(row.wrapping_sub(1)).map(|row| &row.place);
                    results.label_next = disputed
                        .into_iter()
                        .map(|row| match place(row.row) {
                            Some(place) => row.at(place),
                            None => row,
                        })
                        .collect();
                    results.ensemble = Some(stage);
                }
                Work::Supervised { seed } => results.supervised = Some(Stage { seed: Some(seed), ..stage }),
                Work::Primed { pattern, seed } => {
                    primed.push(self.scores(&job, Split::Test)?);
                    results.primed.push(Stage { pattern: Some(pattern), seed: Some(seed), ..stage });
                }
                Work::Final { .. } => {}
            }
        }
        results.zero_shot_together = self.together(&zero_shot, "zero-shot");
        results.primed_together = self.together(&primed, "primed").map(|stage| {
            let examples =
                results.primed.iter().filter_map(|stage| stage.examples).reduce(Demonstrations::and);
            results.notes.extend(examples.and_then(|examples| examples.note()));
            Stage { examples, ..stage }
        });
        Ok(results)
    }

    /// The mean of several scores as a stage; `None` without scores.
    fn together(self, scores: &[Scores], name: &str) -> Option<Stage> {
        let weights = Weights::new(Reduction::Mean, &vec![1.0; scores.len()]);
        let test = || self.evaluation(&merge(scores, &weights));
        (!scores.is_empty()).then(|| Stage { test: test(), ..Summary::new(&[]).stage(name) })
    }

    pub(super) fn evaluation(self, test: &Scores) -> Option<Evaluation> {
        let gold = gold(&self.data.test);
        (!gold.is_empty()).then(|| evaluation(self.task, &self.data.test, &test.predictions()))
    }
}
