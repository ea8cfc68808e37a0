//! Ensembles: combining the predictions of several models, and the training data of the next generation.

mod agreement;
pub(crate) mod ipet;
mod merge;
mod soft_labels;

pub(crate) use agreement::Agreement;
pub(crate) use merge::{Weights, merge};
pub(crate) use soft_labels::soft_labels;
