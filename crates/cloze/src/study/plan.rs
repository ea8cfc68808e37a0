//! What a study comes down to: variations of a task, each a run, and what is read from which run.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use cloze_encoder::Device;

use super::Factor;
use crate::dataset::Data;
use crate::error::counted;
use crate::inspect::estimate::{Estimate, JobEstimate, Speed};
use crate::pvp::verbalizer::Verbalizer;
use crate::run::prepare::Prepared;
use crate::run::store::Id;
use crate::run::train::check_patterns;
use crate::task::{Decoding, Keep, Measure, Method, Reduction, Set, Start, Task};
use crate::training::probe;
use crate::{Error, Model, Result, words};

/// Labelled rows of the smallest subset; it doubles from there.
const FEWEST_LABELS: usize = 8;

/// Labelled rows of each label that stand in front of a row, beside all that fit.
const IN_FRONT: [usize; 2] = [1, 4];

/// The smallest number of unlabelled rows; the numbers are what is there, and a quarter of that, and so on.
const FEWEST_UNLABELED: usize = 16;

/// A run of a study.
pub struct Variation {
    /// What is special about it, in a few words.
    pub title: String,
    /// What is run.
    pub task: Task,
    /// The number of its model.
    pub model: usize,
    pub(super) prepared: Prepared,
    /// For every job whether no earlier variation has it.
    pub(super) new: Vec<bool>,
}

/// Which figure of a run is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// What the run is for: the classifier, or the ensemble where there is none.
    Outcome,
    /// The fine-tuned members together.
    Ensemble,
    /// The member with this pattern.
    Member(usize),
    /// The untouched model with all patterns.
    Untouched,
    /// The same with labelled rows in front.
    Primed,
}

/// Where a figure comes from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Source {
    pub(super) seed: u64,
    pub(super) variation: usize,
    pub(super) reading: Reading,
}

/// A setting of a factor, with a source for every seed.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) setting: String,
    pub(super) sources: Vec<Source>,
}

/// A factor with its settings.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) factor: Factor,
    pub(super) settings: Vec<Sources>,
}

/// A study, planned.
pub struct Study<'a> {
    /// Hash of everything that the findings depend on.
    pub id: Id,
    /// The runs in the order in which they are done.
    pub variations: Vec<Variation>,
    /// What the user should know before anything is done.
    pub notes: Vec<String>,
    pub(super) task: Task,
    pub(super) data: Data,
    pub(super) models: &'a [Model],
    pub(super) seeds: Vec<u64>,
    pub(super) axes: Vec<Axis>,
}

