//! Carries out a study: runs every variation, then compares the results.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use super::arms_csv::csv;
use super::conclusions::conclusions;
use super::findings::{FORMAT, Findings, RunRecord};
use super::plan::{Study, job_name};
use super::readings::{Readings, run_name};
use super::relay::Relay;
use super::variations::Variation;
use super::{page, plot};
use crate::results::ModelSource;
use crate::run::Run;
use crate::run::event::Event;
use crate::run::store::{RunDir, pretty_json, replace};
use crate::run::worker::Part;
use crate::{Error, Result};

/// A finished study.
#[derive(Debug, Clone)]
pub struct FinishedStudy {
    /// Its directory.
    pub dir: PathBuf,
    /// The findings, as in `results.json`.
    pub findings: Findings,
    /// How long the jobs of every run took, including jobs shared with other runs.
    pub run_seconds: BTreeMap<String, f64>,
}

impl Study {
    /// Runs the missing parts of the study in `studies/NAME-ID`. All studies in `studies` keep their runs in
    /// `studies/runs`, so a study reuses the runs of earlier ones. The listener is notified of every job
    /// once.
    ///
    /// # Errors
    /// As [`Prepared::train`](crate::Prepared::train).
    pub fn carry_out(
        &self,
        studies: &Path,
        listener: &mut dyn FnMut(&Event) -> ControlFlow<()>,
    ) -> Result<FinishedStudy> {
        let began = Instant::now();
        let dir = studies.join(format!("{}-{}", self.task.name, self.id.short()));
        std::fs::create_dir_all(&dir).map_err(|error| Error::io("create", &dir, error))?;
        let shown = dir.display().to_string();
        let mut relay = Relay {
            listener,
            number: 0,
            variation: None,
            mine: HashSet::new(),
            told: HashSet::new(),
            muted: String::new(),
        };
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
        // A run whose jobs another process is doing is left for later.
        let part = Part { waits: false, ..Part::default() };
        let mut outcomes = vec![None; self.variations.len()];
        loop {
            let open = outcomes.iter().filter(|run| run.is_none()).count();
            for (number, variation) in self.variations.iter().enumerate() {
                if outcomes[number].is_some() {
                    continue;
                }
                relay.number = number;
                relay.variation = Some(variation.title.as_str());
                relay.mine = variation.own_jobs().map(str::to_owned).collect();
                outcomes[number] =
                    variation.prepared.take_part(&runs, &part, false, &mut |event| relay.hear(event))?;
            }
            match outcomes.iter().filter(|run| run.is_none()).count() {
                0 => break,
                // Other processes do what is left.
                left if left == open => thread::sleep(Duration::from_secs(1)),
                _ => {}
            }
        }
        let outcomes: Vec<Run> = outcomes.into_iter().flatten().collect();
        let outcome = self.conclude(dir, &outcomes)?;
        relay.say(Event::Finished { run: shown, seconds: began.elapsed().as_secs_f64() })?;
        Ok(outcome)
    }

    /// Reads the results of the runs and writes the findings.
    fn conclude(&self, dir: PathBuf, outcomes: &[Run]) -> Result<FinishedStudy> {
        let readings = Readings { study: self, outcomes, test: &self.data.test };
        let mut run_seconds = BTreeMap::new();
        let mut runs = Vec::new();
        for (variation, outcome) in self.variations.iter().zip(outcomes) {
            let Variation { title, task, model, prepared, .. } = variation;
            let run = RunDir::open(&outcome.path)?;
            let mut seconds = 0.0;
            for job in &prepared.plan.jobs {
                seconds += run.job(&job.name)?.map_or(0.0, |job| job.record().seconds);
            }
            run_seconds.insert(run_name(outcome), seconds);
            runs.push(RunRecord {
                run: run_name(outcome),
                title: title.clone(),
                model: self.models[*model].name.clone(),
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
            models: self.models.iter().map(ModelSource::of).collect(),
            data: self.data.sources(&self.task),
            seeds: self.seeds.clone(),
            conclusions: conclusions(&factors),
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
        Ok(FinishedStudy { dir, findings, run_seconds })
    }
}
