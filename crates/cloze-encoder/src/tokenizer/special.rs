//! The special tokens, found by their names.

use crate::{Error, Result};

use super::FILE;

/// The ids of the special tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Starts every sequence; classifiers read its hidden state.
    pub cls: u32,
    /// Ends a segment.
    pub sep: u32,
    /// Pads sequences, if padding is used.
    pub pad: u32,
    /// The mask that a masked language model fills.
    pub mask: u32,
    /// Represents text outside the vocabulary.
    pub unk: u32,
}

impl SpecialTokens {
    /// Finds the tokens by the names used in BERT or RoBERTa; ALBERT mixes both. `unknown` is the file's own
    /// name for the unknown token, if it has one.
    ///
    /// # Errors
    /// Names the token that the vocabulary lacks.
    pub(super) fn find(id: impl Fn(&str) -> Option<u32>, unknown: Option<String>) -> Result<SpecialTokens> {
        let find = |names: [&str; 2], purpose: &str| {
            names.iter().find_map(|name| id(name)).ok_or_else(|| {
                let [bert, roberta] = names;
                let reason = format!("it has no token `{bert}` or `{roberta}`, which {purpose}");
                Error::malformed(FILE, format!("{reason}; use a tokenizer of a masked language model"))
            })
        };
        let unk = match unknown {
            Some(name) => id(&name).ok_or_else(|| {
                Error::malformed(FILE, format!("`unk_token` is `{name}`, which is not in the vocabulary"))
            })?,
            None => find(["[UNK]", "<unk>"], "stands for unknown text")?,
        };
        Ok(SpecialTokens {
            cls: find(["[CLS]", "<s>"], "opens every sequence")?,
            sep: find(["[SEP]", "</s>"], "closes every segment")?,
            pad: find(["[PAD]", "<pad>"], "fills sequences up")?,
            mask: find(["[MASK]", "<mask>"], "is the mask to be filled")?,
            unk,
        })
    }

    pub(super) fn all(&self) -> [u32; 5] {
        [self.cls, self.sep, self.pad, self.mask, self.unk]
    }
}
