//! Masks that are filled freely (WSC): inputs, what is written, answers and losses against the golden numbers, and whole runs.

#[path = "common/mod.rs"]
mod common;
mod golden;

use cloze::Error;
use cloze::predict::zero_shot::zero_shot;
use cloze::predict::{Predictor, With};
use cloze::pvp::encode::{Encoded, PatternEncoder};
use cloze::pvp::verbalizer::Verbalizer;
use cloze::scoring::free_text::{fill, matches, train};
use cloze::task::Split;
use cloze_encoder::Device;
use common::{Folder, TASK, prepared};
use golden::{DECODINGS, goldens, ids, list, near, session, tokenizer};
use serde_json::{Value, json};

fn masks(cloze: &Encoded) -> Vec<u32> {
    (cloze.mask..cloze.mask + cloze.masks).map(|mask| mask as u32).collect()
}

#[test]
fn inputs_and_what_is_written_agree_with_the_goldens() {
    let task = golden::task("wsc").unwrap();
    for golden in goldens("wsc") {
        let rows = golden::examples(&task, &golden);
        for (model, numbers) in golden["models"].as_object().unwrap() {
            let (tokenizer, mut session) = (tokenizer(model), session(model));
            assert_eq!(task.patterns.len(), numbers["patterns"].as_object().unwrap().len());
            for number in 0..task.patterns.len() {
                let verbalizer = Verbalizer::new(&task, number, &tokenizer).unwrap();
                let (label, _) = verbalizer.free_text().unwrap();
                for (length, case) in numbers["patterns"][number.to_string()]["msl"].as_object().unwrap() {
                    let task = golden::with_length(&task, length);
                    let encoder = PatternEncoder::of_task(&task, number, &tokenizer).asking_for(&verbalizer);
                    let (mut clozes, mut answers) = (Vec::new(), Vec::new());
                    for (got, wanted) in golden::encoded(&encoder, &rows, case) {
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
                    let pad = tokenizer.special().pad;
                    for (lesson, wanted) in lessons.iter().zip(examples) {
                        let loss = train(&mut session, label, pad, &[lesson], 0, 1.0);
                        near(loss, &wanted["loss_alone"], 1e-4);
                    }
                    let loss = train(&mut session, label, pad, &lessons[..lessons.len().min(4)], 0, 1.0);
                    near(loss, &case["train"]["loss_batch_of_first_4"], 1e-4);
                    near(
                        train(&mut session, label, pad, &lessons, 0, 1.0),
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

/// The task of the other tests, where the model is to write a word of the row.
fn task(method: &str) -> String {
    TASK.replace("[\"good\", \"great\"]", "\"{text}\"")
        .replace("down = \"bad\"", "down = []")
        .replace("[train]\n", &format!("[train]\nmethod = \"{method}\"\n"))
}

#[test]
fn a_run_goes_all_the_way() {
    for method in ["pet", "ipet"] {
        let (folder, task) = (Folder::new(), task(method));
        let outcome = folder.train(&task).unwrap();
        assert!(outcome.results.distilled.is_some());
        let test = folder.task(&task).examples(Split::Test).unwrap();
        let predictor = Predictor::open_with(&outcome.path, Some(With::Ensemble), &Device::new(1)).unwrap();
        let scores = predictor.score(&test, |_, _| Ok(())).unwrap();
        // Votes for one label or the other.
        assert!(scores.iter().all(|row| (row[0] + row[1] - 1.0).abs() < 1e-6));
    }
}

#[test]
fn rows_to_learn_from_have_a_text_or_there_is_an_error() {
    let (folder, task) = (Folder::new(), task("pet"));
    folder.write("none.csv", "text,mood\nthe sun,down\nthe house,down\n");
    let task = task.replace("train.csv", "none.csv");
    let error = folder.train(&task).unwrap_err();
    assert!(matches!(error, Error::Data { .. }), "{error:?}");
    assert!(error.to_string().contains("no labelled row is `up`"), "{error}");
}

#[test]
fn only_rows_with_a_text_prime() {
    let (folder, task) = (Folder::new(), task("pet"));
    let found = zero_shot(&prepared(&folder.task(&task)), 3, |_, _| Ok(())).unwrap();
    // Two of the three labelled rows are `up`.
    assert_eq!(found.examples.map(|examples| (examples.least, examples.most)), Some((2, 2)));
}
