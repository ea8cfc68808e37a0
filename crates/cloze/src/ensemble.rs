//! What several models say together: merged scores, soft labels, agreement.
//!
//! Follows section 3.1 of Schick and Schütze, "Exploiting cloze questions for few shot text classification and natural
//! language inference" (2021): the raw label scores of the members are averaged, uniformly or weighted by how well each
//! pattern did on the training rows before any training.

pub mod generations;

use crate::scoring::scores::{Scores, best};
use crate::task::Reduction;

/// The members' shares in the average; they sum to one.
#[derive(Debug, Clone, PartialEq)]
pub struct Weights {
    /// One per member.
    pub values: Vec<f64>,
    /// `wmean` was asked for, but every accuracy is 0, so that all members count the same.
    pub fell_back: bool,
}

impl Weights {
    /// The weights of members whose patterns have these zero-shot `accuracies`.
    pub fn new(reduction: Reduction, accuracies: &[f64]) -> Self {
        let total: f64 = accuracies.iter().sum();
        match reduction {
            Reduction::Wmean if total > 0.0 => Weights {
                values: accuracies.iter().map(|accuracy| accuracy / total).collect(),
                fell_back: false,
            },
            _ => Weights {
                values: vec![1.0 / accuracies.len() as f64; accuracies.len()],
                fell_back: reduction == Reduction::Wmean,
            },
        }
    }
}

/// Weighted average of the members' raw scores. There is at least one member, and all have scored the same rows.
pub fn merge(members: &[Scores], weights: &Weights) -> Scores {
    let mut merged = Scores::zeros(members[0].len(), members[0].labels());
    for row in 0..merged.len() {
        for label in 0..merged.labels() {
            let sum: f64 = members
                .iter()
                .zip(&weights.values)
                // The score of a label that a row cannot have is minus infinity.
                .filter(|(_, weight)| **weight > 0.0)
                .map(|(member, weight)| weight * f64::from(member.row(row)[label]))
                .sum();
            merged.row_mut(row)[label] = sum as f32;
        }
    }
    merged
}

/// Probabilities of the labels: softmax of the scores divided by `temperature`.
pub fn soft_labels(scores: &[f32], temperature: f64) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let parts: Vec<f64> =
        scores.iter().map(|score| ((f64::from(*score) - f64::from(highest)) / temperature).exp()).collect();
    let total: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / total).collect()
}

/// How far the members of an ensemble agree on every row.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// For every row the share of members that choose the label chosen most often.
    pub rows: Vec<f64>,
    /// Probability that two different members, drawn at random, choose the same label for a row drawn at random;
    /// 1 for a single member, 0 without rows.
    pub overall: f64,
}

impl Agreement {
    /// Compares members that have scored the same rows; there is at least one.
    pub fn new(members: &[Scores]) -> Self {
        let (rows, count) = (members[0].len(), members.len());
        let mut shares = Vec::with_capacity(rows);
        let mut agreeing_pairs = 0;
        let mut votes = vec![0_usize; members[0].labels()];
        for row in 0..rows {
            votes.fill(0);
            for member in members {
                votes[best(member.row(row))] += 1;
            }
            agreeing_pairs += votes.iter().map(|votes| votes * votes.saturating_sub(1)).sum::<usize>();
            let most = votes.iter().max().copied().unwrap_or(0);
            shares.push(most as f64 / count as f64);
        }
        let pairs = rows * count * (count - 1);
        let overall = match (rows, pairs) {
            (0, _) => 0.0,
            (_, 0) => 1.0,
            _ => agreeing_pairs as f64 / pairs as f64,
        };
        Agreement { rows: shares, overall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(rows: &[[f32; 2]]) -> Scores {
        let mut scores = Scores::new(2);
        rows.iter().for_each(|row| scores.push(row));
        scores
    }

    #[test]
    fn weights_of_zero_fall_back_to_the_plain_mean_and_say_so() {
        assert_eq!(
            Weights::new(Reduction::Wmean, &[0.0, 0.0]),
            Weights { values: vec![0.5, 0.5], fell_back: true }
        );
        assert!(!Weights::new(Reduction::Mean, &[0.0, 0.0]).fell_back);
    }

    #[test]
    fn agreement_counts_pairs_of_members() {
        let (yes, no) = ([1.0, 0.0], [0.0, 1.0]);
        let members = [scores(&[yes, yes]), scores(&[yes, no]), scores(&[yes, no])];
        let agreement = Agreement::new(&members);
        assert_eq!(agreement.rows, [1.0, 2.0 / 3.0]);
        // Row 0: three of three pairs, row 1: one of three.
        assert!((agreement.overall - 4.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn a_single_member_agrees_with_itself() {
        assert_eq!(Agreement::new(&[scores(&[[1.0, 0.0]])]).overall, 1.0);
        assert_eq!(Agreement::new(&[scores(&[])]).overall, 0.0);
    }

    #[test]
    fn extreme_scores_give_probabilities_without_overflow() {
        assert_eq!(soft_labels(&[1e30, -1e30], 1.0), [1.0, 0.0]);
        assert_eq!(soft_labels(&[-3e38, -3e38], 1.0), [0.5, 0.5]);
    }
}
