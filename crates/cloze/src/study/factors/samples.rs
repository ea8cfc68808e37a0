//! Which examples are labelled, with their number fixed.

use super::{Base, Definition, Levels, Setting, labels};
use crate::Result;
use crate::error::counted;
use crate::study::level::Level;
use crate::study::statistics::mean;

pub(super) struct Samples;

impl Definition for Samples {
    fn question(&self) -> &'static str {
        "How much depends on which rows happen to be labelled?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.available < 2 * labels::FEWEST {
            return Ok(Levels::none("there are too few labelled rows to draw from"));
        }
        // A size that the factor `labels` also uses, or the task's own.
        let half = 1 << (base.available / 2).ilog2();
        let size = if base.train * 2 <= base.available { base.train } else { half };
        let level = |number| {
            let draw = base.seeds[0].wrapping_add(number);
            let setting = format!("{}, draw {draw}", counted(size, "labelled row"));
            Level::subset(setting, size, Some(draw))
        };
        Ok((0..base.seeds.len().max(2) as u64).map(level).collect())
    }

    fn overview(&self, settings: &[Setting]) -> Option<String> {
        let between: Vec<f64> = settings.iter().map(|setting| setting.accuracy.value).collect();
        let of_arms = |setting: &Setting| {
            spread(&setting.arms.iter().map(|arm| arm.accuracy.value).collect::<Vec<_>>())
        };
        let within: Vec<f64> = settings.iter().map(of_arms).collect();
        Some(format!(
            "Between samples the mean accuracy spreads over {:.1} points; between seeds on the same sample over {:.1} on average.",
            spread(&between),
            mean(&within)
        ))
    }
}

/// The range of some shares, in percentage points.
fn spread(values: &[f64]) -> f64 {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (high - low) * 100.0
}
