//! Masks that are filled freely (WSC): inputs, what is written, answers and losses.

use serde_json::{Value, json};

use super::{DECODINGS, goldens, ids, list, near, session, tokenizer};
use crate::pvp::encode::{Encoded, PatternEncoder};
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::free_text::{fill, matches};
use crate::scoring::scorer::Scorer;

fn masks(cloze: &Encoded) -> Vec<u32> {
    (cloze.mask..cloze.mask + cloze.masks).map(|mask| mask as u32).collect()
}

#[test]
fn inputs_and_what_is_written_agree_with_the_goldens() {
    let task = super::task("wsc").unwrap();
    for golden in goldens("wsc") {
        let rows = super::examples(&task, &golden);
        for (model, numbers) in golden["models"].as_object().unwrap() {
            let (tokenizer, mut session) = (tokenizer(model), session(model));
            assert_eq!(task.patterns.len(), numbers["patterns"].as_object().unwrap().len());
            for number in 0..task.patterns.len() {
                let verbalizer = Verbalizer::new(&task, number, &tokenizer).unwrap();
                let Scorer::FreeText(scorer) = Scorer::new(&verbalizer) else { panic!("a text is written") };
                for (length, case) in numbers["patterns"][number.to_string()]["msl"].as_object().unwrap() {
                    let task = super::with_length(&task, length);
                    let encoder = PatternEncoder::of_task(&task, number, &tokenizer).asking_for(&verbalizer);
                    let (mut clozes, mut answers) = (Vec::new(), Vec::new());
                    for (got, wanted) in super::encoded(&encoder, &rows, case) {
                        assert_eq!(masks(&got), ids(&wanted["masks"]));
                        assert_eq!(got.wanted.as_deref(), wanted["target"].as_str());
                        clozes.push(got);
                        answers.push(wanted);
                    }
                    for (name, decoding) in DECODINGS {
                        // A small budget, so that there are several groups.
                        let filled = fill(&mut session, &clozes, decoding, 256, |_| Ok(())).unwrap();
                        for ((cloze, filled), answer) in clozes.iter().zip(filled).zip(&answers) {
                            let wanted = &answer["decoding"][name];
                            assert_eq!(filled.tokens, ids(&wanted["filled_ids"]), "{model} {number} {name}");
                            let order: Vec<Vec<usize>> = (filled.order.iter())
                                .map(|places| places.iter().map(|place| cloze.mask + place).collect())
                                .collect();
                            assert_eq!(json!(order), wanted["fill_order"]);
                            let text = cloze.wanted.as_deref().unwrap();
                            let found = matches(&tokenizer.decode(&filled.tokens), text);
                            assert_eq!(if found { "True" } else { "False" }, wanted["prediction"]);
                        }
                    }

                    let lesson = |example: &Value| {
                        let is = |row: &&Value| format!("train-{}", row["idx"]) == example["guid"];
                        let row = list(&golden["rows"]).iter().position(|row| is(&row)).unwrap();
                        let text =
                            tokenizer.tokenize(&tokenizer.after_space(example["target"].as_str().unwrap()));
                        let surplus = list(&example["masks"]).len() - text.len();
                        let got = encoder.encode_with(&rows[row].texts, &[], surplus).unwrap();
                        assert_eq!(got.sequence.ids, ids(&example["input_ids"]));
                        assert_eq!(masks(&got), ids(&example["masks"]));
                        got
                    };
                    let examples = list(&case["train"]["examples"]);
                    let lessons: Vec<Encoded> = examples.iter().map(lesson).collect();
                    let lessons: Vec<&Encoded> = lessons.iter().collect();
                    for (lesson, wanted) in lessons.iter().zip(examples) {
                        let loss = scorer.train(&mut session, &[lesson], 0, 1.0);
                        near(loss, &wanted["loss_alone"], 1e-4);
                    }
                    let loss = scorer.train(&mut session, &lessons[..lessons.len().min(4)], 0, 1.0);
                    near(loss, &case["train"]["loss_batch_of_first_4"], 1e-4);
                    near(
                        scorer.train(&mut session, &lessons, 0, 1.0),
                        &case["train"]["loss_batch_all"],
                        1e-4,
                    );
                }
            }
        }
    }
}

#[test]
fn what_was_written_is_compared_as_in_the_goldens() {
    for golden in goldens("wsc_matching") {
        let tokenizer = tokenizer("bert");
        for case in list(&golden["cases"]) {
            let written = tokenizer.decode(&ids(&case["generated_ids"]));
            let found = matches(&written, case["candidate"].as_str().unwrap());
            assert_eq!(json!(found), case["predicted_true"], "{case}");
        }
    }
}
