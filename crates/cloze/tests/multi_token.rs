//! Label words of several tokens: scores and losses against the golden numbers, and whole runs on a tiny random model.

#[path = "common/mod.rs"]
mod common;
mod golden;

use std::sync::Arc;

use cloze::pattern::Pattern;
use cloze::predict::{Predictor, With};
use cloze::pvp::encode::{Encoded, PatternEncoder};
use cloze::pvp::verbalizer::{Candidates, Verbalizer};
use cloze::scoring::multi_token::{score, train};
use cloze::task::{Hinge, Label, Spacing, Split};
use cloze_encoder::{Device, Sequence, Session};
use common::{Folder, TASK};
use golden::{DECODINGS, goldens, ids, list, near, session, tokenizer};
use serde_json::Value;

/// A golden input whose candidates are these tokens, a label each.
fn cloze(example: &Value, candidates: &Value) -> Encoded {
    let ids = ids(&example["input_ids"]);
    let masks = list(&example["masks"]);
    let words = list(candidates).iter().map(|word| vec![golden::ids(word)]).collect();
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

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(ToString::to_string).collect()
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

            let fields = names(&["text"]);
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
                let scores = score(&mut session, labels.len(), &clozes, decoding, 64, |_| Ok(())).unwrap();
                for (row, example) in scores.iter().zip(list(&golden_of_model["examples"])) {
                    let wanted = list(&example["log_probs"][name]);
                    row.iter().zip(wanted).for_each(|(got, wanted)| near(*got, wanted, 1e-3));
                }
            }
            let all: Vec<&Encoded> = clozes.iter().collect();
            let loss = train(&mut session, &all, &right, Hinge::Sum, 0, 1.0);
            near(loss, &golden_of_model["train_loss_batch"], 1e-4);
            for ((cloze, right), wanted) in
                all.iter().zip(&right).zip(list(&golden_of_model["train_loss_each"]))
            {
                near(train(&mut session, &[cloze], &[*right], Hinge::Sum, 0, 1.0), wanted, 1e-4);
            }
        }
    }
}

#[test]
fn choices_from_columns_agree_with_the_goldens() {
    let task = golden::task("copa").unwrap();
    for golden in goldens("copa") {
        let rows = golden::examples(&task, &golden);
        for (model, numbers) in golden["models"].as_object().unwrap() {
            let (tokenizer, mut session) = (tokenizer(model), session(model));
            assert_eq!(task.patterns.len(), numbers["patterns"].as_object().unwrap().len());
            for number in 0..task.patterns.len() {
                let verbalizer = Verbalizer::new(&task, number, &tokenizer).unwrap();
                for (length, case) in numbers["patterns"][number.to_string()]["msl"].as_object().unwrap() {
                    let task = golden::with_length(&task, length);
                    let encoder = PatternEncoder::of_task(&task, number, &tokenizer).asking_for(&verbalizer);
                    let (mut clozes, mut decoded) = (Vec::new(), Vec::new());
                    for (got, wanted) in golden::encoded(&encoder, &rows, case) {
                        assert_eq!(
                            got,
                            Encoded { cut: got.cut.clone(), ..cloze(wanted, &wanted["choice_token_ids"]) }
                        );
                        clozes.push(got);
                        decoded.push(&wanted["decoding"]);
                    }
                    for (name, decoding) in DECODINGS {
                        let scores = score(&mut session, 2, &clozes, decoding, 256, |_| Ok(())).unwrap();
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
                            let loss = train(&mut session, &[&cloze], &[right], hinge, 0, 1.0);
                            near(loss, &example["loss_alone"], 1e-4);
                        }
                        lessons.push((cloze, right));
                    }
                    let mut batch = |count: usize| {
                        let clozes: Vec<&Encoded> =
                            lessons.iter().take(count).map(|(cloze, _)| cloze).collect();
                        let right: Vec<u32> = lessons.iter().map(|(_, right)| *right).collect();
                        train(&mut session, &clozes, &right[..clozes.len()], Hinge::Batch, 0, 1.0)
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
            let loss = |session: &mut Session| train(session, &all, &right, hinge, 0, 1.0);
            let before = loss(&mut session);
            let adamw = cloze_encoder::AdamW { learning_rate: 1e-4, weight_decay: 0.0, ..Default::default() };
            session.update(&adamw);
            assert!(loss(&mut session) < before, "{hinge:?}");
            session.update(&adamw);
        }
    }
}

#[test]
fn a_run_with_such_words_goes_all_the_way() {
    for (method, up) in [("pet", "\"very good\""), ("ipet", "[\"good\", \"{text}\"]")] {
        let task = TASK
            .replace("[\"good\", \"great\"]", up)
            .replace("[train]\n", &format!("[train]\nmethod = \"{method}\"\n"));
        let folder = Folder::new();
        let outcome = folder.train(&task).unwrap();
        assert!(outcome.results.distilled.is_some());
        let test = folder.task(&task).examples(Split::Test).unwrap();
        let predictor = Predictor::open_with(&outcome.path, Some(With::Ensemble), &Device::new(1)).unwrap();
        let mut file = Vec::new();
        let scores = predictor.score(&test, |_, _| Ok(())).unwrap();
        scores.write_csv(&names(&["up", "down"]), &mut file).unwrap();
        let job = &outcome.results.ensemble.as_ref().unwrap().job;
        assert_eq!(file, std::fs::read(outcome.path.join(job).join("test.csv")).unwrap(), "{method}");
    }
}
