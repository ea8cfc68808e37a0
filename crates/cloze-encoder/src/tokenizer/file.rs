//! The supported parts of a `tokenizer.json`, and their validation.
//!
//! The `tokenizers` crate trusts its input: a damaged file makes it panic, either while reading the file or
//! later, when it tokenises a text. The file is therefore checked first, and only checked parts are passed
//! on.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokenizers::{NormalizedString, Normalizer};

use super::{FILE, Vocabulary, charsmap};
use crate::{Error, Result};

/// The tokens of a word are searched among all of its substrings, whose number grows with the square of its
/// length.
const LONGEST_WORD: usize = 1000;

/// The supported normalizers and pre-tokenizers. The crate has others, for other vocabularies.
const NORMALIZERS: &[&str] = &[
    "BertNormalizer",
    "Lowercase",
    "NFC",
    "NFD",
    "NFKC",
    "NFKD",
    "Nmt",
    "Precompiled",
    "Prepend",
    "Replace",
    "Sequence",
    "Strip",
    "StripAccents",
];
const PRE_TOKENIZERS: &[&str] = &[
    "BertPreTokenizer",
    "ByteLevel",
    "Digits",
    "Metaspace",
    "Punctuation",
    "Sequence",
    "Split",
    "Whitespace",
    "WhitespaceSplit",
];

/// The parts of the file that determine how text becomes tokens, and the type of its vocabulary. Truncation
/// and padding were meant for the tokenizer's training, special tokens around a text are added by
/// [`super::Tokenizer::assemble`], and nothing is decoded here.
pub(super) fn checked(tokenizer_json: &[u8]) -> Result<(Vec<u8>, Vocabulary)> {
    let parts: BTreeMap<String, &RawValue> = serde_json::from_slice(tokenizer_json).map_err(unreadable)?;
    let mut kept: BTreeMap<&str, Box<RawValue>> = BTreeMap::new();
    for name in ["version", "added_tokens", "model"] {
        if let Some(&part) = parts.get(name) {
            kept.insert(name, part.to_owned());
        }
    }
    let mut byte_level = false;
    for (name, known) in [("normalizer", NORMALIZERS), ("pre_tokenizer", PRE_TOKENIZERS)] {
        if let Some(part) = parts.get(name) {
            let part: Value = serde_json::from_str(part.get()).map_err(unreadable)?;
            check_part(name, &part, known)?;
            byte_level |= has_kind(&part, "ByteLevel");
            // Serialised from the parsed value: other parsers would interpret a duplicate key differently.
            kept.insert(name, serde_json::value::to_raw_value(&part).map_err(unreadable)?);
        }
    }
    let model = parts.get("model").ok_or_else(|| Error::malformed(FILE, "it has no `model`"))?;
    let vocabulary = check_model(model.get(), byte_level)?;
    Ok((serde_json::to_vec(&kept).map_err(unreadable)?, vocabulary))
}

fn unreadable(error: serde_json::Error) -> Error {
    Error::malformed(FILE, format!("it cannot be parsed: {error}"))
}

fn unsupported(what: impl Into<String>) -> Error {
    let remedy =
        "use a model with a WordPiece, byte-level BPE or Unigram tokenizer, as BERT, RoBERTa and ALBERT have";
    Error::Unsupported { what: what.into(), remedy: remedy.into() }
}

/// The parts of a sequence of normalizers or pre-tokenizers.
fn members(part: &Value) -> impl Iterator<Item = &Value> {
    let lists = ["normalizers", "pretokenizers"].into_iter().filter_map(|key| part.get(key)?.as_array());
    lists.flatten()
}

fn has_kind(part: &Value, kind: &str) -> bool {
    part.get("type").and_then(Value::as_str) == Some(kind) || members(part).any(|part| has_kind(part, kind))
}

