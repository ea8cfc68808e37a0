//! `cloze adapt`, interrupted or not, and the model that comes of it.

use std::process::Stdio;
use std::time::{Duration, Instant};

use crate::support::{Folder, interrupted, tiny_model};

/// A folder with text in three kinds of files.
fn folder() -> Folder {
    let folder = Folder::new();
    let line = |number: usize| format!("the sun and the water of day {number} were good for the old house");
    folder.write("notes.txt", (0..60).map(|number| line(number) + "\n\n").collect::<String>());
    std::fs::create_dir(folder.path("more")).unwrap();
    let rows: String = (0..60).map(|number| format!("{number},{}\n", line(number))).collect();
    folder.write("more/rows.csv", format!("id,text\n{rows}"));
    folder.write(
        "more/rows.jsonl",
        (0..20).map(|number| format!("{{\"text\": \"{}\"}}\n", line(number))).collect::<String>(),
    );
    folder
}

/// `cloze adapt MODEL notes.txt more -o OUTPUT` with short sequences, and further options.
fn words<'a>(model: &'a str, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let common = ["adapt", model, "notes.txt", "more", "-o", output, "--length", "32", "--batch", "4"];
    common.iter().chain(more).copied().collect()
}

#[test]
fn an_adapted_model_is_trained_from_like_any_other() {
    let folder = folder();
    let model = tiny_model().display().to_string();
    let options = ["--steps", "30", "--learning-rate", "3e-3", "--mask-rate", "0.3..0.15", "--anchor", "0.1"];
    let done = folder.json(&words(&model, "models/weather", &options));
    assert_eq!((&done["documents"], &done["files"], &done["steps"]), (&140.into(), &3.into(), &30.into()));
    let loss = |when: &str| done[when]["loss"].as_f64().unwrap();
    assert!(loss("after") < loss("before"), "{done}");
    assert_eq!(folder.read("models/weather/adapt.jsonl").lines().count(), 11);
    folder.succeed(&["train", "task.toml", "--model", "models/weather", "--json"]);
    let shown = folder.succeed(&words(&model, "shown", &["--steps", "2", "--schedule", "linear"]));
    assert!(
        shown.contains("140 documents in 3 files") && shown.contains("train task.toml --model shown"),
        "{shown}"
    );
    let error = folder.fail(&words(&model, "shown", &["--steps", "2"]));
    assert!(error.contains("`shown` already exists, and nothing is overwritten"), "{error}");
}

#[test]
fn a_task_adapts_its_model_to_its_own_rows_once() {
    let folder = Folder::new();
    let first = folder.json(&["train", "task.toml", "--adapt"]);
    let adapted: Vec<_> =
        std::fs::read_dir(folder.path("runs/adapted")).unwrap().map(|entry| entry.unwrap()).collect();
    assert_eq!(adapted.len(), 1);
    let name = format!("runs/adapted/{}", adapted[0].file_name().to_string_lossy());
    assert_eq!(first["results"]["model"]["name"], name.as_str());
    let before = adapted[0].metadata().unwrap().modified().unwrap();
    let again = folder.json(&["train", "task.toml", "--adapt"]);
    assert_eq!((&again["run"], adapted[0].metadata().unwrap().modified().unwrap()), (&first["run"], before));
    // Without it, the run is another one.
    assert_ne!(folder.json(&["train", "task.toml"])["run"], first["run"]);
    let run = first["run"].as_str().unwrap();
    folder.succeed(&["predict", run, "--text", "the sun"]);
}

#[test]
fn killed_at_any_time_it_goes_on_and_ends_with_the_same_model() {
    let folder = folder();
    let model = tiny_model().display().to_string();
    let options = ["--steps", "120", "--checkpoint", "7", "--anchor", "0.5", "--json"];
    let began = Instant::now();
    folder.succeed(&words(&model, "whole", &options));
    let lasted = began.elapsed();
    for part in [0.3, 0.5, 0.6] {
        let mut child = folder
            .command(&words(&model, "killed", &options))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(lasted.mul_f64(part));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    if !folder.path("killed").exists() {
        folder.succeed(&words(&model, "killed", &options));
    }
    for file in ["model.safetensors", "adapt.jsonl"] {
        assert!(folder.bytes(format!("whole/{file}")) == folder.bytes(format!("killed/{file}")), "{file}");
    }
    assert!(!folder.path("killed.unfinished").exists());
}

/// Ctrl-C writes a checkpoint and says what to do.
#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_done() {
    let folder = folder();
    let model = tiny_model().display().to_string();
    let child = folder
        .command(&words(&model, "out", &["--steps", "100000"]))
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    interrupted(child, || folder.path("out.unfinished/adapt.json").exists(), Duration::from_millis(200));
    assert!(folder.path("out.unfinished/state.bin").exists() && !folder.path("out").exists());
    let error = folder.fail(&words(&model, "out", &["--steps", "99"]));
    assert!(error.contains("was begun with steps 100000 instead of 99"), "{error}");
}
