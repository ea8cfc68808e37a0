use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::decode::byte;
use super::*;

/// Two WordPiece tokenizers, cased and uncased, one byte-level BPE, and two Unigram.
const NAMES: [&str; 5] = ["bert", "distilbert", "roberta", "albert", "xlm-roberta"];

static ALL: LazyLock<Vec<Tokenizer>> = LazyLock::new(|| NAMES.map(named).into());

fn fixture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder").join(name)
}

fn named(name: &str) -> Tokenizer {
    Tokenizer::from_bytes(&std::fs::read(fixture(name).join("tokenizer.json")).unwrap()).unwrap()
}

fn tokenizer() -> Tokenizer {
    named("bert")
}

/// The tokenizer of a fixture after a change to its file.
fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Result<Tokenizer> {
    let mut json: Value = serde_json::from_slice(named(name).json()).unwrap();
    change(&mut json);
    Tokenizer::from_bytes(json.to_string().as_bytes())
}

fn ids(value: &Value) -> Vec<u32> {
    value.as_array().unwrap().iter().map(|id| id.as_u64().unwrap() as u32).collect()
}

fn follows_goldens(folder: &Path) {
    let tokenizer = Tokenizer::open(folder).unwrap();
    let goldens: Value =
        serde_json::from_slice(&std::fs::read(folder.join("tokenization.json")).unwrap()).unwrap();
    for golden in goldens["single"].as_array().unwrap() {
        let text = golden["text"].as_str().unwrap();
        let got = tokenizer.tokenize_with_specials(text);
        assert_eq!(got, ids(&golden["ids"]), "{text:?}");
        assert_eq!(tokenizer.assemble(&got, None).ids, ids(&golden["ids_with_special"]), "{text:?}");
        for (&id, name) in got.iter().zip(golden["tokens"].as_array().unwrap()) {
            // The goldens show the source of a token: unknown text, or a mask token with the space that it
            // strips.
            let name = name.as_str().unwrap().trim_start();
            assert!(id == tokenizer.special().unk || tokenizer.token(id).unwrap() == name, "{text:?}");
        }
        if !got.iter().any(|&id| id != tokenizer.special().unk && tokenizer.is_special(id)) {
            assert_eq!(tokenizer.tokenize(text), got, "{text:?}");
        }
    }
    for golden in goldens["pairs"].as_array().unwrap() {
        let a = tokenizer.tokenize(golden["a"].as_str().unwrap());
        let b = tokenizer.tokenize(golden["b"].as_str().unwrap());
        let whole = tokenizer.assemble(&a, Some(&b));
        assert_eq!(whole.ids, ids(&golden["ids"]));
        assert_eq!(whole.type_ids.iter().map(|&t| t as u32).collect::<Vec<_>>(), ids(&golden["type_ids"]));
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
fn tokens_are_the_text_again_and_special_ones_are_none() {
    for (name, tokenizer) in NAMES.iter().zip(&*ALL) {
        for text in ["the house and the sun", "unbelievable", "he said , and went"] {
            let mut ids = tokenizer.tokenize(text);
            ids.insert(0, tokenizer.special().cls);
            ids.push(tokenizer.special().mask);
            assert_eq!(tokenizer.decode(&ids), text, "{name}");
        }
        assert_eq!(tokenizer.decode(&[]), "");
    }
}

#[test]
fn token_ids_follow_the_golden_files() {
    for name in NAMES.into_iter().chain(["electra"]) {
        println!("{name}");
        follows_goldens(&fixture(name));
    }
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
        println!("{}", model.display());
        follows_goldens(&model);
    }
}

#[test]
fn special_tokens_in_the_text_of_a_user_are_only_text() {
    for tokenizer in ALL.iter() {
        let name = |id| tokenizer.token(id).unwrap();
        let special = tokenizer.special();
        let (cls, sep, mask) = (name(special.cls), name(special.sep), name(special.mask));
        for text in [mask.clone(), format!("a {sep} b"), format!("{cls}{sep}"), format!("x{mask}y")] {
            let ids = tokenizer.tokenize(&text);
            assert!(!ids.is_empty());
            assert!(!ids.iter().any(|&id| id != special.unk && tokenizer.is_special(id)), "{text}");
        }
    }
}

#[test]
fn a_mask_that_the_program_writes_strips_the_space_on_its_left() {
    let names = |name: &str, text: &str| -> Vec<String> {
        let tokenizer = named(name);
        let ids = tokenizer.tokenize_with_specials(text);
        ids.into_iter().map(|id| tokenizer.token(id).unwrap()).collect()
    };
    assert_eq!(names("roberta", "a <mask> and"), ["a", "<mask>", "Ġand"]);
    assert_eq!(names("roberta", "a </s> and"), ["a", "Ġ", "</s>", "Ġand"]);
    assert_eq!(names("albert", "said [MASK] and"), ["▁said", "[MASK]", "▁and"]);
}

#[test]
fn only_byte_level_vocabularies_need_the_space_before_a_word() {
    let roberta = named("roberta");
    for (text, expected) in [("the", " the"), (" the", " the"), ("\nthe", "\nthe"), ("", "")] {
        assert_eq!(roberta.after_space(text), expected);
    }
    assert_eq!(roberta.tokenize(&roberta.after_space("the")), [roberta.id("Ġthe").unwrap()]);
    for name in ["bert", "albert", "xlm-roberta"] {
        assert_eq!(named(name).after_space("the"), "the");
    }
    let albert = named("albert");
    assert_eq!(albert.tokenize("the"), [albert.id("▁the").unwrap()]);
}

#[test]
fn people_read_tokens_without_the_marks_of_the_vocabulary() {
    let text = |name: &str, token: &str| {
        let tokenizer = named(name);
        tokenizer.text(tokenizer.id(token).unwrap()).unwrap()
    };
    assert_eq!(text("bert", "##ing"), "ing");
    assert_eq!(text("bert", "[MASK]"), "[MASK]");
    assert_eq!(text("roberta", "Ġthe"), "the");
    assert_eq!(text("roberta", "<mask>"), "<mask>");
    assert_eq!(text("albert", "▁the"), "the");
    let roberta = named("roberta");
    let shown: String = roberta.tokenize("é").into_iter().filter_map(|id| roberta.text(id)).collect();
    assert!(shown == "é" || shown.chars().all(|c| c == '\u{fffd}'), "{shown}");
}

#[test]
fn every_kind_of_vocabulary_tells_where_words_begin() {
    for (name, text) in
        [("bert", "unbelievable."), ("roberta", " unbelievable."), ("albert", "unbelievable .")]
    {
        let tokenizer = Tokenizer::open(&fixture(name)).unwrap();
        let starts = tokenizer.word_starts(tokenizer.vocab_size() + 3).unwrap();
        assert_eq!(starts.len(), tokenizer.vocab_size() + 3);
        let words = tokenizer.tokenize(text).iter().filter(|id| starts[**id as usize]).count();
        assert_eq!(words, 2, "{name}");
        assert!(starts[tokenizer.special().sep as usize]);
    }
    // A vocabulary without a mark.
    let unmarked = changed("bert", |json| {
        let vocabulary = json["model"]["vocab"].as_object_mut().unwrap();
        vocabulary.retain(|token, _| !token.starts_with("##"));
    });
    assert_eq!(unmarked.unwrap().word_starts(10), None);
}

#[test]
fn bytes_are_written_as_letters() {
    assert_eq!(
        ['A', 'Ġ', 'Ċ', 'é', 'ł', 'Ń', 'ń'].map(byte),
        [Some(b'A'), Some(b' '), Some(b'\n'), Some(0xE9), Some(0xA0), Some(0xAD), None]
    );
}

#[test]
fn truncation_and_padding_of_the_file_are_ignored() {
    let changed = changed("bert", |json| {
        json["truncation"] = json!({
            "direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0
        });
        json["padding"] = json!({
            "strategy": {"Fixed": 64}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]"
        });
    });
    let text = "the quiet garden lay in the sun and nobody spoke";
    assert_eq!(changed.unwrap().tokenize(text), tokenizer().tokenize(text));
}

