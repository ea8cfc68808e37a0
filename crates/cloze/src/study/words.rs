//! What a study has found, in words.

use super::findings::{Comparison, Finding, Setting, Verdict};
use super::{Factor, statistics};
use crate::pvp::priming::Examples;

impl Comparison {
    /// A sentence.
    pub fn sentence(&self) -> String {
        let Comparison { setting, against, difference, verdict } = self;
        let points = |share: f64| format!("{:+.1}", share * 100.0).replace('-', "−");
        let (value, low, high) = (points(difference.value), points(difference.low), points(difference.high));
        let within = format!("{value} points (95 % interval {low} to {high})");
        match verdict {
            Verdict::Better => format!("`{setting}` is better than `{against}`: {within}"),
            Verdict::Worse => format!("`{setting}` is worse than `{against}`: {within}"),
            Verdict::Undecided => format!("`{setting}` and `{against}` cannot be told apart: {within}"),
        }
    }
}

/// All comparisons as sentences: what is sure first, and the larger difference before the smaller.
pub(super) fn conclusions(findings: &[Finding]) -> Vec<String> {
    let mut all: Vec<(&Finding, &Comparison)> = findings
        .iter()
        .flat_map(|finding| finding.comparisons.iter().map(move |comparison| (finding, comparison)))
        .collect();
    all.sort_by(|(_, a), (_, b)| {
        let unsure = |comparison: &Comparison| comparison.verdict == Verdict::Undecided;
        let size = |comparison: &Comparison| comparison.difference.value.abs();
        unsure(a).cmp(&unsure(b)).then(size(b).total_cmp(&size(a)))
    });
    all.iter()
        .map(|(finding, comparison)| format!("{}: {}", finding.factor.name(), comparison.sentence()))
        .collect()
}

/// What the comparisons of a factor do not say.
pub(super) fn overview(factor: Factor, settings: &[Setting]) -> Option<String> {
    let percent = |setting: &Setting| format!("{:.1} %", setting.accuracy.value * 100.0);
    let accuracy = |setting: &&Setting| setting.accuracy.value;
    let by_accuracy = |a: &&Setting, b: &&Setting| accuracy(a).total_cmp(&accuracy(b));
    match (factor, settings) {
        (Factor::Patterns, [untouched, alone @ .., all]) if !alone.is_empty() => {
            // Of equals the first.
            let best = alone.iter().rev().max_by(by_accuracy)?;
            let worst = alone.iter().min_by(by_accuracy)?;
            Some(format!(
                "Untouched, the model reaches {}; fine-tuned, the worst pattern is `{}` with {}, the best `{}` with {}, and all together \
                 reach {}. Which one is best is known only after measuring.",
                percent(untouched),
                worst.setting,
                percent(worst),
                best.setting,
                percent(best),
                percent(all)
            ))
        }
        (Factor::Samples, settings) => {
            let values: Vec<f64> = settings.iter().map(|setting| setting.accuracy.value).collect();
            let spread = |values: &[f64]| {
                let (low, high) = values
                    .iter()
                    .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &v| (low.min(v), high.max(v)));
                (high - low) * 100.0
            };
            let within: Vec<f64> = settings
                .iter()
                .map(|setting| spread(&setting.arms.iter().map(|arm| arm.accuracy.value).collect::<Vec<_>>()))
                .collect();
            Some(format!(
                "Between samples the mean accuracy spreads over {:.1} points; between seeds on the same sample over {:.1} on average.",
                spread(&values),
                statistics::mean(&within)
            ))
        }
        (Factor::Priming, settings) => {
            let of_setting = |setting: &Setting| {
                let of_arms = setting.arms.iter().filter_map(|arm| arm.examples);
                Some(format!("{} with `{}`", of_arms.reduce(Examples::and)?, setting.setting))
            };
            let primed: Vec<String> = settings.iter().filter_map(of_setting).collect();
            Some(format!("In front of a test row there is room for {}.", primed.join(", for ")))
        }
        _ => None,
    }
}
