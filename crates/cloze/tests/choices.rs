//! Rows with choices of their own (ReCoRD): inputs, scores and losses against the golden numbers, and whole runs.

#[path = "common/mod.rs"]
mod common;
mod golden;

use cloze::predict::Predictor;
use cloze::pvp::encode::{Encoded, PatternEncoder};
use cloze::pvp::verbalizer::{Candidates, Verbalizer};
use cloze::scoring::multi_token::{score, train};
use cloze::table::{Format, ReadOptions, Reader};
use cloze::task::{Choices, Example, Hinge, Split};
use cloze_encoder::Device;
use common::Folder;
use golden::{DECODINGS, goldens, ids, list, near, session, tokenizer};
use serde_json::{Value, json};

#[test]
fn inputs_and_scores_of_all_candidates_agree_with_the_goldens() {
    let task = golden::task("record").unwrap();
    for golden in goldens("record") {
        let rows = golden::read(&task, &golden);
        for (row, wanted) in rows.iter().zip(list(&golden["examples"])) {
            let choices = &row.choices;
            assert_eq!(json!(choices), wanted["meta"]["candidates"]);
            let right = choices.iter().enumerate().filter(|(place, _)| row.is_right(*place));
            let right: Vec<&String> = right.map(|(_, choice)| choice).collect();
            let answers = list(&wanted["meta"]["answers"]);
            assert!(
                right.len() == answers.len()
                    && answers.iter().all(|answer| right.contains(&&answer.as_str().unwrap().to_owned()))
            );
        }
        for (model, numbers) in golden["models"].as_object().unwrap() {
            let (tokenizer, mut session) = (tokenizer(model), session(model));
            let verbalizer = Verbalizer::new(&task, 0, &tokenizer).unwrap();
            for (length, case) in numbers["patterns"]["0"]["msl"].as_object().unwrap() {
                let task = golden::with_length(&task, length);
                let encoder = PatternEncoder::of_task(&task, 0, &tokenizer).asking_for(&verbalizer);
                for (got, wanted) in golden::encoded(&encoder, &rows, case) {
                    let row = &rows[wanted["row"].as_u64().unwrap() as usize];
                    assert_eq!(got.masks, list(&wanted["masks"]).len());
                    let mut tokens: Vec<Vec<Vec<u32>>> =
                        list(&wanted["candidate_token_ids"]).iter().map(|word| vec![ids(word)]).collect();
                    tokens.resize(Choices::LARGEST, Vec::new());
                    assert_eq!(got.candidates.as_deref(), Some(&Candidates(tokens)));
                    for (name, decoding) in DECODINGS {
                        let clozes = std::slice::from_ref(&got);
                        let scores =
                            score(&mut session, Choices::LARGEST, clozes, decoding, 512, |_| Ok(())).unwrap();
                        let numbers = list(&wanted["decoding"][name]["log_probs"]);
                        scores.row(0).iter().zip(numbers).for_each(|(got, wanted)| near(*got, wanted, 1e-3));
                        assert!(
                            scores.row(0)[numbers.len()..].iter().all(|score| *score == f32::NEG_INFINITY)
                        );
                        let best = &row.choices[scores.predictions()[0]];
                        assert_eq!(json!(best), wanted["decoding"][name]["best_candidate"]);
                    }
                }
                for example in list(&case["train"]["examples"]) {
                    // The same row, whose choices are those drawn by whoever made the golden.
                    let is = |wanted: &&Value| {
                        let guid = wanted["guid"].as_str().unwrap().replace("dev-", "train-");
                        example["guid"].as_str().unwrap().starts_with(&format!("{guid}-a"))
                    };
                    let row = list(&golden["examples"]).iter().position(|wanted| is(&wanted)).unwrap();
                    let choices = serde_json::from_value(example["candidates"].clone()).unwrap();
                    let cloze = encoder.encode_example(&Example { choices, ..rows[row].clone() }).unwrap();
                    assert_eq!(cloze.sequence.ids, ids(&example["input_ids"]));
                    // The right one comes first.
                    for hinge in [Hinge::Mean, Hinge::Batch] {
                        let loss = train(&mut session, &[&cloze], &[0], hinge, 0, 1.0);
                        near(loss, &example["loss_alone"], 1e-4);
                    }
                    let both: [&Encoded; 2] = [&cloze, &cloze];
                    assert!(train(&mut session, &both, &[0, 0], Hinge::Mean, 0, 1.0).is_finite());
                }
            }
        }
    }
}

