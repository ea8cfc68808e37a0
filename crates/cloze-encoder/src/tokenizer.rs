//! Converts text to token ids, and adds the special tokens that frame a sequence.
//!
//! The work is done by the `tokenizers` crate from the model's own `tokenizer.json`. This module additionally
//! ensures that text is only ever text: `[MASK]` typed by a user never becomes the mask token, so nothing in
//! the data can add a mask to a pattern or end a segment. Truncation and padding settings in the file are
//! ignored, because they were meant for the tokenizer's training.

mod charsmap;
mod decode;
mod file;
mod open;
mod special;
mod words;

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use tokenizers::models::ModelWrapper;

pub use special::SpecialTokens;

use crate::{Error, Result};

/// The file name used in errors.
const FILE: &str = "tokenizer.json";

/// The type of a vocabulary, by how it represents words.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Vocabulary {
    /// BERT's: pieces that continue a word are marked, as in `##ing`.
    WordPiece { continuation: String },
    /// RoBERTa's: bytes, represented as letters; the space before a word is part of its first token, `Ġthe`.
    ByteLevel,
    /// SentencePiece's: the first piece of a word is marked, `▁the`.
    Unigram { unknown: String },
}

/// An input of the encoder, including special tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Token ids, `[tokens]`.
    pub ids: Vec<u32>,
    /// 0 in the first segment and 1 in the second, or 0 throughout, `[tokens]`.
    pub type_ids: Vec<u8>,
}

impl Sequence {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are no tokens.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// A tokenizer with a WordPiece, byte-level BPE or Unigram vocabulary. Clones share the vocabulary.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<tokenizers::Tokenizer>,
    vocabulary: Vocabulary,
    special: SpecialTokens,
    /// Whether pairs are framed as in RoBERTa: two closing tokens between the segments, no type ids.
    roberta_like: bool,
    json: Arc<[u8]>,
}

impl fmt::Debug for Tokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokenizer").field("vocab_size", &self.vocab_size()).finish_non_exhaustive()
    }
}

impl Tokenizer {
    /// Reads the contents of a `tokenizer.json`.
    ///
    /// # Errors
    /// [`Error::Malformed`] when it cannot be parsed or lacks a special token; [`Error::Unsupported`] when it
    /// is of another kind or processes text in a way that masked language models do not need.
    pub fn from_bytes(tokenizer_json: &[u8]) -> Result<Tokenizer> {
        let (checked, vocabulary) = file::checked(tokenizer_json)?;
        let mut inner = tokenizers::Tokenizer::from_bytes(checked)
            .map_err(|source| Error::malformed(FILE, format!("it cannot be parsed: {source}")))?;
        file::check_added(&inner)?;
        inner.set_encode_special_tokens(true);
        let unknown = match (&vocabulary, inner.get_model()) {
            (Vocabulary::WordPiece { .. }, ModelWrapper::WordPiece(model)) => Some(model.unk_token.clone()),
            (Vocabulary::ByteLevel, ModelWrapper::BPE(model)) => model.unk_token.clone(),
            (Vocabulary::Unigram { unknown }, ModelWrapper::Unigram(_)) => Some(unknown.clone()),
            _ => return Err(Error::malformed(FILE, "its `model` is of no kind, or of several")),
        };
        let special = SpecialTokens::find(|token| inner.token_to_id(token), unknown)?;
        let roberta_like = inner.id_to_token(special.sep).as_deref() == Some("</s>");
        Ok(Tokenizer {
            inner: Arc::new(inner),
            vocabulary,
            special,
            roberta_like,
            json: tokenizer_json.into(),
        })
    }

