//! How many of the lowest layers are trained.

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

/// The most layers that a task may freeze of the first model.
fn most_frozen(base: &Base) -> usize {
    let mut task = base.task.clone();
    task.options.freeze = usize::MAX;
    task.fitted(&base.models[0].checkpoint().config).options.freeze
}
