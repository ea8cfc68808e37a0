//! Weight averaging: several models combined into one.

use cloze_encoder::Model;

/// A sum of weights and the names of their models. The mean of models fine-tuned from the same pretrained
/// model is a single model about as good as their ensemble (Wortsman et al., 2022, arXiv 2203.05482).
#[derive(Default)]
pub(super) struct WeightAverage {
    sum: Vec<f32>,
    of: Vec<String>,
}

impl WeightAverage {
    /// Adds the trained weights of a model's encoder.
    pub(super) fn add(&mut self, name: &str, model: &Model) {
        let weights = model.trained_encoder();
        match self.of.is_empty() {
            true => self.sum = weights.to_vec(),
            false => self.sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight),
        }
        self.of.push(name.to_owned());
    }

    /// Whether it is the mean of these models, added in this order.
    pub(super) fn is_of(&self, names: impl Iterator<Item = String>) -> bool {
        names.eq(self.of.iter().cloned())
    }

    /// The mean.
    pub(super) fn value(self) -> Vec<f32> {
        let count = self.of.len() as f32;
        self.sum.into_iter().map(|sum| sum / count).collect()
    }
}
