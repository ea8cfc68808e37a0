//! The model families, as data: everything in which they differ.
//!
//! There is a single encoder. A family specifies the names in `config.json` and of the tensors, what comes
//! between the embeddings and the layers, where dropout is applied, how positions are counted and what the
//! heads look like, all in one [`Family`] below. The facts follow Hugging Face transformers (`modeling_*.py`,
//! `configuration_*.py`).

use std::fmt;

/// The activation function of a feed-forward block or a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Activation {
    /// x Φ(x), with the normal distribution function Φ: `gelu`.
    Gelu,
    /// Its approximation by a hyperbolic tangent: `gelu_new`.
    GeluTanh,
    /// max(x, 0): `relu`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
}

impl Activation {
    /// The activation with this name in `config.json`.
    pub(crate) fn named(name: &str) -> Option<Activation> {
        match name {
            "gelu" | "gelu_python" => Some(Activation::Gelu),
            "gelu_new" | "gelu_pytorch_tanh" => Some(Activation::GeluTanh),
            "relu" => Some(Activation::Relu),
            "tanh" => Some(Activation::Tanh),
            _ => None,
        }
    }
}

/// A family of models that share names, shapes and conventions.
pub struct Family {
    /// `model_type` in `config.json`.
    pub model_type: &'static str,
    /// The prefix of class names in transformers: `Bert` in `BertForMaskedLM`.
    pub(crate) class: &'static str,
    pub(crate) fields: Fields,
    pub(crate) names: Names,
    pub(crate) sharing: Sharing,
    pub(crate) positions: Positions,
    /// Which blocks apply dropout to their output before it is added to their input.
    pub(crate) dropout: DropoutPlaces,
    pub(crate) mask_head: MaskHead,
    pub(crate) class_head: ClassHead,
    /// `pad_token_id` for files that lack it.
    pub(crate) padding: u32,
}

