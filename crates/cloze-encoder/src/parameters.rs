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
    /// Whether weight decay applies: not to biases and LayerNorm weights.
    pub(crate) decays: bool,
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
    MaskedLm { transform: LinearPlace, norm: NormPlace, bias: Place },
    Classifier { pooler: LinearPlace, output: LinearPlace },
}

/// Where everything lies. The word embeddings come first: `0..vocab_size * hidden_size`.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    pub(crate) words: Place,
    pub(crate) positions: Place,
    pub(crate) types: Place,
    pub(crate) norm: NormPlace,
    pub(crate) layers: Vec<LayerPlace>,
    pub(crate) head: HeadPlace,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) len: usize,
}

impl Layout {
    /// The layout of a BERT model: a classifier if the configuration has labels, else a masked language model.
    pub(crate) fn bert(config: &Config) -> Layout {
        let (h, f) = (config.hidden_size, config.intermediate_size);
        let mut p = Placer::default();
        let words = p.weight("bert.embeddings.word_embeddings.weight", &[config.vocab_size, h]);
        let positions =
            p.weight("bert.embeddings.position_embeddings.weight", &[config.max_position_embeddings, h]);
        let types = p.weight("bert.embeddings.token_type_embeddings.weight", &[config.type_vocab_size, h]);
        let norm = p.norm("bert.embeddings.LayerNorm", h);
        let layers = (0..config.num_hidden_layers)
            .map(|i| {
                let name = |part: &str| format!("bert.encoder.layer.{i}.{part}");
                let qkv = ["query", "key", "value"].map(|part| name(&format!("attention.self.{part}")));
                LayerPlace {
                    qkv: p.stacked(&qkv, h, h),
                    attention_output: p.linear(&name("attention.output.dense"), h, h),
                    attention_norm: p.norm(&name("attention.output.LayerNorm"), h),
                    up: p.linear(&name("intermediate.dense"), f, h),
                    down: p.linear(&name("output.dense"), h, f),
                    output_norm: p.norm(&name("output.LayerNorm"), h),
                }
            })
            .collect();
        let head = if config.labels.is_empty() {
            HeadPlace::MaskedLm {
                transform: p.linear("cls.predictions.transform.dense", h, h),
                norm: p.norm("cls.predictions.transform.LayerNorm", h),
                bias: p.plain("cls.predictions.bias", &[config.vocab_size]),
            }
        } else {
            HeadPlace::Classifier {
                pooler: p.linear("bert.pooler.dense", h, h),
                output: p.linear("classifier", config.labels.len(), h),
            }
        };
        Layout { words, positions, types, norm, layers, head, len: p.len, parameters: p.parameters }
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
    fn push(&mut self, name: &str, shape: &[usize], decays: bool) -> Place {
        let place = self.len..self.len + shape.iter().product::<usize>();
        self.len = place.end;
        self.parameters.push(Parameter {
            name: name.to_owned(),
            shape: shape.to_vec(),
            place: place.clone(),
            decays,
        });
        place
    }

    fn weight(&mut self, name: &str, shape: &[usize]) -> Place {
        self.push(name, shape, true)
    }

    fn plain(&mut self, name: &str, shape: &[usize]) -> Place {
        self.push(name, shape, false)
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
            self.plain(&format!("{name}.bias"), &[outputs]);
        }
        LinearPlace { weight: start..middle, bias: middle..self.len }
    }

    fn norm(&mut self, name: &str, size: usize) -> NormPlace {
        NormPlace {
            gain: self.plain(&format!("{name}.weight"), &[size]),
            bias: self.plain(&format!("{name}.bias"), &[size]),
        }
    }
}
