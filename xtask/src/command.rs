//! Programs that are run.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread;
use std::time::Duration;

/// What failed and the end of what it said, for the end of a long log.
static FAILURES: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Lines that are kept of what a program says.
const KEPT: usize = 40;

/// Has this said again after all checks.
pub(crate) fn say_again(failure: String) {
    locked(&FAILURES).push(failure);
}

/// What is to be said again.
pub(crate) fn failures() -> Vec<String> {
    std::mem::take(&mut locked(&FAILURES))
}

fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().expect("nobody panics while it is held")
}

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

/// Whether it ends well. Says what was run, and why it could not be; the last lines of what fails are said again at the end.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    let name = command.get_program().to_string_lossy().into_owned();
    let words: Vec<_> = command.get_args().map(OsStr::to_string_lossy).collect();
    let line = format!("{name} {}", words.join(" "));
    println!("{line}");
    let last = Arc::default();
    let ending = match passed_on(command, &last) {
        Ok(status) if status.success() => return true,
        Ok(status) => status.to_string(),
        Err(error) => {
            println!("cannot run `{name}`: {error}");
            error.to_string()
        }
    };
    let last = Vec::from(std::mem::take(&mut *locked(&last)));
    say_again(format!("{}\n{line}: {ending}", last.join("\n")));
    false
}

/// What a command writes to its standard output, or why it failed.
pub(crate) fn said(command: &mut Command) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("cannot run `{name}`: {error}"))?;
    if !output.status.success() {
        return Err(format!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim_end()));
    }
    Ok(output.stdout)
}

/// Runs a command and prints what it says on both of its streams, of which the last lines are kept.
fn passed_on(command: &mut Command, last: &Arc<Mutex<VecDeque<String>>>) -> io::Result<ExitStatus> {
    let (output, input) = io::pipe()?;
    let child = command.stdout(input.try_clone()?).stderr(input).spawn();
    // The command holds the ends that are written to, and the output ends only when all are closed.
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = child?;
    let (last, (done, ended)) = (last.clone(), mpsc::channel());
    thread::spawn(move || {
        for line in BufReader::new(output).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            println!("{line}");
            let mut last = locked(&last);
            last.push_back(line);
            if last.len() > KEPT {
                last.pop_front();
            }
        }
        let _ = done.send(());
    });
    let status = child.wait();
    // A program that it has left behind may hold the output open for ever.
    let _ = ended.recv_timeout(Duration::from_secs(5));
    status
}

/// Whether a program is there and runs.
pub(crate) fn exists(name: impl AsRef<OsStr>) -> bool {
    says_version(name).is_ok_and(|status| status.success())
}

fn says_version(name: impl AsRef<OsStr>) -> io::Result<ExitStatus> {
    let mut quiet = Command::new(name);
    quiet.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()
}

/// Whether a program is there, or can be had from the system's packages, where it is called the same.
pub(crate) fn installed(name: &str) -> bool {
    installed_from(name, name)
}

/// The same for a program of another package.
pub(crate) fn installed_from(name: &str, package: &str) -> bool {
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet=2", "--no-install-recommends", package]).stdin(Stdio::null());
    // Nobody else may do this.
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|found| found.stdout == b"0\n");
    // Some that run well have no version to say, and say so.
    let starts = || says_version(name).is_ok();
    starts() || is_root && exists("apt-get") && succeeds(&mut install) && starts()
}

/// The command as it was built.
pub(crate) fn cloze(root: &Path) -> Command {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    program(root, target.join("debug").join(format!("cloze{}", std::env::consts::EXE_SUFFIX)))
}
