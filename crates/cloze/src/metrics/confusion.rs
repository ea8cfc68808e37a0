//! Counts of gold labels against predicted labels, and the ratios derived from them.

/// A confusion matrix: counts of gold label against predicted label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Confusion {
    pub(super) labels: usize,
    pub(super) counts: Vec<u64>,
}

/// Precision, recall and F1 of one label; a ratio with a denominator of 0 is 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct LabelScore {
    /// Share of the rows predicted as this label that are correct.
    pub(super) precision: f64,
    /// Share of the rows of this label that were found.
    pub(super) recall: f64,
    /// Harmonic mean of the two.
    pub(super) f1: f64,
}

impl Confusion {
    /// Counts pairs; `gold` and `predicted` are parallel, and every entry is below `labels`.
    pub(super) fn new(labels: usize, gold: &[usize], predicted: &[usize]) -> Self {
        let mut counts = vec![0; labels * labels];
        for (gold, predicted) in gold.iter().zip(predicted) {
            counts[gold * labels + predicted] += 1;
        }
        Confusion { labels, counts }
    }

    /// Number of rows with the label `gold` that were predicted as `predicted`.
    pub(super) fn count(&self, gold: usize, predicted: usize) -> u64 {
        self.counts[gold * self.labels + predicted]
    }

    /// Number of rows whose label is `label`.
    pub(super) fn gold(&self, label: usize) -> u64 {
        self.counts[label * self.labels..][..self.labels].iter().sum()
    }

    /// Number of rows predicted as `label`.
    pub(super) fn predicted(&self, label: usize) -> u64 {
        (0..self.labels).map(|gold| self.count(gold, label)).sum()
    }

    /// Share of rows predicted correctly; 0 without rows.
    pub(super) fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.labels).map(|label| self.count(label, label)).sum();
        ratio(right, self.counts.iter().sum())
    }

    /// Precision, recall and F1 of `label`; its `f1` is the binary F1 with `label` as the positive class.
    pub(super) fn label(&self, label: usize) -> LabelScore {
        let right = self.count(label, label);
        let gold = self.gold(label);
        let predicted = self.predicted(label);
        LabelScore {
            precision: ratio(right, predicted),
            recall: ratio(right, gold),
            f1: ratio(2 * right, gold + predicted),
        }
    }

    /// Mean F1 over the labels that occur in the gold labels or in the predictions.
    pub(super) fn macro_f1(&self) -> f64 {
        let occurring: Vec<f64> = (0..self.labels)
            .filter(|&label| self.gold(label) + self.predicted(label) > 0)
            .map(|label| self.label(label).f1)
            .collect();
        if occurring.is_empty() { 0.0 } else { occurring.iter().sum::<f64>() / occurring.len() as f64 }
    }
}

fn ratio(numerator: u64, denominator: u64) -> f64 {
    if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 }
}

/// Share of rows predicted correctly; 0 without rows.
pub(crate) fn accuracy(gold: &[usize], predicted: &[usize]) -> f64 {
    let right = gold.iter().zip(predicted).filter(|(gold, predicted)| gold == predicted).count();
    ratio(right as u64, gold.len() as u64)
}
