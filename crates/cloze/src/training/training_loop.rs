//! The training loop shared by all training.

use cloze_encoder::{AdamW, Head, Session, schedule};
use serde::{Deserialize, Serialize};

use crate::{Error, Result};

/// Training settings: AdamW with a linear schedule, gradient clipping and gradient accumulation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct FineTuning {
    /// Number of weight updates.
    pub(crate) steps: usize,
    /// Micro-batches per update.
    pub(crate) accumulation: usize,
    /// Peak learning rate.
    pub(crate) learning_rate: f32,
    /// Number of updates over which the learning rate rises to its peak.
    pub(crate) warmup: usize,
    /// Weight decay; not applied to biases and LayerNorm weights.
    pub(crate) weight_decay: f32,
    /// Gradients are clipped to this 2-norm.
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
    /// Trains. `micro_batch(session, number, weight)` runs the forward and backward pass of micro-batch
    /// `number` (counted from 0 over the whole training), with its gradient multiplied by `weight`, and
    /// returns its loss without the weight; `after` is called after every update and may end the training
    /// with an error.
    ///
    /// # Errors
    /// At the first loss or gradient that is not finite, and any error from `after`.
    pub(crate) fn run<H: Head>(
        &self,
        session: &mut Session<H>,
        mut micro_batch: impl FnMut(&mut Session<H>, usize, f32) -> f32,
        mut after: impl FnMut(&Step) -> Result<()>,
    ) -> Result<Vec<Step>> {
        let mut steps = Vec::with_capacity(self.steps);
        for step in 0..self.steps {
            let factor = schedule::linear(step, self.warmup, self.steps);
            let step = self.update(session, step, factor, &mut micro_batch)?;
            after(&step)?;
            steps.push(step);
        }
        Ok(steps)
    }

    /// Update `step`, counted from 0, at `factor` times the highest learning rate; `micro_batch` as in [`FineTuning::run`].
    ///
    /// # Errors
    /// If the loss or the gradient is not finite.
    pub(crate) fn update<H: Head>(
        &self,
        session: &mut Session<H>,
        step: usize,
        factor: f32,
        mut micro_batch: impl FnMut(&mut Session<H>, usize, f32) -> f32,
    ) -> Result<Step> {
        let weight = 1.0 / self.accumulation as f32;
        let mut loss = 0.0;
        for number in step * self.accumulation..(step + 1) * self.accumulation {
            loss += weight * micro_batch(session, number, weight);
        }
        let learning_rate = self.learning_rate * factor;
        let diverged =
            |what, value| Error::Diverged { what, step: step + 1, value, learning_rate, section: "train" };
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
        Ok(Step { step: step + 1, loss, learning_rate, gradient_norm })
    }
}
