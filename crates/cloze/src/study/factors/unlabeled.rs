//! The number of unlabelled examples.

use super::{Base, Definition, Levels, Setting, steps};
use crate::Result;
use crate::error::counted;
use crate::study::level::Level;

/// The smallest number of unlabelled examples, besides none; each further one is ten times as large.
const FEWEST: usize = 100;

pub(super) struct Unlabeled;

impl Definition for Unlabeled {
    fn question(&self) -> &'static str {
        "How much do unlabelled rows help, and what can be done without any?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.unlabeled == 0 {
            return Ok(Levels::none("there are no unlabelled rows"));
        }
        let level = |size| {
            let setting = counted(size, "unlabelled row");
            Level::changed(setting, move |task, _| task.data.unlabeled_limit = Some(size))
        };
        let mut levels: Vec<Level> = sizes(base.unlabeled).into_iter().map(level).collect();
        levels.push(Level::unchanged(counted(base.unlabeled, "unlabelled row")));
        Ok(levels.into_iter().collect())
    }

    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        steps(settings)
    }

    fn overview(&self, _settings: &[Setting]) -> Option<String> {
        Some(
            "Without unlabelled rows there is nothing to distil from, so that the ensemble answers."
                .to_owned(),
        )
    }
}

/// The numbers of examples below `all` to compare. With none, there is no classifier.
fn sizes(all: usize) -> Vec<usize> {
    let tens = std::iter::successors(Some(FEWEST), |size| Some(size * 10));
    [0].into_iter().chain(tens.take_while(|&size| size < all)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_go_up_by_tens_from_none() {
        assert_eq!(sizes(64), [0]);
        assert_eq!(sizes(100), [0]);
        assert_eq!(sizes(5000), [0, 100, 1000]);
    }
}
