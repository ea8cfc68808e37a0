//! The starting point of a study's variations.

use std::sync::Arc;

use cloze_encoder::Device;

use super::alternatives::Alternatives;
use crate::Model;
use crate::dataset::Data;
use crate::task::Task;

/// The unchanged task and the properties that its variations depend on.
pub(super) struct Base<'a> {
    pub(super) task: Task,
    /// Its data.
    pub(super) data: Arc<Data>,
    /// The task's model, then the others, then the adapted one, if there is one.
    pub(super) models: &'a [Model],
    pub(super) alternatives: &'a Alternatives,
    /// Whether the program has found the words.
    pub(super) has_found_words: bool,
    pub(super) device: Device,
    pub(super) seeds: Vec<u64>,
    /// Number of labelled examples in the task.
    pub(super) train: usize,
    /// Number of unlabelled examples in the task.
    pub(super) unlabeled: usize,
    /// Number of labelled examples available, including those beyond the task's `train_limit`.
    pub(super) available: usize,
}
