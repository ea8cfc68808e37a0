//! The weights of a model in one row, and the names they have in files.

use std::ops::Range;

use crate::Config;

/// Where a tensor lies among all weights.
pub(crate) type Place = Range<usize>;

/// A tensor: its name in `model.safetensors`, shape and place.
#[derive(Debug, Clone)]
pub(crate) struct Parameter {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) place: Place,
    pub(crate) kind: Kind,
}

/// What a tensor does, which decides how it starts and whether it decays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A matrix or a table of embeddings: the only kind with weight decay.
    Weight,
    Bias,
    /// The weight of a LayerNorm.
    Gain,
}

/// y = x W^T + b, with W `[outputs, inputs]`.
#[derive(Debug, Clone)]
pub(crate) struct LinearPlace {
    pub(crate) weight: Place,
    pub(crate) bias: Place,
}

#[derive(Debug, Clone)]
pub(crate) struct NormPlace {
    pub(crate) gain: Place,
    pub(crate) bias: Place,
}

/// One transformer layer.
#[derive(Debug, Clone)]
pub(crate) struct LayerPlace {
    /// Query, key and value as one product, `[3 hidden, hidden]`.
    pub(crate) qkv: LinearPlace,
    pub(crate) attention_output: LinearPlace,
    pub(crate) attention_norm: NormPlace,
    pub(crate) up: LinearPlace,
    pub(crate) down: LinearPlace,
    pub(crate) output_norm: NormPlace,
}

/// What stands on the encoder.
#[derive(Debug, Clone)]
pub(crate) enum HeadPlace {
    /// The decoder is the table of word embeddings, or one of its own where they are not tied, `[vocabulary, embedding]`.
    MaskedLm {
        dense: LinearPlace,
        norm: NormPlace,
        decoder: Place,
        bias: Place,
    },
    Classifier {
        dense: LinearPlace,
        output: LinearPlace,
    },
}

impl HeadPlace {
    /// Where it begins. Everything before is the encoder.
    pub(crate) fn start(&self) -> usize {
        match self {
            HeadPlace::MaskedLm { dense, .. } | HeadPlace::Classifier { dense, .. } => dense.weight.start,
        }
    }
}

/// Where everything lies. The word embeddings come first, then positions and types; the head comes last.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) words: Place,
    pub(crate) positions: Place,
    /// Empty where there is no such table.
    pub(crate) types: Place,
    pub(crate) norm: NormPlace,
    /// From the width of the embeddings to that of the hidden states.
    pub(crate) projection: Option<LinearPlace>,
    /// In the order in which they are applied; those that share weights are equal.
    pub(crate) layers: Vec<LayerPlace>,
    pub(crate) head: HeadPlace,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) len: usize,
}

impl Layout {
    /// The layout of a model: a classifier if the configuration has labels, else a masked language model.
    pub(crate) fn new(config: &Config) -> Layout {
        let (h, e) = (config.hidden_size, config.embedding_size);
        let family = config.family;
        let base = |part: &str| format!("{}.{part}", family.names.base);
        let mut p = Placer::default();
        let words = p.weight(&base("embeddings.word_embeddings.weight"), &[config.vocab_size, e]);
        let positions =
            p.weight(&base("embeddings.position_embeddings.weight"), &[config.max_position_embeddings, e]);
        let types = match config.type_vocab_size {
            0 => positions.end..positions.end,
            types => p.weight(&base("embeddings.token_type_embeddings.weight"), &[types, e]),
        };
        let norm = p.norm(&base("embeddings.LayerNorm"), e);
        let projection = config.projects().then(|| p.linear(&base(family.names.projection), h, e));
        let groups: Vec<Vec<LayerPlace>> = (0..config.num_hidden_groups)
            .map(|group| (0..config.inner_group_num).map(|i| p.layer(config, group, i)).collect())
            .collect();
        let layers = (0..config.num_hidden_layers)
            .flat_map(|i| groups[i * groups.len() / config.num_hidden_layers].clone())
            .collect();
        let head = if config.labels.is_empty() {
            let names = &family.mask_head;
            HeadPlace::MaskedLm {
                dense: p.linear(names.dense, e, h),
                norm: p.norm(names.norm, e),
                decoder: match config.tied {
                    true => words.clone(),
                    false => p.weight(names.decoder, &[config.vocab_size, e]),
                },
                bias: p.push(names.bias, &[config.vocab_size], Kind::Bias),
            }
        } else {
            let names = &family.class_head;
            HeadPlace::Classifier {
                dense: p.linear(names.dense, h, h),
                output: p.linear(names.output, config.labels.len(), h),
            }
        };
        let (parameters, len) = (p.parameters, p.len);
        Layout { words, positions, types, norm, projection, layers, head, parameters, len }
    }

    pub(crate) fn find(&self, name: &str) -> Option<&Parameter> {
        self.parameters.iter().find(|p| p.name == name)
    }
}

#[derive(Default)]
struct Placer {
    parameters: Vec<Parameter>,
    len: usize,
}

impl Placer {
    fn push(&mut self, name: &str, shape: &[usize], kind: Kind) -> Place {
        let place = self.len..self.len + shape.iter().product::<usize>();
        self.len = place.end;
        self.parameters.push(Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            place: place.clone(),
            kind,
        });
        place
    }

    fn weight(&mut self, name: &str, shape: &[usize]) -> Place {
        self.push(name, shape, Kind::Weight)
    }

    fn layer(&mut self, config: &Config, group: usize, layer: usize) -> LayerPlace {
        let (h, f, names) = (config.hidden_size, config.intermediate_size, &config.family.names);
        let layer = names.layer.replace("{group}", &group.to_string()).replace("{layer}", &layer.to_string());
        let name = |part: &str| format!("{}.{layer}.{part}", names.base);
        LayerPlace {
            qkv: self.stacked(&names.qkv.map(name), h, h),
            attention_output: self.linear(&name(names.attention_output), h, h),
            attention_norm: self.norm(&name(names.attention_norm), h),
            up: self.linear(&name(names.up), f, h),
            down: self.linear(&name(names.down), h, f),
            output_norm: self.norm(&name(names.output_norm), h),
        }
    }

    fn linear(&mut self, name: &str, outputs: usize, inputs: usize) -> LinearPlace {
        self.stacked(&[name.to_owned()], outputs, inputs)
    }

    /// Several linear layers of the same input, one below the other.
    fn stacked(&mut self, names: &[String], outputs: usize, inputs: usize) -> LinearPlace {
        let start = self.len;
        for name in names {
            self.weight(&format!("{name}.weight"), &[outputs, inputs]);
        }
        let middle = self.len;
        for name in names {
            self.push(&format!("{name}.bias"), &[outputs], Kind::Bias);
        }
        LinearPlace { weight: start..middle, bias: middle..self.len }
    }

    fn norm(&mut self, name: &str, size: usize) -> NormPlace {
        NormPlace {
            gain: self.push(&format!("{name}.weight"), &[size], Kind::Gain),
            bias: self.push(&format!("{name}.bias"), &[size], Kind::Bias),
        }
    }
}
