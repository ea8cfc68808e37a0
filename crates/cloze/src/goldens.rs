//! The numbers of the reference implementation of PET, and of other programs, which what is computed here is held to. What these tests share: where the
//! files are, and the papers' tasks, as `tasks/` has them.

mod calibration;
mod choices;
mod encodings;
mod ensemble;
mod explanations;
mod free_text;
mod multi_token;
mod tasks;
mod training;

use std::path::{Path, PathBuf};

use cloze_encoder::{Checkpoint, Device, Model, Session, Tokenizer};
use serde_json::Value;

use crate::dataset::Example;
use crate::pvp::encode::{Encoded, PatternEncoder};
use crate::task::{Decoding, Split, Task};

/// Where goldens may be: `fixtures/`, and the folder named by `CONFORMANCE`.
fn folders() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")];
    match std::env::var_os("CONFORMANCE") {
        Some(folder) => folders.push(folder.into()),
        None => println!("goldens outside fixtures/ were not run because CONFORMANCE is not set"),
    }
    folders
}

/// The orders of filling masks, as goldens call them.
const DECODINGS: [(&str, Decoding); 3] =
    [("default", Decoding::MaxFirst), ("ltr", Decoding::LeftToRight), ("parallel", Decoding::Parallel)];

/// The golden files `pet/<task>.json` that are here.
fn goldens(task: &str) -> Vec<Value> {
    let files = folders().into_iter().map(|folder| folder.join("pet").join(format!("{task}.json")));
    files.filter(|file| file.exists()).map(|file| json(&file)).collect()
}

/// A masked language model of the goldens.
fn session(model: &str) -> Session {
    let dirs = folders().into_iter().map(|folder| folder.join("encoder").join(model));
    let dir = dirs.into_iter().find(|dir| dir.join("model.safetensors").exists()).expect(model);
    Session::new(Model::masked_lm(&Checkpoint::open(&dir).unwrap()).unwrap(), &Device::new(2))
}

/// Fails unless a number is this near to a golden.
#[track_caller]
fn near(found: f32, expected: &Value, tolerance: f64) {
    let expected = expected.as_f64().unwrap();
    assert!((f64::from(found) - expected).abs() <= tolerance, "{found} instead of {expected}");
}

/// The contents of a JSON file.
fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// The items of an array.
fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// An array of token ids.
fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).unwrap()
}

/// The task file of a paper's task.
fn task(name: &str) -> Option<Task> {
    let file = if name == "agnews" { "agnews-paper" } else { name };
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tasks").join(format!("{file}.toml"));
    path.exists().then(|| Task::open(&path).unwrap_or_else(|error| panic!("{error:?}")))
}

/// The rows of a golden as its task file reads them: the golden has so many of them.
fn examples(task: &Task, golden: &Value) -> Vec<Example> {
    let mut examples = read(task, golden);
    let wanted = list(&golden["examples"]);
    examples.truncate(wanted.len());
    for (example, wanted) in examples.iter().zip(wanted) {
        assert_eq!(example.label, list(&golden["labels"]).iter().position(|name| *name == wanted["label"]));
    }
    examples
}

/// All rows of a golden as its task file reads them.
fn read(task: &Task, golden: &Value) -> Vec<Example> {
    let folder = tempfile::tempdir().unwrap();
    let mut task = task.clone();
    let mut text = String::new();
    for row in list(&golden["rows"]) {
        let row = match row.as_array() {
            Some(values) => serde_json::json!({"label": values[0], "title": values[1], "body": values[2]}),
            None => row.clone(),
        };
        text.push_str(&format!("{row}\n"));
    }
    std::fs::write(folder.path().join("rows.jsonl"), text).unwrap();
    task.data.dir = folder.path().to_owned();
    task.data.test = vec!["rows.jsonl".into()];
    task.examples(Split::Test).unwrap().to_vec()
}

/// The inputs of a golden, made of its rows, each with its numbers; rows that the reference could not shorten enough are refused.
fn encoded<'g>(encoder: &PatternEncoder, rows: &[Example], case: &'g Value) -> Vec<(Encoded, &'g Value)> {
    let mut inputs = Vec::new();
    for wanted in list(&case["examples"]) {
        let row = &rows[wanted["row"].as_u64().unwrap() as usize];
        let got = encoder.encode_example(row);
        if wanted.get("error").is_some() {
            assert!(got.is_err(), "{wanted}");
            continue;
        }
        let got = got.unwrap();
        assert_eq!(got.sequence.ids, ids(&wanted["input_ids"]), "{wanted}");
        inputs.push((got, wanted));
    }
    inputs
}

/// The tokenizer of a golden model.
fn tokenizer(model: &str) -> Tokenizer {
    let dirs = folders().into_iter().map(|folder| folder.join("encoder").join(model));
    let dir = dirs.into_iter().find(|dir| dir.join("tokenizer.json").exists()).expect(model);
    Tokenizer::open(&dir).unwrap()
}

/// Calls `check` for every task with one mask and every model that there are goldens for, and names the other tasks.
fn every_task(check: impl Fn(&Task, &Value, &str, &Value)) {
    for folder in folders() {
        let mut files: Vec<PathBuf> =
            std::fs::read_dir(folder.join("pet")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        for file in files.iter().filter(|file| file.extension().is_some_and(|kind| kind == "json")) {
            let golden = json(file);
            let (Some(name), Some(models)) = (golden["task"].as_str(), golden["models"].as_object()) else {
                continue;
            };
            if !golden["examples"].is_array() || !golden["rows"].is_array() {
                continue;
            }
            // Several masks: see `multi_token`, `choices` and `free_text`.
            let Some(task) = task(name).filter(|_| !["copa", "record", "wsc"].contains(&name)) else {
                continue;
            };
            for (model, numbers) in models {
                println!("{} with the model `{model}`", file.display());
                check(&task, &golden, model, numbers);
            }
        }
    }
}

/// The task with this much room.
fn with_length(task: &Task, length: &str) -> Task {
    let mut task = task.clone();
    task.options.max_length = length.parse().unwrap();
    task
}
