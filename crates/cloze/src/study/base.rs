//! What the variations of a study start from.

use std::sync::Arc;

use cloze_encoder::Device;

use crate::Model;
use crate::dataset::Data;
use crate::task::Task;

/// The task without any change, and what there is to change it with.
pub(super) struct Base<'a> {
    pub(super) task: Task,
    /// Its rows.
    pub(super) data: Arc<Data>,
    /// The task's model and then the others.
    pub(super) models: &'a [Model],
    pub(super) device: Device,
    pub(super) seeds: Vec<u64>,
    /// Labelled rows of the task.
    pub(super) train: usize,
    /// Unlabelled rows of the task.
    pub(super) unlabeled: usize,
    /// Labelled rows, those beyond the task's `train_limit` included.
    pub(super) available: usize,
}
