//! Filled patterns, cuts, label words and classifier inputs against the golden numbers of the reference
//! implementation, in `fixtures/pet` and in the folder named by `CONFORMANCE`.

use cloze_encoder::{Checkpoint, Device, Model, Sequence, Session, Tokenizer, truncate_pair};
use serde_json::Value;

use super::{every_task, examples, folders, ids, json, list, task, tokenizer, with_length};
use crate::pvp::encode::{ClassifierEncoder, Length, PatternEncoder, shorten};
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::scorer::Scorer;
use crate::task::{Label, Spacing};

fn types(golden: &Value) -> Vec<u8> {
    let count = |key: &str| golden[key].as_u64().unwrap() as usize;
    [vec![0; count("n_type0")], vec![1; count("n_type1")]].concat()
}

#[test]
fn filled_patterns_are_the_reference_s() {
    every_task(|task, golden, model, numbers| {
        let (tokenizer, rows) = (tokenizer(model), examples(task, golden));
        assert_eq!(task.patterns.len(), numbers["patterns"].as_object().unwrap().len(), "{}", task.name);
        for id in 0..task.patterns.len() {
            let golden_pattern = &numbers["patterns"][id.to_string()];
            for (max_length, goldens) in golden_pattern["msl"].as_object().unwrap() {
                let task = with_length(task, max_length);
                let encoder = PatternEncoder::of_task(&task, id, &tokenizer);
                for wanted in list(&goldens["examples"]) {
                    let row = wanted["row"].as_u64().unwrap() as usize;
                    let got = encoder.encode(&rows[row].texts);
                    let case =
                        format!("{}, pattern {id}, length {max_length}, row {row}, {model}", task.name);
                    if wanted.get("error").is_some() {
                        assert!(got.is_err(), "{case}");
                        continue;
                    }
                    let got = got.unwrap();
                    assert_eq!(got.sequence.ids, ids(&wanted["input_ids"]), "{case}");
                    if tokenizer.is_word_piece() {
                        assert_eq!(got.sequence.type_ids, types(wanted), "{case}");
                    } else {
                        // The goldens have ALBERT's type ids, but the numbers that go with them were computed without.
                        assert!(got.sequence.type_ids.iter().all(|&id| id == 0), "{case}");
                    }
                    assert_eq!([got.mask as u32], ids(&wanted["masks"])[..], "{case}");
                }
            }
        }
    });
}

#[test]
fn label_scores_are_the_reference_s() {
    every_task(|task, golden, model, numbers| {
        let rows = examples(task, golden);
        let dirs = folders().into_iter().map(|folder| folder.join("encoder").join(model));
        let dir = dirs.into_iter().find(|dir| dir.join("model.safetensors").exists()).expect(model);
        let checkpoint = Checkpoint::open(&dir).unwrap();
        let mut session = Session::new(Model::masked_lm(&checkpoint).unwrap(), &Device::new(2));
        for id in 0..task.patterns.len() {
            let verbalizer = Verbalizer::new(task, id, &checkpoint.tokenizer).unwrap();
            for (max_length, goldens) in numbers["patterns"][id.to_string()]["msl"].as_object().unwrap() {
                let task = with_length(task, max_length);
                let encoder =
                    PatternEncoder::of_task(&task, id, &checkpoint.tokenizer).asking_for(&verbalizer);
                let goldens: Vec<&Value> =
                    list(&goldens["examples"]).iter().filter(|wanted| wanted["scores"].is_array()).collect();
                let row = |wanted: &&Value| wanted["row"].as_u64().unwrap() as usize;
                let clozes: Vec<_> =
                    goldens.iter().map(|wanted| encoder.encode(&rows[row(wanted)].texts).unwrap()).collect();
                let scores = Scorer::new(&verbalizer).score(&mut session, &clozes, 4096, |_| Ok(())).unwrap();
                for (found, wanted) in scores.iter().zip(goldens) {
                    for (found, wanted) in found.iter().zip(list(&wanted["scores"])) {
                        let off = (f64::from(*found) - wanted.as_f64().unwrap()).abs();
                        assert!(off < 1e-4, "{}, pattern {id}, {model}: {off}", task.name);
                    }
                }
            }
        }
    });
}

#[test]
fn running_text_and_parts_agree_where_white_space_does_not_matter() {
    let (tokenizer, golden) = (tokenizer("bert"), json(&folders()[0].join("pet/boolq.json")));
    let mut task = with_length(&task("boolq").unwrap(), "96");
    for example in examples(&task, &golden) {
        for id in 0..task.patterns.len() {
            let mut encode = |spacing| {
                task.spacing = spacing;
                PatternEncoder::of_task(&task, id, &tokenizer).encode(&example.texts)
            };
            assert_eq!(encode(Spacing::Text), encode(Spacing::Parts));
        }
    }
}

