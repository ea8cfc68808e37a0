//! Python packages that checks need, in environments of the project's own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{program, succeeds};

/// A Python of the project's own with what `requirements`, a file, names, made if it is not there or these have changed.
pub(crate) fn environment(root: &Path, venv: &Path, requirements: &str) -> Option<PathBuf> {
    let python = venv.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let wanted = fs::read(root.join(requirements)).ok()?;
    let installed = venv.join("installed.txt");
    if fs::read(&installed).is_ok_and(|found| found == wanted) {
        return Some(python);
    }
    println!("installing what {requirements} names into {}", venv.display());
    let install = ["-m", "pip", "install", "--quiet", "--no-input", "--requirement", requirements];
    let done = succeeds(program(root, "python3").args(["-m", "venv"]).arg(venv))
        && succeeds(program(root, &python).args(install))
        && fs::write(installed, wanted).is_ok();
    done.then_some(python)
}
