//! The command as it is run here: with the smallest model, for some time at most, and with what it has said.

use std::fs::{self, File};
use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Soak;
use crate::command::program;

/// The longest that one process may take. Whatever takes longer hangs.
pub(super) const LONGEST: Duration = Duration::from_secs(180);

/// How a command has ended.
pub(super) struct Ending {
    pub(super) status: ExitStatus,
    pub(super) out: Vec<u8>,
    pub(super) err: String,
}

impl Ending {
    /// What the command says is wrong and what to do about it, if that is how it ended. A panic or a signal is no such end.
    pub(super) fn error(&self) -> Option<(String, String)> {
        if self.status.code() != Some(1) || self.err.contains("panicked") {
            return None;
        }
        let said: Value = serde_json::from_str(self.err.lines().last()?).ok()?;
        let part = |name: &str| said["error"][name].as_str().unwrap_or_default().to_owned();
        (!part("message").is_empty()).then(|| (part("message"), part("remedy")))
    }

    /// The end, for people.
    pub(super) fn shown(&self) -> String {
        let lines: Vec<&str> = self.err.lines().rev().take(10).collect();
        format!("{}: {}", self.status, lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
    }
}

impl Soak<'_> {
    /// `cloze WORDS --json` in a folder, to be started.
    pub(super) fn command(&self, folder: &Path, words: &[&str]) -> Command {
        let mut command = program(folder, &self.command);
        command.args(words).arg("--json").env("CLOZE_MODEL", self.root.join("fixtures/encoder/bert"));
        command
    }

    /// Runs it to its end.
    ///
    /// # Errors
    /// When it cannot be run, or hangs.
    pub(super) fn end(&self, command: &mut Command) -> Result<Ending, String> {
        let ending = self.end_or_kill(command, LONGEST)?;
        ending.ok_or_else(|| format!("{command:?} still runs after {} s", LONGEST.as_secs()))
    }

    /// Runs it, and kills it if it still runs after some time: `None` if so.
    ///
    /// # Errors
    /// When it cannot be run.
    pub(super) fn end_or_kill(
        &self,
        command: &mut Command,
        after: Duration,
    ) -> Result<Option<Ending>, String> {
        let failed = |error: io::Error| format!("cannot run the command: {error}");
        // Files and no pipes, which a process would wait for when they are full.
        let [out, err] = ["stdout", "stderr"].map(|name| self.folder.join(name));
        let began = Instant::now();
        command.stdout(File::create(&out).map_err(failed)?).stderr(File::create(&err).map_err(failed)?);
        let mut child = command.spawn().map_err(failed)?;
        let status = ended(&mut child, began + after).map_err(failed)?;
        let Some(status) = status else { return Ok(None) };
        let err = String::from_utf8_lossy(&fs::read(err).map_err(failed)?).into_owned();
        Ok(Some(Ending { status, out: fs::read(out).map_err(failed)?, err }))
    }
}

/// How a process has ended by then; one that has not is killed, as a power cut would end it.
fn ended(child: &mut Child, by: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        let left = by.saturating_duration_since(Instant::now());
        if left.is_zero() {
            child.kill()?;
            // It may have ended in between.
            let status = child.wait()?;
            return Ok(status.code().map(|_| status));
        }
        thread::sleep(left.min(Duration::from_millis(2)));
    }
}
