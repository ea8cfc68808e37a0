//! The number of labelled examples.

use super::{Base, Definition, Levels, steps};
use crate::Result;
use crate::error::counted;
use crate::study::level::{Level, Reading};

/// Number of labelled examples in the smallest subset; each further subset doubles it.
pub(super) const FEWEST: usize = 8;

pub(super) struct Labels;

impl Definition for Labels {
    fn question(&self) -> &'static str {
        "How much do more labelled rows help?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let mut levels = vec![Level::unchanged("0 labelled rows").read(Reading::Pretrained)];
        let sizes = std::iter::successors(Some(FEWEST), |size| Some(size * 2));
        for size in sizes.take_while(|&size| size < base.train) {
            levels.push(Level::subset(counted(size, "labelled row"), size, None));
        }
        levels.push(Level::unchanged(counted(base.train, "labelled row")));
        Ok(levels.into_iter().collect())
    }

    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        steps(settings)
    }
}