    /// The contents of the original `tokenizer.json`, to be saved unchanged with a model.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Token ids of `text`, without special tokens around or inside it.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        // A text on which the tokenizer itself fails counts as unknown, like a word outside the vocabulary.
        let Ok(encoding) = self.inner.encode_fast(text, false) else { return vec![self.special.unk] };
        encoding.get_ids().iter().map(|&id| self.plain(id)).collect()
    }

    /// Token ids of `text` as [`tokenize`](Self::tokenize) returns them, each with the range of bytes in
    /// `text` that it represents, without preceding white space. Tokens that share a character both cover it.
    pub fn tokenize_with_spans(&self, text: &str) -> Vec<(u32, Range<usize>)> {
        let Ok(encoding) = self.inner.encode(text, false) else {
            return vec![(self.special.unk, 0..text.len())];
        };
        let span = |&(start, end): &(usize, usize)| {
            // Normalizers that remove letters can leave an offset inside a character.
            let letter = |place: &usize| text.is_char_boundary(*place);
            let end = (end..text.len()).find(letter).unwrap_or(text.len());
            let start = (0..=start.min(end)).rev().find(letter).unwrap_or(0);
            match text[start..end].trim_start().len() {
                0 => start..end,
                len => end - len..end,
            }
        };
        let spans = encoding.get_offsets().iter().map(span);
        encoding.get_ids().iter().map(|&id| self.plain(id)).zip(spans).collect()
    }

    /// Some vocabularies can build a special token from text; such text becomes the unknown token.
    fn plain(&self, id: u32) -> u32 {
        if self.is_special(id) { self.special.unk } else { id }
    }

    /// `text` as it must be tokenised after a space.
    ///
    /// In byte-level vocabularies that space is part of the first word, so one is prepended unless the text
    /// starts with one. The other kinds treat every text as the beginning of a word.
    pub fn after_space<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let needs_space = self.vocabulary == Vocabulary::ByteLevel && !text.starts_with(char::is_whitespace);
        if needs_space && !text.is_empty() { format!(" {text}").into() } else { text.into() }
    }

    /// Whether the vocabulary is WordPiece, as in BERT.
    pub fn is_word_piece(&self) -> bool {
        matches!(self.vocabulary, Vocabulary::WordPiece { .. })
    }

    /// Token ids of `text`, in which special tokens may be written out, such as `[SEP]`. Tokens that strip
    /// the spaces to their left according to the file, as mask tokens do in most vocabularies, do so here
    /// too.
    ///
    /// For text that the program composes, never for a user's text.
    pub fn tokenize_with_specials(&self, text: &str) -> Vec<u32> {
        let added = self.inner.get_added_tokens_decoder();
        let takes_spaces = |id: u32| added.get(&id).is_some_and(|token| token.lstrip);
        let names: Vec<(String, u32)> = (self.special.all().into_iter())
            .filter_map(|id| self.token(id).filter(|name| !name.is_empty()).map(|name| (name, id)))
            .collect();
        let mut ids = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let next = (names.iter())
                .filter_map(|(name, id)| rest.find(name.as_str()).map(|start| (start, name.len(), *id)))
                .min();
            let (start, len) = next.map_or((rest.len(), 0), |(start, len, _)| (start, len));
            let before = &rest[..start];
            let takes_spaces = next.is_some_and(|(_, _, id)| takes_spaces(id));
            ids.extend(self.tokenize(if takes_spaces { before.trim_end() } else { before }));
            ids.extend(next.map(|(_, _, id)| id));
            rest = &rest[start + len..];
        }
        ids
    }

    /// The token with this id as written in the vocabulary, for example `##ing`.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id of a token written as in the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The number of tokens, including special and added ones.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The token with the highest id; if ids have gaps, the id is larger than the number of tokens suggests.
    pub(crate) fn highest_id(&self) -> Option<(String, u32)> {
        self.inner.get_vocab(true).into_iter().max_by_key(|(_, id)| *id)
    }

    /// The ids of the special tokens.
    pub fn special(&self) -> &SpecialTokens {
        &self.special
    }

    /// Whether `id` is a special token.
    pub fn is_special(&self, id: u32) -> bool {
        self.special.all().contains(&id)
    }

    /// The number of special tokens that [`assemble`](Self::assemble) adds around one segment or a pair.
    pub fn special_count(&self, pair: bool) -> usize {
        match (pair, self.roberta_like) {
            (false, _) => 2,
            (true, false) => 3,
            (true, true) => 4,
        }
    }

    /// `[CLS] A [SEP]`, or `[CLS] A [SEP] B [SEP]` with type ids 0 up to the first `[SEP]` and 1 after it; in
    /// vocabularies like RoBERTa's, `<s> A </s>`, or `<s> A </s> </s> B </s>` with type ids 0 throughout.
    pub fn assemble(&self, a: &[u32], b: Option<&[u32]>) -> Sequence {
        let len = a.len() + b.map_or(0, <[u32]>::len) + self.special_count(b.is_some());
        let mut ids = Vec::with_capacity(len);
        ids.push(self.special.cls);
        ids.extend_from_slice(a);
        ids.push(self.special.sep);
        let mut type_ids = vec![0; ids.len()];
        if let Some(b) = b {
            ids.extend(self.roberta_like.then_some(self.special.sep));
            ids.extend_from_slice(b);
            ids.push(self.special.sep);
            type_ids.resize(ids.len(), u8::from(!self.roberta_like));
        }
        Sequence { ids, type_ids }
    }
}

/// Truncates two segments, of ids or of anything else that there is for each token, to `budget` tokens in total, removing tokens from the end of the longer one first.
///
/// Once both have the same length, they are truncated equally; an odd token is kept in the segment that was
/// longer, as in the `tokenizers` crate (the slow tokenizers of 2020 kept it in the first).
pub fn truncate_pair<T>(a: &mut Vec<T>, b: &mut Vec<T>, budget: usize) {
    if a.len() + b.len() <= budget {
        return;
    }
    let (shorter, longer) = if a.len() > b.len() { (b, a) } else { (a, b) };
    let keep = shorter.len().min(budget / 2);
    shorter.truncate(keep);
    longer.truncate(budget - keep);
}

#[cfg(test)]
mod tests;