#[test]
fn other_kinds_of_tokenizer_are_refused() {
    let model = |model: Value| changed("bert", |json| json["model"] = model);
    for (other, what) in [
        (json!({"type": "WordLevel", "vocab": {}, "unk_token": "[UNK]"}), "`WordLevel`"),
        (json!({"type": "BPE", "vocab": {}, "merges": []}), "does not work on bytes"),
    ] {
        let error = model(other).unwrap_err();
        assert!(matches!(error, Error::Unsupported { .. }) && error.to_string().contains(what), "{error}");
    }
    let part = |part: &str, kind: &str| changed("bert", |json| json[part] = json!({"type": kind}));
    assert!(matches!(part("normalizer", "ByteLevel"), Err(Error::Unsupported { .. })));
    assert!(matches!(part("pre_tokenizer", "UnicodeScripts"), Err(Error::Unsupported { .. })));
    for unused in ["decoder", "post_processor", "truncation", "padding"] {
        assert!(changed("bert", |json| json[unused] = 7.into()).is_ok(), "{unused}");
    }
}

#[test]
fn damaged_files_are_refused() {
    #[track_caller]
    fn refused(name: &str, change: impl FnOnce(&mut Value), what: &str) {
        let error = changed(name, change).unwrap_err();
        assert!(matches!(error, Error::Malformed { .. }), "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
    assert!(matches!(Tokenizer::from_bytes(b"{\"version\""), Err(Error::Malformed { .. })));
    refused("bert", |json| json["pre_tokenizer"] = json!({"add_prefix_space": true}), "no `type`");
    for normalizer in [
        json!({"type": "Precompiled", "precompiled_charsmap": "broken"}),
        json!({"type": "Precompiled"}),
        json!({"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": ""}]}),
        json!({"type": "Replace", "pattern": {"Regex": "a*"}, "content": "b"}),
        json!({"type": "Replace", "pattern": {"Regex": "("}, "content": "b"}),
        json!({"type": "Replace", "pattern": {"String": ""}, "content": "b"}),
        json!({"type": "Prepend", "prepend": ""}),
    ] {
        let what = format!("`{}`", normalizer["type"].as_str().unwrap());
        let what = what.replace("Sequence", "Precompiled");
        refused("albert", |json| json["normalizer"] = normalizer, &what);
    }
    refused("bert", |json| json["pre_tokenizer"] = json!({"type": "Split"}), "no `pattern`");
    refused("roberta", |json| json["model"]["merges"] = json!([["th", "e e"]]), "no `e e`");
    refused("roberta", |json| json["model"]["merges"] = json!([["Ġthe", "Ġthe"]]), "no `ĠtheĠthe`");
    refused("roberta", |json| json["model"]["merges"] = json!(["a b c"]), "`a b c` is not two tokens");
    refused("albert", |json| json["model"]["unk_id"] = json!(9999), "`unk_id` is 9999");
    refused("albert", |json| json["model"]["unk_id"] = json!(null), "no `unk_id`");
    refused("albert", |json| json["model"]["vocab"][9][0] = "x".repeat(1001).into(), "1001 bytes");
    let vanishing = |json: &mut Value| {
        json["added_tokens"][4]["normalized"] = true.into();
        json["normalizer"] = json!({"type": "Replace", "pattern": {"Regex": "."}, "content": ""});
    };
    refused("albert", vanishing, "nothing of the added token `[MASK]`");
    let without_mask = |json: &mut Value| {
        json["added_tokens"] = json!([]);
        json["model"]["vocab"].as_object_mut().unwrap().remove("[MASK]");
    };
    refused("bert", without_mask, "no token `[MASK]` or `<mask>`");
}

