//! A folder with a small task for a tiny random model.
#![allow(dead_code, reason = "every test file uses its part")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cloze::{Event, Prepared};

use cloze::{Model, Result, Run, Task};
use cloze_encoder::{Checkpoint, Device};

pub(crate) const TASK: &str = r#"
format   = 1
name     = "moods"
patterns = ["It was {mask}. {text}", "{text} All in all, {mask}."]

[data]
train     = "train.csv"
unlabeled = "unlabeled.csv"
test      = "test.csv"
label     = "mood"

[labels]
up   = ["good", "great"]
down = "bad"

[train]
precision = "float32"
steps = 4
batch_size = 2
learning_rate = 1e-3
compare = true

[distil]
steps = 5
batch_size = 4
"#;

/// Trains a task from nothing.
pub(crate) fn train(
    task: &Task,
    model: &Model,
    device: &Device,
    runs: &Path,
    listener: &mut dyn FnMut(&Event) -> ControlFlow<()>,
) -> Result<Run> {
    Prepared::new(task, model, device)?.train(runs, listener)
}

/// A task with its rows and the tiny model.
pub(crate) fn prepared(task: &Task) -> Prepared {
    Prepared::new(task, &Model::new("tiny", tiny()), &Device::new(1)).unwrap()
}

pub(crate) struct Folder(pub(crate) tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("train.csv", "text,mood\nthe sun was warm,up\nthe rain was cold,down\na fine day,up\n");
        let unlabeled: String = (0..12).map(|row| format!("day {row} of the long road\n")).collect();
        folder.write("unlabeled.csv", &format!("text\n{unlabeled}"));
        folder.write(
            "test.csv",
            "mood,text\nup,a warm fire\ndown,a cold house\nup,they laughed\ndown,he wept\n",
        );
        folder
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.0.path().join(name), text).unwrap();
    }

    pub(crate) fn runs(&self) -> PathBuf {
        self.0.path().join("runs")
    }

    pub(crate) fn task(&self, text: &str) -> Task {
        Task::parse("moods.toml", text, self.0.path()).unwrap()
    }

    pub(crate) fn train(&self, text: &str) -> Result<Run> {
        self.train_until(text, |_| false)
    }

    /// Trains until `stop` says so.
    pub(crate) fn train_until(&self, text: &str, mut stop: impl FnMut(&Event) -> bool) -> Result<Run> {
        let mut listener =
            |event: &Event| if stop(event) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        train(&self.task(text), &Model::new("tiny", tiny()), &Device::new(2), &self.runs(), &mut listener)
    }
}

/// A folder whose labels are told apart by the rows' words, of which a pretrained pattern of a random model knows nothing.
pub(crate) fn with_rows_for_a_probe() -> Folder {
    let folder = Folder::new();
    let rows = |count: usize| -> String {
        let row = |row: usize| match row % 2 {
            0 => format!("warm sun fine fire warm day {row},up\n"),
            _ => format!("they wept in a cold cold house {row},down\n"),
        };
        (0..count).map(row).collect()
    };
    folder.write("train.csv", &format!("text,mood\n{}", rows(24)));
    folder
}

pub(crate) fn tiny() -> Checkpoint {
    Checkpoint::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert")).unwrap()
}

/// Scores as a job writes them down.
pub(crate) fn written(labels: [&str; 2], scores: &[Vec<f32>]) -> String {
    let rows = scores.iter().map(|row| row.iter().map(f32::to_string).collect::<Vec<_>>().join(","));
    std::iter::once(labels.join(",")).chain(rows).map(|line| line + "\n").collect()
}
