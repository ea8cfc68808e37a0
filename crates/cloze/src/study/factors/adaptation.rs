//! Whether the model is adapted to the task's examples first.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;

pub(super) struct Adaptation;

impl Definition for Adaptation {
    fn question(&self) -> &'static str {
        "Does it help to adapt the model to the rows first?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.alternatives.adapted.is_none() {
            return Ok(Levels::none("no adapted model is given"));
        }
        let as_it_is = Level::unchanged("model as it is");
        // It is the last of the models.
        let adapted = Level::unchanged("adapted model").titled("adapted").with_model(base.models.len() - 1);
        Ok([as_it_is, adapted].into_iter().collect())
    }
}
