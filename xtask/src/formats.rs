//! Tables of other programs: Parquet that pyarrow, DuckDB and polars have written is read and labelled, and what cloze writes is read by each of them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::Outcome;
use crate::command::{cargo, cloze, exists, program, succeeds};
use crate::http::renamed;
use crate::python::environment;

/// What it needs in Python.
const REQUIREMENTS: &str = "scripts/formats-requirements.txt";

pub(crate) fn check(root: &Path) -> Outcome {
    let folder = root.join("target/formats");
    if !exists("python3") {
        return Outcome::NotRun("there is no `python3` to run pyarrow, DuckDB and polars with".into());
    }
    let Some(python) = environment(root, &folder.join("venv"), REQUIREMENTS) else {
        return Outcome::of(false);
    };
    let runs = folder.join("runs");
    // Made anew each time.
    let _ = fs::remove_dir_all(&runs);
    let trained = succeeds(cargo(root).args(["build", "--quiet", "--package", "cloze-cli"]))
        && succeeds(cloze(root).args(["demo", "--quiet", "--runs"]).arg(&runs).stdout(Stdio::null()));
    let Some(run) = Some(()).filter(|()| trained).and_then(|()| renamed(&runs)) else {
        return Outcome::of(false);
    };
    let command = cloze(root);
    let arguments = [command.get_program(), run.as_os_str(), folder.as_os_str()];
    Outcome::of(succeeds(program(root, python).arg("scripts/formats.py").args(arguments)))
}
