//! A finished run for checks that need one.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{cargo, cloze, succeeds};

/// The run of `cloze demo`, made anew in the folder `runs`, by the command as it is now.
pub(crate) fn run(root: &Path, runs: &Path) -> Option<PathBuf> {
    let _ = fs::remove_dir_all(runs);
    let trained = succeeds(cargo(root).args(["build", "--quiet", "--package", "cloze-cli"]))
        && succeeds(cloze(root).args(["demo", "--quiet", "--runs"]).arg(runs));
    if trained { renamed(runs) } else { None }
}

/// The run in a folder under a name that is the same everywhere, so that the same requests are made everywhere: they follow from the paths.
fn renamed(runs: &Path) -> Option<PathBuf> {
    let mut entries = fs::read_dir(runs).ok()?.flatten().map(|entry| entry.path());
    let run = entries.find(|path| path.join("run.toml").is_file())?;
    let name = runs.join("served");
    fs::rename(run, &name).ok()?;
    Some(name)
}
