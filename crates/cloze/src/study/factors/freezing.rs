//! The number of lowest layers that are frozen.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::error::counted;
use crate::study::level::Level;

pub(super) struct Freezing;

impl Definition for Freezing {
    fn question(&self) -> &'static str {
        "Does freezing the lowest layers cost accuracy?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let most = most_frozen(base);
        if most == 0 {
            return Ok(Levels::none("the model has no layers that could be frozen"));
        }
        let level = |freeze| {
            let setting = match freeze {
                0 => "all layers trained".to_owned(),
                _ => format!("{} frozen", counted(freeze, "layer")),
            };
            Level::changed(setting, move |task, _| task.options.freeze = freeze)
        };
        Ok([0, most].map(level).into_iter().collect())
    }
}

/// The maximum number of layers of the first model that a task may freeze.
fn most_frozen(base: &Base) -> usize {
    let mut task = base.task.clone();
    task.options.freeze = usize::MAX;
    task.fitted(&base.models[0].checkpoint().config).options.freeze
}
