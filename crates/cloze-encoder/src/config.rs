//! `config.json`: the shape of a model.

use serde_json::{Map, Value};

use crate::{Error, Result};

/// The shape of a BERT model, from the `config.json` of a Hugging Face directory.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Entries of the vocabulary.
    pub vocab_size: usize,
    /// Elements of a hidden state.
    pub hidden_size: usize,
    /// Transformer layers.
    pub num_hidden_layers: usize,
    /// Attention heads per layer; divides `hidden_size`.
    pub num_attention_heads: usize,
    /// Elements between the two products of the feed-forward block.
    pub intermediate_size: usize,
    /// The longest input, in tokens.
    pub max_position_embeddings: usize,
    /// Kinds of segment: 2 where sentence pairs are told apart.
    pub type_vocab_size: usize,
    /// Added to the variance in LayerNorm.
    pub layer_norm_eps: f32,
    /// Dropout rate of embeddings, outputs of both blocks, and the pooled state, in training.
    pub hidden_dropout: f32,
    /// Dropout rate of attention weights, in training.
    pub attention_dropout: f32,
    /// The padding token, whose embedding learns nothing as an input.
    pub pad_token_id: u32,
    /// The labels of a sequence classifier, in the order of its outputs; empty for a masked language model.
    pub labels: Vec<String>,
    /// Everything the file says, kept for saving.
    raw: Map<String, Value>,
}

/// Sizes beyond this are a mistake or an attack, not a model.
const LARGEST: usize = 1 << 24;

/// The special tokens of a pair and a few words.
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
        let fields = Fields(&raw);
        match raw.get("model_type").and_then(Value::as_str) {
            Some("bert") => {}
            other => {
                return Err(Error::Unsupported {
                    what: format!("model type `{}`", other.unwrap_or("(none)")),
                    remedy: "use the directory of a BERT model (`\"model_type\": \"bert\"`)".into(),
                });
            }
        }
        fields.only("hidden_act", "gelu")?;
        fields.only("position_embedding_type", "absolute")?;
        let config = Config {
            vocab_size: fields.size("vocab_size")?,
            hidden_size: fields.size("hidden_size")?,
            num_hidden_layers: fields.size("num_hidden_layers")?,
            num_attention_heads: fields.size("num_attention_heads")?,
            intermediate_size: fields.size("intermediate_size")?,
            max_position_embeddings: fields.size("max_position_embeddings")?,
            type_vocab_size: fields.size("type_vocab_size")?,
            layer_norm_eps: fields.number("layer_norm_eps", 1e-12, 1.0)?,
            hidden_dropout: fields.number("hidden_dropout_prob", 0.1, 0.99)?,
            attention_dropout: fields.number("attention_probs_dropout_prob", 0.1, 0.99)?,
            pad_token_id: raw.get("pad_token_id").and_then(Value::as_u64).unwrap_or(0) as u32,
            labels: labels(&raw)?,
            raw: raw.clone(),
        };
        if !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(bad(format!(
                "`hidden_size` {} is no multiple of `num_attention_heads` {}",
                config.hidden_size, config.num_attention_heads
            )));
        }
        if config.max_position_embeddings < LEAST_POSITIONS {
            return Err(bad(format!(
                "`max_position_embeddings` is {}, too few for any text; it should be at least {LEAST_POSITIONS}",
                config.max_position_embeddings
            )));
        }
        if config.type_vocab_size < 2 {
            return Err(Error::Unsupported {
                what: format!("`type_vocab_size` {} in `config.json`", config.type_vocab_size),
                remedy: "use a model that tells two segments apart (`\"type_vocab_size\": 2`)".into(),
            });
        }
        if config.num_hidden_layers > 1000 {
            return Err(bad(format!("`num_hidden_layers` is {}, more than 1000", config.num_hidden_layers)));
        }
        Ok(config)
    }

    /// Elements of one attention head.
    pub fn head_size(&self) -> usize {
        self.hidden_size / self.num_attention_heads
    }

    /// The configuration of a classifier over `labels` with the same encoder.
    #[must_use]
    pub fn with_labels(&self, labels: &[String]) -> Config {
        Config { labels: labels.to_vec(), ..self.clone() }
    }

    /// The same with both dropout rates replaced.
    #[must_use]
    pub fn with_dropout(&self, rate: f32) -> Config {
        Config { hidden_dropout: rate, attention_dropout: rate, ..self.clone() }
    }

    /// `config.json` as Hugging Face transformers reads it; weights are float32.
    pub fn to_json(&self) -> Vec<u8> {
        let mut raw = self.raw.clone();
        raw.remove("torch_dtype");
        raw.insert("dtype".into(), "float32".into());
        raw.insert("hidden_dropout_prob".into(), plain(self.hidden_dropout));
        raw.insert("attention_probs_dropout_prob".into(), plain(self.attention_dropout));
        let architecture = if self.labels.is_empty() {
            raw.remove("id2label");
            raw.remove("label2id");
            "BertForMaskedLM"
        } else {
            let id2label = self.labels.iter().enumerate().map(|(i, l)| (i.to_string(), l.as_str().into()));
            let label2id = self.labels.iter().enumerate().map(|(i, l)| (l.clone(), i.into()));
            raw.insert("id2label".into(), Value::Object(id2label.collect()));
            raw.insert("label2id".into(), Value::Object(label2id.collect()));
            raw.insert("problem_type".into(), "single_label_classification".into());
            "BertForSequenceClassification"
        };
        raw.insert("architectures".into(), vec![architecture].into());
        let mut json = serde_json::to_vec_pretty(&raw).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// A float as people write it: 0.1, not 0.10000000149011612.
fn plain(x: f32) -> Value {
    x.to_string().parse::<f64>().unwrap_or(f64::from(x)).into()
}

struct Fields<'a>(&'a Map<String, Value>);

