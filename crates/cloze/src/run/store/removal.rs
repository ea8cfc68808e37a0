//! Removing what runs keep.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use super::{EVENTS, Error, Job, LOCK, MANIFEST, Result, RunDir, UNFINISHED, entries, io_error, lock};

/// The files of a run itself, in the order in which they are removed: a run without results is unfinished, and without a record it is none.
const FILES: [&str; 8] = [
    "results.json",
    "insight.json",
    "energy.json",
    "report.html",
    "temperature.json",
    EVENTS,
    MANIFEST,
    LOCK,
];

impl RunDir {
    /// Removes the jobs of a run that are called as `wanted` says, and unfinished ones.
    ///
    /// # Errors
    /// When another process works in the run, a job's directory has a file that the job did not write, or something cannot be removed.
    pub(crate) fn remove_jobs(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
        RunDir::open(dir)?;
        let _lock = lock(dir)?;
        remove_within(dir, "", &wanted)
    }

    /// Removes a run. What others have put into its directory stays there.
    ///
    /// # Errors
    /// As [`RunDir::remove_jobs`].
    pub(crate) fn remove(dir: &Path) -> Result<()> {
        RunDir::open(dir)?;
        let held = lock(dir)?;
        let results = dir.join(FILES[0]);
        remove_file(&results)?;
        remove_within(dir, "", &|_| true)?;
        for name in &FILES[1..] {
            remove_file(&dir.join(name))?;
        }
        drop(held);
        match fs::remove_dir(dir) {
            // Something of somebody else.
            Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => Ok(()),
            other => other.map_err(io_error("remove", dir)),
        }
    }
}

fn remove_file(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", path)(error)),
        _ => Ok(()),
    }
}

/// Removes the jobs in a folder of a run, whose names begin with `prefix`, and the folders of generations that are empty then.
fn remove_within(dir: &Path, prefix: &str, wanted: &dyn Fn(&str) -> bool) -> Result<()> {
    for path in entries(dir).into_iter().filter(|path| path.is_dir()) {
        let name = format!("{prefix}{}", path.file_name().unwrap_or_default().to_string_lossy());
        if path.extension().is_some_and(|extension| extension == UNFINISHED) {
            fs::remove_dir_all(&path).map_err(io_error("remove", &path))?;
            continue;
        }
        match Job::open(&path) {
            Ok(Some(_)) if !wanted(&name) => {}
            Ok(Some(job)) => {
                if let Some(path) = job.stranger() {
                    return Err(Error::Stranger { path });
                }
                fs::remove_dir_all(&path).map_err(io_error("remove", &path))?;
            }
            // A folder without a record has jobs in it, or is not the run's.
            _ if prefix.is_empty() => {
                remove_within(&path, &format!("{name}/"), wanted)?;
                let _ = fs::remove_dir(&path);
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::Id;
    use super::*;

    fn run(runs: &Path, name: &str) -> PathBuf {
        let run = RunDir::begin(runs, name, &Id::of(&name), "name = 1\n").unwrap();
        for job in ["final", "probe", "g0/p0-s0", "g0/ensemble"] {
            let draft = run.draft(job).unwrap();
            draft.write("model/weights", b"123").unwrap();
            draft.finish(&Id::of(&job), 1.0).unwrap();
        }
        fs::create_dir_all(run.dir().join("g0/p1-s0.tmp/model")).unwrap();
        run.write("results.json", b"{}").unwrap();
        run.dir().to_owned()
    }

    #[test]
    fn a_run_is_gone_but_for_what_is_not_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (run(dir.path(), "a"), run(dir.path(), "b"));
        fs::write(second.join("notes.txt"), "mine").unwrap();
        RunDir::remove(&first).unwrap();
        assert!(!first.exists());
        RunDir::remove(&second).unwrap();
        assert_eq!(entries(&second), [second.join("notes.txt")]);
        let third = run(dir.path(), "c");
        fs::write(third.join("final/mine.txt"), "mine").unwrap();
        assert!(matches!(RunDir::remove(&third), Err(Error::Stranger { .. })));
        assert!(third.join("final/mine.txt").exists());
    }

    #[test]
    fn members_go_and_the_classifier_stays() {
        let dir = tempfile::tempdir().unwrap();
        let run = run(dir.path(), "a");
        RunDir::remove_jobs(&run, |job| job != "final").unwrap();
        let left = |name: &str| run.join(name).exists();
        assert!(left("final/model/weights") && left("results.json") && left(MANIFEST));
        assert!(!left("probe") && !left("g0"));
    }

    #[test]
    fn a_run_in_which_somebody_works_stays() {
        let dir = tempfile::tempdir().unwrap();
        let run = run(dir.path(), "a");
        let _held = lock(&run).unwrap();
        assert!(matches!(RunDir::remove(&run), Err(Error::Busy { .. })));
        assert!(run.join("final").exists());
    }
}
