//! A linear probe: a ridge classifier on an encoder's representation of a text, without patterns or words.
//!
//! An example's feature vector is the mean of its tokens' last hidden states, minus the mean over examples
//! whose labels are not used, scaled to length 1. From the features X of the labelled examples and their
//! labels as vectors Y (1 for the label and 0 for others, minus 1 / labels), ridge regression (Hoerl and
//! Kennard, 1970) finds weights W = Xᵀ(XXᵀ + λI)⁻¹Y. Cross-validation needs no second fit: with G = (XXᵀ +
//! λI)⁻¹, the residuals of the examples F in a fit without them are (G_FF)⁻¹ (GY)_F (Rifkin and Lippert,
//! 2007). The probe's accuracy on held-out examples therefore costs next to nothing.
//!
//! In training, the encoder is first [fine-tuned contrastively](crate::training::contrastive), and the probe
//! is then fitted to it. Patterns contribute what the model knows about the labels' words; a probe lacks that
//! knowledge, but finds what the words do not say, and makes different errors. Its weight depends on how it
//! compares with the patterns before either has been trained, see [`strength`] and [`Part`].

use cloze_encoder::{Batch, Mode, Sequence, Session};
use nalgebra::{Cholesky, DMatrix};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::dataset::Data;
use crate::scoring::groups::{SCORING_TOKENS, by_length};
use crate::scoring::scores::{Scores, centred, check_finite};
use crate::task::Task;

/// The file of a saved probe, next to the model whose hidden states it uses.
pub(crate) const FILE: &str = "probe.json";

/// Number of examples whose mean is subtracted; with more, it hardly changes.
pub(crate) const ROWS: usize = 256;

/// λ, relative to features of length 1.
const RIDGE: f64 = 1.0;

/// Number of folds that the labelled examples are split into for cross-validation.
const FOLDS: usize = 4;

/// Whether a task has a probe: if its options request it, its labels exclude each other and are the same for
/// all examples, at least two labels have two labelled examples each, and there are unlabelled examples, on
/// which the scores of the patterns and the probe are brought to the same scale.
pub(crate) fn applies(task: &Task, data: &Data) -> bool {
    let known = || data.label_counts(task).into_iter().filter(|rows| *rows >= 2).count() >= 2;
    let free = |pattern| task.labels_of(pattern).iter().any(|label| label.words.is_empty());
    let plain = task.answers.is_one_label() && !(0..task.patterns.len()).any(free);
    task.options.probe && plain && !data.unlabeled.is_empty() && known()
}

/// How clearly the probe is ahead of the zero-shot patterns, from 0 to 1, given its `accuracy` on `rows`
/// held-out labelled examples and the patterns' accuracy `zero_shot`: 0 up to two standard errors, 1 from
/// three standard errors.
pub(crate) fn strength(accuracy: f64, zero_shot: f64, rows: usize) -> f64 {
    // Adds one right and one wrong example; otherwise an accuracy of 1 would have no error.
    let share = (accuracy * rows as f64 + 1.0) / (rows as f64 + 2.0);
    let error = (share * (1.0 - share) / rows as f64).sqrt();
    ((accuracy - zero_shot) / error - 2.0).clamp(0.0, 1.0)
}

/// The means of the last hidden states of every example's tokens, `[rows, hidden]`. `progress` receives the
/// number of examples done.
///
/// # Errors
/// When a hidden state is not finite, or `progress` fails.
pub(crate) fn states(
    session: &mut Session,
    sequences: &[Sequence],
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<DMatrix<f64>> {
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.ids.len()).collect();
    let hidden = session.model().config().hidden_size;
    let mut means = DMatrix::zeros(sequences.len(), hidden);
    let (mut batch, mut tokens, mut done) = (Batch::new(), Vec::new(), 0);
    for group in by_length(&lengths, SCORING_TOKENS) {
        batch.clear();
        tokens.clear();
        for (place, &row) in group.iter().enumerate() {
            batch.push(&sequences[row]);
            tokens.extend((0..lengths[row]).map(|token| batch.index(place, token)));
        }
        let found = session.hidden_states(&batch, &tokens, Mode::Predict);
        check_finite(found)?;
        let of: Vec<usize> = group.iter().map(|&row| lengths[row]).collect();
        let pooled = pooled(found, &of, hidden);
        group.iter().zip(pooled.row_iter()).for_each(|(&row, pooled)| means.set_row(row, &pooled));
        done += group.len();
        progress(done)?;
    }
    Ok(means)
}