#[test]
fn a_directory_without_tokenizer_json_is_read_from_its_vocabulary() {
    let text = "She said: the Émigré's gardens ARE  quiet, aren't they?\n<s>";
    for (name, files) in [
        ("roberta", &["vocab.json", "merges.txt"][..]),
        ("distilbert", &["vocab.txt", "tokenizer_config.json"]),
        ("bert", &["vocab.txt"]),
    ] {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::copy(fixture(name).join(file), dir.path().join(file)).unwrap();
        }
        let (found, expected) = (Tokenizer::open(dir.path()).unwrap(), named(name));
        assert_eq!(found.special(), expected.special());
        assert_eq!(found.tokenize(text), expected.tokenize(text), "{name}");
        let mask = expected.token(expected.special().mask).unwrap();
        let written = format!("so {mask} it is");
        assert_eq!(found.tokenize_with_specials(&written), expected.tokenize_with_specials(&written));
        let saved = Tokenizer::from_bytes(found.json()).unwrap();
        assert_eq!(saved.tokenize(text), expected.tokenize(text), "{name}");
    }
}

#[test]
fn a_directory_without_a_tokenizer_is_refused_with_the_files_and_the_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let error = Tokenizer::open(dir.path()).unwrap_err().to_string();
    for name in ["tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "copy"] {
        assert!(error.contains(name), "{error}");
    }
    std::fs::write(dir.path().join("spiece.model"), b"").unwrap();
    let error = Tokenizer::open(dir.path()).unwrap_err().to_string();
    assert!(error.contains("convert `spiece.model`") && error.contains("AutoTokenizer"), "{error}");
    std::fs::write(dir.path().join("vocab.txt"), b"the\n").unwrap();
    let error = Tokenizer::open(dir.path()).unwrap_err().to_string();
    assert!(error.starts_with("`vocab.txt` is not usable"), "{error}");
}

