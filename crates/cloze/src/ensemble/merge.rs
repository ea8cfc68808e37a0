//! The merged scores of an ensemble's members.
//!
//! Follows section 3.1 of Schick and Schütze, "Exploiting cloze questions for few shot text classification
//! and natural language inference" (2021): the raw label scores of the members are averaged, either uniformly
//! or weighted by the accuracy of each pattern on the training examples before any training.

use crate::scoring::scores::Scores;
use crate::task::Reduction;

/// The members' weights in the average; they sum to one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Weights {
    /// One per member.
    pub(crate) values: Vec<f64>,
    /// `wmean` was requested, but every accuracy is 0, so all members have the same weight.
    pub(crate) fell_back: bool,
}

impl Weights {
    /// The weights of members whose patterns have these zero-shot `accuracies`.
    pub(crate) fn new(reduction: Reduction, accuracies: &[f64]) -> Self {
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

/// Weighted average of the members' raw scores. There must be at least one member, and all must have scored
/// the same examples.
pub(crate) fn merge(members: &[Scores], weights: &Weights) -> Scores {
    let mut merged = Scores::zeros(members[0].len(), members[0].labels());
    for row in 0..merged.len() {
        for label in 0..merged.labels() {
            let sum: f64 = members
                .iter()
                .zip(&weights.values)
                // The score of a label that an example cannot have is minus infinity.
                .filter(|(_, weight)| **weight > 0.0)
                .map(|(member, weight)| weight * f64::from(member.row(row)[label]))
                .sum();
            merged.row_mut(row)[label] = sum as f32;
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_of_zero_fall_back_to_the_plain_mean_and_say_so() {
        assert_eq!(
            Weights::new(Reduction::Wmean, &[0.0, 0.0]),
            Weights { values: vec![0.5, 0.5], fell_back: true }
        );
        assert!(!Weights::new(Reduction::Mean, &[0.0, 0.0]).fell_back);
    }
}
