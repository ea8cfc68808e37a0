//! What a forward pass is for, and which logits it computes.

/// The entries of the vocabulary for which the masked-LM head computes logits.
#[derive(Debug, Clone, Copy)]
pub enum Vocab<'a> {
    /// The whole vocabulary, in the order of the ids.
    All,
    /// These ids, in this order. Costs only what they need.
    Subset(&'a [u32]),
}

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prediction: no dropout, nothing kept.
    Predict,
    /// Training: dropout drawn from this seed, and everything kept for [`crate::Session::backward`].
    Train {
        /// Give every forward pass a seed of its own.
        dropout_seed: u64,
    },
}
