//! Maps tensor names that differ between years and publishers to common names.

use std::borrow::Cow;

/// A step in converting a name to the common one.
#[derive(Debug)]
enum Rule {
    /// Removes a prefix, which names in a bare encoder lack.
    Front(&'static str),
    /// Replaces the first suffix by the second.
    End(&'static str, &'static str),
}

/// Applied in order.
const RULES: &[Rule] = &[
    // A model wrapped for training on several devices.
    Rule::Front("module."),
    // The encoder within a model with a head.
    Rule::Front("bert."),
    Rule::Front("roberta."),
    Rule::Front("albert."),
    Rule::Front("distilbert."),
    Rule::Front("electra."),
    // The parameters of a norm in checkpoints converted from TensorFlow.
    Rule::End(".gamma", ".weight"),
    Rule::End(".beta", ".bias"),
];

/// The common name, which is the same for a tensor in a file and for the tensor that a model requests.
pub(super) fn common(name: &str) -> Cow<'_, str> {
    let mut name = Cow::Borrowed(name);
    for rule in RULES {
        let changed = match rule {
            Rule::Front(front) => name.strip_prefix(front).map(str::to_owned),
            Rule::End(end, new) => name.strip_suffix(end).map(|stem| format!("{stem}{new}")),
        };
        if let Some(changed) = changed {
            name = Cow::Owned(changed);
        }
    }
    name
}

/// The alternative name of a tensor: the bias of a masked-LM head also belongs to its decoder, and some files
/// have it only there.
pub(super) fn elsewhere(common: &str) -> Option<String> {
    Some(format!("{}.decoder.bias", common.strip_suffix(".bias")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_leads_to_the_common_name() {
        let rules = [
            ("module.lm_head.bias", "lm_head.bias"),
            ("bert.embeddings.word_embeddings.weight", "embeddings.word_embeddings.weight"),
            ("roberta.pooler.dense.weight", "pooler.dense.weight"),
            ("albert.encoder.embedding_hidden_mapping_in.bias", "encoder.embedding_hidden_mapping_in.bias"),
            ("distilbert.transformer.layer.0.ffn.lin1.weight", "transformer.layer.0.ffn.lin1.weight"),
            ("electra.embeddings_project.weight", "embeddings_project.weight"),
            ("embeddings.LayerNorm.gamma", "embeddings.LayerNorm.weight"),
            ("embeddings.LayerNorm.beta", "embeddings.LayerNorm.bias"),
        ];
        assert_eq!(rules.len(), RULES.len());
        for (name, want) in rules {
            assert_eq!(common(name), want);
            assert_eq!(common(want), want, "{want} is no common name");
        }
    }

    #[test]
    fn rules_apply_together() {
        assert_eq!(common("module.bert.embeddings.LayerNorm.gamma"), "embeddings.LayerNorm.weight");
    }

    #[test]
    fn what_only_looks_like_a_rule_stays() {
        for name in
            ["cls.predictions.bias", "bertha.weight", "gamma", "a.gamma.weight", "encoder.bert.weight"]
        {
            assert_eq!(common(name), name);
        }
    }
}
