//! The pass forward: embeddings, layers, head.

use crate::Model;
use crate::kernel::Kernels;
use crate::kernel::vector::Dropout;
use crate::layer::attention::{self, Attention};
use crate::layer::embedding::{self, Tables};
use crate::layer::linear::Linear;
use crate::layer::norm::{Norm, dropped};
use crate::layer::{feed_forward, gather, sized};
use crate::parameters::{HeadPlace, LinearPlace, NormPlace};
use crate::session::{Columns, Mode};
use crate::tape::{Scratch, Tape};

/// The place of a dropout within one pass; with the seed it selects a stream of its own.
#[derive(Clone, Copy)]
pub(crate) enum Site {
    Embedding,
    Attention(usize),
    AttentionOutput(usize),
    Output(usize),
    Pooled,
}

pub(crate) fn dropout(mode: Mode, rate: f32, site: Site) -> Option<Dropout> {
    let Mode::Train { dropout_seed } = mode else { return None };
    if rate <= 0.0 {
        return None;
    }
    let site = match site {
        Site::Embedding => 0,
        Site::Pooled => 1,
        Site::Attention(layer) => 4 * layer as u64 + 4,
        Site::AttentionOutput(layer) => 4 * layer as u64 + 5,
        Site::Output(layer) => 4 * layer as u64 + 6,
    };
    let key = crate::Random::stream(dropout_seed, &[site]).next_u64() as u32;
    let threshold = (rate * (1 << 24) as f32) as u32;
    Some(Dropout { key, threshold, scale: 1.0 / (1.0 - rate) })
}

impl Model {
    pub(crate) fn linear(&self, place: &LinearPlace) -> Linear<'_> {
        Linear { weight: &self.values[place.weight.clone()], bias: &self.values[place.bias.clone()] }
    }

    pub(crate) fn norm(&self, place: &NormPlace) -> Norm<'_> {
        Norm {
            gain: &self.values[place.gain.clone()],
            bias: &self.values[place.bias.clone()],
            epsilon: self.config.layer_norm_eps,
        }
    }

    pub(crate) fn attention(&self, kernels: Kernels, mode: Mode, layer: usize) -> Attention {
        Attention {
            kernels,
            heads: self.config.num_attention_heads,
            size: self.config.head_size(),
            dropout: dropout(mode, self.config.attention_dropout, Site::Attention(layer)),
        }
    }
}

/// Embeddings and all layers. The last layer computes only the rows on the tape after its attention.
pub(crate) fn encode(kernels: Kernels, model: &Model, tape: &mut Tape, scratch: &mut Scratch, mode: Mode) {
    let Tape { batch, rows, embedding, states, layers, .. } = tape;
    let (config, layout) = (&model.config, &model.layout);
    let (tokens, hidden, inner) = (batch.tokens(), config.hidden_size, config.intermediate_size);
    let rate = config.hidden_dropout;
    let keep = mode != Mode::Predict;
    let Scratch { narrow: [narrow, other, ..], wide: [wide, _], .. } = scratch;

    let tables = Tables {
        words: &model.values[layout.words.clone()],
        positions: &model.values[layout.positions.clone()],
        types: &model.values[layout.types.clone()],
    };
    let sum = sized(narrow, tokens * hidden);
    embedding::forward(kernels, batch, tables, hidden, sum);
    let first = sized(&mut states[0], tokens * hidden);
    model.norm(&layout.norm).forward(kernels, sum, None, None, embedding, first);
    if let Some(dropout) = dropout(mode, rate, Site::Embedding) {
        sum.copy_from_slice(first);
        dropped(kernels, sum, dropout, first);
    }

    for (i, place) in layout.layers.iter().enumerate() {
        // Prediction keeps nothing: all layers share one set of buffers, and a state replaces the one before.
        let tape = &mut layers[if keep { i } else { 0 }];
        let last = i + 1 == layout.layers.len();
        let from = if keep { i } else { 0 };
        let to = if keep || last { i + 1 } else { 0 };
        let state = &states[from][..tokens * hidden];

        let qkv = sized(&mut tape.qkv, tokens * 3 * hidden);
        model.linear(&place.qkv).forward(kernels, state, qkv);
        let attention = model.attention(kernels, mode, i);
        let kept = if keep { attention::weights_len(&batch.spans, attention.heads) } else { 0 };
        let weights = sized(&mut tape.weights, kept);
        let wanted = if last { rows.len() } else { tokens };
        let (context, input): (&[f32], &[f32]) = if last {
            let all = sized(narrow, tokens * hidden);
            attention.forward(&batch.spans, qkv, weights, all);
            let (context, input) = (sized(&mut tape.context, wanted * hidden), sized(other, wanted * hidden));
            gather(all, rows, hidden, context);
            gather(state, rows, hidden, input);
            (context, input)
        } else {
            let context = sized(&mut tape.context, tokens * hidden);
            attention.forward(&batch.spans, qkv, weights, context);
            (context, state)
        };

        let sum = sized(narrow, wanted * hidden);
        model.linear(&place.attention_output).forward(kernels, context, sum);
        let attended = sized(&mut tape.attended, wanted * hidden);
        let drop = dropout(mode, rate, Site::AttentionOutput(i));
        let norm = model.norm(&place.attention_norm);
        norm.forward(kernels, sum, Some(input), drop, &mut tape.attention_norm, attended);

        let up = sized(&mut tape.inner, wanted * inner);
        model.linear(&place.up).forward(kernels, attended, up);
        let activated = sized(wide, wanted * inner);
        feed_forward::gelu(kernels, up, activated);
        model.linear(&place.down).forward(kernels, activated, sum);
        let out = sized(&mut states[to], wanted * hidden);
        let drop = dropout(mode, rate, Site::Output(i));
        let norm = model.norm(&place.output_norm);
        norm.forward(kernels, sum, Some(attended), drop, &mut tape.output_norm, out);
    }
}

