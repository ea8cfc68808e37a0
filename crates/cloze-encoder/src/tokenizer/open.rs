//! The files of a tokenizer in a Hugging Face directory: those that are read, and the one that is written
//! next to `tokenizer.json`.

use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{FILE, Tokenizer, file};
use crate::{Error, Result};

const CONFIG: &str = "tokenizer_config.json";

impl Tokenizer {
    /// Reads the tokenizer of a directory: `tokenizer.json`, or otherwise `vocab.txt` (WordPiece), or
    /// otherwise `vocab.json` and `merges.txt` (byte-level BPE). For the last two, `tokenizer_config.json`,
    /// if present, specifies whether text is lower-cased or gets a leading space; otherwise the defaults of
    /// transformers are used.
    ///
    /// # Errors
    /// Names the file that is missing or damaged; the path of the directory is not included if a file is
    /// [`Error::Malformed`].
    pub fn open(dir: &Path) -> Result<Tokenizer> {
        let read = |name: &str| {
            let path = dir.join(name);
            match std::fs::read(&path) {
                Ok(bytes) => Ok(Some(bytes)),
                Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
                Err(e) => Err(Error::io("read", &path, e)),
            }
        };
        if let Some(bytes) = read(FILE)? {
            return Tokenizer::from_bytes(&bytes);
        }
        let options = || match read(CONFIG)? {
            Some(bytes) => serde_json::from_slice(&bytes).map_err(|e| Error::malformed(CONFIG, e)),
            None => Ok(Options::default()),
        };
        let (file, json) = if let Some(bytes) = read("vocab.txt")? {
            ("vocab.txt", word_piece(&bytes, &options()?)?)
        } else if let (Some(vocab), Some(merges)) = (read("vocab.json")?, read("merges.txt")?) {
            ("vocab.json", byte_level(&vocab, &merges, &options()?)?)
        } else {
            return Err(missing(dir));
        };
        let composed = Tokenizer::from_bytes(json.to_string().as_bytes());
        composed.map_err(|error| match error {
            Error::Malformed { reason, .. } => Error::malformed(file, reason),
            other => other,
        })
    }

    /// A `tokenizer_config.json` for a model with or without type ids, and for sequences of at most `longest`
    /// tokens.
    ///
    /// The tokenizer class is the one that uses `tokenizer.json` as it is; the families' own classes rebuild
    /// the tokenizer from options, and lower-case even if the file does not.
    pub(crate) fn config_json(&self, typed: bool, longest: usize) -> Vec<u8> {
        let special = self.special();
        let named = [
            ("unk_token", special.unk),
            ("sep_token", special.sep),
            ("pad_token", special.pad),
            ("cls_token", special.cls),
            ("mask_token", special.mask),
        ];
        let mut inputs = vec!["input_ids", "attention_mask"];
        if typed {
            inputs.insert(1, "token_type_ids");
        }
        let mut config = Map::new();
        config.insert("tokenizer_class".into(), "PreTrainedTokenizerFast".into());
        config.insert("model_max_length".into(), longest.into());
        config.insert("model_input_names".into(), inputs.into());
        for (name, id) in named {
            config.insert(name.into(), self.token(id).into());
        }
        let mut json = serde_json::to_vec_pretty(&config).unwrap_or_default();
        json.push(b'\n');
        json
    }
}

/// The options of `tokenizer_config.json` that affect tokenisation.
#[derive(Deserialize, Default)]
struct Options {
    do_lower_case: Option<bool>,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: Option<bool>,
    add_prefix_space: Option<bool>,
}

fn missing(dir: &Path) -> Error {
    let convert = "from transformers import AutoTokenizer as T; T.from_pretrained('.').save_pretrained('.')";
    let sentence_piece =
        ["spiece.model", "sentencepiece.bpe.model"].into_iter().find(|name| dir.join(name).exists());
    let remedy = match sentence_piece {
        Some(name) => format!("convert `{name}` in that folder with `python3 -c \"{convert}\"`"),
        None => "copy the tokenizer's files from where the model comes from".into(),
    };
    let looked_for = "it has neither `tokenizer.json` nor `vocab.txt` nor `vocab.json` with `merges.txt`";
    Error::malformed("", format!("{looked_for}; {remedy}"))
}

