//! How good probabilities are: negative log-likelihood, Brier score and calibration error, and what a change
//! of the probabilities does to them.

use cloze_encoder::Rng;
use serde::{Deserialize, Serialize};

use super::bootstrap::{Measured, RESAMPLES, interval};
use super::reliability::equal_mass_error;

/// An answer, with what its probabilities say about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Judged {
    /// The probability of the answer.
    pub(crate) confidence: f64,
    /// Whether it is right.
    pub(crate) is_right: bool,
    /// The negative natural logarithm of the right label's probability.
    pub(crate) nll: f64,
    /// The sum over labels of the squared distance between the probability and 1 for the right label, 0 for
    /// others (Brier, 1950).
    pub(crate) brier: f64,
}

impl Judged {
    /// An answer with these probabilities, of which `given` is the highest. `nll` is passed along because a
    /// probability that is rounded to 0 has none.
    pub(crate) fn new(probabilities: &[f64], given: usize, right: usize, nll: f64) -> Judged {
        let distance = |(label, share): (usize, &f64)| (share - f64::from(u8::from(label == right))).powi(2);
        Judged {
            confidence: probabilities[given],
            is_right: given == right,
            nll,
            brier: probabilities.iter().enumerate().map(distance).sum(),
        }
    }
}

/// A figure before and after a change. Lower is better.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The figure before.
    pub before: Measured,
    /// The figure after.
    pub after: Measured,
    /// After less before, on the same examples: below 0 is better.
    pub difference: Measured,
}

impl Change {
    /// Whether the figure is better or worse, or its 95 % interval leaves that open.
    pub fn verdict(&self) -> &'static str {
        match self.difference {
            Measured { high, .. } if high < 0.0 => "better",
            Measured { low, .. } if low > 0.0 => "worse",
            Measured { low, high, .. } if low == high => "unchanged",
            _ => "not significantly different",
        }
    }
}

/// Figures of the same answers before and after a change.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) accuracy: Measured,
    pub(crate) nll: Change,
    pub(crate) brier: Change,
    pub(crate) ece: Change,
}

impl Comparison {
    /// Compares answers, of which `per_example` adjacent ones belong to the same example. For the intervals,
    /// examples are resampled with all their answers, the same ones before and after.
    pub(crate) fn new(before: &[Judged], after: &[Judged], per_example: usize) -> Comparison {
        let sorted = [before, after].map(by_confidence);
        let figures = |weights: &[usize]| {
            let mean = |value: &dyn Fn(usize) -> f64| {
                let sum: f64 =
                    weights.iter().enumerate().map(|(at, &weight)| weight as f64 * value(at)).sum();
                sum / weights.len().max(1) as f64
            };
            let ece = |answers: &[Judged], order: &[usize]| {
                let drawn = order.iter().flat_map(|&at| std::iter::repeat_n(at, weights[at]));
                equal_mass_error(
                    drawn.map(|at| (answers[at].confidence, answers[at].is_right)),
                    weights.len(),
                )
            };
            [
                mean(&|at| f64::from(u8::from(after[at].is_right))),
                mean(&|at| before[at].nll),
                mean(&|at| after[at].nll),
                mean(&|at| before[at].brier),
                mean(&|at| after[at].brier),
                ece(before, &sorted[0]),
                ece(after, &sorted[1]),
            ]
        };
        let examples = before.len() / per_example;
        let measured = figures(&vec![1; before.len()]);
        let mut draws = [const { Vec::new() }; 7];
        let mut random = Rng::new(0);
        for _ in 0..if examples == 0 { 0 } else { RESAMPLES } {
            let mut weights = vec![0; before.len()];
            for _ in 0..examples {
                let drawn = random.gen_range(0..examples) * per_example;
                weights[drawn..drawn + per_example].iter_mut().for_each(|weight| *weight += 1);
            }
            draws.iter_mut().zip(figures(&weights)).for_each(|(draws, figure)| draws.push(figure));
        }
        let figure = |at: usize| interval(measured[at], &mut draws[at].clone());
        let change = |at: usize| {
            let mut differences: Vec<f64> =
                draws[at].iter().zip(&draws[at + 1]).map(|(before, after)| after - before).collect();
            Change {
                before: figure(at),
                after: figure(at + 1),
                difference: interval(measured[at + 1] - measured[at], &mut differences),
            }
        };
        Comparison { accuracy: figure(0).widened(examples), nll: change(1), brier: change(3), ece: change(5) }
    }
}

/// The indices of answers, the least confident first; of equal ones the first comes first.
fn by_confidence(answers: &[Judged]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..answers.len()).collect();
    order.sort_by(|&a, &b| answers[a].confidence.total_cmp(&answers[b].confidence));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers of two labels, each with its confidence and whether it is right.
    fn answers(answers: &[(f64, bool)]) -> Vec<Judged> {
        let judged = |&(confidence, is_right): &(f64, bool)| {
            let right = usize::from(!is_right);
            let probabilities = [confidence, 1.0 - confidence];
            Judged::new(&probabilities, 0, right, -probabilities[right].ln())
        };
        answers.iter().map(judged).collect()
    }

    #[test]
    fn a_change_is_called_better_only_if_it_is_more_than_chance() {
        let rights = |at: usize| !at.is_multiple_of(5);
        let at = |confidence: f64, rows: usize| {
            answers(&(0..rows).map(|at| (confidence, rights(at))).collect::<Vec<_>>())
        };
        let much = Comparison::new(&at(0.99, 200), &at(0.8, 200), 1);
        assert_eq!((much.nll.verdict(), much.ece.verdict()), ("better", "better"));
        assert_eq!(Comparison::new(&at(0.8, 200), &at(0.99, 200), 1).nll.verdict(), "worse");
        let little = Comparison::new(&at(0.85, 50), &at(0.83, 50), 1);
        assert!(little.nll.difference.value < 0.0, "{little:?}");
        assert_eq!(little.nll.verdict(), "not significantly different");
        assert_eq!(Comparison::new(&at(0.8, 50), &at(0.8, 50), 1).brier.verdict(), "unchanged");
        assert_eq!(much.accuracy.value, 0.8);
    }

    #[test]
    fn answers_of_an_example_are_resampled_together() {
        // Four answers of each example are all right or all wrong, so 50 examples say as much as 50 answers.
        let all: Vec<(f64, bool)> = (0..200).map(|at| (0.8, !(at / 4_usize).is_multiple_of(5))).collect();
        let (alone, together) = [1, 4]
            .map(|per_example| Comparison::new(&answers(&all), &answers(&all), per_example).nll.before)
            .into();
        assert_eq!(alone.value, together.value);
        assert!((together.high - together.low) > 1.6 * (alone.high - alone.low), "{alone:?} {together:?}");
    }
}
