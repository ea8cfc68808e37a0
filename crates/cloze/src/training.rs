//! Training: fine-tuning with patterns, contrastive fine-tuning with a linear probe, plain fine-tuning, distillation.

pub(crate) mod batches;
pub(crate) mod classifier;
pub(crate) mod contrastive;
pub(crate) mod distillation;
pub(crate) mod linear_probe;
pub(crate) mod lower_states;
pub(crate) mod masked_lm;
pub(crate) mod output_layer;
pub(crate) mod pattern;
pub(crate) mod supervised;
pub(crate) mod training_loop;
