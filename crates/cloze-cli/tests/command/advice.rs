//! What the command says when it fails, and what comes of doing what it says.

use std::process::{Command, Output};

use serde_json::Value;

use crate::support::{Folder, tiny_model};

/// What `cloze ARGS` says when it fails.
pub(crate) struct Answer {
    pub(crate) message: String,
    pub(crate) remedy: String,
}

impl Answer {
    /// The commands in the remedy.
    pub(crate) fn commands(&self) -> Vec<&str> {
        let quoted = self.remedy.split('`').skip(1).step_by(2);
        quoted.filter(|part| part.starts_with("cloze ")).collect()
    }

    #[track_caller]
    pub(crate) fn says(&self, message: &str) -> &Answer {
        assert!(self.message.contains(message), "{message}: {}", self.message);
        self
    }

    #[track_caller]
    pub(crate) fn advises(&self, remedy: &str) -> &Answer {
        assert!(self.remedy.contains(remedy), "{remedy}: {}", self.remedy);
        self
    }
}

/// Runs a command that must fail with exit code 1.
#[track_caller]
pub(crate) fn answer(folder: &Folder, args: &[&str]) -> Answer {
    let output = folder.run(&[args, &["--json"]].concat());
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{args:?}: {told}");
    let error: Value = serde_json::from_str(told.lines().last().unwrap()).unwrap();
    let text = |key: &str| error["error"][key].as_str().unwrap_or_default().to_owned();
    Answer { message: text("message"), remedy: text("remedy") }
}

/// Types a command into a shell.
fn shell(folder: &Folder, command: &str) -> Output {
    let script = format!("cloze() {{ \"$CLOZE\" \"$@\"; }}\n{command}");
    Command::new("sh")
        .args(["-c", &script])
        .current_dir(folder.path(""))
        .env("CLOZE", env!("CARGO_BIN_EXE_cloze"))
        .env("CLOZE_MODEL", tiny_model())
        .output()
        .unwrap()
}

/// Types a command into a shell, which must end well, and gives its standard output.
#[track_caller]
pub(crate) fn typed(folder: &Folder, command: &str) -> String {
    let output = shell(folder, command);
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Does what the remedy says, which is one command.
#[track_caller]
pub(crate) fn follow(folder: &Folder, answer: &Answer) -> String {
    let commands = answer.commands();
    assert_eq!(commands.len(), 1, "{}", answer.remedy);
    typed(folder, commands[0])
}

/// A folder with a trained run.
pub(crate) fn trained() -> (Folder, String) {
    let folder = Folder::new();
    folder.change_task("steps = 6", "steps = 2");
    folder.change_task("steps = 8", "steps = 2");
    let run = folder.train();
    (folder, run)
}
