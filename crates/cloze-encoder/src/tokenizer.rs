//! Text to token ids, and the special tokens that frame a sequence.
//!
//! The work is done by the `tokenizers` crate from the model's own `tokenizer.json`. What this module adds is that
//! text is only ever text: `[MASK]` typed by a user is three ordinary words and never the mask token, so nothing in
//! the data can move the blank of a pattern or end a segment. Truncation and padding settings in the file are
//! ignored, for they belong to whoever trained the tokenizer.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde_json::Value;
use serde_json::value::RawValue;
use tokenizers::models::ModelWrapper;

use crate::{Error, Result};

/// The name under which errors speak of the file.
const FILE: &str = "tokenizer.json";

/// Tokens of a word are sought among all of its parts, whose number grows with the square of its length.
const LONGEST_WORD: usize = 1000;

/// What may change a text before it is cut into words, and what may cut it. The crate knows others, for other vocabularies,
/// and reading some of them takes it by surprise if they are damaged.
const NORMALIZERS: &[&str] =
    &["BertNormalizer", "Lowercase", "NFC", "NFD", "NFKC", "NFKD", "StripAccents", "Strip", "Sequence"];
const PRE_TOKENIZERS: &[&str] =
    &["BertPreTokenizer", "Whitespace", "WhitespaceSplit", "Punctuation", "Digits", "Sequence"];

/// The ids of the tokens that are not text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Opens every sequence; classifiers read its hidden state.
    pub cls: u32,
    /// Closes a segment.
    pub sep: u32,
    /// Fills up sequences where padding is wanted.
    pub pad: u32,
    /// The blank that a masked language model fills.
    pub mask: u32,
    /// Stands for text outside the vocabulary.
    pub unk: u32,
}

impl SpecialTokens {
    fn all(&self) -> [u32; 5] {
        [self.cls, self.sep, self.pad, self.mask, self.unk]
    }
}

/// One input of the encoder, special tokens included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sequence {
    /// Token ids, `[tokens]`.
    pub ids: Vec<u32>,
    /// 0 in the first segment and 1 in the second, `[tokens]`.
    pub type_ids: Vec<u8>,
}

impl Sequence {
    /// The number of tokens.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no token at all.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// A WordPiece tokenizer. Clones share the vocabulary.
#[derive(Clone)]
pub struct Tokenizer {
    inner: Arc<tokenizers::Tokenizer>,
    special: SpecialTokens,
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
    /// [`Error::Malformed`] when it cannot be parsed or lacks a special token, [`Error::Unsupported`] when it is not
    /// a WordPiece tokenizer.
    pub fn from_bytes(tokenizer_json: &[u8]) -> Result<Tokenizer> {
        let mut inner = tokenizers::Tokenizer::from_bytes(needed(tokenizer_json)?)
            .map_err(|source| Error::malformed(FILE, format!("it cannot be parsed: {source}")))?;
        let ModelWrapper::WordPiece(model) = inner.get_model() else {
            return Err(unsupported("a tokenizer of another kind than WordPiece"));
        };
        if model.max_input_chars_per_word > LONGEST_WORD {
            let found = model.max_input_chars_per_word;
            let reason = format!("`max_input_chars_per_word` is {found}, more than {LONGEST_WORD}");
            return Err(Error::malformed(FILE, reason));
        }
        let unknown = model.unk_token.clone();
        inner.set_encode_special_tokens(true);

        let find = |token: &str| {
            inner.token_to_id(token).ok_or_else(|| {
                Error::malformed(FILE, format!("it has no token `{token}`, which BERT models need"))
            })
        };
        let special = SpecialTokens {
            cls: find("[CLS]")?,
            sep: find("[SEP]")?,
            pad: find("[PAD]")?,
            mask: find("[MASK]")?,
            unk: find(&unknown)?,
        };
        Ok(Tokenizer { inner: Arc::new(inner), special, json: tokenizer_json.into() })
    }

    /// The bytes of the `tokenizer.json` it was read from, to be saved beside a model unchanged.
    pub fn json(&self) -> &[u8] {
        &self.json
    }