/// Checks that a normalizer or pre-tokenizer, including its components, is of a known kind and valid.
fn check_part(name: &str, part: &Value, known: &[&str]) -> Result<()> {
    if part.is_null() {
        return Ok(());
    }
    let kind = match part.get("type").and_then(Value::as_str) {
        Some(kind) if known.contains(&kind) => kind,
        Some(kind) => return Err(unsupported(format!("the {name} `{kind}` in `{FILE}`"))),
        None => return Err(Error::malformed(FILE, format!("its `{name}` has no `type`"))),
    };
    let damaged = |reason: String| Error::malformed(FILE, format!("its {name} `{kind}`: {reason}"));
    match kind {
        "Precompiled" => {
            let table = part.get("precompiled_charsmap").and_then(Value::as_str);
            charsmap::check(table.ok_or_else(|| damaged("it has no `precompiled_charsmap`".into()))?)
                .map_err(|reason| damaged(format!("`precompiled_charsmap`: {reason}")))?;
            // The crate's own parser must succeed too, because where it is called later it must not fail.
            serde_json::from_str::<tokenizers::normalizers::Precompiled>(&part.to_string())
                .map_err(|_| damaged("`precompiled_charsmap` cannot be read".into()))?;
        }
        "Replace" | "Split" => check_pattern(part).map_err(damaged)?,
        "Prepend" if part.get("prepend").and_then(Value::as_str).is_none_or(str::is_empty) => {
            return Err(damaged("`prepend` is empty".into()));
        }
        _ => {}
    }
    members(part).try_for_each(|part| check_part(name, part, known))
}

/// Checks that the text to be replaced or split at has at least one character: the crate mishandles empty
/// matches.
fn check_pattern(part: &Value) -> std::result::Result<(), String> {
    let pattern = part.get("pattern").ok_or("it has no `pattern`")?;
    let least = match (pattern.get("String"), pattern.get("Regex")) {
        (Some(text), None) => text.as_str().ok_or("its `pattern` is no text")?.len(),
        (None, Some(regex)) => {
            let regex = regex.as_str().ok_or("its `pattern` is no text")?;
            let parsed = regex_syntax::parse(regex).map_err(|error| format!("its `pattern`: {error}"))?;
            parsed.properties().minimum_len().unwrap_or(0)
        }
        _ => return Err("its `pattern` is neither a `String` nor a `Regex`".into()),
    };
    if least == 0 { Err("its `pattern` matches where there is no text".into()) } else { Ok(()) }
}

fn check_model(model: &str, byte_level: bool) -> Result<Vocabulary> {
    #[derive(Deserialize)]
    struct Model {
        r#type: Option<String>,
        merges: Option<serde::de::IgnoredAny>,
    }
    let outline: Model = serde_json::from_str(model).map_err(unreadable)?;
    // The first versions of the format did not specify a type.
    let guess = if outline.merges.is_some() { "BPE" } else { "WordPiece" };
    match outline.r#type.as_deref().unwrap_or(guess) {
        "WordPiece" => check_word_piece(model),
        "BPE" if byte_level => check_bpe(model),
        "BPE" => Err(unsupported("a BPE tokenizer that does not work on bytes")),
        "Unigram" => check_unigram(model),
        kind => Err(unsupported(format!("a `{kind}` tokenizer"))),
    }
}

fn check_word_piece(model: &str) -> Result<Vocabulary> {
    #[derive(Deserialize)]
    struct WordPiece {
        continuing_subword_prefix: Option<String>,
        max_input_chars_per_word: Option<usize>,
    }
    let model: WordPiece = serde_json::from_str(model).map_err(unreadable)?;
    if let Some(found) = model.max_input_chars_per_word.filter(|&found| found > LONGEST_WORD) {
        let reason = format!("`max_input_chars_per_word` is {found}, more than {LONGEST_WORD}");
        return Err(Error::malformed(FILE, reason));
    }
    let continuation = model.continuing_subword_prefix.unwrap_or_else(|| "##".into());
    Ok(Vocabulary::WordPiece { continuation })
}

