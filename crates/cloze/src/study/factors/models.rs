//! The pretrained model.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;

pub(super) struct Models;

impl Definition for Models {
    fn question(&self) -> &'static str {
        "Which pretrained model is best?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let level = |(number, name): (usize, &str)| Level::unchanged(name).titled(name).with_model(number);
        // An adapted model stands behind these.
        let models = &base.models[..=base.alternatives.models.len()];
        let names = models.iter().map(|model| model.name.as_str()).enumerate();
        let reason = "there is only one model; name others with `--models`";
        Ok(Levels { levels: names.map(level).collect(), reason })
    }
}
