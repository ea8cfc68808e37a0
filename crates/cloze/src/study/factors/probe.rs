//! Whether a linear probe is part of the ensemble.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;
use crate::training::linear_probe;

pub(super) struct Probe;

impl Definition for Probe {
    fn question(&self) -> &'static str {
        "Does a linear probe add to the patterns?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if !has_probe(base) {
            return Ok(Levels::none("it has no linear probe"));
        }
        let level = |(name, probe)| Level::changed(name, move |task, _| task.options.probe = probe);
        Ok([("without a probe", false), ("with a probe", true)].map(level).into_iter().collect())
    }
}

/// Whether the task would have a linear probe if its options requested one.
fn has_probe(base: &Base) -> bool {
    let mut task = base.task.clone();
    task.options.probe = true;
    linear_probe::applies(&task, &base.data)
}
