//! An ensemble: what several models say together, and what a next generation learns from it.

mod agreement;
pub(crate) mod ipet;
mod merge;
mod soft_labels;

pub(crate) use agreement::Agreement;
pub(crate) use merge::{Weights, merge};
pub(crate) use soft_labels::soft_labels;
