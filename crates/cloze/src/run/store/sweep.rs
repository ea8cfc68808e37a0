//! Removing what processes that are gone have left unfinished.

use std::fs;
use std::path::Path;

use super::presence::{self, Watch, cards};
use super::{EVENTS, MANIFEST, Result, RunDir, SHARED, UNFINISHED, entries, io_error};

/// The files that a run writes beside its jobs.
pub(super) const FILES: [&str; 6] =
    ["results.json", "insight.json", "energy.json", "report.html", "temperature.json", MANIFEST];

impl RunDir {
    /// Removes drafts of the run's own files, and directories of unfinished jobs, unless a process is at work that may have made them. Other files
    /// with such names are not touched.
    pub(super) fn sweep(&self) -> Result<()> {
        let Some(work) = &self.work else { return Ok(()) };
        let own = work.presence.worker();
        let others = {
            let mut watch = self.watch(work);
            presence::sweep(self.runs(), &mut watch);
            others(&self.dir, own, &mut watch)
        };
        for path in entries(&self.dir) {
            let name = name_of(&path);
            let is_draft = FILES.iter().any(|file| name.strip_prefix(file).is_some_and(is_unfinished));
            if others.is_empty() && is_draft && path.is_file() {
                fs::remove_file(&path).map_err(io_error("remove", &path))?;
            }
        }
        let mut folders = vec![(self.dir.clone(), false)];
        folders.extend(
            entries(&self.dir).into_iter().filter(|path| is_group(&name_of(path))).map(|path| (path, true)),
        );
        for (folder, in_group) in folders {
            for path in entries(&folder) {
                let name = name_of(&path);
                let Some((job, worker)) = draft_of(&name) else { continue };
                let is_free = worker != own && !others.iter().any(|other| other == worker);
                if is_free && is_job(job, in_group) && path.is_dir() {
                    fs::remove_dir_all(&path).map_err(io_error("remove", &path))?;
                }
            }
        }
        Ok(())
    }

    /// Whether other processes say that they are at work in the run.
    pub(crate) fn has_others(&self) -> bool {
        let Some(work) = &self.work else { return !others(&self.dir, "", &mut Watch::default()).is_empty() };
        !others(&self.dir, work.presence.worker(), &mut self.watch(work)).is_empty()
    }
}

/// The processes at work in the run in `dir` besides the one that is called `own`.
fn others(dir: &Path, own: &str, watch: &mut Watch) -> Vec<String> {
    // It may be called `.`.
    let dir = dir.canonicalize().unwrap_or_else(|_| dir.to_owned());
    let (runs, folder) = (dir.parent().unwrap_or(Path::new("")), name_of(&dir));
    let others = cards(runs).into_iter().filter(|card| card.run == folder && card.worker != own);
    others.map(|card| card.worker).filter(|worker| watch.is_alive(runs, worker)).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether this is what stands behind the name of a file in that of its draft.
fn is_unfinished(rest: &str) -> bool {
    rest.strip_suffix(UNFINISHED).is_some_and(|rest| rest.starts_with('.') && rest.ends_with('.'))
}

/// The job and the worker of an unfinished job's directory. Earlier versions did not name the worker.
fn draft_of(name: &str) -> Option<(&str, &str)> {
    let name = name.strip_suffix(UNFINISHED)?.strip_suffix('.')?;
    Some(name.split_once('.').unwrap_or((name, "")))
}

fn numbered(name: &str, start: char) -> bool {
    let digits = name.strip_prefix(start);
    digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_group(name: &str) -> bool {
    ["zero-shot", "primed", SHARED].contains(&name) || numbered(name, 'g')
}

fn is_job(name: &str, in_group: bool) -> bool {
    match (in_group, name.split_once('-')) {
        (false, _) => ["final", "probe", "supervised"].contains(&name),
        (true, None) => ["ensemble", "sets"].contains(&name) || numbered(name, 'p'),
        (true, Some((pattern, seed))) => numbered(pattern, 'p') && numbered(seed, 's'),
    }
}

/// Where processes write what happens, and the jobs of a cluster what they say, with the extension of these files.
const LOGS: [(&str, &str); 2] = [(EVENTS, "jsonl"), ("slurm", "out")];

/// Removes the logs of a run; whatever else is in their folders stays.
pub(super) fn remove_logs(dir: &Path) -> Result<()> {
    for (folder, extension) in LOGS {
        let folder = dir.join(folder);
        for path in
            entries(&folder).into_iter().filter(|path| path.extension().is_some_and(|end| end == extension))
        {
            fs::remove_file(&path).map_err(io_error("remove", &path))?;
        }
        // Only if it is empty.
        let _ = fs::remove_dir(&folder);
    }
    Ok(())
}
