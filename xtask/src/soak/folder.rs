//! Folders with small tasks, and what the command does there.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Soak;

/// Two labels, two patterns, few updates: everything takes part, and a run takes about a second.
const TASK: &str = r#"format = 1
name = "weather"
patterns = ["{text} It is {mask}.", "{mask}: {text}"]

[data]
train = "labelled.csv"
unlabeled = "unlabeled.csv"
test = "test.csv"
label = "label"

[labels]
good = ["good", "great"]
bad = "bad"

[distil]
steps = 8

[train]
steps = 6
batch_size = 4
keep = "all"
"#;

/// What is run, to be killed or to meet a full disk.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Work {
    Pet,
    Ipet,
    Study,
    Predict,
}

impl Work {
    pub(super) const ALL: [Work; 4] = [Work::Pet, Work::Ipet, Work::Study, Work::Predict];

    pub(super) fn name(self) -> &'static str {
        match self {
            Work::Pet => "train (pet)",
            Work::Ipet => "train (ipet)",
            Work::Study => "study",
            Work::Predict => "predict",
        }
    }

    /// The verb that is typed.
    pub(super) fn verb(self) -> &'static str {
        self.words()[0]
    }

    /// What is typed.
    pub(super) fn words(self) -> &'static [&'static str] {
        match self {
            Work::Pet | Work::Ipet => &["train", "task.toml"],
            Work::Study => &["study", "task.toml", "--factors", "patterns,merge", "--seeds", "1"],
            Work::Predict => &["predict", BASE, "rows.csv", "-o", "predictions.csv"],
        }
    }

    /// The same, to be started in a folder.
    pub(super) fn command(self, soak: &Soak, folder: &Path) -> Command {
        soak.command(folder, self.words())
    }

    /// Makes the folder anew, as it is before the command is run. It is always at the same path, which is in the record of a run.
    pub(super) fn prepare(self, folder: &Path) -> Result<(), String> {
        anew(folder)?;
        let write = |name: &str, text: String| write(folder, name, &text);
        match self {
            Work::Predict => write("rows.csv", table(0..PREDICTED)),
            Work::Ipet => task(folder, &format!("{TASK}method = \"ipet\"\n")),
            Work::Pet | Work::Study => task(folder, TASK),
        }
    }
}

/// Rows that are predicted: enough to take about as long as a run.
const PREDICTED: usize = 4000;

/// The task of a finished run, in a folder beside the one in which something is done.
const BASE: &str = "../base/task.toml";

/// Trains a run that others use, calibrates it, and says where its folder is.
pub(super) fn base(soak: &mut Soak) -> Result<PathBuf, String> {
    let folder = soak.folder.join("base");
    anew(&folder)?;
    task(&folder, TASK)?;
    write(&folder, "checked.csv", &table(300..360))?;
    for words in [&["train", "task.toml"][..], &["calibrate", "task.toml", "checked.csv"]] {
        let ending = soak.end(&mut soak.command(&folder, words))?;
        if !ending.status.success() {
            return Err(format!("cloze {}: {}", words.join(" "), ending.shown()));
        }
    }
    Ok(folder)
}

/// Makes a folder that has nothing in it. A folder that is there stays, since a disk may be mounted there.
pub(super) fn anew(folder: &Path) -> Result<(), String> {
    let clear = || {
        fs::create_dir_all(folder)?;
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
        }
        Ok(())
    };
    clear().map_err(|error: std::io::Error| format!("cannot clear `{}`: {error}", folder.display()))
}

fn task(folder: &Path, task: &str) -> Result<(), String> {
    write(folder, "task.toml", task)?;
    write(folder, "labelled.csv", &table(0..8))?;
    write(folder, "unlabeled.csv", &texts(100..140))?;
    write(folder, "test.csv", &table(200..220))
}

pub(super) fn write(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(|error| format!("cannot write `{}`: {error}", path.display()))
}

/// Rows with their labels.
fn table(rows: Range<usize>) -> String {
    rows.map(text).fold("text,label\n".into(), |file, text| file + &text + "," + right(&text) + "\n")
}

/// Rows without labels.
pub(super) fn texts(rows: Range<usize>) -> String {
    rows.map(text).fold("text\n".into(), |file, text| file + &text + "\n")
}

/// A text; another for every number.
fn text(number: usize) -> String {
    let what = if number.is_multiple_of(2) { "the sun and the light" } else { "the night and the storm" };
    format!("{what} of day {number}")
}

/// The label of a text.
pub(super) fn right(text: &str) -> &'static str {
    if text.contains("sun") { "good" } else { "bad" }
}
