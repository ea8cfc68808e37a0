//! Whether a model's confidence matches its accuracy.

use serde::{Deserialize, Serialize};

/// Number of equally wide bins that confidence is divided into.
const BINS: usize = 10;

/// Confidence against accuracy: predictions are grouped into bins by their probability, and in each bin the
/// mean probability is compared with the share of correct predictions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reliability {
    /// Expected calibration error (Naeini et al., 2015): the mean distance between the two, with each bin
    /// weighted by its number of predictions.
    pub ece: f64,
    /// The bins that are not empty, least confident first.
    pub bins: Vec<Bin>,
}

/// A bin of predictions with similar confidence.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Bin {
    /// The lowest confidence of the bin.
    pub from: f64,
    /// The upper end of the bin, where the next one begins.
    pub to: f64,
    /// Number of predictions.
    pub rows: usize,
    /// Their mean confidence.
    pub confidence: f64,
    /// The share of them that are correct.
    pub accuracy: f64,
}

impl Reliability {
    /// Computes the reliability of predictions, each given as its probability and whether it is correct.
    pub(crate) fn new(answers: impl IntoIterator<Item = (f64, bool)>) -> Reliability {
        let mut bins = [(0_usize, 0.0, 0_usize); BINS];
        for (confidence, is_right) in answers {
            let bin = &mut bins[((confidence * BINS as f64) as usize).min(BINS - 1)];
            bin.0 += 1;
            bin.1 += confidence;
            bin.2 += usize::from(is_right);
        }
        let all: usize = bins.iter().map(|(rows, ..)| rows).sum();
        let bin = |(number, &(rows, sum, right)): (usize, &(usize, f64, usize))| {
            let [from, to] = [number, number + 1].map(|edge| edge as f64 / BINS as f64);
            let mean = |sum: f64| sum / rows as f64;
            (rows > 0).then(|| Bin { from, to, rows, confidence: mean(sum), accuracy: mean(right as f64) })
        };
        let bins: Vec<Bin> = bins.iter().enumerate().filter_map(bin).collect();
        let distance = |bin: &Bin| (bin.confidence - bin.accuracy).abs() * bin.rows as f64 / all as f64;
        Reliability { ece: bins.iter().map(distance).sum(), bins }
    }
}

/// The fewest answers of a bin that is filled evenly.
const FILLED: usize = 10;

/// Expected calibration error over bins that have the same number of answers, or one more (Nguyen and
/// O'Connor, 2015): [`BINS`] of them, or fewer so that each has at least [`FILLED`]. `answers` are sorted by
/// their probability, and there are `count` of them.
pub(crate) fn equal_mass_error(answers: impl Iterator<Item = (f64, bool)>, count: usize) -> f64 {
    let bins = (count / FILLED).clamp(1, BINS);
    let mut sums = [0.0; BINS];
    for (at, (confidence, is_right)) in answers.enumerate() {
        sums[at * bins / count] += confidence - f64::from(u8::from(is_right));
    }
    sums.iter().map(|sum| sum.abs()).sum::<f64>() / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_the_mean_distance_between_confidence_and_accuracy() {
        let answers = [(0.95, true), (0.95, true), (0.95, false), (0.95, false), (1.0, true), (0.5, true)];
        let reliability = Reliability::new(answers);
        let bins: Vec<_> = reliability.bins.iter().map(|bin| (bin.from, bin.to, bin.rows)).collect();
        assert_eq!(bins, [(0.5, 0.6, 1), (0.9, 1.0, 5)]);
        // One prediction is off by 0.5; five have a confidence of 0.96 and three of them are correct.
        let expected = (0.5 + 5.0 * (0.96 - 0.6)) / 6.0;
        assert!((reliability.ece - expected).abs() < 1e-12, "{reliability:?}");
    }

    #[test]
    fn no_answers_have_no_error() {
        assert_eq!(Reliability::new([]), Reliability { ece: 0.0, bins: Vec::new() });
        assert_eq!(equal_mass_error(std::iter::empty(), 0), 0.0);
    }
}
