//! The plan of a run: its jobs, each with an id derived from everything that its result depends on.
//!
//! A job's id covers its own part of the task, the hashes of the data and the model that it reads, and the
//! ids of the jobs whose results it uses. A change to the task therefore changes the ids only of the jobs
//! that it affects.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::dataset::{Data, DataSource};
use crate::results::ModelSource;
use crate::run::store::Id;
use crate::scoring::calibration;
use crate::task::{Keep, Method, MultiLabel, Task};
use crate::training::linear_probe;

/// Part of every id. Increase it whenever the same task gives different numbers than before, or a job writes
/// different files.
const COMPUTATION: &str = concat!("cloze ", env!("CARGO_PKG_VERSION"), " computation 8");

/// The jobs of a task, each after those it depends on.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// Id of the run.
    pub(crate) id: Id,
    /// The data, by role.
    pub(crate) data: BTreeMap<String, DataSource>,
    /// The jobs.
    pub(crate) jobs: Vec<Job>,
    /// Notes for the user before the run starts.
    pub(crate) notes: Vec<String>,
}

/// A job.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// Its directory in the run.
    pub(crate) name: String,
    /// Hash of everything that the result depends on.
    pub(crate) id: Id,
    /// The work.
    pub(crate) work: Work,
}

/// The kinds of jobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Score the labelled examples with the pretrained model.
    ZeroShot {
        /// The pattern's number.
        pattern: usize,
    },
    /// Fine-tune the encoder contrastively on the labelled examples, and fit a linear probe to its hidden
    /// states.
    Probe,
    /// Draw the additional training examples for the members of a generation.
    Sets {
        /// The generation that is trained on them, starting at 1.
        generation: usize,
    },
    /// Fine-tune the model with one pattern on the labelled examples and those drawn for it, and score the
    /// unlabelled and test examples.
    Member {
        /// Counted from 0.
        generation: usize,
        /// The pattern's number.
        pattern: usize,
        /// The random seed.
        seed: u64,
    },
    /// Merge the scores of a generation's members.
    Ensemble {
        /// Counted from 0.
        generation: usize,
    },
    /// Train a plain classifier on the labelled examples, for comparison.
    Supervised {
        /// The random seed.
        seed: u64,
    },
    /// Score the test examples with the pretrained model and labelled examples in front of each, for
    /// comparison.
    Primed {
        /// The pattern's number.
        pattern: usize,
        /// The seed for drawing the examples in front.
        seed: u64,
    },
    /// Train the final classifier.
    Final {
        /// The random seed.
        seed: u64,
    },
}

impl Work {
    /// Whether it needs all of a generation.
    pub(crate) fn merges(self) -> bool {
        matches!(self, Work::Ensemble { .. } | Work::Sets { .. } | Work::Final { .. })
    }
}

impl Plan {
    /// The jobs of `task` with this `model` and `data`.
    pub(crate) fn new(task: &Task, model: &ModelSource, data: &Data) -> Plan {
        let sources = data.sources(task);
        let id = Id::of(&(COMPUTATION, task.canonical(), &model.fingerprint, &sources));
        let mut plan = Planner {
            task,
            model,
            sources: &sources,
            probes: linear_probe::applies(task, data),
            jobs: Vec::new(),
            notes: Vec::new(),
        };
        let seed = task.options.seeds.first().copied().unwrap_or(0);
        for (label, rows) in task.labels.iter().zip(data.label_counts(task)) {
            if rows == 0 && task.answers.choices().is_none() && !data.train.is_empty() {
                plan.notes.push(format!("the label `{}` has no labelled row to learn from", label.name));
            }
        }
        match task.options.method {
            Method::Supervised => plan.add("final", Work::Final { seed }, plan.last(plan.supervised(seed))),
            Method::Pet | Method::Ipet => plan.pet(seed),
        }
        let Planner { jobs, notes, .. } = plan;
        Plan { id, jobs, notes, data: sources }
    }

