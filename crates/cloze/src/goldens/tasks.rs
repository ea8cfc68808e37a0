//! The task files in `tasks/` and `docs/studies/` with the default model's vocabulary and, where it is there, with their data.

use std::path::{Path, PathBuf};

use crate::pvp::encode::ClassifierEncoder;
use crate::pvp::verbalizer::Verbalizer;
use crate::task::{Split, Task};
use cloze_encoder::Tokenizer;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn tasks() -> Vec<Task> {
    let folders = ["tasks", "docs/studies"].map(|folder| std::fs::read_dir(root().join(folder)).unwrap());
    let files = folders.into_iter().flatten().map(|entry| entry.unwrap().path());
    let tasks: Vec<Task> = files
        .filter(|file| file.extension().is_some_and(|kind| kind == "toml"))
        .map(|file| Task::open(&file).unwrap_or_else(|error| panic!("{error:?}")))
        .collect();
    assert!(tasks.len() >= 7);
    tasks
}

fn tokenizer() -> Tokenizer {
    let path = root().join("models/cloze-mini-en/tokenizer.json");
    Tokenizer::from_bytes(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn every_task_speaks_the_words_of_the_default_model() {
    for task in tasks() {
        for pattern in 0..task.patterns.len() {
            Verbalizer::new(&task, pattern, &tokenizer()).unwrap_or_else(|error| panic!("{error:?}"));
        }
    }
}

#[test]
fn every_task_is_called_like_its_file_and_read_back_from_its_frozen_form() {
    for task in tasks() {
        assert_eq!(Path::new(task.file()).file_stem().unwrap().to_str(), Some(task.name.as_str()));
        let again = Task::parse("run.toml", &task.to_toml(), Path::new(".")).unwrap();
        assert_eq!(again.canonical(), task.canonical());
    }
}

#[test]
fn the_classifier_of_wic_reads_the_word_in_question() {
    let folder = tempfile::tempdir().unwrap();
    let row = r#"{"word": "bank", "sentence1": "A green one.", "sentence2": "A rich one.", "label": true, "idx": 0}"#;
    std::fs::write(folder.path().join("train.jsonl"), row).unwrap();
    let mut task = Task::open(&root().join("tasks/wic.toml")).unwrap();
    task.data.dir = folder.path().to_owned();
    let row = task.examples(Split::Train).unwrap()[0].clone();
    let tokenizer = tokenizer();
    let (sequence, _) = ClassifierEncoder::new(&tokenizer, 64).encode(&row.texts);
    let tokens: Vec<String> = sequence.ids.iter().map(|&id| tokenizer.token(id).unwrap()).collect();
    assert!(tokens.contains(&"bank".to_owned()), "{tokens:?}");
}
