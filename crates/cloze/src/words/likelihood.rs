//! How much more likely a word is at the mask in examples of one label than in other examples.
//!
//! Follows Schick, Schmid and Schütze, "Automatically identifying words that can serve as labels for few-shot
//! text classification" (2020, arXiv 2010.13641), and its reference implementation: the log-likelihood ratio
//! of a word and a label, in which the examples of the label weigh as much as all others together.

/// For every label and word, the mean log-odds of the word over the rows of the label minus that over all
/// other rows, `[labels, words]`. `logits` covers the whole vocabulary, `[rows, words]`, and `gold` has every
/// row's label. A label that has no rows, or all of them, gets 0.
///
/// This is the paper's normalised ratio divided by the number of other rows, which is the same for all words
/// of a label.
pub(super) fn ratios(logits: &[f32], gold: &[usize], labels: usize) -> Vec<Vec<f64>> {
    let words = logits.len() / gold.len().max(1);
    let mut sums = vec![vec![0.0; words]; labels];
    let mut counts = vec![0.0; labels];
    for (row, &label) in logits.chunks_exact(words.max(1)).zip(gold) {
        counts[label] += 1.0;
        let highest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let total: f64 = row.iter().map(|logit| f64::from(logit - highest).exp()).sum();
        let norm = f64::from(highest) + total.ln();
        for (sum, logit) in sums[label].iter_mut().zip(row) {
            let log = f64::from(*logit) - norm;
            // Keeps the odds finite for a word that is almost certain.
            *sum += log - (-log.exp_m1()).max(f64::MIN_POSITIVE).ln();
        }
    }
    let all: Vec<f64> = (0..words).map(|word| sums.iter().map(|sums| sums[word]).sum()).collect();
    for (sums, &rows) in sums.iter_mut().zip(&counts) {
        let others = gold.len() as f64 - rows;
        for (sum, all) in sums.iter_mut().zip(&all) {
            *sum = if rows > 0.0 && others > 0.0 { *sum / rows - (all - *sum) / others } else { 0.0 };
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_of_the_paper() {
        // Three rows and four words; the probabilities are the plain softmax.
        let logits = [[1.0, 0.0, -1.0, 0.5], [0.0, 2.0, 0.0, 0.0], [-1.0, 1.0, 0.5, 0.0]];
        let gold = [0, 1, 1];
        let probability = |row: usize, word: usize| {
            let total: f64 = logits[row].iter().map(|logit: &f64| logit.exp()).sum();
            logits[row][word].exp() / total
        };
        // The reference: pos = |others| / |rows| * sum over rows of (ln p - ln(1 - p)), neg = sum over others of (ln(1 - p) - ln p).
        let reference = |label: usize, word: usize| {
            let mut pos = 0.0;
            let mut neg = 0.0;
            let rows = gold.iter().filter(|gold| **gold == label).count() as f64;
            let scale = (gold.len() as f64 - rows) / rows;
            for (row, gold) in gold.iter().enumerate() {
                let p = probability(row, word);
                if *gold == label {
                    pos += scale * (p.ln() - (1.0 - p).ln())
                } else {
                    neg += (1.0 - p).ln() - p.ln()
                }
            }
            (pos + neg) / (gold.len() as f64 - rows)
        };
        let flat: Vec<f32> = logits.iter().flatten().map(|logit| *logit as f32).collect();
        let found = ratios(&flat, &gold, 3);
        for (label, found) in found.iter().enumerate().take(2) {
            for (word, ratio) in found.iter().enumerate() {
                assert!((ratio - reference(label, word)).abs() < 1e-6, "{label} {word}");
            }
        }
        assert_eq!(found[2], [0.0; 4], "no rows, nothing to say");
    }

    #[test]
    fn a_word_that_is_certain_has_a_finite_ratio() {
        let found = ratios(&[1000.0, 0.0, 0.0, 1000.0], &[0, 1], 2);
        assert!(found.iter().flatten().all(|ratio| ratio.is_finite()), "{found:?}");
        assert!(ratios(&[], &[], 2).iter().all(Vec::is_empty));
    }
}
