//! Bootstrap confidence intervals.

use cloze_encoder::Rng;
use serde::{Deserialize, Serialize};

use super::confusion::Confusion;

/// Number of resamples behind every interval.
pub(super) const RESAMPLES: usize = 2000;

/// A figure measured on a sample of examples, with its 95 % confidence interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The figure on the examples as they are.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Measured {
    /// Widens the interval if none (or all) of the `rows` are wrong: with 95 % confidence, the error (or the
    /// accuracy) is at most 3/rows (Hanley and Lippman-Hand, 1983).
    pub(super) fn widened(mut self, rows: usize) -> Self {
        let three = (3.0 / rows.max(1) as f64).min(1.0);
        if rows > 0 && self.value == 1.0 {
            self.low = 1.0 - three;
        } else if rows > 0 && self.value == 0.0 {
            self.high = three;
        }
        self
    }
}

/// Percentile bootstrap (Efron and Tibshirani, 1993, chapter 13): the rows are resampled with replacement, to
/// the same number, [`RESAMPLES`] times; the interval runs from the 2.5th to the 97.5th percentile of the
/// figure over these resamples.
///
/// If every row is right (or every row is wrong), all resamples agree and the interval has no width, which is
/// too optimistic: the caller sees `low == high`, and for accuracy [`Evaluation`](super::Evaluation) widens
/// it by the rule of three.
pub(super) fn bootstrap<const N: usize>(
    confusion: &Confusion,
    seed: u64,
    figures: [&dyn Fn(&Confusion) -> f64; N],
) -> [Measured; N] {
    let labels = confusion.labels;
    // The order of rows does not matter, so they are resampled from the confusion matrix, laid out row by
    // row.
    let rows: Vec<usize> = (0..labels * labels)
        .flat_map(|cell| std::iter::repeat_n(cell, confusion.counts[cell] as usize))
        .collect();
    let mut draws = figures.map(|_| Vec::with_capacity(RESAMPLES));
    let mut random = Rng::new(seed);
    let mut draw = Confusion { labels, counts: vec![0; labels * labels] };
    for _ in 0..if rows.is_empty() { 0 } else { RESAMPLES } {
        draw.counts.fill(0);
        for _ in 0..rows.len() {
            draw.counts[rows[random.gen_range(0..rows.len())]] += 1;
        }
        for (draws, figure) in draws.iter_mut().zip(figures) {
            draws.push(figure(&draw));
        }
    }
    std::array::from_fn(|index| interval(figures[index](confusion), &mut draws[index]))
}

/// A figure with the interval of its values on the resamples.
pub(super) fn interval(value: f64, draws: &mut [f64]) -> Measured {
    if draws.is_empty() {
        return Measured { value, low: value, high: value };
    }
    draws.sort_by(f64::total_cmp);
    Measured { value, low: percentile(draws, 0.025), high: percentile(draws, 0.975) }
}

/// The same for a mean over rows.
pub(super) fn bootstrap_mean(values: &[f64], seed: u64) -> Measured {
    let mean = |sum: f64| if values.is_empty() { 0.0 } else { sum / values.len() as f64 };
    let resamples = if values.is_empty() { 0 } else { RESAMPLES };
    let mut random = Rng::new(seed);
    let mut draw = || mean((0..values.len()).map(|_| values[random.gen_range(0..values.len())]).sum());
    let mut draws: Vec<f64> = (0..resamples).map(|_| draw()).collect();
    interval(mean(values.iter().sum()), &mut draws)
}

/// The percentile by linear interpolation between the two nearest of the sorted `values`, which must not be
/// empty.
fn percentile(values: &[f64], share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let below = place.floor() as usize;
    let part = place.fract();
    let above = (below + 1).min(values.len() - 1);
    values[below] * (1.0 - part) + values[above] * part
}
