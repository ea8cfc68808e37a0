//! Training: patterns, the contrastively fine-tuned encoder with its probe, the classifier.

pub mod batches;
pub mod classifier;
pub mod contrast;
pub mod fine_tuning;
pub mod head;
pub mod pattern;
pub mod probe;
