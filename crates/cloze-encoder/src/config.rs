//! `config.json`: the shape of a model.

mod file;

use serde_json::{Map, Value};

use self::file::{File, labels};
use crate::family::{Activation, Family, Positions, Sharing};
use crate::{Error, Result};

/// The shape of a model, from the `config.json` of a Hugging Face directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The family that the model belongs to.
    pub family: &'static Family,
    /// Size of the vocabulary.
    pub vocab_size: usize,
    /// Width of the word embeddings.
    pub embedding_size: usize,
    /// Width of the hidden states.
    pub hidden_size: usize,
    /// Number of transformer layers; if a group has several, the number of times groups are applied.
    pub num_hidden_layers: usize,
    /// Groups of layers that share their weights; equal to the number of layers if nothing is shared.
    pub num_hidden_groups: usize,
    /// Number of layers in one group.
    pub inner_group_num: usize,
    /// Attention heads per layer; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// The width between the two linear layers of the feed-forward block.
    pub intermediate_size: usize,
    /// The activation between these two layers.
    pub activation: Activation,
    /// Size of the position embedding table; see [`Config::max_length`].
    pub max_position_embeddings: usize,
    /// Segment types: 2 if the segments of a pair are distinguished, 0 if there is no type embedding table.
    pub type_vocab_size: usize,
    /// Added to the variance in LayerNorm.
    pub layer_norm_eps: f32,
    /// Dropout rate of embeddings and of the outputs of both blocks, in training.
    pub hidden_dropout: f32,
    /// Dropout rate of attention weights, in training.
    pub attention_dropout: f32,
    /// Dropout rate in a classification head, in training.
    pub classifier_dropout: f32,
    /// The padding token, whose embedding is not trained as an input.
    pub pad_token_id: u32,
    /// Whether the decoder of the masked-LM head is the word embedding table.
    pub tied: bool,
    /// The labels of a sequence classifier, in the order of its outputs; empty for a masked language model.
    pub labels: Vec<String>,
    /// The complete contents of the file, kept for saving.
    raw: Map<String, Value>,
}

/// Larger sizes are a mistake or an attack rather than a model.
const LARGEST: usize = 1 << 24;

/// More layers are too.
const DEEPEST: usize = 1000;

/// Enough for the special tokens of a pair and a few words.
const LEAST_POSITIONS: usize = 8;

