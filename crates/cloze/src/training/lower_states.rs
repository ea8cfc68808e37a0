//! Caches the frozen layers' output for training examples, so that it is computed only once.

use std::sync::Arc;

use cloze_encoder::{Batch, Sequence, Session};

/// The frozen layers' output for every sequence, `[tokens, hidden]` each, so that training, which visits each
/// sequence many times, does not recompute it. Empty if no layers are frozen, if the `visits` of training
/// (the total number of sequences it processes) are too few, or if there is not enough memory.
pub(crate) fn lower_states(session: &mut Session, sequences: &[&Sequence], visits: usize) -> Vec<Arc<[f32]>> {
    /// Maximum size in bytes.
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
