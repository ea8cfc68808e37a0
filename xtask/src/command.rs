//! Programs that are run.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A program that runs in `root`, reads nothing, and writes where this one writes.
pub(crate) fn program(root: &Path, name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root).stdin(Stdio::null());
    command
}

/// The cargo that runs this program.
pub(crate) fn cargo(root: &Path) -> Command {
    program(root, std::env::var_os("CARGO").unwrap_or("cargo".into()))
}

/// Whether it ends well. Says what was run, and why it could not be.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    println!("{} {}", command.get_program().to_string_lossy(), words.join(" "));
    match command.status() {
        Ok(status) => status.success(),
        Err(error) => {
            println!("cannot run `{}`: {error}", command.get_program().to_string_lossy());
            false
        }
    }
}

/// Whether a program is there and runs.
pub(crate) fn exists(name: impl AsRef<OsStr>) -> bool {
    let quiet = Command::new(name)
        .arg("--version")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    quiet.is_ok_and(|status| status.success())
}
