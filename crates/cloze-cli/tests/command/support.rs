//! A folder to work in and the command to run there.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// A masked language model with random weights and 1,400 words, small enough to train in a second.
pub(crate) fn tiny_model() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert").canonicalize().unwrap()
}

/// A folder with a task and its data.
pub(crate) struct Folder {
    dir: tempfile::TempDir,
}

/// Two labels; few steps, so that tests are fast.
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

[train]
steps = 6
batch_size = 4
keep = "all"

[distil]
steps = 8
"#;

impl Folder {
    /// A folder with nothing in it.
    pub(crate) fn empty() -> Folder {
        Folder { dir: tempfile::tempdir().unwrap() }
    }

    /// The folder as most tests want it: `task.toml`, `labelled.csv`, `unlabeled.csv`, `test.csv`.
    pub(crate) fn new() -> Folder {
        let folder = Folder::empty();
        folder.write("task.toml", TASK);
        folder.write("labelled.csv", labelled(8));
        folder.write(
            "unlabeled.csv",
            rows(100..140).fold("text\n".to_owned(), |file, (text, _)| file + &text + "\n"),
        );
        folder.write("test.csv", table(200..220));
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.bytes(name)).unwrap()
    }

    pub(crate) fn bytes(&self, name: impl AsRef<Path>) -> Vec<u8> {
        fs::read(self.dir.path().join(name)).unwrap()
    }

    /// The task with a part replaced.
    pub(crate) fn change_task(&self, from: &str, to: &str) {
        let task = self.read("task.toml");
        assert!(task.contains(from), "{task}");
        self.write("task.toml", task.replace(from, to));
    }

    /// `cloze ARGS` in the folder with the tiny model, to be started.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloze"));
        command.args(args).current_dir(self.dir.path()).env("CLOZE_MODEL", tiny_model()).stdin(Stdio::null());
        command
    }

    /// Runs `cloze ARGS` to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    /// Runs `cloze ARGS`, which must succeed, and gives its standard output.
    pub(crate) fn succeed(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs `cloze ARGS --json`, which must succeed, and gives its result.
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.succeed(&[args, &["--json"]].concat())).unwrap()
    }

    /// Runs `cloze ARGS`, which must fail with exit code 1, and gives its standard error as words with single blanks.
    pub(crate) fn fail(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{args:?}: {error}");
        assert!(!error.contains("panicked") && !error.contains("RUST_BACKTRACE"), "{error}");
        error.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    /// Trains the task and gives the name of the run's directory.
    pub(crate) fn train(&self) -> String {
        let trained = self.json(&["train", "task.toml"]);
        trained["run"].as_str().unwrap().to_owned()
    }
}

/// Texts with their labels; another text for every number.
fn rows(numbers: Range<usize>) -> impl Iterator<Item = (String, &'static str)> {
    numbers.map(|number| match number % 2 {
        0 => (format!("the sun and the light of day {number}"), "good"),
        _ => (format!("the night and the storm of day {number}"), "bad"),
    })
}

/// Rows with their labels as CSV.
fn table(numbers: Range<usize>) -> String {
    rows(numbers).fold("text,label\n".to_owned(), |file, (text, label)| file + &format!("{text},{label}\n"))
}

/// `count` rows with their labels as CSV.
pub(crate) fn labelled(count: usize) -> String {
    table(0..count)
}

/// Presses Ctrl-C in a command some time after it `began`, and gives what it then writes to standard error, where it must say how to resume.
pub(crate) fn interrupted(child: Child, began: impl Fn() -> bool, after: Duration) -> String {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !began() {
        assert!(Instant::now() < deadline, "training never began");
        std::thread::sleep(Duration::from_millis(5));
    }
    std::thread::sleep(after);
    let interrupt = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(interrupt.success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("run the same command again to resume"), "{told}");
    told
}