    /// The names of the jobs whose results a job needs.
    pub(crate) fn inputs(&self, job: &Job) -> Vec<&str> {
        let needs = |other: &&Job| match (job.work, other.work) {
            (Work::Member { pattern, .. }, Work::ZeroShot { pattern: of }) => of == pattern,
            (Work::Member { generation, .. }, Work::Sets { generation: of }) => of == generation,
            (Work::Ensemble { .. } | Work::Sets { .. }, Work::ZeroShot { .. }) => true,
            (Work::Ensemble { .. }, Work::Probe) => true,
            (Work::Ensemble { generation }, Work::Member { generation: of, .. }) => of == generation,
            (Work::Sets { generation }, Work::Member { generation: of, .. }) => of + 1 == generation,
            // Its card has the figures of all others.
            (Work::Final { .. }, other) => !matches!(other, Work::Final { .. }),
            _ => false,
        };
        self.jobs.iter().filter(needs).map(|job| job.name.as_str()).collect()
    }

    /// Whether the run ends with a classifier rather than with the ensemble alone.
    pub(crate) fn has_classifier(&self) -> bool {
        self.jobs.iter().any(|job| matches!(job.work, Work::Final { .. }))
    }
}

struct Planner<'a> {
    task: &'a Task,
    model: &'a ModelSource,
    sources: &'a BTreeMap<String, DataSource>,
    probes: bool,
    jobs: Vec<Job>,
    notes: Vec<String>,
}