/// The mean of the `states` of each sequence's tokens, `[sequences, hidden]`; the states are concatenated,
/// with `lengths` per sequence.
pub(crate) fn pooled(states: &[f32], lengths: &[usize], hidden: usize) -> DMatrix<f64> {
    let mut means = DMatrix::zeros(lengths.len(), hidden);
    let mut states = states.chunks_exact(hidden);
    for (mut mean, length) in means.row_iter_mut().zip(lengths) {
        for state in states.by_ref().take(*length) {
            mean.iter_mut().zip(state).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        mean.unscale_mut((*length).max(1) as f64);
    }
    means
}

/// Scores examples by their [`states`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Probe {
    /// The mean that is subtracted from the states, `[hidden]`.
    mean: Vec<f32>,
    /// The weights for every label, `[labels, hidden]`.
    weights: Vec<Vec<f32>>,
}

impl Probe {
    /// Fits a probe to the states `[rows, hidden]` of labelled examples and their labels (below `count`), and
    /// returns it with its cross-validated accuracy. Features are relative to the mean of the states
    /// `around`.
    pub(crate) fn fit(
        labelled: &DMatrix<f64>,
        labels: &[usize],
        count: usize,
        around: &DMatrix<f64>,
    ) -> (Probe, f64) {
        let mean = single(around.row_mean().iter());
        let (x, _) = features(labelled, &mean);
        let one = |row: usize, label: usize| f64::from(u8::from(labels[row] == label)) - 1.0 / count as f64;
        let y = DMatrix::from_fn(labels.len(), count, one);
        let gram = &x * x.transpose() + DMatrix::identity(labels.len(), labels.len()) * RIDGE;
        // With a positive diagonal added, there is always an inverse.
        let inverse = Cholesky::new(gram).map_or_else(|| DMatrix::zeros(0, 0), |gram| gram.inverse());
        let dual = &inverse * &y;
        let right: usize = folds(labels)
            .iter()
            .map(|fold| {
                let block = inverse.select_rows(fold).select_columns(fold);
                let Some(block) = Cholesky::new(block) else { return 0 };
                let found = y.select_rows(fold) - block.solve(&dual.select_rows(fold));
                fold.iter()
                    .zip(found.row_iter())
                    .filter(|(row, found)| found.transpose().imax() == labels[**row])
                    .count()
            })
            .sum();
        let weights = x.transpose() * dual;
        let weights = weights.column_iter().map(|column| single(column.iter())).collect();
        (Probe { mean, weights }, right as f64 / labels.len() as f64)
    }

    /// The label scores of examples with these states.
    pub(crate) fn score(&self, states: &DMatrix<f64>) -> Scores {
        let (x, _) = features(states, &self.mean);
        let mut scores = Scores::zeros(states.nrows(), self.weights.len());
        for (row, feature) in x.row_iter().enumerate() {
            for (score, weights) in scores.row_mut(row).iter_mut().zip(&self.weights) {
                let products =
                    feature.iter().zip(weights).map(|(feature, weight)| feature * f64::from(*weight));
                *score = products.sum::<f64>() as f32;
            }
        }
        scores
    }

    /// The mean that is subtracted from the states, `[hidden]`.
    pub(crate) fn mean(&self) -> &[f32] {
        &self.mean
    }

    /// Whether it has weights for this many labels.
    pub(crate) fn is_of(&self, labels: usize) -> bool {
        self.weights.len() == labels && self.weights.iter().all(|weights| weights.len() == self.mean.len())
    }
}

/// The states minus `mean`, scaled to length 1, `[rows, hidden]`, and their lengths before scaling.
pub(crate) fn features(states: &DMatrix<f64>, mean: &[f32]) -> (DMatrix<f64>, Vec<f64>) {
    let mut features = states.clone();
    let mut lengths = Vec::with_capacity(states.nrows());
    for mut row in features.row_iter_mut() {
        row.iter_mut().zip(mean).for_each(|(value, mean)| *value -= f64::from(*mean));
        let length = row.norm();
        if length > 0.0 {
            row.unscale_mut(length);
        }
        lengths.push(length);
    }
    (features, lengths)
}

/// The values in the precision in which they are stored.
fn single<'v>(values: impl Iterator<Item = &'v f64>) -> Vec<f32> {
    values.map(|value| *value as f32).collect()
}

/// The examples in folds that each have nearly the same number of examples of every label.
fn folds(labels: &[usize]) -> Vec<Vec<usize>> {
    let mut seen = vec![0; labels.iter().max().map_or(0, |most| most + 1)];
    let mut folds = vec![Vec::new(); FOLDS];
    for (row, &label) in labels.iter().enumerate() {
        folds[seen[label] % FOLDS].push(row);
        seen[label] += 1;
    }
    folds.retain(|fold| !fold.is_empty());
    folds
}

/// A probe's share in an ensemble.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its share relative to all members together, at most one half.
    pub(crate) share: f64,
    /// The factor that brings its scores to the members' scale.
    pub(crate) scale: f64,
}

