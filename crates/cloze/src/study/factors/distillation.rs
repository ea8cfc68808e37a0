//! The ensemble and the classifier distilled from it.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::{Level, Reading};

pub(super) struct Distillation;

impl Definition for Distillation {
    fn question(&self) -> &'static str {
        "Is the distilled classifier as good as the ensemble?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.unlabeled == 0 {
            return Ok(Levels::none("there are no unlabelled rows to distil from"));
        }
        let ensemble = Level::unchanged("ensemble").read(Reading::Ensemble);
        Ok([ensemble, Level::unchanged("distilled classifier")].into_iter().collect())
    }
}
