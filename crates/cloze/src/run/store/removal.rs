//! Removing what runs keep.

use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::Path;

use super::sweep::{FILES, remove_logs};
use super::{Error, Job, LOCK, Result, RunDir, UNFINISHED, entries, io_error, lock};

/// Where earlier versions wrote what happened.
const EARLIER_EVENTS: &str = "events.jsonl";

impl RunDir {
    /// Removes the jobs of a run that are called as `wanted` says, and unfinished ones.
    ///
    /// # Errors
    /// When another process works in the run, a job's directory has a file that the job did not write, or something cannot be removed.
    pub(crate) fn remove_jobs(dir: &Path, wanted: impl Fn(&str) -> bool) -> Result<()> {
        RunDir::open(dir)?;
        let _lock = alone(dir)?;
        remove_within(dir, "", &wanted)
    }

    /// Removes a run. What others have put into its directory stays there.
    ///
    /// # Errors
    /// As [`RunDir::remove_jobs`].
    pub(crate) fn remove(dir: &Path) -> Result<()> {
        RunDir::open(dir)?;
        let held = alone(dir)?;
        // A run without results is unfinished, and without a record, the last of its files, it is none.
        remove_file(&dir.join(FILES[0]))?;
        remove_within(dir, "", &|_| true)?;
        remove_logs(dir)?;
        for name in [EARLIER_EVENTS].iter().chain(&FILES[1..]).chain(&[LOCK]) {
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

/// Makes sure that nobody works in a run, on this machine or another.
fn alone(dir: &Path) -> Result<Option<File>> {
    let lock = lock(dir)?;
    match RunDir::open(dir)?.has_others() {
        true => Err(Error::Busy { path: dir.to_owned() }),
        false => Ok(lock),
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

    use super::super::{Id, LEASE, MANIFEST};
    use super::*;

    fn run(runs: &Path, name: &str) -> PathBuf {
        let run = RunDir::begin(runs, name, &Id::of(&name), "name = 1\n", LEASE).unwrap();
        for job in ["final", "probe", "g0/p0-s0", "g0/ensemble"] {
            let draft = run.draft(job, &Id::of(&job)).unwrap();
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
        let held = lock(&run).unwrap();
        assert!(matches!(RunDir::remove(&run), Err(Error::Busy { .. })));
        drop(held);
        let at_work = RunDir::begin(dir.path(), "a", &Id::of(&"a"), "", LEASE).unwrap();
        assert!(matches!(RunDir::remove(&run), Err(Error::Busy { .. })));
        // Where the file system has no locks, it is known from the other's file.
        assert!(RunDir::open(&run).unwrap().has_others());
        drop(at_work);
        assert!(!RunDir::open(&run).unwrap().has_others());
        assert!(run.join("final").exists());
    }
}
