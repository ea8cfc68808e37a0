//! The pretrained model, each pattern alone, and all patterns together.

use super::{Base, Definition, Levels, Setting};
use crate::Result;
use crate::study::level::{Level, Reading};

pub(super) struct Patterns;

impl Definition for Patterns {
    fn question(&self) -> &'static str {
        "Does the choice of pattern matter, and are several better than one?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let mut levels = vec![Level::unchanged("pretrained model").read(Reading::Pretrained)];
        let patterns = base.task.patterns.len();
        for pattern in (0..patterns).filter(|_| patterns > 1) {
            levels.push(Level::unchanged(format!("pattern {pattern} alone")).read(Reading::Member(pattern)));
        }
        levels.push(Level::unchanged("all patterns").read(Reading::Ensemble));
        Ok(levels.into_iter().collect())
    }

    /// Compares all patterns together with each one alone.
    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        (0..settings.saturating_sub(1)).map(|alone| (settings - 1, alone)).collect()
    }

    fn overview(&self, settings: &[Setting]) -> Option<String> {
        let [zero_shot, alone @ .., all] = settings else { return None };
        let percent = |setting: &Setting| format!("{:.1} %", setting.accuracy.value * 100.0);
        let accuracy = |setting: &&Setting| setting.accuracy.value;
        let by_accuracy = |a: &&Setting, b: &&Setting| accuracy(a).total_cmp(&accuracy(b));
        // The first one on a tie.
        let best = alone.iter().rev().max_by(by_accuracy)?;
        let worst = alone.iter().min_by(by_accuracy)?;
        Some(format!(
            "Zero-shot, the model reaches {}; fine-tuned, the worst pattern is `{}` with {}, the best `{}` with {}, and all together \
             reach {}. Only measuring shows which one is best.",
            percent(zero_shot),
            worst.setting,
            percent(worst),
            best.setting,
            percent(best),
            percent(all)
        ))
    }
}
