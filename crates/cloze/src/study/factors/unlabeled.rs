//! The number of unlabelled examples.

use super::{Base, Definition, Levels, steps};
use crate::Result;
use crate::error::counted;
use crate::study::level::Level;

/// The smallest number of unlabelled examples; the settings are all available examples, a quarter of them,
/// and so on.
const FEWEST: usize = 16;

pub(super) struct Unlabeled;

impl Definition for Unlabeled {
    fn question(&self) -> &'static str {
        "How much do more unlabelled rows help?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let quarters = std::iter::successors(Some(base.unlabeled / 4), |size| Some(size / 4));
        let mut sizes: Vec<usize> = quarters.take_while(|&size| size >= FEWEST).take(3).collect();
        sizes.reverse();
        let level = |size| {
            let setting = counted(size, "unlabelled row");
            Level::changed(setting, move |task, _| task.data.unlabeled_limit = Some(size))
        };
        let mut levels: Vec<Level> = sizes.into_iter().map(level).collect();
        levels.push(Level::unchanged(counted(base.unlabeled, "unlabelled row")));
        Ok(Levels { levels, reason: "there are too few unlabelled rows" })
    }

    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        steps(settings)
    }
}
