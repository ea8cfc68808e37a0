//! The training loop that pattern models and classifiers share.

use std::sync::Arc;

use cloze_encoder::{AdamW, Batch, Head, Sequence, Session, schedule};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How a model is trained: AdamW with a linear schedule, gradients clipped, micro-batches added up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FineTuning {
    /// Updates of the weights.
    pub steps: usize,
    /// Micro-batches per update.
    pub accumulation: usize,
    /// Highest learning rate.
    pub learning_rate: f32,
    /// Updates over which the learning rate rises to its highest.
    pub warmup: usize,
    /// Weight decay; biases and LayerNorm weights do not decay.
    pub weight_decay: f32,
    /// Gradients are scaled down to this 2-norm.
    pub max_grad_norm: f32,
}

/// One update: a line of `steps.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// Number of the update, counted from 1.
    pub step: usize,
    /// Mean loss of its micro-batches, before the update.
    pub loss: f32,
    /// The learning rate that was used.
    pub learning_rate: f32,
    /// 2-norm of the gradient before clipping.
    pub gradient_norm: f32,
}

impl FineTuning {
    /// Trains. `micro_batch(session, number, weight)` runs micro-batch `number` (counted from 0 over the whole training)
    /// forward and backward, its gradient times `weight`, and returns its loss without the weight; `after` hears of
    /// every update and may end the training with an error.
    ///
    /// # Errors
    /// At the first loss or gradient that is not finite, and what `after` gives.
    pub fn run<H: Head>(
        &self,
        session: &mut Session<H>,
        mut micro_batch: impl FnMut(&mut Session<H>, usize, f32) -> f32,
        mut after: impl FnMut(&Step) -> Result<()>,
    ) -> Result<Vec<Step>> {
        let mut steps = Vec::with_capacity(self.steps);
        let weight = 1.0 / self.accumulation as f32;
        for step in 0..self.steps {
            let mut loss = 0.0;
            for number in step * self.accumulation..(step + 1) * self.accumulation {
                loss += weight * micro_batch(session, number, weight);
            }
            let learning_rate = self.learning_rate * schedule::linear(step, self.warmup, self.steps);
            let diverged = |what, value| Error::Diverged {
                what,
                step: step + 1,
                value,
                learning_rate,
                section: "train",
            };
            if !loss.is_finite() {
                return Err(diverged("the loss", loss));
            }
            let gradient_norm = session.update(&AdamW {
                learning_rate,
                weight_decay: self.weight_decay,
                max_grad_norm: self.max_grad_norm,
                ..AdamW::default()
            });
            if !gradient_norm.is_finite() {
                return Err(diverged("the gradient", gradient_norm));
            }
            let step = Step { step: step + 1, loss, learning_rate, gradient_norm };
            after(&step)?;
            steps.push(step);
        }
        Ok(steps)
    }
}

/// What the frozen layers of the model make of every sequence, `[tokens, hidden]` each, so that training, which sees each many times, does
/// not compute it again; nothing unless something is frozen, training sees `visits` sequences in all, which is often enough, and there is memory.
pub(crate) fn lower_states(session: &mut Session, sequences: &[&Sequence], visits: usize) -> Vec<Arc<[f32]>> {
    /// Bytes at most.
    const MEMORY: usize = 128 << 20;
    let tokens: usize = sequences.iter().map(|sequence| sequence.len()).sum();
    let model = session.model();
    let bytes = 4 * tokens * model.config().hidden_size;
    if model.frozen() == 0 || visits < 2 * sequences.len() || bytes > MEMORY {
        return Vec::new();
    }
    let mut batch = Batch::new();
    let mut states = |sequence: &&Sequence| {
        batch.clear();
        batch.push(sequence);
        session.lower_states(&batch).into()
    };
    sequences.iter().map(&mut states).collect()
}
