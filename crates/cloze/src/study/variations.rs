//! The runs of a study, and which figures are read from which run.

use std::collections::HashSet;
use std::sync::Arc;

use super::base::Base;
use super::factors::Factor;
use super::level::{Levels, Reading};
use crate::Result;
use crate::dataset::Data;
use crate::run::prepare::Prepared;
use crate::run::store::Id;
use crate::task::Task;

/// One run of a study.
pub(super) struct Variation {
    /// How it differs from the task itself, in a few words.
    pub(super) title: String,
    /// The task to run.
    pub(super) task: Task,
    /// The index of its model.
    pub(super) model: usize,
    pub(super) prepared: Prepared,
    /// For every job, whether no earlier variation has it.
    pub(super) new: Vec<bool>,
}

impl Variation {
    /// The jobs of this variation that no earlier one has.
    pub(super) fn own_jobs(&self) -> impl Iterator<Item = &str> {
        self.prepared
            .plan
            .jobs
            .iter()
            .zip(&self.new)
            .filter(|(_, new)| **new)
            .map(|(job, _)| job.name.as_str())
    }
}

/// The run that a figure comes from.
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

/// The variations planned so far.
pub(super) struct Variations<'a> {
    base: Base<'a>,
    list: Vec<Variation>,
    /// The ids of their jobs.
    jobs: HashSet<Id>,
    /// Notes for the user.
    notes: Vec<String>,
}

impl<'a> Variations<'a> {
    /// No variations yet, for this task.
    pub(super) fn of(base: Base<'a>) -> Variations<'a> {
        Variations { base, list: Vec::new(), jobs: HashSet::new(), notes: Vec::new() }
    }

    /// Plans the settings of a factor; if it makes no difference on this task, returns `None` and adds a
    /// note.
    ///
    /// # Errors
    /// When the data or the model cannot be used.
    pub(super) fn add(&mut self, factor: Factor) -> Result<Option<Axis>> {
        let Levels { levels, reason } = factor.levels(&self.base)?;
        let mut settings = Vec::new();
        for level in levels {
            let mut sources = Vec::new();
            for seed in self.base.seeds.clone() {
                let task = level.apply(&self.base.task, seed);
                let variation = self.variation(&level.title, task, seed, level.model)?;
                sources.push(Source { seed, variation, reading: level.reading });
            }
            settings.push(Sources { setting: level.setting, sources });
        }
        if settings.len() < 2 {
            self.notes.push(format!("`{}` makes no difference on this task: {reason}", factor.name()));
            return Ok(None);
        }
        Ok(Some(Axis { factor, settings }))
    }

    /// The index of the variation that runs this task; equal tasks share one.
    fn variation(&mut self, title: &str, mut task: Task, seed: u64, model: usize) -> Result<usize> {
        task.options.seeds = vec![seed];
        let known = self.list.iter().map(|known| (&known.task, &known.prepared.data));
        let read = [(&self.base.task, &self.base.data)].into_iter().chain(known);
        // Which columns are read depends on patterns and words.
        let columns = task.fields();
        let is_same = |known: &Task| known.data == task.data && known.fields() == columns;
        let data = match read.into_iter().find(|(known, _)| is_same(known)) {
            Some((_, data)) => Arc::clone(data),
            None => Arc::new(Data::read(&task)?),
        };
        let prepared = Prepared::with_data(&task, data, &self.base.models[model], &self.base.device);
        if let Some(known) = self.list.iter().position(|known| known.prepared.plan.id == prepared.plan.id) {
            return Ok(known);
        }
        let new = prepared.plan.jobs.iter().map(|job| self.jobs.insert(job.id.clone())).collect();
        let title = format!("{title}, seed {seed}");
        self.list.push(Variation { title, task, model, prepared, new });
        Ok(self.list.len() - 1)
    }

    /// The variations in the order in which they are carried out, and the notes.
    pub(super) fn finish(self) -> (Vec<Variation>, Vec<String>) {
        (self.list, self.notes)
    }
}