impl Part {
    /// The share of a probe of this [`strength`] besides this many `patterns`, given the merged scores of the
    /// members and the scores of the probe for all unlabelled examples: at least as much as one pattern, and
    /// at most as much as all of them.
    pub(crate) fn new(strength: f64, patterns: usize, merged: &Scores, probe: &Scores) -> Part {
        let one = 1.0 / (patterns + 1) as f64;
        let share = one + strength * (0.5 - one);
        let own = spread(probe);
        Part { share, scale: if own > 0.0 { spread(merged) / own } else { 0.0 } }
    }

    /// Combines the merged scores of the members with those of the probe.
    pub(crate) fn join(self, merged: &Scores, probe: &Scores) -> Scores {
        let mut joined = merged.clone();
        for row in 0..joined.len() {
            for (score, probe) in joined.row_mut(row).iter_mut().zip(probe.row(row)) {
                let (members, probe) = (f64::from(*score), self.scale * f64::from(*probe));
                *score = ((1.0 - self.share) * members + self.share * probe) as f32;
            }
        }
        joined
    }
}

/// The root mean square deviation of the scores from each row's mean.
fn spread(scores: &Scores) -> f64 {
    let square = |row: &[f32]| centred(row).map(|score| score.powi(2)).sum::<f64>();
    let count = (scores.len() * scores.labels()).max(1);
    (scores.iter().map(square).sum::<f64>() / count as f64).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Examples with two kinds of directions, and the label of each.
    fn rows() -> (DMatrix<f64>, Vec<usize>) {
        let value = |row: usize, column: usize| {
            let noise = ((row * 7919 + column * 104_729) % 101) as f64 / 101.0 - 0.5;
            3.0 + noise + if column % 2 == row % 2 { 0.15 } else { 0.0 }
        };
        (DMatrix::from_fn(12, 6, value), (0..12).map(|row| row % 2).collect())
    }

    #[test]
    fn what_is_left_out_is_scored_as_by_a_probe_that_never_saw_it() {
        let (states, labels) = rows();
        let (_, accuracy) = Probe::fit(&states, &labels, 2, &states);
        let right = |fold: &Vec<usize>| {
            let others: Vec<usize> = (0..12).filter(|row| !fold.contains(row)).collect();
            let known: Vec<usize> = others.iter().map(|&row| labels[row]).collect();
            let (probe, _) = Probe::fit(&states.select_rows(&others), &known, 2, &states);
            let found = probe.score(&states.select_rows(fold)).predictions();
            found.iter().zip(fold).filter(|(found, row)| **found == labels[**row]).count()
        };
        let right: usize = folds(&labels).iter().map(right).sum();
        assert!((6..12).contains(&right), "neither nothing nor everything is right: {right}");
        assert!((accuracy - right as f64 / 12.0).abs() < 1e-12, "{accuracy} {right}");
    }

    #[test]
    fn parts_have_all_labels() {
        assert_eq!(folds(&[0, 0, 1, 1, 1, 0, 0, 1]), [[0, 2], [1, 3], [4, 5], [6, 7]].map(Vec::from));
        assert_eq!(folds(&[0, 1]), [[0, 1]].map(Vec::from));
    }

    #[test]
    fn a_probe_is_stronger_the_more_clearly_it_is_ahead() {
        assert_eq!(strength(0.5, 0.5, 32), 0.0);
        assert_eq!(strength(0.3, 0.5, 32), 0.0);
        assert_eq!(strength(1.0, 0.5, 32), 1.0);
        let little = strength(0.7, 0.5, 32);
        assert!(little > 0.0 && little < 1.0, "{little}");
        assert!(strength(0.7, 0.5, 40) > little, "with more rows the same lead says more");
    }

    #[test]
    fn on_the_members_scale_a_probe_has_its_share() {
        let scores = |rows: &[[f32; 2]]| {
            let mut scores = Scores::new(2);
            rows.iter().for_each(|row| scores.push(row));
            scores
        };
        let (members, probe) = (scores(&[[4.0, -4.0], [-4.0, 4.0]]), scores(&[[-0.5, 0.5], [-0.5, 0.5]]));
        assert_eq!(Part::new(0.0, 3, &members, &probe).share, 0.25);
        let part = Part::new(1.0, 3, &members, &probe);
        assert_eq!(part, Part { share: 0.5, scale: 8.0 });
        assert_eq!(part.join(&members, &probe), scores(&[[0.0, 0.0], [-4.0, 4.0]]));
        assert_eq!(Part::new(1.0, 3, &members, &scores(&[[0.0, 0.0]])).scale, 0.0);
    }

    #[test]
    fn rows_without_a_difference_are_scored_the_same() {
        let same = DMatrix::from_element(4, 3, 2.0);
        let (probe, accuracy) = Probe::fit(&same, &[0, 1, 0, 1], 2, &same);
        assert!((0.0..=1.0).contains(&accuracy));
        assert!(probe.score(&same).iter().all(|row| row == [0.0, 0.0]));
    }
}
