//! A plain sequence classifier: training on labels, distillation from soft labels, scores.

use cloze_encoder::{Batch, Classifier, Mode, Rng, Sequence, Session, loss};

use crate::Result;
use crate::scoring::groups::by_length;
use crate::scoring::scores::{Scores, check_finite};
use crate::training::batches::Shuffled;
use crate::training::fine_tuning::{FineTuning, Step};

/// Label scores of `sequences` in their order, computed in groups of at most `budget` tokens. `progress` hears how many rows
/// are done.
///
/// # Errors
/// When a score is not finite, or `progress` fails.
pub fn score(
    session: &mut Session<Classifier>,
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
        check_finite(logits)?;
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
    session: &mut Session<Classifier>,
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
    session: &mut Session<Classifier>,
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

/// What a classifier learns from.
#[derive(Debug, Clone, Copy)]
pub enum Target<'a> {
    /// The label of every row.
    Labels(&'a [u32]),
    /// Raw label scores of an ensemble for every row.
    Soft {
        /// The scores.
        teacher: &'a Scores,
        /// Divides both sides' scores before the softmax.
        temperature: f32,
    },
}

/// How a classifier is trained.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// The loop's settings.
    pub fine_tuning: &'a FineTuning,
    /// Rows per micro-batch.
    pub batch: usize,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
}

/// Trains a classifier on all `sequences`, at least one; `after` hears of every update.
pub fn fine_tune(
    session: &mut Session<Classifier>,
    training: Training,
    sequences: &[Sequence],
    target: Target,
    after: impl FnMut(&Step) -> Result<()>,
) -> Result<Vec<Step>> {
    let mut batches = Shuffled::new(sequences.len(), training.batch, Rng::stream(training.seed, &[0]));
    let mut dropout = Rng::stream(training.seed, &[1]);
    let micro_batch = |session: &mut Session<Classifier>, _: usize, weight: f32| {
        let rows = batches.draw();
        let chosen: Vec<&Sequence> = rows.iter().map(|&row| &sequences[row]).collect();
        match target {
            Target::Labels(labels) => {
                let gold: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
                train(session, &chosen, &gold, dropout.next_u64(), weight)
            }
            Target::Soft { teacher, temperature } => {
                let soft: Vec<f32> = rows.iter().flat_map(|&row| teacher.row(row)).copied().collect();
                distil(session, &chosen, &soft, temperature, dropout.next_u64(), weight)
            }
        }
    };
    training.fine_tuning.run(session, micro_batch, after)
}

fn batch(sequences: &[&Sequence]) -> Batch {
    let mut batch = Batch::new();
    sequences.iter().for_each(|sequence| batch.push(sequence));
    batch
}
