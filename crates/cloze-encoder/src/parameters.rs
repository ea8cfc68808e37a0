//! The position of each tensor among all weights of a model, and its name in files.

use std::ops::Range;

use crate::Config;

/// A tensor: its name in `model.safetensors`, its shape, and the position of its elements among all weights.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) range: Range<usize>,
    pub(crate) kind: Kind,
}

/// The role of a tensor, which determines its initial values and whether it decays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A matrix or an embedding table: the only kind with weight decay.
    Weight,
    Bias,
    /// The weight of a LayerNorm.
    Gamma,
}

/// y = x W^T + b, with W `[outputs, inputs]`.
#[derive(Debug, Clone)]
pub(crate) struct LinearRanges {
    pub(crate) weight: Range<usize>,
    pub(crate) bias: Range<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct NormRanges {
    pub(crate) gamma: Range<usize>,
    pub(crate) bias: Range<usize>,
}

/// One transformer layer.
#[derive(Debug, Clone)]
pub(crate) struct LayerRanges {
    /// Query, key and value as one product, `[3 hidden, hidden]`.
    pub(crate) qkv: LinearRanges,
    pub(crate) attention_output: LinearRanges,
    pub(crate) attention_norm: NormRanges,
    pub(crate) up: LinearRanges,
    pub(crate) down: LinearRanges,
    pub(crate) output_norm: NormRanges,
}

/// The positions of all tensors. The word embeddings come first, then positions and types; the head comes
/// last.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) words: Range<usize>,
    pub(crate) positions: Range<usize>,
    /// Empty if there is no type embedding table.
    pub(crate) types: Range<usize>,
    pub(crate) norm: NormRanges,
    /// From the embedding width to the hidden width.
    pub(crate) projection: Option<LinearRanges>,
    /// In the order in which they are applied; layers that share weights have equal ranges.
    pub(crate) layers: Vec<LayerRanges>,
    /// The start of the head. Everything before it is the encoder.
    pub(crate) head: usize,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) len: usize,
}

impl Layout {
    /// The layout of an encoder with a head; `head` adds the head's tensors, given the position of the word
    /// embeddings.
    pub(crate) fn new<H>(
        config: &Config,
        head: impl FnOnce(&Range<usize>, &mut LayoutBuilder) -> H,
    ) -> (Layout, H) {
        let (h, e) = (config.hidden_size, config.embedding_size);
        let family = config.family;
        let base = |part: &str| format!("{}.{part}", family.names.base);
        let mut p = LayoutBuilder::default();
        let words = p.weight(&base("embeddings.word_embeddings.weight"), &[config.vocab_size, e]);
        let positions =
            p.weight(&base("embeddings.position_embeddings.weight"), &[config.max_position_embeddings, e]);
        let types = match config.type_vocab_size {
            0 => positions.end..positions.end,
            types => p.weight(&base("embeddings.token_type_embeddings.weight"), &[types, e]),
        };
        let norm = p.norm(&base("embeddings.LayerNorm"), e);
        let projection = config.projects().then(|| p.linear(&base(family.names.projection), h, e));
        let groups: Vec<Vec<LayerRanges>> = (0..config.num_hidden_groups)
            .map(|group| (0..config.inner_group_num).map(|i| p.layer(config, group, i)).collect())
            .collect();
        let layers = (0..config.num_hidden_layers)
            .flat_map(|i| groups[i * groups.len() / config.num_hidden_layers].clone())
            .collect();
        let encoder = p.len;
        let head = head(&words, &mut p);
        let (parameters, len) = (p.parameters, p.len);
        let layout =
            Layout { words, positions, types, norm, projection, layers, head: encoder, parameters, len };
        (layout, head)
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }
}

/// Lays out tensors one after the other.
#[derive(Default)]
pub struct LayoutBuilder {
    parameters: Vec<Parameter>,
    len: usize,
}

impl LayoutBuilder {
    pub(crate) fn push(&mut self, name: &str, shape: &[usize], kind: Kind) -> Range<usize> {
        let range = self.len..self.len + shape.iter().product::<usize>();
        self.len = range.end;
        self.parameters.push(Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            range: range.clone(),
            kind,
        });
        range
    }

    pub(crate) fn weight(&mut self, name: &str, shape: &[usize]) -> Range<usize> {
        self.push(name, shape, Kind::Weight)
    }

    fn layer(&mut self, config: &Config, group: usize, layer: usize) -> LayerRanges {
        let (h, f, names) = (config.hidden_size, config.intermediate_size, &config.family.names);
        let layer = names.layer.replace("{group}", &group.to_string()).replace("{layer}", &layer.to_string());
        let name = |part: &str| format!("{}.{layer}.{part}", names.base);
        LayerRanges {
            qkv: self.stacked(&names.qkv.map(name), h, h),
            attention_output: self.linear(&name(names.attention_output), h, h),
            attention_norm: self.norm(&name(names.attention_norm), h),
            up: self.linear(&name(names.up), f, h),
            down: self.linear(&name(names.down), h, f),
            output_norm: self.norm(&name(names.output_norm), h),
        }
    }

    pub(crate) fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> LinearRanges {
        self.stacked(&[name.to_owned()], outputs, inputs)
    }

    /// Several linear layers with the same input, stacked.
    fn stacked(&mut self, names: &[String], outputs: usize, inputs: usize) -> LinearRanges {
        let start = self.len;
        for name in names {
            self.weight(&format!("{name}.weight"), &[outputs, inputs]);
        }
        let middle = self.len;
        for name in names {
            self.push(&format!("{name}.bias"), &[outputs], Kind::Bias);
        }
        LinearRanges { weight: start..middle, bias: middle..self.len }
    }

    pub(crate) fn norm(&mut self, name: &str, size: usize) -> NormRanges {
        NormRanges {
            gamma: self.push(&format!("{name}.weight"), &[size], Kind::Gamma),
            bias: self.push(&format!("{name}.bias"), &[size], Kind::Bias),
        }
    }
}
