//! iPET: selects the unlabelled examples, and their labels, that a model of the next generation is trained
//! on.
//!
//! Follows section 3.4 of Schick and Schütze, "Exploiting cloze questions for few shot text classification
//! and natural language inference" (2021): every generation trains on `scale` times as many examples as the
//! one before and keeps the ratio of the labels. The new examples of a label are drawn from those that a
//! random subset of the *other* members of the previous generation give this label, with higher probability
//! for more confident predictions.

use cloze_encoder::Rng;

use crate::scoring::scores::best;

/// Number of examples of the first generation if there are no labelled ones, after multiplication with the
/// scale.
const WITHOUT_LABELS: f64 = 10.0;

/// Number of new examples for the members of the generation after `generation` (counted from 0), in addition
/// to the `labelled` ones.
pub(crate) fn new_rows(labelled: usize, scale: f64, generation: usize) -> usize {
    let first = if labelled > 0 { labelled as f64 } else { WITHOUT_LABELS / scale };
    let exponent = i32::try_from(generation + 1).unwrap_or(i32::MAX);
    (first * scale.powi(exponent) - labelled as f64).max(0.0) as usize
}

/// Distributes `total` new examples over the labels in the ratio of the labelled examples, or evenly if there
/// are none.
pub(crate) fn per_label(total: usize, labelled: &[usize]) -> Vec<usize> {
    match labelled.iter().sum::<usize>() {
        0 => {
            let (each, more) = (total / labelled.len(), total % labelled.len());
            (0..labelled.len()).map(|label| each + usize::from(label < more)).collect()
        }
        sum => labelled.iter().map(|count| count * total / sum).collect(),
    }
}

/// The number of `others` that label the examples of a member: their `share`, with halves rounded to even.
///
/// It can be 0, in which case a member would have nothing to learn from; a run uses at least one.
pub(crate) fn teachers(others: usize, share: f64) -> usize {
    (share * others as f64).round_ties_even() as usize
}

/// The examples that can be drawn for a label.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Candidates {
    /// Their indices among the unlabelled examples.
    pub(crate) rows: Vec<usize>,
    /// The probability of each to be drawn first, divided by `repeats`.
    pub(crate) weights: Vec<f64>,
    /// The number of times each is in the list that is drawn from, so that the list is long enough; 0 without
    /// candidates.
    pub(crate) repeats: usize,
}

/// The candidates for `label`, of which `wanted` will be drawn: the examples for which it is the most likely
/// label, weighted by its probability; or, with `most_likely`, that many examples for which its probability
/// is highest, even if another label is more likely.
///
/// `probabilities` are `[rows][labels]`.
pub(crate) fn candidates(
    probabilities: &[Vec<f64>],
    label: usize,
    wanted: usize,
    most_likely: usize,
) -> Candidates {
    let mut rows: Vec<usize> = match most_likely {
        0 => (0..probabilities.len()).filter(|row| likeliest(&probabilities[*row]) == label).collect(),
        _ => {
            let mut rows: Vec<usize> = (0..probabilities.len()).collect();
            // On a tie, the later example comes first, as in the reference implementation.
            let key = |row: usize| (probabilities[row][label], row);
            rows.sort_by(|a, b| key(*b).0.total_cmp(&key(*a).0).then(b.cmp(a)));
            rows.truncate(most_likely);
            rows
        }
    };
    rows.sort_unstable();
    let repeats = if rows.is_empty() { 0 } else { wanted.div_ceil(rows.len()).max(1) };
    let total: f64 = rows.iter().map(|row| probabilities[*row][label]).sum();
    let weights = rows.iter().map(|row| probabilities[*row][label] / total / repeats as f64).collect();
    Candidates { rows, weights, repeats }
}

fn likeliest(probabilities: &[f64]) -> usize {
    let scores: Vec<f32> = probabilities.iter().map(|p| *p as f32).collect();
    best(&scores)
}

impl Candidates {
    /// Draws `wanted` examples one after the other, each with a probability proportional to its weight among
    /// those that remain. The result is in the order of the examples.
    ///
    /// Uses Efraimidis and Spirakis, "Weighted random sampling with a reservoir" (2006): selecting the
    /// highest of the keys u^(1/w) is equivalent, without drawing one by one.
    pub(crate) fn draw(&self, wanted: usize, random: &mut Rng) -> Vec<usize> {
        let entries = self.rows.iter().zip(&self.weights).flat_map(|entry| vec![entry; self.repeats]);
        let mut keys: Vec<(f64, usize)> =
            entries.map(|(row, weight)| ((1.0 - random.uniform()).ln() / weight, *row)).collect();
        keys.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut drawn: Vec<usize> = keys.into_iter().take(wanted).map(|(_, row)| row).collect();
        drawn.sort_unstable();
        drawn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generation_is_larger_than_the_one_before() {
        assert_eq!([0, 1, 2].map(|generation| new_rows(32, 5.0, generation)), [128, 768, 3968]);
        assert_eq!([0, 1, 2].map(|generation| new_rows(0, 3.0, generation)), [10, 30, 90]);
        assert_eq!(new_rows(10, 0.5, 0), 0);
        assert_eq!(per_label(128, &[19, 10, 3]), [76, 40, 12]);
        assert_eq!(per_label(10, &[0, 0, 0]), [4, 3, 3]);
    }

    #[test]
    fn the_likelier_row_is_drawn_more_often_and_none_twice() {
        let probabilities = vec![vec![0.9, 0.1], vec![0.6, 0.4], vec![0.2, 0.8]];
        let found = candidates(&probabilities, 0, 1, 0);
        assert_eq!((found.rows.as_slice(), found.repeats), ([0, 1].as_slice(), 1));
        let mut random = Rng::new(4);
        let first = (0..6000).filter(|_| found.draw(1, &mut random) == [0]).count();
        // 0.9 of 1.5.
        assert!((first as f64 / 6000.0 - 0.6).abs() < 0.03, "{first}");
        assert_eq!(found.draw(2, &mut random), [0, 1]);
    }

    #[test]
    fn too_few_candidates_are_repeated_and_none_give_none() {
        let probabilities = vec![vec![0.9, 0.1], vec![0.6, 0.4]];
        let found = candidates(&probabilities, 0, 5, 0);
        assert_eq!(found.repeats, 3);
        let drawn = found.draw(5, &mut Rng::new(1));
        assert_eq!(drawn.len(), 5);
        assert!([0, 1].iter().all(|row| (2..=3).contains(&drawn.iter().filter(|d| *d == row).count())));
        let none = candidates(&probabilities, 1, 5, 0);
        assert_eq!((none.repeats, none.draw(5, &mut Rng::new(1)).len()), (0, 0));
        // The most likely examples of a label that is never the most likely one.
        assert_eq!(candidates(&probabilities, 1, 1, 1).rows, [1]);
    }
}
