//! The levels of a factor: what each one changes in the task, and which figure of the run it reports.

use crate::task::Task;

/// The figure of a run that a level reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// The result of the run: the classifier, or the ensemble if there is none.
    Outcome,
    /// The ensemble of fine-tuned members.
    Ensemble,
    /// The member with this pattern.
    Member(usize),
    /// The pretrained model with all patterns.
    Pretrained,
    /// The pretrained model primed with labelled examples.
    Primed,
}

/// A change to the task for a given seed.
type Change = Box<dyn Fn(&mut Task, u64)>;

/// A level of a factor.
pub(super) struct Level {
    /// Its name in the results.
    pub(super) setting: String,
    /// The name of its runs.
    pub(super) title: String,
    pub(super) reading: Reading,
    /// The index of the model.
    pub(super) model: usize,
    change: Option<Change>,
}

impl Level {
    /// The task as it is.
    pub(super) fn unchanged(setting: impl Into<String>) -> Level {
        Level {
            setting: setting.into(),
            title: "base".to_owned(),
            reading: Reading::Outcome,
            model: 0,
            change: None,
        }
    }

    /// The task with a change, which also names its runs.
    pub(super) fn changed(setting: impl Into<String>, change: impl Fn(&mut Task, u64) + 'static) -> Level {
        let level = Level { change: Some(Box::new(change)), ..Level::unchanged(setting) };
        let title = level.setting.clone();
        level.titled(title)
    }

    /// A random subset of the labelled examples; a different one for each seed unless `draw` is given.
    pub(super) fn subset(setting: String, size: usize, draw: Option<u64>) -> Level {
        Level::changed(setting, move |task, seed| {
            task.data.train_limit = Some(size);
            task.data.train_seed = draw.unwrap_or(seed);
        })
    }

    /// The same level, with another name for its runs.
    pub(super) fn titled(self, title: impl Into<String>) -> Level {
        Level { title: title.into(), ..self }
    }

    /// The same level, reporting another figure of the run.
    pub(super) fn read(self, reading: Reading) -> Level {
        Level { reading, ..self }
    }

    /// The same level, with another model.
    pub(super) fn with_model(self, model: usize) -> Level {
        Level { model, ..self }
    }

    /// The task of this level for a given seed.
    pub(super) fn apply(&self, base: &Task, seed: u64) -> Task {
        let mut task = base.clone();
        if let Some(change) = &self.change {
            change(&mut task, seed);
        }
        task
    }
}

/// The levels of a factor on a task.
pub(super) struct Levels {
    pub(super) levels: Vec<Level>,
    /// If there are fewer than two levels, why the factor makes no difference.
    pub(super) reason: &'static str,
}

impl Levels {
    /// No levels, for this reason.
    pub(super) fn none(reason: &'static str) -> Levels {
        Levels { levels: Vec::new(), reason }
    }
}

impl FromIterator<Level> for Levels {
    fn from_iter<I: IntoIterator<Item = Level>>(levels: I) -> Levels {
        Levels { levels: levels.into_iter().collect(), reason: "" }
    }
}
