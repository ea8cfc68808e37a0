//! A planned study: its runs and their estimated cost.

use std::path::Path;
use std::sync::Arc;

use cloze_encoder::Device;

use super::alternatives::Alternatives;
use super::base::Base;
use super::factors::Factor;
use super::variations::{Axis, Variation, Variations};
use crate::dataset::Data;
use crate::inspect::estimate::{Estimate, JobEstimate, Speed};
use crate::run::precheck::check_patterns;
use crate::run::store::Id;
use crate::task::{Keep, Measure, Method, Split, Task};
use crate::{Error, Model, Result, words};

/// A planned study.
pub struct Study {
    /// Hash of everything that the findings depend on.
    pub(super) id: Id,
    /// The runs, in the order in which they are carried out.
    pub(super) variations: Vec<Variation>,
    /// Notes for the user before the study starts.
    pub(super) notes: Vec<String>,
    /// The task, with words for its labels.
    pub task: Task,
    /// The number of runs.
    pub runs: usize,
    pub(super) data: Arc<Data>,
    /// The task's model, the others, and the adapted one.
    pub(super) models: Vec<Model>,
    /// Which of them is adapted, and how many seconds that took.
    pub(super) adaptation: Option<(usize, f64)>,
    /// What the command needs to name the alternatives.
    flags: String,
    pub(super) seeds: Vec<u64>,
    pub(super) axes: Vec<Axis>,
}

impl Study {
    /// Plans a study of `factors` on `device` with `seeds` seeds, counting up from the task's first seed.
    ///
    /// # Errors
    /// When the data, a model or an alternative cannot be used, there are no labelled examples to train or
    /// evaluate on, or none of the factors makes a difference on this task.
    pub fn new(
        task: &Task,
        model: &Model,
        alternatives: &Alternatives,
        factors: &[Factor],
        seeds: usize,
        device: &Device,
    ) -> Result<Study> {
        alternatives.check_patterns(task)?;
        let mut models = vec![model.clone()];
        models.extend(alternatives.models.iter().cloned());
        let adaptation = alternatives.adapted.as_ref().map(|(adapted, seconds)| {
            models.push(adapted.clone());
            (models.len() - 1, *seconds)
        });
        let data = Arc::new(Data::read(task)?);
        let has_found_words = task.described.is_some();
        let task = words::find(task, &data, model.checkpoint(), device)?;
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
        for model in &models {
            let task = &base.fitted(&model.checkpoint().config);
            check_patterns(task, model.checkpoint(), &data)?;
        }
        // Limits count the examples in the files, not the mirrored ones.
        let mut files = base.clone();
        files.data.mirror = None;
        let rows = |task: &Task, split| Ok::<_, Error>(task.examples(split)?.count());
        let train = rows(&files, Split::Train)?;
        let unlabeled = rows(&files, Split::Unlabeled)?;
        files.data.train_limit = None;
        let available = rows(&files, Split::Train)?;
        let seeds: Vec<u64> = (0..seeds as u64).map(|number| first.wrapping_add(number)).collect();
        let base = Base {
            task: base,
            data: Arc::clone(&data),
            models: &models,
            alternatives,
            has_found_words,
            device: device.clone(),
            seeds: seeds.clone(),
            train,
            unlabeled,
            available,
        };
        let mut variations = Variations::of(base);
        let mut axes: Vec<Axis> = Vec::new();
        for &factor in factors {
            if axes.iter().all(|axis| axis.factor != factor) {
                axes.extend(variations.add(factor)?);
            }
        }
        let (variations, mut notes) = variations.finish();
        if axes.is_empty() {
            let problem = notes.first().cloned().unwrap_or_else(|| "there is no factor to vary".to_owned());
            return Err(Error::usage(problem, "name other factors with `--factors`"));
        }
        if seeds.len() == 1 {
            notes.push(
                "with one seed, the intervals cover only the luck of the test rows, not that of training"
                    .to_owned(),
            );
        }
        let ids: Vec<&Id> = variations.iter().map(|variation| &variation.prepared.plan.id).collect();
        let names: Vec<&str> = axes.iter().map(|axis| axis.factor.name()).collect();
        let id = Id::of(&("study 1", &task.name, names, ids, &seeds));
        let flags = alternatives.flags();
        let runs = variations.len();
        Ok(Study { id, variations, notes, task, runs, data, models, adaptation, flags, seeds, axes })
    }

    /// The cost of the whole study from scratch; a job shared by several variations counts once. The speed of
    /// this machine with each model is measured.
    ///
    /// # Errors
    /// When an example cannot be truncated to the model's maximum length, or a model cannot be read.
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

    /// The command that reproduces the study, run in the folder of the task file.
    pub(super) fn command(&self) -> String {
        let file = Path::new(self.task.file()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let names: Vec<&str> = self.axes.iter().map(|axis| axis.factor.name()).collect();
        let (names, seeds) = (names.join(","), self.seeds.len());
        format!("cloze study {file} --factors {names} --seeds {seeds}{}", self.flags)
    }
}

/// The name of a variation's job in the events of a study.
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
