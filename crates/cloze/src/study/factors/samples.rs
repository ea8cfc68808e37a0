//! Which examples are labelled, with their number fixed.

use super::{Base, Definition, Levels, Setting, labels};
use crate::Result;
use crate::error::counted;
use crate::study::level::Level;
use crate::study::statistics::{Components, components, mean};

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
            "Between samples the mean accuracy spreads over {:.1} points; between seeds on the same sample over {:.1} on average.{}",
            spread(&between),
            mean(&within),
            split(settings).unwrap_or_default()
        ))
    }
}

/// The range of some shares, in percentage points.
fn spread(values: &[f64]) -> f64 {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (high - low) * 100.0
}

/// Where the variance of the accuracies comes from, as a sentence after a blank; `None` if nothing varies or it
/// cannot be told.
fn split(settings: &[Setting]) -> Option<String> {
    let of_arms = |setting: &Setting| setting.arms.iter().map(|arm| arm.accuracy.value).collect::<Vec<_>>();
    let Components { rows: sample, columns: seed, both } =
        components(&settings.iter().map(of_arms).collect::<Vec<_>>())?;
    let all = sample + seed + both;
    let part = |variance: f64| {
        format!("{:.0} % (standard deviation {:.1} points)", variance / all * 100.0, variance.sqrt() * 100.0)
    };
    (all > 0.0).then(|| {
        format!(
            " Of the variance, {} comes from the sample, {} from the seed, and {} from the two together.",
            part(sample),
            part(seed),
            part(both)
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::Measured;
    use crate::study::setting::Arm;

    fn setting(accuracies: &[f64]) -> Setting {
        let figure = |value| Measured { value, low: value, high: value };
        let arm = |(seed, &value): (usize, &f64)| Arm {
            seed: seed as u64,
            accuracy: figure(value),
            macro_f1: figure(value),
            seconds: 0.0,
            examples: None,
            run: String::new(),
            job: String::new(),
        };
        Setting {
            setting: String::new(),
            accuracy: figure(mean(accuracies)),
            macro_f1: 0.0,
            seconds: 0.0,
            arms: accuracies.iter().enumerate().map(arm).collect(),
        }
    }

    #[test]
    fn the_overview_splits_the_variance_into_samples_and_seeds() {
        // In points, the variances are 4, 1.5 and 1: see the test of `components`.
        let overview = Samples.overview(&[setting(&[0.81, 0.82]), setting(&[0.83, 0.86])]).unwrap();
        assert_eq!(
            overview,
            "Between samples the mean accuracy spreads over 3.0 points; between seeds on the same sample over 2.0 on average. \
             Of the variance, 62 % (standard deviation 2.0 points) comes from the sample, 23 % (standard deviation 1.2 points) from \
             the seed, and 15 % (standard deviation 1.0 points) from the two together."
        );
    }

    #[test]
    fn nothing_is_split_where_nothing_varies_or_there_is_one_seed() {
        for settings in [[setting(&[0.5, 0.5]), setting(&[0.5, 0.5])], [setting(&[0.5]), setting(&[0.6])]] {
            assert!(Samples.overview(&settings).unwrap().ends_with(" on average."));
        }
    }
}