impl Config {
    /// Reads `config.json`.
    ///
    /// # Errors
    /// [`Error::Malformed`] names the field that is missing or has an impossible value; [`Error::Unsupported`]
    /// names a kind of model that this version cannot run.
    pub fn from_json(json: &[u8]) -> Result<Config> {
        let bad = |reason: String| Error::malformed("config.json", reason);
        let raw: Map<String, Value> = serde_json::from_slice(json).map_err(|e| bad(e.to_string()))?;
        let file = File(&raw);
        let family = file.family()?;
        let names = &family.fields;
        file.only("position_embedding_type", "absolute")?;
        let (hidden_size, layers) = (file.size(names.hidden_size)?, file.size(names.layers)?);
        let embedding_size =
            names.embedding_size.map_or(Ok(hidden_size), |(name, default)| file.size_or(name, default))?;
        let (groups, layers_of_group) = match family.sharing {
            Sharing::Nothing => (layers, 1),
            Sharing::Groups => (file.size_or("num_hidden_groups", 1)?, file.size_or("inner_group_num", 1)?),
        };
        let hidden_dropout = file.number(names.hidden_dropout.0, names.hidden_dropout.1, 0.99)?;
        let (classifier_dropout, own_rate) = names.classifier_dropout;
        let config = Config {
            family,
            vocab_size: file.size("vocab_size")?,
            embedding_size,
            hidden_size,
            num_hidden_layers: layers,
            num_hidden_groups: groups,
            inner_group_num: layers_of_group,
            num_attention_heads: file.size(names.heads)?,
            intermediate_size: file.size(names.intermediate_size)?,
            activation: file.activation(names.activation)?,
            max_position_embeddings: file.size("max_position_embeddings")?,
            type_vocab_size: names.types.map_or(Ok(0), |name| file.size(name))?,
            layer_norm_eps: file.number("layer_norm_eps", 1e-12, 1.0)?,
            hidden_dropout,
            attention_dropout: file.number(names.attention_dropout.0, names.attention_dropout.1, 0.99)?,
            classifier_dropout: file.number(classifier_dropout, own_rate.unwrap_or(hidden_dropout), 0.99)?,
            pad_token_id: file.padding(family.padding)?,
            tied: raw.get("tie_word_embeddings").and_then(Value::as_bool).unwrap_or(true),
            labels: labels(&raw)?,
            raw: raw.clone(),
        };
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(bad(format!(
                "`{}` {} is no multiple of `{}` {}",
                names.hidden_size, config.hidden_size, names.heads, config.num_attention_heads
            )));
        }
        if config.max_length() < LEAST_POSITIONS {
            return Err(bad(format!(
                "`max_position_embeddings` is {}, which leaves {} for a text; it should leave at least {LEAST_POSITIONS}",
                config.max_position_embeddings,
                config.max_length()
            )));
        }
        if config.layers() > DEEPEST {
            return Err(bad(format!("it has {} layers, more than {DEEPEST}", config.layers())));
        }
        if config.num_hidden_groups > config.num_hidden_layers {
            return Err(bad(format!(
                "`num_hidden_groups` {} is more than `{}` {}",
                config.num_hidden_groups, names.layers, config.num_hidden_layers
            )));
        }
        Ok(config)
    }

    /// Width of one attention head.
    pub(crate) fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// The number of layers applied to a hidden state.
    pub fn layers(&self) -> usize {
        self.num_hidden_layers.saturating_mul(self.inner_group_num)
    }

    /// Whether several layers share their weights.
    pub fn shares_layers(&self) -> bool {
        self.num_hidden_groups < self.num_hidden_layers
    }

    /// The maximum input length in tokens, including special tokens.
    pub fn max_length(&self) -> usize {
        self.max_position_embeddings.saturating_sub(self.first_position())
    }

    /// The position of the first token.
    pub(crate) fn first_position(&self) -> usize {
        match self.family.positions {
            Positions::FromZero => 0,
            Positions::AfterPadding => self.pad_token_id as usize + 1,
        }
    }

    /// The position whose embedding is not trained because it belongs to padding.
    pub(crate) fn padding_position(&self) -> Option<u32> {
        match self.family.positions {
            Positions::FromZero => None,
            Positions::AfterPadding => Some(self.pad_token_id),
        }
    }

    /// Whether embeddings are projected by a linear layer before the first transformer layer.
    pub(crate) fn projects(&self) -> bool {
        self.family.sharing == Sharing::Groups || self.embedding_size != self.hidden_size
    }

    /// The activation in the masked-LM head.
    pub(crate) fn mask_activation(&self) -> Activation {
        self.family.mask_head.activation.unwrap_or(self.activation)
    }

    /// The configuration of a classifier over `labels` with the same encoder.
    #[must_use]
    pub(crate) fn with_labels(&self, labels: &[String]) -> Config {
        Config { labels: labels.to_vec(), ..self.clone() }
    }

    /// The same with all dropout rates replaced.
    #[must_use]
    pub fn with_dropout(&self, rate: f32) -> Config {
        Config { hidden_dropout: rate, attention_dropout: rate, classifier_dropout: rate, ..self.clone() }
    }

    /// `config.json` in the format of Hugging Face transformers; weights are float32.
    pub fn to_json(&self) -> Vec<u8> {
        self.to_json_of("float32")
    }

    /// The same for weights of another type.
    pub(crate) fn to_json_of(&self, dtype: &str) -> Vec<u8> {
        let mut raw = self.raw.clone();
        let names = &self.family.fields;
        raw.remove("torch_dtype");
        // What is saved is not in 8 bits, whatever it was made from.
        raw.remove("quantization_config");
        raw.insert("dtype".into(), dtype.into());
        raw.insert(names.hidden_dropout.0.into(), plain(self.hidden_dropout));
        raw.insert(names.attention_dropout.0.into(), plain(self.attention_dropout));
        let (classifier_dropout, own_rate) = names.classifier_dropout;
        if own_rate.is_some() || self.classifier_dropout != self.hidden_dropout {
            raw.insert(classifier_dropout.into(), plain(self.classifier_dropout));
        } else {
            raw.remove(classifier_dropout);
        }
        let class = self.family.class;
        let architecture = if self.labels.is_empty() {
            raw.remove("id2label");
            raw.remove("label2id");
            format!("{class}ForMaskedLM")
        } else {
            let id2label = self.labels.iter().enumerate().map(|(i, l)| (i.to_string(), l.as_str().into()));
            let label2id = self.labels.iter().enumerate().map(|(i, l)| (l.clone(), i.into()));
            raw.insert("id2label".into(), Value::Object(id2label.collect()));
            raw.insert("label2id".into(), Value::Object(label2id.collect()));
            raw.insert("problem_type".into(), "single_label_classification".into());
            format!("{class}ForSequenceClassification")
        };
        raw.insert("architectures".into(), vec![architecture].into());
        let mut json = serde_json::to_vec_pretty(&raw).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// A float in its shortest form: 0.1, not 0.10000000149011612.
fn plain(x: f32) -> Value {
    x.to_string().parse::<f64>().unwrap_or(f64::from(x)).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"{"model_type": "bert", "vocab_size": 10, "hidden_size": 8, "num_hidden_layers": 1,
        "num_attention_heads": 2, "intermediate_size": 16, "max_position_embeddings": 12, "type_vocab_size": 2,
        "hidden_act": "gelu", "hidden_dropout_prob": 0.1}"#;

    fn refused(from: &str, to: &str) -> String {
        assert!(SMALL.contains(from), "{from}");
        Config::from_json(SMALL.replace(from, to).as_bytes()).unwrap_err().to_string()
    }

    #[test]
    fn a_config_survives_saving() {
        let config = Config::from_json(SMALL.as_bytes()).unwrap();
        assert_eq!((config.head_size(), config.layers(), config.max_length()), (4, 1, 12));
        let labelled = config.with_labels(&["no".into(), "yes".into()]);
        let again = Config::from_json(&labelled.to_json()).unwrap();
        assert_eq!(again.labels, ["no", "yes"]);
        assert_eq!((again.hidden_dropout, again.classifier_dropout), (0.1, 0.1));
        assert!(Config::from_json(&config.to_json()).unwrap().labels.is_empty());
    }

    #[test]
    fn dropout_is_saved_under_the_names_of_every_family() {
        let distilbert = SMALL
            .replace(r#""bert""#, r#""distilbert""#)
            .replace("hidden_size", "dim")
            .replace("num_hidden_layers", "n_layers")
            .replace("num_attention_heads", "n_heads")
            .replace("intermediate_size", "hidden_dim");
        let others = Family::ALL.iter().filter(|f| f.model_type != "distilbert");
        let others = others.map(|f| SMALL.replace(r#""bert""#, &format!("{:?}", f.model_type)));
        for json in others.chain([distilbert]) {
            let config = Config::from_json(json.as_bytes()).unwrap().with_dropout(0.25);
            let again = Config::from_json(&config.to_json()).unwrap();
            let rates = (again.hidden_dropout, again.attention_dropout, again.classifier_dropout);
            assert_eq!(rates, (0.25, 0.25, 0.25), "{:?}", config.family);
            let class = format!("\"{:?}ForMaskedLM\"", config.family);
            assert!(String::from_utf8(config.to_json()).unwrap().contains(&class));
        }
    }

    #[test]
    fn positions_after_padding_leave_fewer_for_the_text() {
        let roberta = SMALL.replace(r#""bert""#, r#""roberta""#);
        assert_eq!(Config::from_json(roberta.as_bytes()).unwrap().max_length(), 10);
        let padded = roberta.replace(r#""vocab_size""#, r#""pad_token_id": 9, "vocab_size""#);
        let error = Config::from_json(padded.as_bytes()).unwrap_err().to_string();
        assert!(error.contains("leaves 2"), "{error}");
    }

    #[test]
    fn impossible_values_are_refused_by_name() {
        assert!(refused(r#""vocab_size": 10"#, r#""vocab_size": -1"#).contains("vocab_size"));
        assert!(refused(r#""hidden_size": 8"#, r#""hidden_size": 99999999999"#).contains("hidden_size"));
        assert!(refused(r#""hidden_size": 8"#, r#""hidden_size": 9"#).contains("multiple"));
        assert!(refused(r#""bert""#, r#""t5""#).contains("model type `t5`"));
        assert!(refused(r#""bert""#, r#""t5""#).contains("xlm-roberta"));
        assert!(refused(r#""gelu""#, r#""silu""#).contains("hidden_act"));
        assert!(refused(r#""hidden_dropout_prob": 0.1"#, r#""hidden_dropout_prob": 7"#).contains("dropout"));
        assert!(refused(r#""vocab_size""#, r#""pad_token_id": -1, "vocab_size""#).contains("pad_token_id"));
        assert!(
            refused(r#""max_position_embeddings": 12"#, r#""max_position_embeddings": 3"#)
                .contains("at least 8")
        );
        let groups = r#""albert", "inner_group_num": 2000"#;
        assert!(refused(r#""bert""#, groups).contains("more than 1000"));
        assert!(refused(r#""bert""#, r#""albert", "num_hidden_groups": 2"#).contains("num_hidden_groups"));
        assert!(refused("{", "[").contains("config.json"));
    }
}