impl Planner<'_> {
    fn add(&mut self, name: impl Into<String>, work: Work, id: Id) {
        self.jobs.push(Job { name: name.into(), id, work });
    }

    fn pet(&mut self, seed: u64) {
        let options = &self.task.options;
        let generations = generations(self.task, self.rows("unlabeled"));
        if generations < options.generations() {
            self.notes.push(
                "there are no unlabelled rows to grow the training sets with; there is one generation only"
                    .to_owned(),
            );
        }
        let labelled = self.rows("train");
        if labelled == 0 && generations == 1 {
            let what = "there are no labelled rows, so that the classifier learns what the pretrained model guesses of the unlabelled ones";
            self.notes.push(what.to_owned());
        }
        let mut zero_shot = Vec::new();
        for pattern in 0..self.task.patterns.len() {
            let id = self.zero_shot(pattern);
            zero_shot.push(id.clone());
            self.add(zero_shot_name(pattern), Work::ZeroShot { pattern }, id);
        }
        let probe = self.probes.then(|| self.probe(seed));
        if let Some(id) = &probe {
            self.add(PROBE, Work::Probe, id.clone());
        }
        let mut sets: Option<Id> = None;
        let mut ensemble = Id::of(&());
        for generation in 0..generations {
            let mut inputs = zero_shot.clone();
            for (pattern, seed) in members(self.task, generation, labelled) {
                let id = self.member(generation, pattern, seed, sets.as_ref());
                inputs.push(id.clone());
                let work = Work::Member { generation, pattern, seed };
                self.add(member_name(generation, pattern, seed), work, id);
            }
            ensemble = Id::of(&(COMPUTATION, "ensemble", options.merge, &inputs, &probe));
            self.add(ensemble_name(generation), Work::Ensemble { generation }, ensemble.clone());
            if generation + 1 < generations {
                let next = generation + 1;
                let ipet = json(&options.ipet);
                let id = Id::of(&(COMPUTATION, "sets", next, options.merge, inputs, ipet, seed));
                self.add(sets_name(next), Work::Sets { generation: next }, id.clone());
                sets = Some(id);
            }
        }
        if options.compare && labelled == 0 {
            self.notes.push("there are no labelled rows for plain fine-tuning to learn from".to_owned());
        } else if options.compare {
            self.add("supervised", Work::Supervised { seed }, self.supervised(seed));
        }
        if options.priming > 0 {
            self.priming(labelled);
        }
        if self.rows("unlabeled") == 0 {
            self.notes.push(
                "there are no unlabelled rows to distil a classifier from; the ensemble itself predicts"
                    .to_owned(),
            );
        } else {
            let id = Id::of(&(COMPUTATION, "distil", ensemble, &self.task.fields(), &options.distil, seed));
            self.add("final", Work::Final { seed }, self.last(id));
        }
    }

    fn priming(&mut self, labelled: usize) {
        if labelled == 0 || self.rows("test") == 0 {
            let what =
                if labelled == 0 { "labelled rows for priming" } else { "test rows to measure priming on" };
            self.notes.push(format!("there are no {what}"));
            return;
        }
        for (pattern, seed) in members(self.task, 0, labelled) {
            let id = self.primed(pattern, labelled, seed);
            self.add(format!("primed/p{pattern}-s{seed}"), Work::Primed { pattern, seed }, id);
        }
    }

    fn rows(&self, part: &str) -> usize {
        self.sources.get(part).map_or(0, |source| source.rows)
    }

    /// What every model of this task depends on.
    fn base(&self, data: &[&str]) -> impl Serialize {
        let data: Vec<(String, Option<&DataSource>)> =
            data.iter().map(|&part| (part.to_owned(), self.sources.get(part))).collect();
        // Examples contain only the descriptions of classes, but the results contain their names.
        let several = self.task.answers.several().into_iter().flat_map(MultiLabel::names);
        let names: Vec<String> = self.task.label_names().into_iter().chain(several).collect();
        (
            COMPUTATION,
            self.model.fingerprint.clone(),
            names,
            self.task.options.max_length,
            self.task.options.precision,
            json(data),
        )
    }

    /// What the scores of a pattern depend on.
    fn pvp(&self, pattern: usize) -> impl Serialize {
        let task = self.task;
        (
            task.patterns[pattern].to_string(),
            task.spacing,
            json(task.labels_of(pattern)),
            task.answers.choices().map(|choices| choices.from.clone()),
            task.options.decoding,
        )
    }

    fn zero_shot(&self, pattern: usize) -> Id {
        let calibrated = calibration::applies(self.task);
        let mut data = vec!["train"];
        data.extend(calibrated.then_some("unlabeled"));
        data.extend(self.task.options.measures_all().then_some("test"));
        Id::of(&("zero-shot", self.base(&data), self.pvp(pattern), calibrated))
    }

    fn probe(&self, seed: u64) -> Id {
        let mut data = vec!["train", "unlabeled"];
        data.extend(self.task.options.measures_all().then_some("test"));
        let keeps = keeps_probe(self.task, self.rows("unlabeled"));
        let training = (self.training(), self.task.options.freeze, seed);
        Id::of(&("probe", self.base(&data), self.task.fields(), training, keeps))
    }

    fn primed(&self, pattern: usize, labelled: usize, seed: u64) -> Id {
        let examples = self.task.options.priming.min(labelled);
        Id::of(&("primed", self.base(&["train", "test"]), self.pvp(pattern), examples, seed))
    }

    fn member(&self, generation: usize, pattern: usize, seed: u64, sets: Option<&Id>) -> Id {
        let mut data = vec!["train", "unlabeled"];
        data.extend(measures_members(self.task, self.rows("unlabeled")).then_some("test"));
        Id::of(&(
            "member",
            self.base(&data),
            self.pvp(pattern),
            self.training(),
            self.task.options.freeze,
            calibration::applies(self.task),
            self.task.options.lm_weight.to_string(),
            seed,
            // Each job has only one training set, and the first generation has none.
            sets,
            self.keeps_members(generation),
        ))
    }

    fn supervised(&self, seed: u64) -> Id {
        // A classifier trained for comparison is not kept for prediction, so it is a different job from the
        // final classifier of a run.
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

    /// The id of a final classifier, which is different if its model is not kept.
    fn last(&self, id: Id) -> Id {
        if self.task.options.keep == Keep::None { Id::of(&(id, "measured only")) } else { id }
    }

    fn training(&self) -> impl Serialize {
        let options = &self.task.options;
        let numbers =
            [options.learning_rate, options.weight_decay, options.warmup].map(|number| number.to_string());
        (options.steps, options.batch_size, options.accumulation, numbers, options.hinge)
    }

    fn keeps_members(&self, generation: usize) -> bool {
        keeps_members(self.task, generation, self.rows("unlabeled"))
    }
}

