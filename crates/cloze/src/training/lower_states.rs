//! What frozen layers make of training examples, which is computed once and not at every visit.

use std::sync::Arc;

use cloze_encoder::{Batch, Sequence, Session};

/// What the frozen layers of the model make of every sequence, `[tokens, hidden]` each, so that training, which sees each many times, does
/// not compute it again; nothing unless something is frozen, training sees `visits` sequences in all, which is often enough, and there is memory.
pub(crate) fn lower_states(session: &mut Session, sequences: &[&Sequence], visits: usize) -> Vec<Arc<[f32]>> {
    /// Bytes at most.
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
