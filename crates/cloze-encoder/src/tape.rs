//! What forward keeps for backward, and scratch memory for both. Buffers grow to the largest batch and are
//! kept.

use crate::Batch;
use crate::layer::norm::NormTape;

/// The state that a forward pass leaves behind.
#[derive(Default)]
pub(crate) struct Tape {
    /// The batch of the pass.
    pub(crate) batch: Batch,
    /// The position of every token, as an index into the position embeddings.
    pub(crate) positions: Vec<u32>,
    /// The indices of the tokens whose last hidden state was requested.
    pub(crate) indices: Vec<u32>,
    pub(crate) embedding: NormTape,
    /// The embeddings before projection, `[tokens, embedding]`; unused if they are not projected.
    pub(crate) embedded: Vec<f32>,
    /// The input of every layer, `[tokens, hidden]`, and finally the output at the requested tokens,
    /// `[indices, hidden]`.
    pub(crate) states: Vec<Vec<f32>>,
    /// One per layer, or a single shared one if backward recomputes them.
    pub(crate) layers: Vec<LayerTape>,
    pub(crate) head: HeadTape,
}

/// One layer. In the last layer, everything after attention exists only for the requested tokens: `rows` are
/// those tokens in the last layer, and all tokens in the others.
#[derive(Default)]
pub(crate) struct LayerTape {
    /// `[tokens, 3 hidden]`.
    pub(crate) qkv: Vec<f32>,
    /// Attention weights before dropout: heads x tokens² per sequence.
    pub(crate) weights: Vec<f32>,
    /// `[rows, hidden]`.
    pub(crate) context: Vec<f32>,
    pub(crate) attention_norm: NormTape,
    /// Output of the attention block, `[rows, hidden]`.
    pub(crate) attended: Vec<f32>,
    /// Before the activation, `[rows, intermediate]`.
    pub(crate) intermediate: Vec<f32>,
    pub(crate) output_norm: NormTape,
}

/// The head at the requested tokens, which are its `rows`.
#[derive(Default)]
pub(crate) struct HeadTape {
    /// Classifier: the hidden states after dropout, `[rows, hidden]`; unused without dropout.
    pub(crate) input: Vec<f32>,
    /// After the dense layer, before the activation, `[rows, size]`.
    pub(crate) transformed: Vec<f32>,
    pub(crate) norm: NormTape,
    /// Input of the decoder or of the output layer, `[rows, size]`.
    pub(crate) decoded: Vec<f32>,
    /// The requested vocabulary entries; empty for all.
    pub(crate) subset: Vec<u32>,
    /// Their rows of the decoder, `[columns, size]`, and biases.
    pub(crate) subset_weights: Vec<f32>,
    pub(crate) subset_biases: Vec<f32>,
    /// `[rows, columns]`.
    pub(crate) logits: Vec<f32>,
}

/// Scratch memory; only these few gradients are kept from one layer to the next.
#[derive(Default)]
pub(crate) struct Scratch {
    /// `[tokens, hidden]`: outputs of linear layers before their norm, while a layer runs forward.
    pub(crate) sums: [Vec<f32>; 2],
    /// `[tokens, hidden]`: gradients.
    pub(crate) grads: [Vec<f32>; 3],
    /// `[tokens, intermediate]`.
    pub(crate) wide: [Vec<f32>; 2],
    /// `[tokens, 3 hidden]`.
    pub(crate) dqkv: Vec<f32>,
    /// Sums over blocks of rows.
    pub(crate) partial: Vec<f32>,
}
