//! A plain sequence classifier: training on labels, distillation from soft labels, scores.

use cloze_encoder::{Batch, Mode, Sequence, Session, loss};

use crate::Result;
use crate::batches::by_length;
use crate::scores::Scores;

/// Label scores of `sequences` in their order, computed in groups of at most `budget` tokens. `progress` hears how many rows
/// are done.
pub fn score(
    session: &mut Session,
    labels: usize,
    sequences: &[Sequence],
    budget: usize,
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<Scores> {
    let lengths: Vec<usize> = sequences.iter().map(|sequence| sequence.ids.len()).collect();
    let mut scores = Scores::zeros(sequences.len(), labels);
    let (mut batch, mut done) = (Batch::new(), 0);
    for group in by_length(&lengths, budget) {
        batch.clear();
        group.iter().for_each(|&row| batch.push(&sequences[row]));
        let logits = session.class_logits(&batch, Mode::Predict);
        for (&row, found) in group.iter().zip(logits.chunks_exact(labels)) {
            scores.row_mut(row).copy_from_slice(found);
        }
        done += group.len();
        progress(done)?;
    }
    Ok(scores)
}

/// One micro-batch of supervised training: the mean cross-entropy of `labels`; adds `weight` times its gradient.
pub fn train(
    session: &mut Session,
    sequences: &[&Sequence],
    labels: &[u32],
    dropout_seed: u64,
    weight: f32,
) -> f32 {
    let device = session.device().clone();
    let logits = session.class_logits(&batch(sequences), Mode::Train { dropout_seed });
    let loss = loss::cross_entropy(&device, logits, labels, weight);
    session.backward_in_place();
    loss
}

/// One micro-batch of distillation (Hinton, Vinyals and Dean, 2015): T² KL(softmax(teacher / T) ‖ softmax(student / T)),
/// mean over the rows; adds `weight` times its gradient. `teacher` holds the raw scores of the rows, `[rows, labels]`.
pub fn distil(
    session: &mut Session,
    sequences: &[&Sequence],
    teacher: &[f32],
    temperature: f32,
    dropout_seed: u64,
    weight: f32,
) -> f32 {
    let labels = teacher.len() / sequences.len();
    let logits = session.class_logits(&batch(sequences), Mode::Train { dropout_seed });
    let loss = loss::distillation(logits, teacher, labels, temperature);
    logits.iter_mut().for_each(|gradient| *gradient *= weight);
    session.backward_in_place();
    loss
}

fn batch(sequences: &[&Sequence]) -> Batch {
    let mut batch = Batch::new();
    sequences.iter().for_each(|sequence| batch.push(sequence));
    batch
}
