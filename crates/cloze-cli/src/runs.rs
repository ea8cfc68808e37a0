//! The runs in a directory, the newest first.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cloze::Run;
use cloze::task::{Keep, Task};

use crate::layout::{Align, Table, moment};

/// Runs that a message lists at most.
const LISTED: usize = 10;

/// A run that was found.
#[derive(Debug, Clone)]
pub(crate) struct Found {
    /// Its directory.
    pub dir: PathBuf,
    /// When its results were written; of one that has none, when it was begun.
    pub time: SystemTime,
    /// Whether it has come to its end.
    pub finished: bool,
}

impl Found {
    /// Its task as it was when it was trained; none if that cannot be read.
    pub(crate) fn task(&self) -> Option<Task> {
        task_of(&self.dir)
    }

    /// Whether it can predict.
    pub(crate) fn predicts(&self) -> bool {
        // A copy of a run may hold no more than its record and its classifier.
        (self.finished || self.dir.join("final/job.json").is_file())
            && self.task().is_some_and(|task| task.options.keep != Keep::None)
    }
}

/// The task of a run; none if that cannot be read.
pub(crate) fn task_of(run: &Path) -> Option<Task> {
    Run::task(run).ok()
}

/// Whether a directory is a run.
pub(crate) fn is_run(dir: &Path) -> bool {
    dir.join("run.toml").is_file()
}

/// The run that a file or directory is a part of; none if it is a run itself.
pub(crate) fn around(path: &Path) -> Option<PathBuf> {
    // A task file may be called `run.toml` as well, so the head has to be that of a run.
    let absolute = path.canonicalize().ok()?;
    let depth = absolute.ancestors().skip(1).position(Run::is_in)?;
    // As it was typed, if it can be told from that.
    let typed = path.ancestors().nth(depth + 1).filter(|typed| Run::is_in(typed));
    let run = typed.or(absolute.ancestors().nth(depth + 1))?;
    Some(if run.as_os_str().is_empty() { ".".into() } else { run.to_owned() })
}

/// The runs in a directory, the newest first; none if it cannot be read.
pub(crate) fn within(dir: &Path) -> Vec<Found> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<Found> = entries.filter(|path| is_run(path)).filter_map(run).collect();
    found.sort_by(|a, b| b.time.cmp(&a.time).then_with(|| a.dir.cmp(&b.dir)));
    found
}

fn run(dir: PathBuf) -> Option<Found> {
    let time = |name: &str| fs::metadata(dir.join(name)).and_then(|file| file.modified()).ok();
    let results = time("results.json");
    let (time, finished) = (results.or_else(|| time("run.toml"))?, results.is_some());
    let dir = dir.strip_prefix(".").map(Path::to_owned).unwrap_or(dir);
    Some(Found { dir, time, finished })
}

/// A line for each of the newest runs, with its date.
pub(crate) fn listed(runs: &[Found]) -> String {
    let mut table = Table::new([Align::Left, Align::Left, Align::Left]);
    for Found { dir, time, finished } in runs.iter().take(LISTED) {
        let note = if *finished { "" } else { "not finished" };
        table.row([dir.display().to_string(), moment(*time), note.to_owned()]);
    }
    let more = runs.len().saturating_sub(LISTED);
    let rest = if more > 0 { format!("  and {more} more\n") } else { String::new() };
    format!("{table}{rest}").trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A run of this name that ended, or was begun, so many seconds after 2024-05-01 12:00.
    fn make(runs: &Path, name: &str, seconds: u64, finished: bool) {
        let dir = runs.join(name);
        fs::create_dir_all(dir.join("g0/p0-s0")).unwrap();
        for file in ["run.toml", "results.json"].iter().take(if finished { 2 } else { 1 }) {
            fs::write(dir.join(file), "# Made by cloze 1\n").unwrap();
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_714_564_800 + seconds);
            fs::File::options().write(true).open(dir.join(file)).unwrap().set_modified(time).unwrap();
        }
    }

    #[test]
    fn runs_are_listed_from_the_newest_with_their_dates() {
        let dir = tempfile::tempdir().unwrap();
        make(dir.path(), "a-1", 60, true);
        make(dir.path(), "b-2", 120, false);
        fs::create_dir(dir.path().join("demo")).unwrap();
        let found = within(dir.path());
        let lines = listed(&found).replace(&format!("{}/", dir.path().display()), "");
        assert_eq!(lines, "  b-2  2024-05-01 12:02 UTC  not finished\n  a-1  2024-05-01 12:01 UTC");
        for number in 10..20 {
            make(dir.path(), &format!("c-{number}"), number, true);
        }
        let lines = listed(&within(dir.path()));
        assert!(lines.lines().count() == 11 && lines.ends_with("  and 2 more"), "{lines}");
    }

    #[test]
    fn what_is_in_a_run_is_told_from_what_is_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let run = dir.path().join("a-1");
        make(dir.path(), "a-1", 0, true);
        assert_eq!(around(&run.join("run.toml")), Some(run.clone()));
        assert_eq!(around(&run.join("g0/p0-s0")), Some(run.clone()));
        assert_eq!(around(&run), None);
        // A task file that is called like a run's record makes no run of its folder.
        fs::write(dir.path().join("run.toml"), "format = 1\n").unwrap();
        assert_eq!(around(&run), None);
    }
}