impl<'a> Study<'a> {
    /// Plans a study of `factors` on `device` with so many `seeds`, counted from the task's first. The first of the `models` is the task's;
    /// [`Factor::Models`] compares it with the others.
    ///
    /// # Errors
    /// When data or a model cannot be used, there are no labelled rows to learn from or to measure on, or no factor is left that
    /// makes a difference on this task.
    pub fn new(
        task: &Task,
        models: &'a [Model],
        factors: &[Factor],
        seeds: usize,
        device: &Device,
    ) -> Result<Study<'a>> {
        let Some(own) = models.first() else {
            return Err(Error::usage("there is no model to study", "give the one that the task starts from"));
        };
        let data = Data::read(task)?;
        let task = words::find(task, &data, own.checkpoint(), device)?;
        let first = task.options.seeds.first().copied().unwrap_or(0);
        let mut base = task.clone();
        base.options.keep = Keep::None;
        base.options.compare = false;
        base.options.measure = Measure::All;
        base.options.priming = 0;
        base.options.precision = base.options.precision.on(device);
        if base.options.method == Method::Supervised {
            base.options.method = Method::Pet;
        }
        check_rows(&task, &data)?;
        for model in models {
            let task = &base.fitted(&model.checkpoint().config);
            check_patterns(task, model.checkpoint(), &data)?;
        }
        // Limits count the rows of the files, not their copies, mirrored or for every topic.
        let mut files = base.clone();
        files.data.mirror = None;
        let rows = |task: &Task, set| Ok::<_, Error>(task.examples(set)?.len() / task.copies());
        let (train, unlabeled) = (rows(&files, Set::Train)?, rows(&files, Set::Unlabeled)?);
        files.data.train_limit = None;
        let mut planner = Planner {
            rows: Rows { train, unlabeled, available: rows(&files, Set::Train)? },
            base,
            models,
            device,
            seeds: (0..seeds as u64).map(|number| first.wrapping_add(number)).collect(),
            variations: Vec::new(),
            jobs: HashSet::new(),
            notes: Vec::new(),
        };
        let mut axes: Vec<Axis> = Vec::new();
        for &factor in factors {
            if axes.iter().all(|axis| axis.factor != factor) {
                axes.extend(planner.axis(factor)?);
            }
        }
        let Planner { variations, seeds, mut notes, .. } = planner;
        if axes.is_empty() {
            let problem = notes.first().cloned().unwrap_or_else(|| "there is no factor to vary".to_owned());
            return Err(Error::usage(problem, "name other factors after `--factors`"));
        }
        if seeds.len() == 1 {
            notes.push(
                "with one seed the intervals hold the luck of the test rows only, not that of training"
                    .to_owned(),
            );
        }
        let runs: Vec<&Id> = variations.iter().map(|variation| &variation.prepared.plan.id).collect();
        let names: Vec<&str> = axes.iter().map(|axis| axis.factor.name()).collect();
        let id = Id::of(&("study 1", &task.name, names, runs, &seeds));
        Ok(Study { id, variations, notes, task, data, models, seeds, axes })
    }

    /// The task, whose labels have words.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// What the study will cost, from nothing; a job that several variations have counts once. How fast this machine is with each model is
    /// measured.
    ///
    /// # Errors
    /// As [`Estimate::new`].
    pub fn estimate(&self) -> Result<Estimate> {
        let mut speeds: Vec<Option<Speed>> = vec![None; self.models.len()];
        let mut whole = Estimate { seconds: 0.0, memory: 0, disk: 0, jobs: Vec::new() };
        for (number, variation) in self.variations.iter().enumerate() {
            let Variation { prepared, model, new, .. } = variation;
            let speed = match speeds[*model] {
                Some(speed) => speed,
                None => *speeds[*model].insert(Speed::measure(prepared)?),
            };
            let part = Estimate::new(prepared, speed)?;
            whole.memory = whole.memory.max(part.memory);
            whole.disk += part.disk;
            for (job, _) in part.jobs.into_iter().zip(new).filter(|(_, new)| **new) {
                whole.seconds += job.seconds;
                whole.jobs.push(JobEstimate { job: job_name(number, &job.job), ..job });
            }
        }
        Ok(whole)
    }

    /// The command that makes it again, in the folder of the task file.
    pub(super) fn command(&self) -> String {
        let file = Path::new(self.task.file()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names: Vec<&str> = self.axes.iter().map(|axis| axis.factor.name()).collect();
        let mut command =
            format!("cloze study {file} --factors {} --seeds {}", names.join(","), self.seeds.len());
        if let [_, others @ ..] = self.models
            && !others.is_empty()
        {
            let names: Vec<&str> = others.iter().map(|model| model.name()).collect();
            command += &format!(" --models {}", names.join(","));
        }
        command
    }
}

/// How a job of a variation is called in the events of a study.
pub(super) fn job_name(variation: usize, job: &str) -> String {
    format!("{}:{job}", variation + 1)
}

fn check_rows(task: &Task, data: &Data) -> Result<()> {
    if data.test.is_empty() {
        return Err(task
            .mistake_in_key(
                "data.test",
                "there are no labelled test rows to measure on",
                "name a file of labelled rows under `[data]` as `test`",
            )
            .into());
    }
    if data.train.is_empty() {
        return Err(task
            .mistake_in_key(
                "data.train",
                "there are no labelled rows to learn from",
                "name a file of labelled rows under `[data]` as `train`",
            )
            .into());
    }
    Ok(())
}

/// Rows that are there.
#[derive(Debug, Clone, Copy)]
struct Rows {
    train: usize,
    unlabeled: usize,
    /// Labelled rows beyond the task's `train_limit` included.
    available: usize,
}

struct Planner<'a> {
    base: Task,
    models: &'a [Model],
    device: &'a Device,
    seeds: Vec<u64>,
    rows: Rows,
    variations: Vec<Variation>,
    jobs: HashSet<Id>,
    notes: Vec<String>,
}

/// A change to the task under a seed.
type Change = Box<dyn Fn(&mut Task, u64)>;

