//! The pretrained model with and without calibration.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;

pub(super) struct Calibration;

impl Definition for Calibration {
    fn question(&self) -> &'static str {
        "Does it help to calibrate the pretrained model first?"
    }

    fn levels(&self, _base: &Base) -> Result<Levels> {
        let level =
            |(name, calibrate)| Level::changed(name, move |task, _| task.options.calibrate = calibrate);
        Ok([("as it is", false), ("calibrated", true)].map(level).into_iter().collect())
    }
}