/// The `tokenizer.json` for a WordPiece vocabulary with one token per line.
fn word_piece(vocab: &[u8], options: &Options) -> Result<Value> {
    let text = std::str::from_utf8(vocab).map_err(|e| Error::malformed("vocab.txt", e))?;
    let mut ids = Map::new();
    for (id, token) in text.lines().enumerate() {
        // A token that occurs twice has the id of its last line, as in transformers.
        ids.insert(token.to_owned(), id.into());
    }
    let normalizer = json!({
        "type": "BertNormalizer",
        "clean_text": true,
        "handle_chinese_chars": options.tokenize_chinese_chars.unwrap_or(true),
        "strip_accents": options.strip_accents,
        "lowercase": options.do_lower_case.unwrap_or(true),
    });
    let framing = json!({
        "type": "TemplateProcessing",
        "single": [special("[CLS]", 0), segment("A", 0), special("[SEP]", 0)],
        "pair": [
            special("[CLS]", 0), segment("A", 0), special("[SEP]", 0), segment("B", 1), special("[SEP]", 1),
        ],
        "special_tokens": {
            "[CLS]": {"id": "[CLS]", "ids": [ids.get("[CLS]")], "tokens": ["[CLS]"]},
            "[SEP]": {"id": "[SEP]", "ids": [ids.get("[SEP]")], "tokens": ["[SEP]"]},
        },
    });
    let added = added(&ids, &["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]);
    let model = json!({
        "type": "WordPiece",
        "unk_token": "[UNK]",
        "continuing_subword_prefix": "##",
        "max_input_chars_per_word": 100,
        "vocab": ids,
    });
    let decoder = json!({"type": "WordPiece", "prefix": "##", "cleanup": true});
    Ok(composed(added, normalizer, json!({"type": "BertPreTokenizer"}), framing, decoder, model))
}

fn special(token: &str, type_id: u8) -> Value {
    json!({"SpecialToken": {"id": token, "type_id": type_id}})
}

fn segment(name: &str, type_id: u8) -> Value {
    json!({"Sequence": {"id": name, "type_id": type_id}})
}

/// The `tokenizer.json` for a byte-level BPE vocabulary, given an object of ids by token, and lines of two
/// tokens to be merged.
fn byte_level(vocab: &[u8], merges: &[u8], options: &Options) -> Result<Value> {
    let ids: Map<String, Value> =
        serde_json::from_slice(vocab).map_err(|e| Error::malformed("vocab.json", e))?;
    let text = std::str::from_utf8(merges).map_err(|e| Error::malformed("merges.txt", e))?;
    let merges = file::merges(text.lines().filter(|line| !line.is_empty()))
        .map_err(|line| Error::malformed("merges.txt", format!("`{line}` is not two tokens")))?;
    let space = options.add_prefix_space.unwrap_or(false);
    let bytes =
        json!({"type": "ByteLevel", "add_prefix_space": space, "trim_offsets": true, "use_regex": true});
    let framing = json!({
        "type": "RobertaProcessing",
        "sep": ["</s>", ids.get("</s>")],
        "cls": ["<s>", ids.get("<s>")],
        "trim_offsets": true,
        "add_prefix_space": space,
    });
    let added = added(&ids, &["<s>", "<pad>", "</s>", "<unk>", "<mask>"]);
    let model = json!({
        "type": "BPE",
        "dropout": null,
        "unk_token": null,
        "continuing_subword_prefix": "",
        "end_of_word_suffix": "",
        "fuse_unk": false,
        "byte_fallback": false,
        "vocab": ids,
        "merges": merges,
    });
    Ok(composed(added, Value::Null, bytes.clone(), framing, bytes, model))
}

/// Those of `names` that are in the vocabulary, as added tokens. As in transformers, `<mask>` strips the
/// space to its left.
fn added(ids: &Map<String, Value>, names: &[&str]) -> Vec<Value> {
    let token = |name: &&str| {
        let id = ids.get(*name)?;
        Some(json!({
            "id": id, "content": name, "single_word": false, "lstrip": *name == "<mask>", "rstrip": false,
            "normalized": false, "special": true,
        }))
    };
    let mut tokens: Vec<Value> = names.iter().filter_map(token).collect();
    tokens.sort_by_key(|token| token["id"].as_u64());
    tokens
}

fn composed(
    added_tokens: Vec<Value>,
    normalizer: Value,
    pre_tokenizer: Value,
    post_processor: Value,
    decoder: Value,
    model: Value,
) -> Value {
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added_tokens,
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": decoder,
        "model": model,
    })
}