/// Checks that every merge names two tokens whose concatenation is a third.
fn check_bpe(model: &str) -> Result<Vocabulary> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Merges {
        Pairs(Vec<(String, String)>),
        Lines(Vec<String>),
    }
    #[derive(Deserialize)]
    struct Bpe {
        vocab: HashMap<String, u32>,
        merges: Merges,
        dropout: Option<f64>,
        continuing_subword_prefix: Option<String>,
        end_of_word_suffix: Option<String>,
        byte_fallback: Option<bool>,
    }
    let model: Bpe = serde_json::from_str(model).map_err(unreadable)?;
    let marks = [&model.continuing_subword_prefix, &model.end_of_word_suffix];
    if marks.into_iter().flatten().any(|mark| !mark.is_empty()) || model.byte_fallback == Some(true) {
        return Err(unsupported("a byte-level BPE tokenizer with prefixes, suffixes or `byte_fallback`"));
    }
    if model.dropout.is_some_and(|rate| rate != 0.0) {
        return Err(unsupported("a tokenizer with `dropout`, which cuts a text otherwise each time,"));
    }
    let pairs = match model.merges {
        Merges::Pairs(pairs) => pairs,
        Merges::Lines(lines) => merges(lines.iter().map(String::as_str))
            .map_err(|line| Error::malformed(FILE, format!("the merge `{line}` is not two tokens")))?,
    };
    for (a, b) in pairs {
        for token in [&a, &b, &format!("{a}{b}")] {
            if !model.vocab.contains_key(token) {
                let reason = format!("`{a}` and `{b}` are to be merged, but `vocab` has no `{token}`");
                return Err(Error::malformed(FILE, reason));
            }
        }
    }
    Ok(Vocabulary::ByteLevel)
}

/// Checks that no added token that is searched in normalised text becomes empty: the crate would find an
/// empty token inside a character.
pub(super) fn check_added(tokenizer: &tokenizers::Tokenizer) -> Result<()> {
    let Some(normalizer) = tokenizer.get_normalizer() else { return Ok(()) };
    for token in tokenizer.get_added_tokens_decoder().values().filter(|token| token.normalized) {
        let mut text = NormalizedString::from(token.content.as_str());
        if normalizer.normalize(&mut text).is_err() || text.is_empty() {
            let reason = format!("its normalizer leaves nothing of the added token `{}`", token.content);
            return Err(Error::malformed(FILE, reason));
        }
    }
    Ok(())
}

/// The pairs in lines of `merges.txt`, or as the error the line that is not a pair.
pub(super) fn merges<'l>(
    lines: impl Iterator<Item = &'l str>,
) -> std::result::Result<Vec<(String, String)>, String> {
    let pair = |line: &str| match line.split_once(' ') {
        Some((a, b)) if !b.contains(' ') => Ok((a.to_owned(), b.to_owned())),
        _ => Err(line.to_owned()),
    };
    lines.filter(|line| !line.starts_with("#version")).map(pair).collect()
}

fn check_unigram(model: &str) -> Result<Vocabulary> {
    #[derive(Deserialize)]
    struct Unigram {
        vocab: Vec<(String, f64)>,
        unk_id: Option<usize>,
    }
    let model: Unigram = serde_json::from_str(model).map_err(unreadable)?;
    if let Some((piece, _)) = model.vocab.iter().find(|(piece, _)| piece.len() > LONGEST_WORD) {
        let reason = format!("a piece of {} bytes is longer than {LONGEST_WORD}", piece.len());
        return Err(Error::malformed(FILE, reason));
    }
    let unknown = model.unk_id.ok_or_else(|| Error::malformed(FILE, "its `model` has no `unk_id`"))?;
    let (unknown, _) = model.vocab.into_iter().nth(unknown).ok_or_else(|| {
        Error::malformed(FILE, format!("`unk_id` is {unknown}, which is not in the vocabulary"))
    })?;
    Ok(Vocabulary::Unigram { unknown })
}
