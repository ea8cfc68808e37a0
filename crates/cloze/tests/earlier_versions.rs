//! Runs that earlier versions have made are read, and stay as they are: what `docs/reference/formats.md` promises.

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use cloze::{Model, Predictor, Run, Task, Trainer, With};
use cloze_encoder::Device;
use serde_json::Value;

/// A folder for every version.
fn versions() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/runs");
    let versions: Vec<PathBuf> = fs::read_dir(all).unwrap().map(|version| version.unwrap().path()).collect();
    assert!(!versions.is_empty());
    versions
}

/// The run in a version's folder.
fn run(version: &Path) -> PathBuf {
    let runs = fs::read_dir(version).unwrap().map(|entry| entry.unwrap().path());
    runs.filter(|path| path.is_dir()).min().unwrap()
}

/// Every file below a folder, by its path in there.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for path in fs::read_dir(next).unwrap().map(|entry| entry.unwrap().path()) {
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    drop(found.insert(path.strip_prefix(folder).unwrap().into(), fs::read(&path).unwrap()))
                }
            }
        }
    }
    found
}

#[test]
fn their_models_answer_as_they_did() {
    for version in versions() {
        let device = Device::new(1);
        let open = |with| Predictor::open_with(run(&version), Some(with), &device).unwrap();
        let (classifier, ensemble) = (open(With::Classifier), open(With::Ensemble));
        let answers = fs::read_to_string(version.join("predictions.jsonl")).unwrap();
        assert!(answers.lines().count() > 4);
        for line in answers.lines() {
            let told: Value = serde_json::from_str(line).unwrap();
            let predictor = if told["with"] == "final" { &classifier } else { &ensemble };
            let found = predictor.classify(told["text"][0].as_str().unwrap()).unwrap();
            assert_eq!(found.label(), told["label"].as_str());
            assert_eq!(found.probabilities.len(), told["probabilities"].as_object().unwrap().len());
            for (label, probability) in &found.probabilities {
                let then = told["probabilities"][label].as_f64().unwrap();
                assert!((probability - then).abs() < 1e-5, "{line}: {probability}");
            }
        }
    }
}

fn labels(task: &Task) -> Vec<String> {
    task.labels.iter().map(|label| label.name.clone()).collect()
}

#[test]
fn their_results_and_tasks_are_read_and_their_pages_made_again() {
    for version in versions() {
        let run = run(&version);
        let finished = Run::open(&run).unwrap();
        let results = &finished.results;
        assert_eq!((results.members.len(), results.rows("train")), (2, 4));
        let page = finished.report().unwrap();
        assert!(page.contains("moods") && page.contains("All in all"));
        let task = Task::open(&version.join("moods.toml")).unwrap();
        assert_eq!(labels(&task), results.labels);
        // What the record says of itself is read as it was written.
        let record = Task::open(&run.join("run.toml")).unwrap();
        assert_eq!((labels(&record), record.options.steps), (labels(&task), task.options.steps));
    }
}

#[test]
fn training_their_tasks_leaves_them_as_they_were() {
    for version in versions() {
        let folder = tempfile::tempdir().unwrap();
        let old = run(&version);
        let name = old.file_name().unwrap();
        for (path, bytes) in files(&old) {
            let path = folder.path().join("runs").join(name).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let task = Task::open(&version.join("moods.toml")).unwrap();
        let model = Model::new("model", common::tiny());
        let runs = folder.path().join("runs");
        let trained = Trainer::new(&task).model(model).runs(&runs).train().unwrap();
        assert_ne!(trained.path.file_name(), Some(name));
        assert_eq!(files(&runs.join(name)), files(&old));
        assert!(Predictor::open(&trained.path).unwrap().classify("a warm day").is_ok());
    }
}