impl Planner<'_> {
    /// The settings of a factor; none, with a note, where it makes no difference on this task.
    fn axis(&mut self, factor: Factor) -> Result<Option<Axis>> {
        let Rows { train, unlabeled, available } = self.rows;
        let patterns = self.base.patterns.len();
        let mut settings: Vec<Sources> = Vec::new();
        let reason = match factor {
            Factor::Patterns => {
                settings.push(self.setting("untouched model", "base", Reading::Untouched, None)?);
                for pattern in (0..patterns).filter(|_| patterns > 1) {
                    let setting = format!("pattern {pattern} alone");
                    settings.push(self.setting(setting, "base", Reading::Member(pattern), None)?);
                }
                settings.push(self.setting("all patterns", "base", Reading::Ensemble, None)?);
                ""
            }
            Factor::Distillation if unlabeled == 0 => "there are no unlabelled rows to distil from",
            Factor::Distillation => {
                settings.push(self.setting("ensemble", "base", Reading::Ensemble, None)?);
                settings.push(self.setting("distilled classifier", "base", Reading::Outcome, None)?);
                ""
            }
            Factor::Merge if patterns == 1 => "there is only one pattern",
            Factor::Merge => {
                for (name, merge) in [("mean", Reduction::Mean), ("wmean", Reduction::Wmean)] {
                    let change = move |task: &mut Task, _| task.options.merge = merge;
                    settings.push(self.varied(name, Reading::Outcome, change)?);
                }
                ""
            }
            Factor::Method => {
                let methods =
                    [("supervised", Method::Supervised), ("pet", Method::Pet), ("ipet", Method::Ipet)];
                for (name, method) in methods {
                    // Without unlabelled rows there is nothing for a second generation to learn from.
                    if method != Method::Ipet || unlabeled > 0 {
                        let change = move |task: &mut Task, _| task.options.method = method;
                        settings.push(self.varied(name, Reading::Outcome, change)?);
                    }
                }
                ""
            }
            Factor::Priming => {
                let sizes = IN_FRONT.map(|size| size * self.base.labels.len());
                let few = sizes.into_iter().filter(|&size| size < train);
                let few = few.map(|size| (format!("primed with {}", counted(size, "example")), size));
                // There is no end to what may fit, but to the rows that are there.
                let all = ("primed with as many as fit".to_owned(), train);
                settings.push(self.primed("untouched model", "pet", Reading::Untouched, 0)?);
                for (name, size) in few.chain([all]) {
                    settings.push(self.primed(&name, &name, Reading::Primed, size)?);
                }
                settings.push(self.primed("pet", "pet", Reading::Outcome, 0)?);
                ""
            }
            Factor::Labels => {
                settings.push(self.setting("0 labelled rows", "base", Reading::Untouched, None)?);
                let sizes = std::iter::successors(Some(FEWEST_LABELS), |size| Some(size * 2));
                for size in sizes.take_while(|&size| size < train) {
                    settings.push(self.sample(counted(size, "labelled row"), size, None)?);
                }
                settings.push(self.setting(
                    counted(train, "labelled row"),
                    "base",
                    Reading::Outcome,
                    None,
                )?);
                ""
            }
            Factor::Unlabeled => {
                let quarters = std::iter::successors(Some(unlabeled / 4), |size| Some(size / 4));
                let mut sizes: Vec<usize> =
                    quarters.take_while(|&size| size >= FEWEST_UNLABELED).take(3).collect();
                sizes.reverse();
                for size in sizes {
                    let change = move |task: &mut Task, _| task.data.unlabeled_limit = Some(size);
                    settings.push(self.varied(counted(size, "unlabelled row"), Reading::Outcome, change)?);
                }
                let all = counted(unlabeled, "unlabelled row");
                settings.push(self.setting(all, "base", Reading::Outcome, None)?);
                "there are too few unlabelled rows"
            }
            Factor::Samples if available < 2 * FEWEST_LABELS => {
                "there are too few labelled rows to draw from"
            }
            Factor::Samples => {
                // A size that the factor `labels` has too, or the task's own.
                let half = 1 << (available / 2).ilog2();
                let size = if train * 2 <= available { train } else { half };
                for draw in 0..self.seeds.len().max(2) as u64 {
                    let draw = self.seeds[0].wrapping_add(draw);
                    let name = format!("{}, draw {draw}", counted(size, "labelled row"));
                    settings.push(self.sample(name, size, Some(draw))?);
                }
                ""
            }
            Factor::Decoding if self.has_one_token_words()? => "every word is one token",
            Factor::Decoding => {
                for (name, decoding) in [
                    ("max-first", Decoding::MaxFirst),
                    ("left-to-right", Decoding::LeftToRight),
                    ("parallel", Decoding::Parallel),
                ] {
                    let change = move |task: &mut Task, _| task.options.decoding = decoding;
                    settings.push(self.varied(name, Reading::Outcome, change)?);
                }
                ""
            }
            Factor::Calibration => {
                for (name, calibrate) in [("as it is", false), ("calibrated", true)] {
                    let change = move |task: &mut Task, _| task.options.calibrate = calibrate;
                    settings.push(self.varied(name, Reading::Outcome, change)?);
                }
                ""
            }
            Factor::Freezing if self.most_frozen() == 0 => "the model has no layers that could be left alone",
            Factor::Freezing => {
                let most = self.most_frozen();
                for freeze in [0, most] {
                    let name = match freeze {
                        0 => "all layers trained".to_owned(),
                        _ => format!("{} frozen", counted(freeze, "layer")),
                    };
                    let change = move |task: &mut Task, _| task.options.freeze = freeze;
                    settings.push(self.varied(name, Reading::Outcome, change)?);
                }
                ""
            }
            Factor::Start if unlabeled == 0 => "there are no unlabelled rows to distil from",
            Factor::Start => {
                for (name, start) in [("from the model", Start::Model), ("from the members", Start::Members)]
                {
                    let change = move |task: &mut Task, _| task.options.distil.start = start;
                    settings.push(self.varied(name, Reading::Outcome, change)?);
                }
                ""
            }
            Factor::Probe if !self.has_probe()? => "it has no linear probe",
            Factor::Probe => {
                for (name, probe) in [("without a probe", false), ("with a probe", true)] {
                    let change = move |task: &mut Task, _| task.options.probe = probe;
                    settings.push(self.varied(name, Reading::Outcome, change)?);
                }
                ""
            }
            Factor::Models => {
                for number in 0..self.models.len() {
                    let name = self.models[number].name().to_owned();
                    let mut sources = Vec::new();
                    for seed in self.seeds.clone() {
                        let variation = self.variation(&name, self.base.clone(), seed, number)?;
                        sources.push(Source { seed, variation, reading: Reading::Outcome });
                    }
                    settings.push(Sources { setting: name, sources });
                }
                "there is only one model; name others after `--models`"
            }
        };
        if settings.len() < 2 {
            self.notes.push(format!("`{}` makes no difference on this task: {reason}", factor.name()));
            return Ok(None);
        }
        Ok(Some(Axis { factor, settings }))
    }

    fn varied(
        &mut self,
        name: impl Into<String>,
        reading: Reading,
        change: impl Fn(&mut Task, u64) + 'static,
    ) -> Result<Sources> {
        let name = name.into();
        self.setting(name.clone(), &name, reading, Some(Box::new(change)))
    }

    /// PET, and beside it the untouched model with so many labelled rows in front.
    fn primed(&mut self, name: &str, title: &str, reading: Reading, examples: usize) -> Result<Sources> {
        let change = move |task: &mut Task, _| {
            task.options.method = Method::Pet;
            task.options.priming = examples;
        };
        self.setting(name, title, reading, Some(Box::new(change)))
    }

    /// A subset of the labelled rows; with each seed another one unless `draw` is given.
    fn sample(&mut self, name: String, size: usize, draw: Option<u64>) -> Result<Sources> {
        self.varied(name, Reading::Outcome, move |task, seed| {
            task.data.train_limit = Some(size);
            task.data.train_seed = draw.unwrap_or(seed);
        })
    }

    fn setting(
        &mut self,
        setting: impl Into<String>,
        title: &str,
        reading: Reading,
        change: Option<Change>,
    ) -> Result<Sources> {
        let mut sources = Vec::new();
        for seed in self.seeds.clone() {
            let mut task = self.base.clone();
            if let Some(change) = &change {
                change(&mut task, seed);
            }
            sources.push(Source { seed, variation: self.variation(title, task, seed, 0)?, reading });
        }
        Ok(Sources { setting: setting.into(), sources })
    }

    /// The number of the run of this task; the same for the same task.
    fn variation(&mut self, title: &str, mut task: Task, seed: u64, model: usize) -> Result<usize> {
        task.options.seeds = vec![seed];
        let data = match self.variations.iter().find(|known| known.task.data == task.data) {
            Some(known) => Arc::clone(&known.prepared.data),
            None => Arc::new(Data::read(&task)?),
        };
        let prepared = Prepared::with_data(&task, data, &self.models[model], self.device);
        if let Some(known) =
            self.variations.iter().position(|known| known.prepared.plan.id == prepared.plan.id)
        {
            return Ok(known);
        }
        let new = prepared.plan.jobs.iter().map(|job| self.jobs.insert(job.id.clone())).collect();
        let title = format!("{title}, seed {seed}");
        self.variations.push(Variation { title, task, model, prepared, new });
        Ok(self.variations.len() - 1)
    }

    /// The most layers that a task may freeze of the first model.
    fn most_frozen(&self) -> usize {
        let mut task = self.base.clone();
        task.options.freeze = usize::MAX;
        task.fitted(&self.models[0].checkpoint().config).options.freeze
    }

    /// Whether the task would have a linear probe if its options asked for one.
    fn has_probe(&self) -> Result<bool> {
        let mut task = self.base.clone();
        task.options.probe = true;
        Ok(probe::applies(&task, &Data::read(&task)?))
    }

    fn has_one_token_words(&self) -> Result<bool> {
        for pattern in 0..self.base.patterns.len() {
            if !Verbalizer::new(&self.base, pattern, &self.models[0].checkpoint().tokenizer)?.is_one_token() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}
