//! Contrastive fine-tuning: the encoder's representations of examples with the same label move together,
//! those of different labels apart.
//!
//! The supervised contrastive loss (Khosla et al., 2020, arXiv 2004.11362) on the features that a [linear
//! probe](crate::training::linear_probe) uses: an example's mean-pooled last hidden states, minus their mean
//! over examples whose labels are not used, scaled to length 1. Even a few labelled examples form many pairs
//! to learn from, which is why SetFit (Tunstall et al., 2022, arXiv 2209.11055) trains this way.

use cloze_encoder::{Batch, Mode, Rng, Sequence, Session};
use nalgebra::DMatrix;

use crate::Result;
use crate::training::batches::Shuffled;
use crate::training::linear_probe::{features, pooled};
use crate::training::lower_states::lower_states;
use crate::training::training_loop::{FineTuning, Step};

/// Factor relative to the learning rate of a pattern, whose batch has the same number of examples.
pub(crate) const LEARNING_RATE: f64 = 0.5;

/// Divides the similarities, which range from -1 to 1, before the softmax.
const TEMPERATURE: f64 = 0.1;

/// Training settings of an encoder.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training<'a> {
    /// The settings of the training loop.
    pub(crate) fine_tuning: &'a FineTuning,
    /// Pairs per micro-batch: each is an example and another one with the same label.
    pub(crate) pairs: usize,
    /// The random seed.
    pub(crate) seed: u64,
}

/// Trains the encoder on `sequences`, at least one, with these labels; features are relative to `mean`,
/// `[hidden]`. `after` is called after every update.
///
/// # Errors
/// At the first loss or gradient that is not finite, and any error from `after`.
pub(crate) fn fine_tune(
    session: &mut Session,
    training: Training,
    sequences: &[Sequence],
    labels: &[usize],
    mean: &[f32],
    after: impl FnMut(&Step) -> Result<()>,
) -> Result<Vec<Step>> {
    let mut rows = Shuffled::new(sequences.len(), 1, Rng::stream(training.seed, &[0]));
    let mut partners = Rng::stream(training.seed, &[1]);
    let mut dropout = Rng::stream(training.seed, &[2]);
    let mut of_label: Vec<Vec<usize>> = vec![Vec::new(); labels.iter().max().map_or(0, |most| most + 1)];
    labels.iter().enumerate().for_each(|(row, &label)| of_label[label].push(row));
    let FineTuning { steps, accumulation, .. } = training.fine_tuning;
    let visits = steps * accumulation * 2 * training.pairs;
    let lower = lower_states(session, &sequences.iter().collect::<Vec<_>>(), visits);
    let mut batch = Batch::new();
    let micro_batch = |session: &mut Session, _: usize, weight: f32| {
        let mut chosen = Vec::with_capacity(2 * training.pairs);
        for _ in 0..training.pairs {
            let row = rows.draw()[0];
            chosen.push(row);
            let alike = &of_label[labels[row]];
            if alike.len() > 1 {
                let other = partners.gen_range(0..alike.len() - 1);
                // The examples of a label are in order; the current one is skipped.
                chosen.push(alike[other + usize::from(alike[other] >= row)]);
            }
        }
        batch.clear();
        for &row in &chosen {
            match lower.get(row) {
                Some(states) => batch.push_with_lower(&sequences[row], states),
                None => batch.push(&sequences[row]),
            }
        }
        let lengths: Vec<usize> = chosen.iter().map(|&row| sequences[row].ids.len()).collect();
        let of: Vec<usize> = chosen.iter().map(|&row| labels[row]).collect();
        let tokens: Vec<u32> = (0..batch.tokens() as u32).collect();
        let mode = Mode::Train { dropout_seed: dropout.next_u64() };
        let mut states = session.hidden_states(&batch, &tokens, mode).to_vec();
        let (loss, gradient) = contrast(&pooled(&states, &lengths, mean.len()), &of, mean);
        let mut tokens = states.chunks_exact_mut(mean.len());
        for (length, gradient) in lengths.iter().zip(gradient.row_iter()) {
            let share = f64::from(weight) / *length as f64;
            for token in tokens.by_ref().take(*length) {
                token.iter_mut().zip(&gradient).for_each(|(value, slope)| *value = (share * slope) as f32);
            }
        }
        session.backward_states(&states);
        loss as f32
    };
    training.fine_tuning.run(session, micro_batch, after)
}

