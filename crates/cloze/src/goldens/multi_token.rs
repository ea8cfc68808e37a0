//! Label words of several tokens: inputs, scores and losses.

use std::sync::Arc;

use cloze_encoder::{AdamW, Sequence, Session};
use serde_json::Value;

use super::{DECODINGS, goldens, ids, list, near, session, tokenizer};
use crate::pattern::Pattern;
use crate::pvp::encode::{Encoded, PatternEncoder};
use crate::pvp::verbalizer::{Candidates, Verbalizer};
use crate::scoring::multi_token::MultiToken;
use crate::task::{Decoding, Hinge, Label, Spacing};

/// What scores this many labels.
fn scoring(labels: usize, decoding: Decoding) -> MultiToken {
    MultiToken { labels, decoding, hinge: Hinge::default() }
}

/// What is trained with this loss.
fn learning(hinge: Hinge) -> MultiToken {
    MultiToken { labels: 0, decoding: Decoding::default(), hinge }
}

/// A golden input whose candidates are these tokens, a label each.
fn cloze(example: &Value, candidates: &Value) -> Encoded {
    let masks = list(&example["masks"]);
    let words = list(candidates).iter().map(|word| vec![ids(word)]).collect();
    let ids = ids(&example["input_ids"]);
    Encoded {
        sequence: Sequence { type_ids: vec![0; ids.len()], ids },
        mask: masks[0].as_u64().unwrap() as usize,
        masks: masks.len(),
        candidates: Some(Arc::new(Candidates(words))),
        wanted: None,
        cut: Vec::new(),
        lower: None,
    }
}

#[test]
fn words_of_different_length_agree_with_the_goldens() {
    for golden in goldens("multimask") {
        let pattern: Pattern = "{text}It was{mask}.".parse().unwrap();
        let words: Vec<String> = serde_json::from_value(golden["choices"].clone()).unwrap();
        let label =
            |(number, word): (usize, &String)| Label { name: number.to_string(), words: vec![word.clone()] };
        let labels: Vec<Label> = words.iter().enumerate().map(label).collect();
        let right: Vec<u32> =
            list(&golden["examples"]).iter().map(|x| x["label"].as_str().unwrap().parse().unwrap()).collect();
        for (model, golden_of_model) in golden["models"].as_object().unwrap() {
            let (tokenizer, mut session) = (tokenizer(model), session(model));
            let verbalizer = Verbalizer::of_labels(&labels, &tokenizer, true).unwrap();
            let found = verbalizer.candidates(&tokenizer, &[], |_| "").unwrap();
            let expected = list(&golden_of_model["choice_token_ids"]).iter().map(|word| vec![ids(word)]);
            assert_eq!(found.0, expected.collect::<Vec<_>>());

            let fields = vec!["text".to_owned()];
            let encoder = PatternEncoder::new(&tokenizer, &pattern, &fields, Spacing::Parts, 64);
            let encoder = encoder.asking_for(&verbalizer);
            let mut clozes = Vec::new();
            for (example, wanted) in list(&golden["examples"]).iter().zip(list(&golden_of_model["examples"]))
            {
                let got = encoder.encode(&[example["text"].as_str().unwrap()]).unwrap();
                assert_eq!(got.sequence.ids, ids(&wanted["input_ids"]));
                let masks: Vec<u32> = (got.mask..got.mask + got.masks).map(|mask| mask as u32).collect();
                assert_eq!(masks, ids(&wanted["masks"]));
                clozes.push(got);
            }
            for (name, decoding) in DECODINGS {
                // A small budget, so that there are several groups.
                let scores =
                    scoring(labels.len(), decoding).score(&mut session, &clozes, 64, |_| Ok(())).unwrap();
                for (row, example) in scores.iter().zip(list(&golden_of_model["examples"])) {
                    let wanted = list(&example["log_probs"][name]);
                    row.iter().zip(wanted).for_each(|(got, wanted)| near(*got, wanted, 1e-3));
                }
            }
            let all: Vec<&Encoded> = clozes.iter().collect();
            let loss = learning(Hinge::Sum).train(&mut session, &all, &right, 0, 1.0);
            near(loss, &golden_of_model["train_loss_batch"], 1e-4);
            for ((cloze, right), wanted) in
                all.iter().zip(&right).zip(list(&golden_of_model["train_loss_each"]))
            {
                near(learning(Hinge::Sum).train(&mut session, &[cloze], &[*right], 0, 1.0), wanted, 1e-4);
            }
        }
    }
}