    /// Token ids of `text`, without special tokens around or inside it.
    pub fn tokenize(&self, text: &str) -> Vec<u32> {
        // A text on which the tokenizer itself fails is as unknown as a word outside the vocabulary.
        let Ok(encoding) = self.inner.encode_fast(text, false) else { return vec![self.special.unk] };
        let mut ids = encoding.get_ids().to_vec();
        // A pre-tokenizer that keeps brackets within words could still find `[MASK]` in the vocabulary.
        for id in &mut ids {
            if self.is_special(*id) {
                *id = self.special.unk;
            }
        }
        ids
    }

    /// Token ids of `text` as [`tokenize`](Self::tokenize) gives them, each with the bytes of `text` it stands for.
    pub fn tokenize_with_spans(&self, text: &str) -> Vec<(u32, Range<usize>)> {
        let Ok(encoding) = self.inner.encode(text, false) else {
            return vec![(self.special.unk, 0..text.len())];
        };
        let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        let plain = |id: u32| if self.is_special(id) { self.special.unk } else { id };
        encoding.get_ids().iter().map(|&id| plain(id)).zip(spans).collect()
    }

    /// Token ids of `text` where special tokens written out, such as `[SEP]`, mean themselves.
    ///
    /// For text that the program composes, never for text of a user.
    pub fn tokenize_with_specials(&self, text: &str) -> Vec<u32> {
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
            ids.extend(self.tokenize(&rest[..start]));
            ids.extend(next.map(|(_, _, id)| id));
            rest = &rest[start + len..];
        }
        ids
    }

    /// The token with this id, for example `##ing`.
    pub fn token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The id of a token written as in the vocabulary.
    pub fn id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The number of tokens, special and added ones included.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The token with the highest id, which is not that of the last token where ids have gaps.
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

    /// How many special tokens [`assemble`](Self::assemble) adds around one segment or a pair.
    pub fn special_count(&self, pair: bool) -> usize {
        if pair { 3 } else { 2 }
    }

    /// `[CLS] A [SEP]`, or `[CLS] A [SEP] B [SEP]` with type ids 0 up to the first `[SEP]` and 1 after it.
    pub fn assemble(&self, a: &[u32], b: Option<&[u32]>) -> Sequence {
        let len = a.len() + b.map_or(0, <[u32]>::len) + self.special_count(b.is_some());
        let mut ids = Vec::with_capacity(len);
        ids.push(self.special.cls);
        ids.extend_from_slice(a);
        ids.push(self.special.sep);
        let mut type_ids = vec![0; ids.len()];
        if let Some(b) = b {
            ids.extend_from_slice(b);
            ids.push(self.special.sep);
            type_ids.resize(ids.len(), 1);
        }
        Sequence { ids, type_ids }
    }
}

/// The parts of the file that say how text becomes tokens. Truncation and padding belong to whoever trained the tokenizer, what
/// stands around a text is for [`Tokenizer::assemble`] to say, and nothing is decoded here.
fn needed(tokenizer_json: &[u8]) -> Result<Vec<u8>> {
    let unreadable = |error| Error::malformed(FILE, format!("it cannot be parsed: {error}"));
    let mut parts: BTreeMap<String, &RawValue> =
        serde_json::from_slice(tokenizer_json).map_err(unreadable)?;
    parts.retain(|name, _| {
        ["version", "added_tokens", "normalizer", "pre_tokenizer", "model"].contains(&name.as_str())
    });
    for (name, known) in [("normalizer", NORMALIZERS), ("pre_tokenizer", PRE_TOKENIZERS)] {
        if let Some(part) = parts.get(name) {
            let part = serde_json::from_str(part.get()).map_err(unreadable)?;
            check_kind(name, &part, known)?;
        }
    }
    if let Some(model) = parts.get("model") {
        #[derive(serde::Deserialize)]
        struct Model {
            r#type: Option<String>,
        }
        let kind = serde_json::from_str::<Model>(model.get()).map_err(unreadable)?.r#type;
        if let Some(kind) = kind.filter(|kind| kind != "WordPiece") {
            return Err(unsupported(format!("a `{kind}` tokenizer")));
        }
    }
    serde_json::to_vec(&parts).map_err(unreadable)
}

