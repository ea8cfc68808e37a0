//! Soft labels: a probability for every label instead of a single label.

/// Probabilities of the labels: softmax of the scores divided by `temperature`.
pub(crate) fn soft_labels(scores: &[f32], temperature: f64) -> Vec<f64> {
    let highest = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let parts: Vec<f64> =
        scores.iter().map(|score| ((f64::from(*score) - f64::from(highest)) / temperature).exp()).collect();
    let total: f64 = parts.iter().sum();
    parts.into_iter().map(|part| part / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extreme_scores_give_probabilities_without_overflow() {
        assert_eq!(soft_labels(&[1e30, -1e30], 1.0), [1.0, 0.0]);
        assert_eq!(soft_labels(&[-3e38, -3e38], 1.0), [0.5, 0.5]);
    }
}
