//! The training loop that everything which is trained goes through.

use cloze_encoder::{AdamW, Head, Session, schedule};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// How a model is trained: AdamW with a linear schedule, gradients clipped, micro-batches added up.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FineTuning {
    /// Updates of the weights.
    pub(crate) steps: usize,
    /// Micro-batches per update.
    pub(crate) accumulation: usize,
    /// Highest learning rate.
    pub(crate) learning_rate: f32,
    /// Updates over which the learning rate rises to its highest.
    pub(crate) warmup: usize,
    /// Weight decay; biases and LayerNorm weights do not decay.
    pub(crate) weight_decay: f32,
    /// Gradients are scaled down to this 2-norm.
    pub(crate) max_grad_norm: f32,
}

/// One update: a line of `steps.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Step {
    /// Number of the update, counted from 1.
    pub(crate) step: usize,
    /// Mean loss of its micro-batches, before the update.
    pub(crate) loss: f32,
    /// The learning rate that was used.
    pub(crate) learning_rate: f32,
    /// 2-norm of the gradient before clipping.
    pub(crate) gradient_norm: f32,
}

impl FineTuning {
    /// Trains. `micro_batch(session, number, weight)` runs micro-batch `number` (counted from 0 over the whole training)
    /// forward and backward, its gradient times `weight`, and returns its loss without the weight; `after` hears of
    /// every update and may end the training with an error.
    ///
    /// # Errors
    /// At the first loss or gradient that is not finite, and what `after` gives.
    pub(crate) fn run<H: Head>(
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
