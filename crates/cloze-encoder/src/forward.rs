//! The forward pass: embeddings, layers, head.

use std::ops::Range;

use crate::Rng;
use crate::batch::Span;
use crate::head::{Classifier, MaskedLm};
use crate::kernel::Kernels;
use crate::kernel::vector::Dropout;
use crate::layer::attention::{self, Attention};
use crate::layer::embedding::{self, Tables};
use crate::layer::linear::Linear;
use crate::layer::norm::{Norm, dropped};
use crate::layer::{activation, gather, sized};
use crate::network::Network;
use crate::parameters::{LinearRanges, NormRanges};
use crate::pass::{Mode, Vocab};
use crate::tape::{LayerTape, Scratch, Tape};

/// The context of a forward or backward pass.
#[derive(Clone, Copy)]
pub(crate) struct Pass<'a> {
    pub(crate) kernels: Kernels,
    pub(crate) network: &'a Network,
    pub(crate) mode: Mode,
    /// Whether backward recomputes the inside of every layer instead of reading it from the tape.
    pub(crate) recompute: bool,
}

/// The places where a pass applies dropout; together with the seed, each selects a stream of random numbers.
#[derive(Clone, Copy)]
pub(crate) enum Site {
    Embedding,
    Attention(usize),
    AttentionOutput(usize),
    Output(usize),
    HeadInput,
    Head,
}

impl<'a> Pass<'a> {
    pub(crate) fn dropout(&self, site: Site) -> Option<Dropout> {
        let Mode::Train { dropout_seed } = self.mode else { return None };
        let (config, family) = (&self.network.config, self.network.config.family);
        let is_frozen = match site {
            Site::Embedding => self.network.frozen > 0,
            Site::Attention(layer) | Site::AttentionOutput(layer) | Site::Output(layer) => {
                layer < self.network.frozen
            }
            Site::HeadInput | Site::Head => false,
        };
        let (stream, rate) = match site {
            _ if is_frozen => return None,
            Site::Embedding => (0, config.hidden_dropout),
            Site::Head => (1, config.classifier_dropout),
            Site::HeadInput if !family.class_head.drops_input => return None,
            Site::HeadInput => (2, config.classifier_dropout),
            Site::Attention(layer) => (4 * layer as u64 + 4, config.attention_dropout),
            Site::AttentionOutput(_) if !family.dropout.attention_output => return None,
            Site::AttentionOutput(layer) => (4 * layer as u64 + 5, config.hidden_dropout),
            Site::Output(_) if !family.dropout.output => return None,
            Site::Output(layer) => (4 * layer as u64 + 6, config.hidden_dropout),
        };
        if rate <= 0.0 {
            return None;
        }
        let key = Rng::stream(dropout_seed, &[stream]).next_u64() as u32;
        let threshold = (rate * (1 << 24) as f32) as u32;
        Some(Dropout { key, threshold, scale: 1.0 / (1.0 - rate) })
    }