impl Fields<'_> {
    fn size(&self, name: &str) -> Result<usize> {
        let value = self.0.get(name);
        let size = value.and_then(Value::as_u64).and_then(|n| usize::try_from(n).ok());
        size.filter(|n| (1..=LARGEST).contains(n)).ok_or_else(|| {
            let found = value.map_or("nothing".into(), Value::to_string);
            Error::malformed(
                "config.json",
                format!("`{name}` should be a number from 1 to {LARGEST}, found {found}"),
            )
        })
    }

    fn number(&self, name: &str, default: f32, most: f32) -> Result<f32> {
        let Some(value) = self.0.get(name).filter(|v| !v.is_null()) else { return Ok(default) };
        value.as_f64().map(|x| x as f32).filter(|x| (0.0..=most).contains(x)).ok_or_else(|| {
            Error::malformed(
                "config.json",
                format!("`{name}` should be a number from 0 to {most}, found {value}"),
            )
        })
    }

    fn only(&self, name: &str, supported: &str) -> Result<()> {
        match self.0.get(name).filter(|v| !v.is_null()) {
            None => Ok(()),
            Some(value) if value.as_str() == Some(supported) => Ok(()),
            Some(value) => Err(Error::Unsupported {
                what: format!("`{name}` {value} in `config.json`"),
                remedy: format!("use a model with `{name}` \"{supported}\""),
            }),
        }
    }
}

/// `id2label` in the order of its ids.
fn labels(raw: &Map<String, Value>) -> Result<Vec<String>> {
    let Some(Value::Object(map)) = raw.get("id2label") else { return Ok(Vec::new()) };
    let mut labels = vec![None; map.len()];
    for (id, label) in map {
        let slot = id.parse::<usize>().ok().and_then(|i| labels.get_mut(i));
        match (slot, label.as_str()) {
            (Some(slot), Some(label)) => *slot = Some(label.to_owned()),
            _ => {
                return Err(Error::malformed("config.json", format!("`id2label` has no sense at id `{id}`")));
            }
        }
    }
    labels
        .into_iter()
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| Error::malformed("config.json", "`id2label` names an id twice"))
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
        assert_eq!(config.head_size(), 4);
        let labelled = config.with_labels(&["no".into(), "yes".into()]);
        let again = Config::from_json(&labelled.to_json()).unwrap();
        assert_eq!(again.labels, ["no", "yes"]);
        assert_eq!(again.hidden_dropout, 0.1);
        assert!(Config::from_json(&config.to_json()).unwrap().labels.is_empty());
    }

    #[test]
    fn impossible_values_are_refused_by_name() {
        assert!(refused(r#""vocab_size": 10"#, r#""vocab_size": -1"#).contains("vocab_size"));
        assert!(refused(r#""hidden_size": 8"#, r#""hidden_size": 99999999999"#).contains("hidden_size"));
        assert!(refused(r#""hidden_size": 8"#, r#""hidden_size": 9"#).contains("multiple"));
        assert!(refused(r#""bert""#, r#""t5""#).contains("model type `t5`"));
        assert!(refused(r#""gelu""#, r#""relu""#).contains("hidden_act"));
        assert!(refused(r#""hidden_dropout_prob": 0.1"#, r#""hidden_dropout_prob": 7"#).contains("dropout"));
        let (positions, types) = (r#""max_position_embeddings": 12"#, r#""type_vocab_size": 2"#);
        assert!(refused(positions, r#""max_position_embeddings": 3"#).contains("at least 8"));
        assert!(refused(types, r#""type_vocab_size": 1"#).contains("type_vocab_size"));
        assert!(refused("{", "[").contains("config.json"));
    }
}