/// The loss of examples with these pooled `states`, `[rows, hidden]`, and its gradient. For every example, it
/// is the mean negative log-probability of the other examples with its label, in a softmax over the
/// similarities to all others; these are averaged over the examples that have such others.
fn contrast(states: &DMatrix<f64>, labels: &[usize], mean: &[f32]) -> (f64, DMatrix<f64>) {
    let rows = labels.len();
    let (unit, lengths) = features(states, mean);
    let similarities = &unit * unit.transpose() / TEMPERATURE;
    let like = |i: usize, j: usize| i != j && labels[i] == labels[j];
    let learning = (0..rows).filter(|&i| (0..rows).any(|j| like(i, j))).count().max(1) as f64;
    let mut loss = 0.0;
    // The gradient with respect to every similarity, divided by the temperature.
    let mut weights = DMatrix::<f64>::zeros(rows, rows);
    for i in 0..rows {
        let others = (0..rows).filter(|&j| like(i, j)).count() as f64;
        if others == 0.0 {
            continue;
        }
        let candidates = || (0..rows).filter(|&j| j != i);
        let top = candidates().map(|j| similarities[(i, j)]).fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = candidates().map(|j| (similarities[(i, j)] - top).exp()).sum();
        for j in candidates() {
            let below = similarities[(i, j)] - top;
            let wanted = if like(i, j) { 1.0 / others } else { 0.0 };
            loss -= wanted * (below - sum.ln()) / learning;
            weights[(i, j)] = (below.exp() / sum - wanted) / (learning * TEMPERATURE);
        }
    }
    let mut gradient = (&weights + weights.transpose()) * &unit;
    for (row, (mut slope, unit)) in gradient.row_iter_mut().zip(unit.row_iter()).enumerate() {
        // Because of the scaling, the gradient has no component along the example's own features.
        let along = slope.dot(&unit);
        slope -= unit * along;
        slope /= lengths[row].max(f64::MIN_POSITIVE);
    }
    (loss, gradient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gradient_is_that_of_the_loss() {
        let value = |i: usize| ((i * 7919) % 23) as f64 / 23.0 - 0.4;
        let states = DMatrix::from_row_iterator(5, 3, (0..5 * 3).map(value));
        let (labels, mean) = ([0, 1, 0, 0, 2], [0.1, -0.2, 0.05]);
        let (loss, gradient) = contrast(&states, &labels, &mean);
        assert!(loss > 0.0);
        for place in 0..states.len() {
            let moved = |step: f64| {
                let mut states = states.clone();
                states[place] += step;
                contrast(&states, &labels, &mean).0
            };
            let slope = (moved(1e-6) - moved(-1e-6)) / 2e-6;
            assert!(
                (slope - gradient[place]).abs() < 1e-5,
                "{place}: {} instead of {slope}",
                gradient[place]
            );
        }
    }

    #[test]
    fn rows_without_another_of_their_label_teach_nothing_by_themselves() {
        let of = |states: &[f64], labels: &[usize]| {
            contrast(&DMatrix::from_row_slice(labels.len(), 2, states), labels, &[0.0, 0.0])
        };
        assert_eq!(of(&[1.0, 0.0, 0.0, 1.0], &[0, 1]), (0.0, DMatrix::zeros(2, 2)));
        let (near, _) = of(&[1.0, 0.0, 1.0, 0.1, 0.0, 1.0], &[0, 0, 1]);
        let (far, _) = of(&[1.0, 0.0, 0.1, 1.0, 0.0, 1.0], &[0, 0, 1]);
        assert!(near < 0.1 && far > 1.0, "{near} {far}");
    }
}
