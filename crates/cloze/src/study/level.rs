//! The levels of a factor: what each one changes in the task, and which figure of the run it reports.

use crate::run::plan::Work;
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
    /// The ensemble of this generation.
    Generation(usize),
    /// The pretrained model with all patterns.
    Pretrained,
    /// The pretrained model primed with labelled examples.
    Primed,
}

impl Reading {
    /// Whether the figure depends on a job of a run with this last generation.
    pub(super) fn needs(self, work: Work, last: usize) -> bool {
        match (self, work) {
            (Reading::Primed, work) => matches!(work, Work::Primed { .. }),
            // What a run measures only for comparison.
            (_, Work::Primed { .. } | Work::Supervised { .. }) => false,
            (Reading::Outcome, _) => true,
            (_, Work::Final { .. }) => false,
            (Reading::Pretrained, work) => matches!(work, Work::ZeroShot { .. }),
            (Reading::Ensemble, _) => true,
            (
                Reading::Generation(number),
                Work::Member { generation, .. } | Work::Sets { generation } | Work::Ensemble { generation },
            ) => generation <= number,
            (Reading::Generation(_), Work::ZeroShot { .. } | Work::Probe) => true,
            // All members of the generations before label rows for a member of the last one.
            (Reading::Member(number), Work::ZeroShot { pattern }) => pattern == number || last > 0,
            (Reading::Member(number), Work::Member { generation, pattern, .. }) => {
                pattern == number || generation < last
            }
            (Reading::Member(_), work) => matches!(work, Work::Sets { .. }),
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The jobs of a run with two patterns and two generations, in their order.
    fn jobs() -> Vec<Work> {
        let member = |generation, pattern| Work::Member { generation, pattern, seed: 0 };
        vec![
            Work::ZeroShot { pattern: 0 },
            Work::ZeroShot { pattern: 1 },
            Work::Probe,
            member(0, 0),
            member(0, 1),
            Work::Ensemble { generation: 0 },
            Work::Sets { generation: 1 },
            member(1, 0),
            member(1, 1),
            Work::Ensemble { generation: 1 },
            Work::Primed { pattern: 0, seed: 0 },
            Work::Final { seed: 0 },
        ]
    }

    /// The numbers of the jobs that a figure depends on.
    fn needed(reading: Reading, last: usize) -> Vec<usize> {
        let jobs = jobs();
        (0..jobs.len()).filter(|&number| reading.needs(jobs[number], last)).collect()
    }

    #[test]
    fn a_figure_costs_the_jobs_that_it_depends_on() {
        assert_eq!(needed(Reading::Pretrained, 1), [0, 1]);
        assert_eq!(needed(Reading::Primed, 1), [10]);
        assert_eq!(needed(Reading::Generation(0), 1), [0, 1, 2, 3, 4, 5]);
        assert_eq!(needed(Reading::Generation(1), 1), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
        assert_eq!(needed(Reading::Ensemble, 1), needed(Reading::Generation(1), 1));
        assert_eq!(needed(Reading::Outcome, 1), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11]);
        // A member of the last generation learns from the members of those before, and from no other of its own.
        assert_eq!(needed(Reading::Member(1), 1), [0, 1, 3, 4, 6, 8]);
        let first = |number: &usize| *number < 6;
        assert_eq!(needed(Reading::Member(1), 0).into_iter().filter(first).collect::<Vec<_>>(), [1, 4]);
    }
}
