//! The library from a program's side: tasks from memory, training that is stopped from outside, predictors that threads share.

mod common;

use std::fs;
use std::sync::Arc;
use std::thread;

use cloze::task::Split;
use cloze::{Cancel, Error, Event, Model, Predictor, Record, Run, Task, TaskBuilder, Trainer, With};
use cloze_encoder::Device;
use common::{Folder, TASK, tiny};

const TRAIN: [(&str, &str); 3] =
    [("the sun was warm", "up"), ("the rain was cold", "down"), ("a fine day", "up")];
const TEST: [(&str, &str); 4] =
    [("a warm fire", "up"), ("a cold house", "down"), ("they laughed", "up"), ("he wept", "down")];

/// What the task file of [`Folder`] says.
fn moods() -> TaskBuilder {
    Task::builder()
        .name("moods")
        .pattern("It was {mask}. {text}")
        .pattern("{text} All in all, {mask}.")
        .label("up", ["good", "great"])
        .label("down", ["bad"])
        .label_column("mood")
        .options(|options| *options = folder_task().options)
}

fn folder_task() -> Task {
    Folder::new().task(TASK)
}

fn with_rows() -> Task {
    let unlabeled = (0..12).map(|row| format!("day {row} of the long road"));
    moods().train(TRAIN).unlabeled(unlabeled).test(TEST).build().unwrap()
}

fn train(task: &Task, folder: &Folder) -> Run {
    let model = Model::new("tiny", tiny());
    Trainer::new(task).model(model).device(&Device::new(2)).runs(folder.runs()).train().unwrap()
}

#[test]
fn rows_from_memory_give_the_same_bits_as_those_of_files() {
    let folder = Folder::new();
    let (from_memory, from_files) = (train(&with_rows(), &folder), folder.train(TASK).unwrap());
    for file in ["final/model.safetensors", "g0/ensemble/logits.csv", "final/test.csv"] {
        assert_eq!(
            fs::read(from_memory.path.join(file)).unwrap(),
            fs::read(from_files.path.join(file)).unwrap(),
            "{file}"
        );
    }
    let data = |run: &Run| serde_json::to_value(&run.results).unwrap()["data"].clone();
    assert_eq!(data(&from_memory), data(&from_files));
    assert_eq!(from_memory.results.distilled, from_files.results.distilled);
    // The same task is the same run, and nothing is done again.
    let mut skipped = 0;
    let again = Trainer::new(&with_rows())
        .model(Model::new("tiny", tiny()))
        .runs(folder.runs())
        .on_event(|event| skipped += usize::from(matches!(event, Event::JobSkipped { .. })))
        .train()
        .unwrap();
    assert_eq!((again.path, skipped), (from_memory.path, 7));
}

#[test]
fn training_is_cancelled_from_outside_and_goes_on_later() {
    let folder = Folder::new();
    let (task, cancel) = (with_rows(), Cancel::default());
    let model = Model::new("tiny", tiny());
    let trainer = Trainer::new(&task).model(model.clone()).device(&Device::new(2)).runs(folder.runs());
    let stopped = trainer
        .cancel(&cancel)
        .on_event(|event| {
            if matches!(event, Event::JobFinished { .. }) {
                let other = cancel.clone();
                thread::spawn(move || other.cancel()).join().unwrap();
            }
        })
        .train();
    assert!(matches!(stopped, Err(Error::Stopped)));
    let trainer = Trainer::new(&task).model(model.clone()).runs(folder.runs()).cancel(&cancel);
    assert!(matches!(trainer.train(), Err(Error::Stopped)), "it stays cancelled");
    let mut skipped = Vec::new();
    let trainer = Trainer::new(&task).model(model).device(&Device::new(2)).runs(folder.runs());
    trainer
        .on_event(|event| {
            if let Event::JobSkipped { job, .. } = event {
                skipped.push(job.clone());
            }
        })
        .train()
        .unwrap();
    assert_eq!(skipped, ["zero-shot/p0"]);
}