/// The masked-LM head: dense, GELU, LayerNorm, then the word embeddings as decoder.
pub(crate) fn masked_lm(
    kernels: Kernels,
    model: &Model,
    tape: &mut Tape,
    scratch: &mut Scratch,
    columns: Columns,
) {
    let HeadPlace::MaskedLm { transform, norm, bias } = &model.layout.head else { return };
    let Tape { rows, states, head, .. } = tape;
    let (hidden, rows) = (model.config.hidden_size, rows.len());
    let state = &states[model.config.num_hidden_layers][..rows * hidden];
    let transformed = sized(&mut head.transformed, rows * hidden);
    model.linear(transform).forward(kernels, state, transformed);
    let activated = sized(&mut scratch.narrow[0], rows * hidden);
    feed_forward::gelu(kernels, transformed, activated);
    let decoded = sized(&mut head.decoded, rows * hidden);
    model.norm(norm).forward(kernels, activated, None, None, &mut head.norm, decoded);

    let (words, biases) = (&model.values[model.layout.words.clone()], &model.values[bias.clone()]);
    head.columns.clear();
    let decoder = match columns {
        Columns::All => Linear { weight: words, bias: biases },
        Columns::Only(ids) => {
            head.columns.extend_from_slice(ids);
            let weight = sized(&mut head.column_weights, ids.len() * hidden);
            gather(words, ids, hidden, weight);
            head.column_biases.clear();
            head.column_biases.extend(ids.iter().map(|id| biases[*id as usize]));
            Linear { weight, bias: &head.column_biases }
        }
    };
    let logits = sized(&mut head.logits, rows * decoder.bias.len());
    decoder.forward(kernels, decoded, logits);
}

/// The classification head: tanh pooler on the first token, dropout, linear.
pub(crate) fn classifier(kernels: Kernels, model: &Model, tape: &mut Tape, mode: Mode) {
    let HeadPlace::Classifier { pooler, output } = &model.layout.head else { return };
    let Tape { rows, states, head, .. } = tape;
    let (hidden, rows) = (model.config.hidden_size, rows.len());
    let state = &states[model.config.num_hidden_layers][..rows * hidden];
    let pooled = sized(&mut head.pooled, rows * hidden);
    model.linear(pooler).forward(kernels, state, pooled);
    pooled.iter_mut().for_each(|x| *x = x.tanh());
    let used = sized(&mut head.transformed, rows * hidden);
    match dropout(mode, model.config.hidden_dropout, Site::Pooled) {
        Some(dropout) => dropped(kernels, pooled, dropout, used),
        None => used.copy_from_slice(pooled),
    }
    let logits = sized(&mut head.logits, rows * model.config.labels.len());
    model.linear(output).forward(kernels, used, logits);
}