#[test]
fn label_words_have_the_token_ids_of_the_reference() {
    let labels = |names: &Value, words: &dyn Fn(usize, &str) -> Value| -> Vec<Label> {
        let label = |(index, name): (usize, &Value)| {
            let name = name.as_str().unwrap();
            Label { name: name.into(), words: serde_json::from_value(words(index, name)).unwrap() }
        };
        list(names).iter().enumerate().map(label).collect()
    };
    let wanted = |ids: &Value| -> Vec<u32> {
        list(ids).iter().flat_map(list).filter_map(|id| id.as_u64()).map(|id| id as u32).collect()
    };
    every_task(|task, _, model, numbers| {
        for id in 0..task.patterns.len() {
            let pattern = &numbers["patterns"][id.to_string()];
            let verbalizer = Verbalizer::new(task, id, &tokenizer(model)).unwrap();
            assert_eq!(verbalizer.columns(), wanted(&pattern["verbalizer_ids"]), "{}", task.name);
        }
    });
    for folder in folders() {
        let Ok(golden) = std::fs::read(folder.join("pet/verbalizer.json")) else { continue };
        let golden: Value = serde_json::from_slice(&golden).unwrap();
        for (model, cases) in golden["models"].as_object().unwrap() {
            let tokenizer = tokenizer(model);
            for case in cases.as_object().unwrap().values() {
                let names: Vec<Value> =
                    case["words"].as_object().unwrap().keys().map(|name| name.as_str().into()).collect();
                let words = |_: usize, name: &str| case["words"][name].clone();
                let verbalizer =
                    Verbalizer::of_labels(&labels(&Value::Array(names), &words), &tokenizer, true).unwrap();
                assert_eq!(verbalizer.columns(), wanted(&case["ids"]));
            }
        }
    }
}

#[test]
fn classifier_inputs_are_the_reference_s() {
    every_task(|task, golden, model, numbers| {
        let (task, tokenizer) = (task.name.as_str(), &tokenizer(model));
        for (max_length, goldens) in numbers["classifier_inputs"].as_object().unwrap() {
            let max_length: usize = max_length.parse().unwrap();
            for wanted in list(goldens) {
                let example = &golden["examples"][wanted["row"].as_u64().unwrap() as usize];
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let (a, b) = (text(&example["text_a"]), text(&example["text_b"]));
                let got = if task == "multirc" {
                    // The reference writes the separator token into the text, which text of a user never becomes.
                    let sep = tokenizer.token(tokenizer.special().sep).unwrap();
                    let b = format!("{b}{sep}{}", text(&example["meta"]["answer"]));
                    pair(tokenizer, &a, &b, max_length)
                } else {
                    ClassifierEncoder::new(tokenizer, max_length).encode(&[a, b]).0
                };
                let is =
                    |wanted: &Value| got.ids == ids(&wanted["input_ids"]) && got.type_ids == types(wanted);
                let old = wanted.get("original_3_0_2").is_some_and(is);
                assert!(is(wanted) || old, "{task}, length {max_length}, row {}", wanted["row"]);
            }
        }
    });
}

fn pair(tokenizer: &Tokenizer, a: &str, b: &str, max_length: usize) -> Sequence {
    let (mut a, mut b) = (tokenizer.tokenize(a), tokenizer.tokenize_with_specials(b));
    truncate_pair(&mut a, &mut b, max_length - tokenizer.special_count(true));
    tokenizer.assemble(&a, Some(&b))
}

#[test]
fn parts_are_shortened_as_the_reference_does() {
    for folder in folders() {
        for case in list(&json(&folder.join("pet/truncation.json"))["cases"]) {
            let parts = |key: &str| -> Vec<Length> {
                let part = |part: &Value| Length {
                    tokens: part["length"].as_u64().unwrap() as usize,
                    shortenable: part["shortenable"].as_bool().unwrap(),
                };
                list(&case[key]).iter().map(part).collect()
            };
            let number = |key: &str| case[key].as_u64().unwrap() as usize;
            let (mut a, mut b) = (parts("segment_a"), parts("segment_b"));
            let got = shorten(&mut a, &mut b, number("special_tokens"), number("budget"));
            if case["result"].get("error").is_some() {
                assert!(got.is_err(), "{case}");
            } else {
                got.unwrap();
                let lengths =
                    |parts: &[Length]| parts.iter().map(|part| part.tokens as u32).collect::<Vec<_>>();
                assert_eq!(
                    (lengths(&a), lengths(&b)),
                    (ids(&case["result"]["a"]), ids(&case["result"]["b"])),
                    "{case}"
                );
            }
        }
    }
}
