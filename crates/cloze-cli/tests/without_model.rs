//! The command built without a model, as `cargo install cloze-cli --no-default-features` builds it. To run these tests:
//! `cargo test -p cloze-cli --no-default-features --test without_model`.
#![cfg(not(feature = "built-in-model"))]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// Two labels and few steps.
const TASK: &str = r#"format = 1
name = "weather"
patterns = ["{text} It is {mask}."]

[data]
train = "labelled.csv"
label = "label"

[labels]
good = "good"
bad = "bad"

[train]
steps = 2

[distil]
steps = 2
"#;

const ROWS: &str =
    "text,label\na day of sun and light,good\na night of storm,bad\nlight and sun,good\nthe storm,bad\n";

fn cloze(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloze"));
    command.args(args).current_dir(dir).env_remove("CLOZE_MODEL").stdin(Stdio::null()).output().unwrap()
}

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("task.toml"), TASK).unwrap();
    fs::write(folder.path().join("labelled.csv"), ROWS).unwrap();
    folder
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(from.join(file), to.join(file)).unwrap();
    }
}

fn tiny_model() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert")
}

#[test]
fn every_verb_that_needs_a_model_says_how_to_get_one() {
    let folder = folder();
    let verbs: [&[&str]; 6] = [
        &["demo"],
        &["init", "labelled.csv", "--label", "label", "--output", "new.toml"],
        &["check", "task.toml"],
        &["zero-shot", "task.toml"],
        &["train", "task.toml"],
        &["study", "task.toml"],
    ];
    for verb in verbs {
        let output = cloze(folder.path(), verb);
        let error = String::from_utf8(output.stderr).unwrap();
        let error = error.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(output.status.code(), Some(1), "{verb:?}: {error}");
        for part in
            ["built without one", "fetch google-bert/bert-base-uncased`", "`--model DIR`", "`[model]`"]
        {
            assert!(error.contains(part), "{part}: {error}");
        }
    }
}

#[test]
fn each_remedy_ends_well() {
    let folder = folder();
    let succeeds = |args: &[&str]| {
        let output = cloze(folder.path(), args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let model = folder.path().join("model");
    copy(&tiny_model(), &model);
    succeeds(&["check", "task.toml", "--model", "model"]);
    succeeds(&["train", "task.toml", "--model", "model"]);
    fs::write(folder.path().join("task.toml"), format!("{TASK}\n[model]\ndirectory = \"model\"\n")).unwrap();
    succeeds(&["check", "task.toml"]);
    let run = fs::read_dir(folder.path().join("runs")).unwrap().next().unwrap().unwrap().path();
    // A run carries its model.
    let predicted = succeeds(&["predict", run.to_str().unwrap(), "--text", "a day of light"]);
    assert!(predicted.contains("good") || predicted.contains("bad"), "{predicted}");
}

#[test]
fn the_help_promises_no_built_in_model() {
    let output = cloze(Path::new("."), &["train", "--help"]);
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(help.contains("what the task file says") && !help.contains("cloze-mini-en"), "{help}");
}