#[test]
fn a_predictor_is_shared_by_threads_and_answers_like_the_file() {
    let folder = Folder::new();
    let run = train(&with_rows(), &folder);
    let predictor = Arc::new(Predictor::open(&run.path).unwrap());
    let texts: Vec<String> =
        (0..40).map(|row| format!("day {row} was warm and the night was cold")).collect();
    let all: Vec<_> = predictor.classify_all(&texts).map(Result::unwrap).collect();
    let threads: Vec<_> = (0..4)
        .map(|part| {
            let (predictor, texts) = (Arc::clone(&predictor), texts.clone());
            thread::spawn(move || {
                let texts = texts.iter().skip(part).step_by(4);
                texts.map(|text| predictor.classify(text).unwrap()).collect::<Vec<_>>()
            })
        })
        .collect();
    for (part, thread) in threads.into_iter().enumerate() {
        let expected: Vec<_> = all.iter().skip(part).step_by(4).cloned().collect();
        // Alone or among others, an example gets the same bits.
        assert_eq!(thread.join().unwrap(), expected);
    }
    let input = format!("text\n{}\n", texts.join("\n"));
    let reader = cloze::Reader::new("input", std::io::Cursor::new(input), Default::default()).unwrap();
    let mut output = Vec::new();
    predictor.annotate(reader, &mut output, "output", cloze::Format::Csv, |_| Ok(())).unwrap();
    let written = String::from_utf8(output).unwrap();
    for (line, prediction) in written.lines().skip(1).zip(&all) {
        let cells: Vec<&str> = line.split(',').collect();
        assert_eq!(cells[1], prediction.label().unwrap());
        let up: f64 = cells[2].parse().unwrap();
        assert!((up - prediction.probability("up").unwrap()).abs() < 1e-6);
    }
}

#[test]
fn the_ensemble_and_every_member_answer_when_asked() {
    let folder = Folder::new();
    let run = train(&with_rows(), &folder);
    let device = Device::new(1);
    let rows = with_rows().examples(Split::Test).unwrap();
    for pattern in 0..2 {
        let with = With::Member { pattern, seed: 0 };
        let member = Predictor::open_with(&run.path, Some(with), &device).unwrap();
        assert_eq!((member.with, member.models), (with, 1));
        let measured = run.results.members[pattern].test.as_ref().unwrap();
        assert_eq!(member.evaluate(&rows, |_, _| Ok(())).unwrap(), *measured);
    }
    let ensemble = Predictor::open_with(&run.path, Some(With::Ensemble), &device).unwrap();
    assert_eq!(ensemble.classify("a fine day").unwrap().answered_by, With::Ensemble);
    let none = Predictor::open_with(&run.path, Some(With::Member { pattern: 2, seed: 0 }), &device);
    let error = none.map(|_| ()).unwrap_err();
    assert!(error.to_string().ends_with("has no member with pattern 2 and seed 0"), "{error}");
    assert_eq!(error.remedy().unwrap(), "patterns are counted from 0 to 1, and the seeds are `0`");
}

#[test]
fn examples_come_as_texts_or_by_the_names_of_columns_and_errors_name_them() {
    let folder = Folder::new();
    let predictor = Predictor::open(&train(&with_rows(), &folder).path).unwrap();
    let text = predictor.classify("a fine day").unwrap();
    assert_eq!(predictor.classify([("text", "a fine day")]).unwrap(), text);
    assert_eq!(
        predictor.classify([("id", 7.into()), ("text", serde_json::json!("a fine day"))]).unwrap(),
        text
    );
    assert_eq!(predictor.classify(["a fine day"]).unwrap(), text);

    let error = predictor.classify(["a", "b"]).unwrap_err();
    let problem = "there are 2 texts, and the patterns use the columns `text`";
    assert_eq!(error.to_string(), format!("example 1 of the examples: {problem}"));
    let error = predictor.classify([("txt", "a fine day")]).unwrap_err();
    assert!(error.to_string().contains("there is no column `text`"), "{error}");
    assert_eq!(error.remedy().unwrap(), "rename the column `txt` to `text`");
    let error = predictor.classify([("number", "7")]).unwrap_err();
    assert!(error.remedy().unwrap().ends_with("; give every example a value for `text`"), "{error:?}");
    // The number is that among all, not among those that are answered together; and there is nothing after it.
    let texts =
        (0..600).map(|row| if row == 590 { Record::from(["a", "b"]) } else { Record::from("a fine day") });
    let answers: Vec<_> = predictor.classify_all(texts).collect();
    assert_eq!(answers.len(), 513);
    let error = answers.last().unwrap().as_ref().unwrap_err();
    assert_eq!(error.to_string(), format!("example 591 of the examples: {problem}"));
    assert_eq!(predictor.classify_all(Vec::<String>::new()).count(), 0);
}

#[test]
fn a_label_that_the_task_does_not_know_is_named_with_its_example() {
    let folder = Folder::new();
    let task = moods().train([("a fine day", "up"), ("he wept", "dwon")]).build().unwrap();
    let trainer = Trainer::new(&task).model(Model::new("tiny", tiny())).runs(folder.runs());
    let error = trainer.train().unwrap_err();
    assert!(error.to_string().starts_with("example 2 of the labelled examples, column `mood`: "), "{error}");
    assert!(error.remedy().unwrap().starts_with("did you mean `down`?"), "{:?}", error.remedy());
}
