//! What a task comes down to: jobs, each with an id made of everything that its result depends on.
//!
//! A job's id holds its own part of the task, the hashes of the rows and of the model that it reads, and the ids of the jobs
//! whose results it takes. So a change to the task changes the ids of just the jobs that it concerns.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::data::Data;
use crate::pattern::Pattern;
use crate::results::{DataSource, ModelSource};
use crate::store::Id;
use crate::task::{Keep, Method, Task};

/// Part of every id. To be raised whenever the same task gives other numbers than before, or a job other files.
const COMPUTATION: &str = concat!("cloze ", env!("CARGO_PKG_VERSION"), " computation 1");

/// The jobs of a task, each after those that it needs.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Id of the run.
    pub id: Id,
    /// The rows by role.
    pub data: BTreeMap<String, DataSource>,
    /// What is to be done.
    pub jobs: Vec<Job>,
    /// What the user should know before anything is done.
    pub notes: Vec<String>,
}

/// Something to do.
#[derive(Debug, Clone)]
pub struct Job {
    /// Its directory in the run.
    pub name: String,
    /// Hash of everything that the result depends on.
    pub id: Id,
    /// The work.
    pub work: Work,
}

/// The kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// Score the labelled rows with the untouched model.
    ZeroShot {
        /// The pattern's number.
        pattern: usize,
    },
    /// Fine-tune the model with one pattern on the labelled rows, and score unlabelled and test rows.
    Member {
        /// The pattern's number.
        pattern: usize,
        /// What everything random is drawn from.
        seed: u64,
    },
    /// Merge the members' scores.
    Ensemble,
    /// Train a plain classifier on the labels, to compare.
    Supervised {
        /// As above.
        seed: u64,
    },
    /// Train the classifier that the run is for.
    Final {
        /// As above.
        seed: u64,
    },
}

impl Plan {
    /// The jobs of `task` with this `model` and `data`.
    pub fn new(task: &Task, model: &ModelSource, data: &Data) -> Plan {
        let sources = data.sources(task);
        let id = Id::of(&(COMPUTATION, task.canonical(), &model.fingerprint, &sources));
        let mut plan = Planner { task, model, sources: &sources, jobs: Vec::new(), notes: Vec::new() };
        let seed = task.options.seeds.first().copied().unwrap_or(0);
        for (label, rows) in task.labels.iter().zip(data.label_counts(task)) {
            if rows == 0 {
                plan.notes.push(format!("the label `{}` has no labelled row to learn from", label.name));
            }
        }
        match task.options.method {
            Method::Supervised => plan.add("final", Work::Final { seed }, plan.supervised(seed)),
            Method::Pet => plan.pet(seed),
        }
        let Planner { jobs, notes, .. } = plan;
        Plan { id, jobs, notes, data: sources }
    }

    /// Whether the run ends with a classifier, not with the ensemble alone.
    pub fn has_classifier(&self) -> bool {
        self.jobs.iter().any(|job| matches!(job.work, Work::Final { .. }))
    }
}

struct Planner<'a> {
    task: &'a Task,
    model: &'a ModelSource,
    sources: &'a BTreeMap<String, DataSource>,
    jobs: Vec<Job>,
    notes: Vec<String>,
}