#[test]
fn choices_from_columns_agree_with_the_goldens() {
    let task = super::task("copa").unwrap();
    for golden in goldens("copa") {
        let rows = super::examples(&task, &golden);
        for (model, numbers) in golden["models"].as_object().unwrap() {
            let (tokenizer, mut session) = (tokenizer(model), session(model));
            assert_eq!(task.patterns.len(), numbers["patterns"].as_object().unwrap().len());
            for number in 0..task.patterns.len() {
                let verbalizer = Verbalizer::new(&task, number, &tokenizer).unwrap();
                for (length, case) in numbers["patterns"][number.to_string()]["msl"].as_object().unwrap() {
                    let task = super::with_length(&task, length);
                    let encoder = PatternEncoder::of_task(&task, number, &tokenizer).asking_for(&verbalizer);
                    let (mut clozes, mut decoded) = (Vec::new(), Vec::new());
                    for (got, wanted) in super::encoded(&encoder, &rows, case) {
                        assert_eq!(
                            got,
                            Encoded { cut: got.cut.clone(), ..cloze(wanted, &wanted["choice_token_ids"]) }
                        );
                        clozes.push(got);
                        decoded.push(&wanted["decoding"]);
                    }
                    for (name, decoding) in DECODINGS {
                        let scores =
                            scoring(2, decoding).score(&mut session, &clozes, 256, |_| Ok(())).unwrap();
                        for (row, wanted) in scores.iter().zip(&decoded) {
                            let wanted = list(&wanted[name]["log_probs"]);
                            row.iter().zip(wanted).for_each(|(got, wanted)| near(*got, wanted, 1e-3));
                        }
                    }
                    let mut lessons = Vec::new();
                    for example in list(&case["train"]["examples"]) {
                        let choices = list(&example["choices"]);
                        let tokens = |choice: &Value| {
                            tokenizer.tokenize(&tokenizer.after_space(choice.as_str().unwrap()))
                        };
                        let tokens: Vec<Vec<u32>> = choices.iter().map(tokens).collect();
                        let cloze = cloze(example, &serde_json::to_value(tokens).unwrap());
                        let right = example["label"].as_str().unwrap().parse().unwrap();
                        for hinge in [Hinge::Mean, Hinge::Batch] {
                            let loss = learning(hinge).train(&mut session, &[&cloze], &[right], 0, 1.0);
                            near(loss, &example["loss_alone"], 1e-4);
                        }
                        lessons.push((cloze, right));
                    }
                    let mut batch = |count: usize| {
                        let clozes: Vec<&Encoded> =
                            lessons.iter().take(count).map(|(cloze, _)| cloze).collect();
                        let right: Vec<u32> = lessons.iter().map(|(_, right)| *right).collect();
                        learning(Hinge::Batch).train(&mut session, &clozes, &right[..clozes.len()], 0, 1.0)
                    };
                    near(batch(4), &case["train"]["loss_batch_of_first_4"], 1e-4);
                    near(batch(usize::MAX), &case["train"]["loss_batch_all"], 1e-4);
                }
            }
        }
    }
}

#[test]
fn the_gradient_leads_downhill() {
    for golden in goldens("multimask") {
        let mut session = session("bert");
        let numbers = &golden["models"]["bert"];
        let clozes: Vec<Encoded> =
            list(&numbers["examples"]).iter().map(|x| cloze(x, &numbers["choice_token_ids"])).collect();
        let (all, right) = (clozes.iter().collect::<Vec<_>>(), [3, 0, 0, 3, 0, 0]);
        for hinge in [Hinge::Sum, Hinge::Mean, Hinge::Batch] {
            let loss = |session: &mut Session| learning(hinge).train(session, &all, &right, 0, 1.0);
            let before = loss(&mut session);
            let adamw = AdamW { learning_rate: 1e-4, weight_decay: 0.0, ..Default::default() };
            session.update(&adamw);
            assert!(loss(&mut session) < before, "{hinge:?}");
            session.update(&adamw);
        }
    }
}
