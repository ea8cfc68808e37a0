//! Rows with choices of their own: whole runs on a tiny random model.

mod common;

use cloze::task::Split;
use cloze::{Format, Predictor, ReadOptions, Reader};
use cloze_encoder::Device;
use common::Folder;
use serde_json::Value;

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
        assert!(row["people"].as_array().unwrap().contains(&line["prediction"]), "{line}");
        let probability = line["probability"].as_f64().unwrap();
        assert!(
            probability * row["people"].as_array().unwrap().len() as f64 >= 0.99 && probability <= 1.0,
            "{line}"
        );
    }
    let report = std::fs::read_to_string(outcome.path.join("report.html")).unwrap();
    assert!(report.contains("each row has its own choices") && !report.contains("Confusion"));
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