impl Planner<'_> {
    fn add(&mut self, name: impl Into<String>, work: Work, id: Id) {
        self.jobs.push(Job { name: name.into(), id, work });
    }

    fn pet(&mut self, seed: u64) {
        let options = &self.task.options;
        let mut inputs = Vec::new();
        for pattern in 0..self.task.patterns.len() {
            let id = self.zero_shot(pattern);
            inputs.push(id.clone());
            self.add(format!("zero-shot/p{pattern}"), Work::ZeroShot { pattern }, id);
        }
        for (pattern, seed) in members(self.task) {
            let id = self.member(pattern, seed);
            inputs.push(id.clone());
            self.add(member_name(pattern, seed), Work::Member { pattern, seed }, id);
        }
        let ensemble = Id::of(&(COMPUTATION, "ensemble", options.merge, inputs));
        self.add("g0/ensemble", Work::Ensemble, ensemble.clone());
        if options.compare {
            self.add("supervised", Work::Supervised { seed }, self.supervised(seed));
        }
        if self.rows("unlabeled") == 0 {
            self.notes.push(
                "there are no unlabelled rows to distil a classifier from; the ensemble itself predicts"
                    .to_owned(),
            );
        } else {
            let id = Id::of(&(COMPUTATION, "distil", ensemble, &self.task.fields(), &options.distil, seed));
            self.add("final", Work::Final { seed }, id);
        }
    }

    fn rows(&self, part: &str) -> usize {
        self.sources.get(part).map_or(0, |source| source.rows)
    }

    /// What every model of this task depends on.
    fn base(&self, data: &[&str]) -> impl Serialize {
        let data: Vec<(String, Option<&DataSource>)> =
            data.iter().map(|&part| (part.to_owned(), self.sources.get(part))).collect();
        (
            COMPUTATION,
            self.model.fingerprint.clone(),
            self.task.label_names(),
            self.task.options.max_length,
            json(data),
        )
    }

    /// What the score of a pattern depends on.
    fn pvp(&self, pattern: usize) -> impl Serialize {
        (self.task.patterns[pattern].to_string(), self.task.spacing, json(&self.task.labels))
    }

    fn zero_shot(&self, pattern: usize) -> Id {
        Id::of(&("zero-shot", self.base(&["train", "test"]), self.pvp(pattern)))
    }

    fn member(&self, pattern: usize, seed: u64) -> Id {
        let data = self.base(&["train", "unlabeled", "test"]);
        Id::of(&(
            "member",
            data,
            self.pvp(pattern),
            self.training(),
            self.task.options.lm_weight.to_string(),
            seed,
            self.keeps_members(),
        ))
    }

    fn supervised(&self, seed: u64) -> Id {
        // A comparison is not kept to predict, so it is another job than a run that ends with the same classifier.
        let kept = self.task.options.method;
        Id::of(&(
            "supervised",
            self.base(&["train", "test"]),
            self.task.fields(),
            self.training(),
            seed,
            kept,
        ))
    }

    fn training(&self) -> impl Serialize {
        let options = &self.task.options;
        let numbers =
            [options.learning_rate, options.weight_decay, options.warmup].map(|number| number.to_string());
        (options.steps, options.batch_size, options.accumulation, numbers)
    }

    fn keeps_members(&self) -> bool {
        keeps_members(self.task, self.rows("unlabeled"))
    }
}

/// The pattern and the seed of every member, in the order in which they are merged.
pub(crate) fn members(task: &Task) -> impl Iterator<Item = (usize, u64)> {
    (0..task.patterns.len()).flat_map(|pattern| task.options.seeds.iter().map(move |&seed| (pattern, seed)))
}

/// The directory of a member.
pub(crate) fn member_name(pattern: usize, seed: u64) -> String {
    format!("g0/p{pattern}-s{seed}")
}

/// Whether the members' models stay: on demand, and where there is nothing else to predict with.
pub(crate) fn keeps_members(task: &Task, unlabeled_rows: usize) -> bool {
    task.options.keep == Keep::All || unlabeled_rows == 0
}

fn json(value: impl Serialize) -> String {
    // Plain data with string keys; see `Id::of`.
    serde_json::to_string(&value).expect("plain data has a JSON form")
}

/// What tells the draws of this pattern from those of another under the same seed: its text, not its number, so that
/// a new pattern before it changes nothing.
pub(crate) fn stream(pattern: &Pattern) -> u64 {
    let id = Id::of(&pattern.to_string());
    u64::from_str_radix(&id.as_str()[..16], 16).unwrap_or_default()
}