#[test]
fn spans_say_which_bytes_a_token_stands_for() {
    let text = "  The Émigré's gardens";
    for tokenizer in ALL.iter() {
        let tokens = tokenizer.tokenize_with_spans(text);
        assert_eq!(tokens.iter().map(|(id, _)| *id).collect::<Vec<_>>(), tokenizer.tokenize(text));
        let the = tokens.iter().find(|(_, span)| text[span.clone()].starts_with('T')).unwrap();
        assert_eq!(the.1.start, 2);
        assert_eq!(tokens.last().unwrap().1.end, text.len());
    }
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

    #[test]
    fn no_text_becomes_a_special_token_and_every_span_lies_in_it(
        text in r"(\PC|[\x00-\x20]|\[MASK\]|<mask>|</?s>|\[SEP\]|<pad>|＜mask＞|ﬁ|e\u{301}|ing|the){0,12}",
    ) {
        for tokenizer in ALL.iter() {
            let tokens = tokenizer.tokenize_with_spans(&text);
            for (id, span) in &tokens {
                prop_assert!(*id == tokenizer.special().unk || !tokenizer.is_special(*id));
                prop_assert!(text.get(span.clone()).is_some(), "{:?} of {:?}", span, text);
            }
            let ids: Vec<u32> = tokens.into_iter().map(|(id, _)| id).collect();
            prop_assert_eq!(ids, tokenizer.tokenize(&text));
        }
    }

    #[test]
    fn framed_sequences_have_the_length_that_special_count_promises(a in 0usize..9, b in prop::option::of(0usize..9)) {
        for tokenizer in ALL.iter() {
            let (first, second) = (vec![9; a], b.map(|b| vec![9; b]));
            let sequence = tokenizer.assemble(&first, second.as_deref());
            prop_assert_eq!(sequence.len(), a + b.unwrap_or(0) + tokenizer.special_count(b.is_some()));
            prop_assert_eq!(sequence.type_ids.len(), sequence.len());
        }
    }
}
