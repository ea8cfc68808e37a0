//! Figures in words, for page and card alike.

use crate::metrics::{Evaluation, LabelEvaluation, Measured};

/// `macro F1 80.0 % (70.0 % to 90.0 %), exact match …`.
pub(super) fn figures(test: &Evaluation) -> String {
    let figure = |(name, figure): (&str, Measured)| format!("{name} {}", with_interval(figure));
    test.figures().into_iter().map(figure).collect::<Vec<_>>().join(", ")
}

/// `80.0 % (70.0 % to 90.0 %)`.
pub(super) fn with_interval(Measured { value, low, high }: Measured) -> String {
    format!("{} ({} to {})", percent(value), percent(low), percent(high))
}

/// The labels that a row can have.
pub(super) fn listed(test: &Evaluation) -> &[LabelEvaluation] {
    if test.topics.is_empty() { &test.labels } else { &test.topics }
}

/// Share of the label that most test rows have.
pub(super) fn most_frequent(test: &Evaluation) -> Option<f64> {
    let most = test.labels.iter().map(|label| label.gold).max()?;
    (test.rows > 0).then(|| most as f64 / test.rows as f64)
}

pub(crate) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}