/// Whether a normalizer or pre-tokenizer, with those that it is made of, is of a known kind.
fn check_kind(name: &str, part: &Value, known: &[&str]) -> Result<()> {
    if part.is_null() {
        return Ok(());
    }
    match part.get("type").and_then(Value::as_str) {
        Some(kind) if known.contains(&kind) => {}
        Some(kind) => return Err(unsupported(format!("the {name} `{kind}` in `{FILE}`"))),
        None => return Err(Error::malformed(FILE, format!("its `{name}` has no `type`"))),
    }
    let parts = ["normalizers", "pretokenizers"].into_iter().filter_map(|key| part.get(key)?.as_array());
    parts.flatten().try_for_each(|part| check_kind(name, part, known))
}

fn unsupported(what: impl Into<String>) -> Error {
    Error::Unsupported { what: what.into(), remedy: "use a BERT model with a WordPiece tokenizer".into() }
}

/// Shortens two segments to `budget` tokens together by cutting the end of the longer one first.
///
/// Once both are equally long they are cut alike; an odd token stays with the segment that was longer, as in the
/// `tokenizers` crate (the slow tokenizers of 2020 left it in the first).
pub fn truncate_pair(a: &mut Vec<u32>, b: &mut Vec<u32>, budget: usize) {
    if a.len() + b.len() <= budget {
        return;
    }
    let (shorter, longer) = if a.len() > b.len() { (b, a) } else { (a, b) };
    let keep = shorter.len().min(budget / 2);
    shorter.truncate(keep);
    longer.truncate(budget - keep);
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use proptest::prelude::*;

    fn fixture() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert")
    }

    fn tokenizer() -> Tokenizer {
        Tokenizer::from_bytes(&std::fs::read(fixture().join("tokenizer.json")).unwrap()).unwrap()
    }

    fn ids(value: &Value) -> Vec<u32> {
        value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
    }

    fn follows_goldens(folder: &Path) {
        let tokenizer =
            Tokenizer::from_bytes(&std::fs::read(folder.join("tokenizer.json")).unwrap()).unwrap();
        let goldens: Value =
            serde_json::from_slice(&std::fs::read(folder.join("tokenization.json")).unwrap()).unwrap();
        for golden in goldens["single"].as_array().unwrap() {
            let text = golden["text"].as_str().unwrap();
            let got = tokenizer.tokenize_with_specials(text);
            assert_eq!(got, ids(&golden["ids"]), "{text:?}");
            assert_eq!(tokenizer.assemble(&got, None).ids, ids(&golden["ids_with_special"]), "{text:?}");
            let names: Vec<Value> = got.iter().map(|&id| tokenizer.token(id).unwrap().into()).collect();
            assert_eq!(&Value::Array(names), &golden["tokens"], "{text:?}");
            if !got.iter().any(|&id| id != tokenizer.special().unk && tokenizer.is_special(id)) {
                assert_eq!(tokenizer.tokenize(text), got, "{text:?}");
            }
        }
        for golden in goldens["pairs"].as_array().unwrap() {
            let a = tokenizer.tokenize(golden["a"].as_str().unwrap());
            let b = tokenizer.tokenize(golden["b"].as_str().unwrap());
            let whole = tokenizer.assemble(&a, Some(&b));
            assert_eq!(whole.ids, ids(&golden["ids"]));
            assert_eq!(
                whole.type_ids.iter().map(|&t| t as u32).collect::<Vec<_>>(),
                ids(&golden["type_ids"])
            );
            for cut in golden["truncated"].as_array().unwrap() {
                let (mut a, mut b) = (a.clone(), b.clone());
                let budget = cut["max_length"].as_u64().unwrap() as usize - tokenizer.special_count(true);
                truncate_pair(&mut a, &mut b, budget);
                let got = tokenizer.assemble(&a, Some(&b));
                let slow = cut.get("slow_tokenizer_3_0_2_ids").is_some_and(|slow| ids(slow) == got.ids);
                assert!(got.ids == ids(&cut["ids"]) || slow, "{:?}", golden["a"]);
            }
        }
    }

    #[test]
    fn token_ids_follow_the_golden_file() {
        follows_goldens(&fixture());
    }

    #[test]
    fn token_ids_follow_the_conformance_folder() {
        let Some(folder) = std::env::var_os("CONFORMANCE") else {
            println!("not run: CONFORMANCE is not set");
            return;
        };
        let mut models: Vec<_> = (std::fs::read_dir(Path::new(&folder).join("encoder")).unwrap())
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("tokenization.json").exists())
            .collect();
        models.sort();
        for model in models {
            match Tokenizer::from_bytes(&std::fs::read(model.join("tokenizer.json")).unwrap()) {
                Ok(_) => follows_goldens(&model),
                Err(Error::Unsupported { what, .. }) => {
                    println!("not yet supported: {} ({what})", model.display());
                }
                Err(error) => panic!("{}: {error}", model.display()),
            }
        }
    }

    #[test]
    fn special_tokens_in_the_text_of_a_user_are_ordinary_words() {
        let tokenizer = tokenizer();
        for text in ["[MASK]", "a [SEP] b", "[CLS][PAD]", "x[MASK]y"] {
            let ids = tokenizer.tokenize(text);
            assert!(!ids.is_empty());
            assert!(!ids.iter().any(|&id| tokenizer.is_special(id)), "{text}");
        }
    }

    #[test]
    fn truncation_and_padding_of_the_file_are_ignored() {
        let mut json: Value = serde_json::from_slice(tokenizer().json()).unwrap();
        json["truncation"] = serde_json::json!({
            "direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0
        });
        json["padding"] = serde_json::json!({
            "strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"
        });
        let changed = Tokenizer::from_bytes(json.to_string().as_bytes()).unwrap();
        let text = "the quiet garden lay in the sun and nobody spoke";
        assert_eq!(changed.tokenize(text), tokenizer().tokenize(text));
    }

    #[test]
    fn other_kinds_of_tokenizer_and_damaged_files_are_refused() {
        let bpe = br#"{"version":"1.0","added_tokens":[],"normalizer":null,"pre_tokenizer":null,
            "post_processor":null,"decoder":null,"model":{"type":"BPE","vocab":{},"merges":[]}}"#;
        assert!(matches!(Tokenizer::from_bytes(bpe), Err(Error::Unsupported { .. })));
        assert!(matches!(Tokenizer::from_bytes(b"{\"version\""), Err(Error::Malformed { .. })));
        let changed = |part: &str, to: Value| {
            let mut json: Value = serde_json::from_slice(tokenizer().json()).unwrap();
            json[part] = to;
            Tokenizer::from_bytes(json.to_string().as_bytes())
        };
        for (part, broken) in [
            ("normalizer", serde_json::json!({"type": "Precompiled", "precompiled_charsmap": "broken"})),
            ("normalizer", serde_json::json!({"type": "Sequence", "normalizers": [{"type": "Precompiled"}]})),
            ("pre_tokenizer", serde_json::json!({"type": "Split"})),
        ] {
            assert!(matches!(changed(part, broken), Err(Error::Unsupported { .. })), "{part}");
        }
        assert!(changed("pre_tokenizer", serde_json::json!({"add_prefix_space": true})).is_err());
        for unused in ["decoder", "post_processor", "truncation", "padding"] {
            assert!(changed(unused, 7.into()).is_ok(), "{unused}");
        }
        let mut json: Value = serde_json::from_slice(tokenizer().json()).unwrap();
        json["added_tokens"] = serde_json::json!([]);
        json["model"]["vocab"].as_object_mut().unwrap().remove("[MASK]");
        let error = Tokenizer::from_bytes(json.to_string().as_bytes()).unwrap_err();
        assert!(error.to_string().contains("`[MASK]`"), "{error}");
    }

    #[test]
    fn spans_say_which_bytes_a_token_stands_for() {
        let tokenizer = tokenizer();
        let text = "  The Émigré's gardens";
        let tokens = tokenizer.tokenize_with_spans(text);
        assert_eq!(tokens.iter().map(|(id, _)| *id).collect::<Vec<_>>(), tokenizer.tokenize(text));
        assert_eq!(&text[tokens[0].1.clone()], "The");
        assert!(tokens.windows(2).all(|pair| pair[0].1.end <= pair[1].1.start));
    }

    proptest! {
        #[test]
        fn truncated_pairs_keep_the_budget_and_cut_the_longer_first(
            a in 0usize..60, b in 0usize..60, budget in 0usize..90,
        ) {
            let (mut left, mut right) = (vec![1; a], vec![2; b]);
            truncate_pair(&mut left, &mut right, budget);
            prop_assert_eq!(left.len() + right.len(), budget.min(a + b));
            prop_assert!(left.len() == a || left.len() + 1 >= right.len());
            prop_assert!(right.len() == b || right.len() + 1 >= left.len());
        }
    }
}
