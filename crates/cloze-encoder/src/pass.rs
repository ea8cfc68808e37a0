//! The purpose of a forward pass, and which logits it computes.

/// The entries of the vocabulary for which the masked-LM head computes logits.
#[derive(Debug, Clone, Copy)]
pub enum Vocab<'a> {
    /// The whole vocabulary, in the order of the ids.
    All,
    /// These ids, in this order. Only their logits are computed.
    Subset(&'a [u32]),
}

/// The purpose of a forward pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prediction: no dropout, nothing kept.
    Predict,
    /// Attribution: no dropout, and everything that [`crate::Session::input_gradient`] needs is kept.
    Attribute,
    /// Training: dropout drawn from this seed, and everything that [`crate::Session::backward`] needs is
    /// kept.
    Train {
        /// Give every forward pass its own seed.
        dropout_seed: u64,
    },
}
