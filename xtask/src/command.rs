//! Programs that are run.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
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

/// Whether a program is there, or can be had from the system's packages.
pub(crate) fn installed(name: &str) -> bool {
    let mut install = Command::new("apt-get");
    install
        .args(["install", "--yes", "--quiet=2", "--no-install-recommends", name])
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    // Nobody else may do this.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|found| found.stdout == b"0\n");
    exists(name) || is_root && exists("apt-get") && succeeds(&mut install) && exists(name)
}

/// The command as it was built.
pub(crate) fn cloze(root: &Path) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    program(root, target.join("debug").join(format!("cloze{}", std::env::consts::EXE_SUFFIX)))
}