    pub(crate) fn linear(&self, ranges: &LinearRanges) -> Linear<'a> {
        let values = &self.network.values;
        Linear { weight: &values[ranges.weight.clone()], bias: &values[ranges.bias.clone()] }
    }

    pub(crate) fn norm(&self, ranges: &NormRanges) -> Norm<'a> {
        let values = &self.network.values;
        Norm {
            gamma: &values[ranges.gamma.clone()],
            bias: &values[ranges.bias.clone()],
            epsilon: self.network.config.layer_norm_eps,
        }
    }

    pub(crate) fn attention(&self, layer: usize) -> Attention {
        Attention {
            kernels: self.kernels,
            heads: self.network.config.num_attention_heads,
            size: self.network.config.head_size(),
            dropout: self.dropout(Site::Attention(layer)),
        }
    }

    /// The number of lowest layers that get no gradient: their weights are not trained, but the input of all
    /// layers can be asked about.
    pub(crate) fn frozen(&self) -> usize {
        if self.mode == Mode::Attribute { 0 } else { self.network.frozen }
    }

    /// Whether forward keeps the inside of every layer on the tape.
    fn keeps_layers(&self) -> bool {
        self.mode != Mode::Predict && !self.recompute
    }

    /// The number of sets of buffers that the layers need.
    pub(crate) fn layer_tapes(&self) -> usize {
        if self.keeps_layers() { self.network.layout.layers.len() - self.frozen() } else { 1 }
    }

    /// The index of a layer's tape. Prediction and recomputation keep nothing, so all layers share one; the
    /// frozen layers share that of the lowest other layer.
    pub(crate) fn layer_tape(&self, layer: usize) -> usize {
        if self.keeps_layers() { layer.saturating_sub(self.frozen()) } else { 0 }
    }

    /// Embeddings and all layers, or only the layers above the frozen ones if the batch contains the frozen
    /// layers' output. After its attention, the last layer computes only the tokens whose indices are on the
    /// tape.
    pub(crate) fn encode(&self, tape: &mut Tape, scratch: &mut Scratch) {
        let Tape { batch, states, .. } = &mut *tape;
        let first = if batch.lower.is_empty() { 0 } else { self.network.frozen };
        if batch.lower.is_empty() {
            self.embed(tape, scratch);
        } else {
            sized(&mut states[self.state(first)], batch.lower.len()).copy_from_slice(&batch.lower);
        }
        self.layers(first..self.network.layout.layers.len(), tape, scratch);
    }

    /// Embeddings and the frozen layers. Returns their output, `[tokens, hidden]`.
    pub(crate) fn encode_lower<'t>(&self, tape: &'t mut Tape, scratch: &mut Scratch) -> &'t [f32] {
        self.embed(tape, scratch);
        self.layers(0..self.network.frozen, tape, scratch);
        let tokens = tape.batch.tokens();
        &tape.states[self.state(self.network.frozen)][..tokens * self.network.config.hidden_size]
    }

    /// The index of the buffer for the input of a layer, or finally for the output at the requested tokens.
    /// Prediction keeps no inputs, so it alternates between two buffers.
    fn state(&self, layer: usize) -> usize {
        let count = self.network.layout.layers.len();
        if self.mode == Mode::Predict && layer < count { layer % 2 } else { layer }
    }

    /// Runs a range of the layers.
    fn layers(&self, which: Range<usize>, tape: &mut Tape, scratch: &mut Scratch) {
        let Tape { batch, indices, states, layers, .. } = tape;
        let (hidden, count) = (self.network.config.hidden_size, self.network.layout.layers.len());
        for i in which {
            let last = i + 1 == count;
            let (from, to) = (self.state(i), self.state(i + 1));
            let indices = last.then_some(indices.as_slice());
            let wanted = indices.map_or(batch.tokens(), <[u32]>::len);
            let mut out = std::mem::take(&mut states[to]);
            let state = &states[from][..batch.tokens() * hidden];
            let layer = &mut layers[self.layer_tape(i)];
            let keep = self.keeps_layers() && i >= self.frozen();
            self.layer(
                i,
                &batch.spans,
                indices,
                state,
                keep,
                layer,
                sized(&mut out, wanted * hidden),
                scratch,
            );
            states[to] = out;
        }
    }

    fn embed(&self, tape: &mut Tape, scratch: &mut Scratch) {
        let Tape { batch, positions, embedding, embedded, states, .. } = tape;
        let (config, layout) = (&self.network.config, &self.network.layout);
        let (tokens, size) = (batch.tokens(), config.embedding_size);
        let values = &self.network.values;
        let tables = Tables {
            words: &values[layout.words.clone()],
            positions: &values[layout.positions.clone()],
            types: &values[layout.types.clone()],
        };
        let sum = sized(&mut scratch.sums[0], tokens * size);
        embedding::forward(self.kernels, batch, positions, tables, size, sum);
        let state = &mut states[0];
        let out = sized(if layout.projection.is_some() { embedded } else { &mut *state }, tokens * size);
        self.norm(&layout.norm).forward(self.kernels, sum, None, None, embedding, out);
        if let Some(dropout) = self.dropout(Site::Embedding) {
            sum.copy_from_slice(out);
            dropped(self.kernels, sum, dropout, out);
        }
        if let Some(projection) = &layout.projection {
            let state = sized(state, tokens * config.hidden_size);
            self.linear(projection).forward(self.kernels, &embedded[..tokens * size], state);
        }
    }

    /// Runs one layer from `state`, `[tokens, hidden]`, to `out`, which has the same shape or, for the last
    /// layer, `[indices, hidden]`. The attention weights are written to the tape if they are to be kept.
    #[expect(clippy::too_many_arguments, reason = "input, output, tape and scratch of one layer")]
    pub(crate) fn layer(
        &self,
        i: usize,
        spans: &[Span],
        indices: Option<&[u32]>,
        state: &[f32],
        keep_weights: bool,
        tape: &mut LayerTape,
        out: &mut [f32],
        scratch: &mut Scratch,
    ) {
        let (kernels, config, ranges) = (self.kernels, &self.network.config, &self.network.layout.layers[i]);
        let (hidden, intermediate) = (config.hidden_size, config.intermediate_size);
        let (tokens, wanted) = (state.len() / hidden, out.len() / hidden);
        let Scratch { sums: [sum, other], wide: [wide, _], .. } = scratch;

        let qkv = sized(&mut tape.qkv, tokens * 3 * hidden);
        self.linear(&ranges.qkv).forward(kernels, state, qkv);
        let attention = self.attention(i);
        let kept = if keep_weights { attention::weights_len(spans, attention.heads) } else { 0 };
        let weights = sized(&mut tape.weights, kept);
        let context = sized(&mut tape.context, wanted * hidden);
        let input = match indices {
            None => {
                attention.forward(spans, qkv, weights, context);
                state
            }
            Some(indices) => {
                let all = sized(sum, tokens * hidden);
                attention.forward(spans, qkv, weights, all);
                gather(all, indices, hidden, context);
                let input = sized(other, wanted * hidden);
                gather(state, indices, hidden, input);
                &*input
            }
        };

        let sum = sized(sum, wanted * hidden);
        self.linear(&ranges.attention_output).forward(kernels, context, sum);
        let attended = sized(&mut tape.attended, wanted * hidden);
        let dropout = self.dropout(Site::AttentionOutput(i));
        let norm = self.norm(&ranges.attention_norm);
        norm.forward(kernels, sum, Some(input), dropout, &mut tape.attention_norm, attended);

        let up = sized(&mut tape.intermediate, wanted * intermediate);
        self.linear(&ranges.up).forward(kernels, attended, up);
        let activated = sized(wide, wanted * intermediate);
        activation::forward(kernels, config.activation, up, activated);
        self.linear(&ranges.down).forward(kernels, activated, sum);
        let dropout = self.dropout(Site::Output(i));
        let norm = self.norm(&ranges.output_norm);
        norm.forward(kernels, sum, Some(attended), dropout, &mut tape.output_norm, out);
    }

    /// The masked-LM head: dense, activation, LayerNorm, decoder.
    pub(crate) fn masked_lm(&self, head: &MaskedLm, tape: &mut Tape, scratch: &mut Scratch, vocab: Vocab) {
        let MaskedLm { dense, norm, decoder, bias } = head;
        let (kernels, config, values) = (self.kernels, &self.network.config, &self.network.values);
        let Tape { indices, states, head, .. } = tape;
        let (size, rows) = (config.embedding_size, indices.len());
        let state = &states[self.network.layout.layers.len()][..rows * config.hidden_size];
        let transformed = sized(&mut head.transformed, rows * size);
        self.linear(dense).forward(kernels, state, transformed);
        let activated = sized(&mut scratch.sums[0], rows * size);
        activation::forward(kernels, config.mask_activation(), transformed, activated);
        let decoded = sized(&mut head.decoded, rows * size);
        self.norm(norm).forward(kernels, activated, None, None, &mut head.norm, decoded);

        let (weights, biases) = (&values[decoder.clone()], &values[bias.clone()]);
        head.subset.clear();
        let decoder = match vocab {
            Vocab::All => Linear { weight: weights, bias: biases },
            Vocab::Subset(ids) => {
                head.subset.extend_from_slice(ids);
                let weight = sized(&mut head.subset_weights, ids.len() * size);
                gather(weights, ids, size, weight);
                head.subset_biases.clear();
                head.subset_biases.extend(ids.iter().map(|id| biases[*id as usize]));
                Linear { weight, bias: &head.subset_biases }
            }
        };
        let logits = sized(&mut head.logits, rows * decoder.bias.len());
        decoder.forward(kernels, decoded, logits);
    }

    /// The classification head on the first token: dense, activation, dropout, linear.
    pub(crate) fn classifier(&self, head: &Classifier, tape: &mut Tape, scratch: &mut Scratch) {
        let Classifier { dense, output } = head;
        let (kernels, config) = (self.kernels, &self.network.config);
        let Tape { indices, states, head, .. } = tape;
        let (hidden, rows) = (config.hidden_size, indices.len());
        let state = &states[self.network.layout.layers.len()][..rows * hidden];
        let input = match self.dropout(Site::HeadInput) {
            None => state,
            Some(dropout) => {
                let input = sized(&mut head.input, rows * hidden);
                dropped(kernels, state, dropout, input);
                &*input
            }
        };
        let transformed = sized(&mut head.transformed, rows * hidden);
        self.linear(dense).forward(kernels, input, transformed);
        let activated = sized(&mut scratch.sums[0], rows * hidden);
        activation::forward(kernels, config.family.class_head.activation, transformed, activated);
        let decoded = sized(&mut head.decoded, rows * hidden);
        match self.dropout(Site::Head) {
            Some(dropout) => dropped(kernels, activated, dropout, decoded),
            None => decoded.copy_from_slice(activated),
        }
        let logits = sized(&mut head.logits, rows * config.labels.len());
        self.linear(output).forward(kernels, decoded, logits);
    }
}