/// Names in `config.json`, each with the default for files that lack it, if there is one.
pub(crate) struct Fields {
    pub(crate) hidden_size: &'static str,
    pub(crate) layers: &'static str,
    pub(crate) heads: &'static str,
    pub(crate) intermediate_size: &'static str,
    pub(crate) activation: (&'static str, Activation),
    /// Width of the embeddings; `None` if it is that of the hidden states.
    pub(crate) embedding_size: Option<(&'static str, usize)>,
    /// Size of the type embedding table; `None` if there is no such table.
    pub(crate) types: Option<&'static str>,
    pub(crate) hidden_dropout: (&'static str, f32),
    pub(crate) attention_dropout: (&'static str, f32),
    /// Dropout before the output of a classifier; by default that of the hidden states.
    pub(crate) classifier_dropout: (&'static str, Option<f32>),
}

/// Names of tensors. Those of the encoder are preceded by `base` and a dot.
pub(crate) struct Names {
    pub(crate) base: &'static str,
    /// The projection from the embedding width to the hidden width.
    pub(crate) projection: &'static str,
    /// One layer, with `{group}` and `{layer}` to be filled in.
    pub(crate) layer: &'static str,
    /// Query, key and value.
    pub(crate) qkv: [&'static str; 3],
    pub(crate) attention_output: &'static str,
    pub(crate) attention_norm: &'static str,
    pub(crate) up: &'static str,
    pub(crate) down: &'static str,
    pub(crate) output_norm: &'static str,
}

/// Which layers share weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sharing {
    /// Every layer has its own weights, and embeddings that are as wide as the hidden states are not
    /// projected.
    Nothing,
    /// ALBERT: layers belong to `num_hidden_groups` groups, each of `inner_group_num` layers applied one
    /// after the other; embeddings are always projected.
    Groups,
}

/// How positions are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Positions {
    /// From 0.
    FromZero,
    /// The position of the first token is `pad_token_id` + 1, and that of padding is `pad_token_id`
    /// (RoBERTa).
    AfterPadding,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DropoutPlaces {
    pub(crate) attention_output: bool,
    pub(crate) output: bool,
}

/// Dense, activation, LayerNorm, then the word embeddings as decoder. The names are complete.
pub(crate) struct MaskHead {
    pub(crate) dense: &'static str,
    pub(crate) norm: &'static str,
    /// The weights of the decoder, if a file has them.
    pub(crate) decoder: &'static str,
    pub(crate) bias: &'static str,
    /// `None` for the activation of the layers.
    pub(crate) activation: Option<Activation>,
}

/// On the first token: dense, activation, dropout, output. The names are complete.
pub(crate) struct ClassHead {
    pub(crate) dense: &'static str,
    pub(crate) output: &'static str,
    pub(crate) activation: Activation,
    /// Whether dropout is also applied to the input of the dense layer.
    pub(crate) drops_input: bool,
}

const BERT: Family = Family {
    model_type: "bert",
    class: "Bert",
    fields: Fields {
        hidden_size: "hidden_size",
        layers: "num_hidden_layers",
        heads: "num_attention_heads",
        intermediate_size: "intermediate_size",
        activation: ("hidden_act", Activation::Gelu),
        embedding_size: None,
        types: Some("type_vocab_size"),
        hidden_dropout: ("hidden_dropout_prob", 0.1),
        attention_dropout: ("attention_probs_dropout_prob", 0.1),
        classifier_dropout: ("classifier_dropout", None),
    },
    names: Names {
        base: "bert",
        projection: "embeddings_project",
        layer: "encoder.layer.{group}",
        qkv: ["attention.self.query", "attention.self.key", "attention.self.value"],
        attention_output: "attention.output.dense",
        attention_norm: "attention.output.LayerNorm",
        up: "intermediate.dense",
        down: "output.dense",
        output_norm: "output.LayerNorm",
    },
    sharing: Sharing::Nothing,
    positions: Positions::FromZero,
    dropout: DropoutPlaces { attention_output: true, output: true },
    mask_head: MaskHead {
        dense: "cls.predictions.transform.dense",
        norm: "cls.predictions.transform.LayerNorm",
        decoder: "cls.predictions.decoder.weight",
        bias: "cls.predictions.bias",
        activation: None,
    },
    class_head: ClassHead {
        dense: "bert.pooler.dense",
        output: "classifier",
        activation: Activation::Tanh,
        drops_input: false,
    },
    padding: 0,
};

const ROBERTA: Family = Family {
    model_type: "roberta",
    class: "Roberta",
    names: Names { base: "roberta", ..BERT.names },
    positions: Positions::AfterPadding,
    mask_head: MaskHead {
        dense: "lm_head.dense",
        norm: "lm_head.layer_norm",
        decoder: "lm_head.decoder.weight",
        bias: "lm_head.bias",
        activation: Some(Activation::Gelu),
    },
    class_head: ClassHead {
        dense: "classifier.dense",
        output: "classifier.out_proj",
        activation: Activation::Tanh,
        drops_input: true,
    },
    padding: 1,
    ..BERT
};

const XLM_ROBERTA: Family = Family { model_type: "xlm-roberta", class: "XLMRoberta", ..ROBERTA };

const ALBERT: Family = Family {
    model_type: "albert",
    class: "Albert",
    fields: Fields {
        activation: ("hidden_act", Activation::GeluTanh),
        embedding_size: Some(("embedding_size", 128)),
        hidden_dropout: ("hidden_dropout_prob", 0.0),
        attention_dropout: ("attention_probs_dropout_prob", 0.0),
        classifier_dropout: ("classifier_dropout_prob", Some(0.1)),
        ..BERT.fields
    },
    names: Names {
        base: "albert",
        projection: "encoder.embedding_hidden_mapping_in",
        layer: "encoder.albert_layer_groups.{group}.albert_layers.{layer}",
        qkv: ["attention.query", "attention.key", "attention.value"],
        attention_output: "attention.dense",
        attention_norm: "attention.LayerNorm",
        up: "ffn",
        down: "ffn_output",
        output_norm: "full_layer_layer_norm",
    },
    sharing: Sharing::Groups,
    dropout: DropoutPlaces { attention_output: true, output: false },
    mask_head: MaskHead {
        dense: "predictions.dense",
        norm: "predictions.LayerNorm",
        decoder: "predictions.decoder.weight",
        bias: "predictions.bias",
        activation: None,
    },
    class_head: ClassHead { dense: "albert.pooler", ..BERT.class_head },
    ..BERT
};

const DISTILBERT: Family = Family {
    model_type: "distilbert",
    class: "DistilBert",
    fields: Fields {
        hidden_size: "dim",
        layers: "n_layers",
        heads: "n_heads",
        intermediate_size: "hidden_dim",
        activation: ("activation", Activation::Gelu),
        types: None,
        hidden_dropout: ("dropout", 0.1),
        attention_dropout: ("attention_dropout", 0.1),
        classifier_dropout: ("seq_classif_dropout", Some(0.2)),
        ..BERT.fields
    },
    names: Names {
        base: "distilbert",
        layer: "transformer.layer.{group}",
        qkv: ["attention.q_lin", "attention.k_lin", "attention.v_lin"],
        attention_output: "attention.out_lin",
        attention_norm: "sa_layer_norm",
        up: "ffn.lin1",
        down: "ffn.lin2",
        output_norm: "output_layer_norm",
        ..BERT.names
    },
    dropout: DropoutPlaces { attention_output: false, output: true },
    mask_head: MaskHead {
        dense: "vocab_transform",
        norm: "vocab_layer_norm",
        decoder: "vocab_projector.weight",
        bias: "vocab_projector.bias",
        activation: None,
    },
    class_head: ClassHead {
        dense: "pre_classifier",
        output: "classifier",
        activation: Activation::Relu,
        drops_input: false,
    },
    ..BERT
};

/// ELECTRA's generator, which is a masked language model; the discriminator is not.
const ELECTRA: Family = Family {
    model_type: "electra",
    class: "Electra",
    fields: Fields { embedding_size: Some(("embedding_size", 128)), ..BERT.fields },
    names: Names { base: "electra", ..BERT.names },
    mask_head: MaskHead {
        dense: "generator_predictions.dense",
        norm: "generator_predictions.LayerNorm",
        decoder: "generator_lm_head.weight",
        bias: "generator_lm_head.bias",
        activation: Some(Activation::Gelu),
    },
    class_head: ClassHead { activation: Activation::Gelu, ..ROBERTA.class_head },
    ..BERT
};

impl Family {
    /// All families that this version can run.
    pub const ALL: [&'static Family; 6] = [&BERT, &ROBERTA, &XLM_ROBERTA, &ALBERT, &DISTILBERT, &ELECTRA];

    /// The family with this `model_type`.
    pub fn named(model_type: &str) -> Option<&'static Family> {
        Family::ALL.into_iter().find(|family| family.model_type == model_type)
    }
}

impl fmt::Debug for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class)
    }
}

impl PartialEq for Family {
    fn eq(&self, other: &Family) -> bool {
        self.model_type == other.model_type
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_family_is_found_by_its_name() {
        for family in Family::ALL {
            assert_eq!(Family::named(family.model_type), Some(family));
        }
        assert_eq!(Family::named("t5"), None);
    }
}
