//! Distillation: trains a classifier on the soft labels that an ensemble gives to unlabelled examples.
//!
//! Follows Hinton, Vinyals and Dean (2015, arXiv 1503.02531), as PET does: the loss is T² KL(softmax(teacher
//! / T) ‖ softmax(student / T)), averaged over the examples.

use cloze_encoder::{Batch, Classifier, Mode, Sequence, Session, loss};

use crate::scoring::scores::Scores;
use crate::training::classifier::{self, Training};
use crate::training::training_loop::Step;
use crate::{Error, Result};

/// The targets that a classifier is trained on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Teacher<'a> {
    /// Raw label scores of an ensemble for every example, `[rows, labels]`.
    pub(crate) scores: &'a Scores,
    /// Divides the scores of both teacher and student before the softmax.
    pub(crate) temperature: f32,
}

/// Trains a classifier on all `sequences`, at least one, each of which has scores in `teacher`; `after` is
/// called after every update.
///
/// # Errors
/// At the first loss or gradient that is not finite, and any error from `after`.
pub(crate) fn fine_tune(
    session: &mut Session<Classifier>,
    training: Training,
    sequences: &[Sequence],
    teacher: Teacher,
    after: impl FnMut(&Step) -> Result<()>,
) -> Result<Vec<Step>> {
    let micro_batch =
        |session: &mut Session<Classifier>, batch: &Batch, rows: &[usize], dropout_seed, weight| {
            let soft: Vec<f32> = rows.iter().flat_map(|&row| teacher.scores.row(row)).copied().collect();
            let logits = session.class_logits(batch, Mode::Train { dropout_seed });
            let loss = loss::distillation(logits, &soft, teacher.scores.labels(), teacher.temperature);
            logits.iter_mut().for_each(|gradient| *gradient *= weight);
            session.backward_in_place();
            loss
        };
    classifier::fine_tune(session, training, sequences, micro_batch, after).map_err(|error| match error {
        Error::Diverged { what, step, value, learning_rate, .. } => {
            Error::Diverged { what, step, value, learning_rate, section: "distil" }
        }
        error => error,
    })
}
