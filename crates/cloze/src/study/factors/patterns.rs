//! The pretrained model, each pattern alone, given sets of them, and all patterns together.

use super::{Base, Definition, Levels, Setting};
use crate::Result;
use crate::study::alternatives::joined;
use crate::study::level::{Level, Reading};
use crate::task::Task;

/// How the name of a setting with a single pattern ends.
const ALONE: &str = " alone";

pub(super) struct Patterns;

impl Definition for Patterns {
    fn question(&self) -> &'static str {
        "Does the choice of pattern matter, and are several better than one?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let mut levels = vec![Level::unchanged("pretrained model").read(Reading::Pretrained)];
        let patterns = base.task.patterns.len();
        for pattern in (0..patterns).filter(|_| patterns > 1) {
            levels.push(Level::unchanged(format!("pattern {pattern}{ALONE}")).read(Reading::Member(pattern)));
        }
        for set in &base.alternatives.pattern_sets {
            let setting = format!("patterns {}", joined(set));
            let set = set.clone();
            levels.push(Level::changed(setting, move |task, _| only(task, &set)).read(Reading::Ensemble));
        }
        levels.push(Level::unchanged("all patterns").read(Reading::Ensemble));
        Ok(levels.into_iter().collect())
    }

    /// Compares all patterns together with each one alone and with every set.
    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        (0..settings.saturating_sub(1)).map(|alone| (settings - 1, alone)).collect()
    }

    fn overview(&self, settings: &[Setting]) -> Option<String> {
        let [zero_shot, fewer @ .., all] = settings else { return None };
        let alone: Vec<&Setting> = fewer.iter().filter(|setting| setting.setting.ends_with(ALONE)).collect();
        let percent = |setting: &Setting| format!("{:.1} %", setting.accuracy.value * 100.0);
        let by_accuracy = |a: &&&Setting, b: &&&Setting| a.accuracy.value.total_cmp(&b.accuracy.value);
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

/// Leaves a task these patterns only.
fn only(task: &mut Task, set: &[usize]) {
    task.patterns = set.iter().map(|&pattern| task.patterns[pattern].clone()).collect();
    task.own_words = set.iter().map(|&pattern| task.own_words[pattern].clone()).collect();
}
