//! How the members' scores are averaged.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;
use crate::task::Reduction;

pub(super) struct Merge;

impl Definition for Merge {
    fn question(&self) -> &'static str {
        "Does it matter how the members are averaged?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.task.patterns.len() == 1 {
            return Ok(Levels::none("there is only one pattern"));
        }
        let level = |(name, merge)| Level::changed(name, move |task, _| task.options.merge = merge);
        Ok([("mean", Reduction::Mean), ("wmean", Reduction::Wmean)].map(level).into_iter().collect())
    }
}