/// The number of ensembles that are trained one after the other: training sets cannot grow without unlabelled
/// examples.
pub(crate) fn generations(task: &Task, unlabeled_rows: usize) -> usize {
    task.options.generations().min(if unlabeled_rows == 0 { 1 } else { usize::MAX })
}

/// The pattern and the seed of every member of a generation, in the order in which they are merged. Without
/// labelled examples, the first generation is not trained, so one seed is enough.
pub(crate) fn members(task: &Task, generation: usize, labelled_rows: usize) -> Vec<(usize, u64)> {
    let seeds = &task.options.seeds;
    let seeds = if generation == 0 && labelled_rows == 0 { &seeds[..seeds.len().min(1)] } else { seeds };
    (0..task.patterns.len()).flat_map(|pattern| seeds.iter().map(move |&seed| (pattern, seed))).collect()
}

/// The directory of the pretrained model's results with a pattern.
pub(crate) fn zero_shot_name(pattern: usize) -> String {
    format!("zero-shot/p{pattern}")
}

/// The directory of the linear probe.
pub(crate) const PROBE: &str = "probe";
/// The name of the job of the final classifier.
pub(crate) const FINAL: &str = "final";

/// The directory of a member.
pub(crate) fn member_name(generation: usize, pattern: usize, seed: u64) -> String {
    format!("g{generation}/p{pattern}-s{seed}")
}

/// The directory of a generation's ensemble.
pub(crate) fn ensemble_name(generation: usize) -> String {
    format!("g{generation}/ensemble")
}

/// The directory of a generation's additional training sets.
pub(crate) fn sets_name(generation: usize) -> String {
    format!("g{generation}/sets")
}

/// Whether the models of a generation's members are kept: if requested, or if the run needs them to predict.
/// Only members of the last generation are used for prediction.
pub(crate) fn keeps_members(task: &Task, generation: usize, unlabeled_rows: usize) -> bool {
    let last = generation + 1 == generations(task, unlabeled_rows);
    match task.options.keep {
        Keep::All => last,
        Keep::Final => last && unlabeled_rows == 0,
        Keep::None => false,
    }
}

/// Whether the probe's encoder is kept: it predicts together with the members of the last generation.
pub(crate) fn keeps_probe(task: &Task, unlabeled_rows: usize) -> bool {
    let last = generations(task, unlabeled_rows).saturating_sub(1);
    keeps_members(task, last, unlabeled_rows)
}

/// Whether members and ensembles are evaluated on the test examples: if requested, or if the run ends with
/// them.
pub(crate) fn measures_members(task: &Task, unlabeled_rows: usize) -> bool {
    task.options.measures_all() || unlabeled_rows == 0
}

fn json(value: impl Serialize) -> String {
    // Plain data with string keys; see `Id::of`.
    serde_json::to_string(&value).expect("plain data has a JSON form")
}

/// Separates the random streams of this pattern from those of others with the same seed. It depends on the
/// pattern's text and own words, not on its number, so inserting a pattern before it changes nothing.
pub(crate) fn stream(task: &Task, pattern: usize) -> u64 {
    let id = Id::of(&task.pattern_text(pattern));
    u64::from_str_radix(&id.as_str()[..16], 16).unwrap_or_default()
}
