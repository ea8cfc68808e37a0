//! A run that is killed goes on from where it was, and ends with the same bytes.

use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Folder, interrupted};

/// What must not depend on how often the run was killed.
fn outcome(folder: &Folder, run: &str) -> [Vec<u8>; 2] {
    ["results.json", "final/model.safetensors"].map(|file| folder.bytes(Path::new(run).join(file)))
}

fn start(folder: &Folder) -> Child {
    folder
        .command(&["train", "task.toml", "--json"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// A task with enough steps to be killed in the middle of.
fn long_task() -> Folder {
    let folder = Folder::new();
    folder.change_task("steps = 6", "steps = 40");
    folder.change_task("steps = 8", "steps = 60");
    folder
}

#[test]
fn killed_when_a_job_begins_or_ends_it_ends_with_the_same_bytes() {
    let whole = long_task();
    let run = whole.train();
    let expected = outcome(&whole, &run);

    let folder = long_task();
    let logs = folder.path(&run).join("events");
    let events = |wanted: &str| {
        let logs = std::fs::read_dir(&logs).into_iter().flatten().flatten();
        let text: String = logs.map(|log| std::fs::read_to_string(log.path()).unwrap()).collect();
        text.lines().filter(|line| line.contains(wanted)).count()
    };
    // Each process is killed as soon as it has logged one more event of the kind.
    for wanted in
        ["zero-shot/p1", "job_started", "g0/p0-s0", "job_finished", "g0/ensemble", "\"job\":\"final\""]
    {
        let before = events(wanted);
        let mut child = start(&folder);
        let deadline = Instant::now() + Duration::from_secs(60);
        while events(wanted) == before && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "`{wanted}` was never logged");
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert!(!folder.path(&run).join("results.json").exists(), "the last process was killed too late");
    assert_eq!(folder.train(), run);
    assert!(outcome(&folder, &run) == expected);
}

#[test]
fn killed_after_any_time_it_ends_with_the_same_bytes() {
    let whole = long_task();
    let began = Instant::now();
    let run = whole.train();
    let lasted = began.elapsed();
    let expected = outcome(&whole, &run);

    let folder = long_task();
    for part in [0.1, 0.2, 0.35, 0.5] {
        let mut child = start(&folder);
        std::thread::sleep(lasted.mul_f64(part));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    assert_eq!(folder.train(), run);
    assert!(outcome(&folder, &run) == expected);
    let left: Vec<_> = walk(&folder.path(&run)).into_iter().filter(|path| path.ends_with(".tmp")).collect();
    assert!(left.is_empty(), "{left:?}");
}

/// Ctrl-C ends with its own exit code and with what to do.
#[cfg(unix)]
#[test]
fn ctrl_c_stops_at_a_safe_place_and_says_how_to_go_on() {
    let folder = Folder::new();
    folder.change_task("steps = 6", "steps = 100000");
    let child = folder
        .command(&["train", "task.toml"])
        .stderr(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let started = || walk(&folder.path("runs")).iter().any(|path| path.contains("/probe."));
    interrupted(child, started, Duration::ZERO);
}

/// All files and folders below `dir`.
fn walk(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        found.push(entry.path().to_string_lossy().into_owned());
        found.extend(walk(&entry.path()));
    }
    found
}
