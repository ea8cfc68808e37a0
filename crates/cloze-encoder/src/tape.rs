//! What forward keeps for backward, and scratch that both use. Buffers grow to the largest batch and stay.

use crate::Batch;
use crate::layer::norm::NormTape;

/// Everything that one forward pass leaves behind.
#[derive(Default)]
pub(crate) struct Tape {
    /// The batch of the pass.
    pub(crate) batch: Batch,
    /// The position of every token, an entry of the table of positions.
    pub(crate) positions: Vec<u32>,
    /// The tokens whose last hidden state was asked for, by index.
    pub(crate) indices: Vec<u32>,
    pub(crate) embedding: NormTape,
    /// The embeddings before they are projected, `[tokens, embedding]`; unused where they are not.
    pub(crate) embedded: Vec<f32>,
    /// The input of every layer, `[tokens, hidden]`, and last the output for the tokens asked for, `[indices, hidden]`.
    pub(crate) states: Vec<Vec<f32>>,
    /// One per layer, or a single one that all share where backward computes them again.
    pub(crate) layers: Vec<LayerTape>,
    pub(crate) head: HeadTape,
}

/// One layer. In the last one, everything after attention exists only for the tokens asked for: `rows` are those there, and all
/// tokens in the other layers.
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

/// The head at the tokens asked for, which are its `rows`.
#[derive(Default)]
pub(crate) struct HeadTape {
    /// Classifier: the hidden states after dropout, `[rows, hidden]`; unused where they are not dropped out.
    pub(crate) input: Vec<f32>,
    /// After the dense layer, before the activation, `[rows, size]`.
    pub(crate) transformed: Vec<f32>,
    pub(crate) norm: NormTape,
    /// Input of the decoder or of the output layer, `[rows, size]`.
    pub(crate) decoded: Vec<f32>,
    /// The vocabulary entries asked for; empty for all.
    pub(crate) subset: Vec<u32>,
    /// Their rows of the decoder, `[columns, size]`, and biases.
    pub(crate) subset_weights: Vec<f32>,
    pub(crate) subset_biases: Vec<f32>,
    /// `[rows, columns]`.
    pub(crate) logits: Vec<f32>,
}

/// Memory that holds nothing from one layer to the next but these few gradients.
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