const TASK: &str = r#"
format   = 1
name     = "who"
patterns = ["{text} Who? {mask}."]

[data]
train = "who.jsonl"
test  = "who.jsonl"
label = "answer"

[choices]
from = "people"
most = 2

[train]
steps = 4
batch_size = 2
"#;

const ROWS: &str = r#"{"text": "the man saw the sun", "people": ["the man", "the sun", "a house"], "answer": "the man"}
{"text": "he wept", "people": ["he", "she"], "answer": ["he"]}
{"text": "they laughed", "people": ["they", "we", "you", "the road"], "answer": ["they", "we"]}
"#;

#[test]
fn a_run_ends_with_an_ensemble_that_predicts_texts() {
    let folder = Folder::new();
    folder.write("who.jsonl", ROWS);
    let outcome = folder.train(TASK).unwrap();
    assert!(outcome.results.distilled.is_none() && outcome.results.labels.is_empty());
    let test = outcome.results.ensemble.as_ref().unwrap().test.as_ref().unwrap();
    assert_eq!((test.rows, test.labels.len()), (3, 0));

    let predictor = Predictor::open_with(&outcome.path, None, &Device::new(1)).unwrap();
    let rows = folder.task(TASK).examples(Split::Test).unwrap();
    assert_eq!(predictor.evaluate(&rows, |_, _| Ok(())).unwrap(), *test);
    let mut out = Vec::new();
    let reader =
        Reader::new("new.jsonl", std::io::Cursor::new(ROWS.as_bytes().to_vec()), ReadOptions::default())
            .unwrap();
    let written = predictor.annotate(reader, &mut out, "out.jsonl", Format::Jsonl, |_| Ok(())).unwrap();
    assert_eq!(written.rows, 3);
    for (line, row) in String::from_utf8(out).unwrap().lines().zip(ROWS.lines()) {
        let (line, row): (Value, Value) =
            (serde_json::from_str(line).unwrap(), serde_json::from_str(row).unwrap());
        assert!(list(&row["people"]).contains(&line["prediction"]), "{line}");
        let probability = line["probability"].as_f64().unwrap();
        assert!(probability * list(&row["people"]).len() as f64 >= 0.99 && probability <= 1.0, "{line}");
    }
    let report = std::fs::read_to_string(outcome.path.join("report.html")).unwrap();
    assert!(report.contains("choices of each row&#39;s own") && !report.contains("Confusion"));
}

#[test]
fn a_new_row_without_choices_is_an_error_with_its_line() {
    let folder = Folder::new();
    folder.write("who.jsonl", ROWS);
    let outcome = folder.train(TASK).unwrap();
    let predictor = Predictor::open_with(&outcome.path, None, &Device::new(1)).unwrap();
    let rows = "{\"text\": \"x\", \"people\": [\"he\"]}\n{\"text\": \"x\", \"people\": \"he\"}\n";
    let reader =
        Reader::new("new.jsonl", std::io::Cursor::new(rows.as_bytes().to_vec()), ReadOptions::default())
            .unwrap();
    let error = predictor.annotate(reader, Vec::new(), "out.jsonl", Format::Jsonl, |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("`new.jsonl`, line 2, column `people`: this is no list"), "{error}");
    // A row that was typed comes from no file.
    let error = predictor.classify(["he wept", "he, she"]).unwrap_err();
    assert!(error.to_string().contains("column `people`: this is no list"), "{error}");
}
