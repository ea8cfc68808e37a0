//! What the classifier is initialised from.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;
use crate::task;

pub(super) struct Start;

impl Definition for Start {
    fn question(&self) -> &'static str {
        "What should the classifier start from?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.unlabeled == 0 {
            return Ok(Levels::none("there are no unlabelled rows to distil from"));
        }
        let level = |(name, start)| Level::changed(name, move |task, _| task.options.distil.start = start);
        Ok([("from the model", task::Start::Model), ("from the members", task::Start::Members)]
            .map(level)
            .into_iter()
            .collect())
    }
}
