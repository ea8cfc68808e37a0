//! Plain fine-tuning: trains a classifier on labels, without patterns, as a baseline for PET.

use cloze_encoder::{Batch, Classifier, Mode, Sequence, Session, loss};

use crate::Result;
use crate::training::classifier::{self, Training};
use crate::training::training_loop::Step;

/// Trains a classifier on all `sequences`, at least one, with these `labels`; `after` is called after every
/// update.
///
/// # Errors
/// At the first loss or gradient that is not finite, and any error from `after`.
pub(crate) fn fine_tune(
    session: &mut Session<Classifier>,
    training: Training,
    sequences: &[Sequence],
    labels: &[u32],
    after: impl FnMut(&Step) -> Result<()>,
) -> Result<Vec<Step>> {
    // The mean cross-entropy of the labels.
    let micro_batch =
        |session: &mut Session<Classifier>, batch: &Batch, rows: &[usize], dropout_seed, weight| {
            let gold: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
            let device = session.device().clone();
            let logits = session.class_logits(batch, Mode::Train { dropout_seed });
            let loss = loss::cross_entropy(&device, logits, &gold, weight);
            session.backward_in_place();
            loss
        };
    classifier::fine_tune(session, training, sequences, micro_batch, after)
}
