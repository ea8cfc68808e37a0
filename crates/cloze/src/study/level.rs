//! The levels of a factor: what each changes in the task, and which figure of the run is read.

use crate::task::Task;

/// Which figure of a run is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// What the run is for: the classifier, or the ensemble where there is none.
    Outcome,
    /// The fine-tuned members together.
    Ensemble,
    /// The member with this pattern.
    Member(usize),
    /// The pretrained model with all patterns.
    Pretrained,
    /// The same with labelled rows in front.
    Primed,
}

/// A change to the task under a seed.
type Change = Box<dyn Fn(&mut Task, u64)>;

/// A level of a factor.
pub(super) struct Level {
    /// What it is called in the results.
    pub(super) setting: String,
    /// What its runs are called.
    pub(super) title: String,
    pub(super) reading: Reading,
    /// The number of the model.
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

    /// The task with a change, after which its runs are called too.
    pub(super) fn changed(setting: impl Into<String>, change: impl Fn(&mut Task, u64) + 'static) -> Level {
        let level = Level { change: Some(Box::new(change)), ..Level::unchanged(setting) };
        let title = level.setting.clone();
        level.titled(title)
    }

    /// A subset of the labelled rows; another one with each seed, unless `draw` is given.
    pub(super) fn subset(setting: String, size: usize, draw: Option<u64>) -> Level {
        Level::changed(setting, move |task, seed| {
            task.data.train_limit = Some(size);
            task.data.train_seed = draw.unwrap_or(seed);
        })
    }

    /// The same with runs of another name.
    pub(super) fn titled(self, title: impl Into<String>) -> Level {
        Level { title: title.into(), ..self }
    }

    /// The same with another figure of the run.
    pub(super) fn read(self, reading: Reading) -> Level {
        Level { reading, ..self }
    }

    /// The same with another model.
    pub(super) fn with_model(self, model: usize) -> Level {
        Level { model, ..self }
    }

    /// The task of this level under a seed.
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
    /// Why the factor makes no difference where there are fewer than two.
    pub(super) reason: &'static str,
}

impl Levels {
    /// None, for this reason.
    pub(super) fn none(reason: &'static str) -> Levels {
        Levels { levels: Vec::new(), reason }
    }
}

impl FromIterator<Level> for Levels {
    fn from_iter<I: IntoIterator<Item = Level>>(levels: I) -> Levels {
        Levels { levels: levels.into_iter().collect(), reason: "" }
    }
}
