//! A sequence classifier: scoring, and the training code shared by [hard labels](crate::training::supervised)
//! and [soft labels](crate::training::distillation).

use cloze_encoder::{Batch, Classifier, Mode, Rng, Sequence, Session};

use crate::Result;
use crate::scoring::groups::by_length;
use crate::scoring::scores::{Scores, check_finite};
use crate::training::batches::Shuffled;
use crate::training::training_loop::{FineTuning, Step};

/// Label scores of `sequences`, in order, computed in groups of at most `budget` tokens. `progress` receives
/// the number of examples done.
///
/// # Errors
/// When a score is not finite, or `progress` fails.
pub(crate) fn score(
    session: &mut Session<Classifier>,
    labels: usize,
    sequences: &[Sequence],
    budget: usize,
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<Scores> {
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.ids.len()).collect();
    let mut scores = Scores::zeros(sequences.len(), labels);
    let mut batch = Batch::new();
    let mut done = 0;
    for group in by_length(&lengths, budget) {
        batch.clear();
        group.iter().for_each(|&row| batch.push(&sequences[row]));
        let logits = session.class_logits(&batch, Mode::Predict);
        check_finite(logits)?;
        for (&row, found) in group.iter().zip(logits.chunks_exact(labels)) {
            scores.row_mut(row).copy_from_slice(found);
        }
        done += group.len();
        progress(done)?;
    }
    Ok(scores)
}

/// Training settings of a classifier.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training<'a> {
    /// The settings of the training loop.
    pub(crate) fine_tuning: &'a FineTuning,
    /// Examples per micro-batch.
    pub(crate) batch: usize,
    /// The random seed.
    pub(crate) seed: u64,
}

/// Trains a classifier on all `sequences`, at least one.
/// `micro_batch(session, batch, rows, dropout_seed, weight)` receives the batch and the indices of its
/// sequences, returns its loss and adds `weight` times the gradient. `after` is called after every update.
pub(crate) fn fine_tune(
    session: &mut Session<Classifier>,
    training: Training,
    sequences: &[Sequence],
    mut micro_batch: impl FnMut(&mut Session<Classifier>, &Batch, &[usize], u64, f32) -> f32,
    after: impl FnMut(&Step) -> Result<()>,
) -> Result<Vec<Step>> {
    let mut batches = Shuffled::new(sequences.len(), training.batch, Rng::stream(training.seed, &[0]));
    let mut dropout = Rng::stream(training.seed, &[1]);
    let mut batch = Batch::new();
    let train = |session: &mut Session<Classifier>, _: usize, weight: f32| {
        let rows = batches.draw();
        batch.clear();
        rows.iter().for_each(|&row| batch.push(&sequences[row]));
        micro_batch(session, &batch, rows, dropout.next_u64(), weight)
    };
    training.fine_tuning.run(session, train, after)
}
