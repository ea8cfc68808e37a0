//! Tables of other programs: Parquet that pyarrow, DuckDB and polars have written is read and labelled, and what cloze writes is read by each of them,
//! files as well as folders of parts.

use std::path::Path;

use crate::Outcome;
use crate::command::{cloze, exists, program, succeeds};
use crate::demo;
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
    let Some(run) = demo::run(root, &folder.join("runs")) else {
        return Outcome::of(false);
    };
    let command = cloze(root);
    let arguments = [command.get_program(), run.as_os_str(), folder.as_os_str()];
    Outcome::of(succeeds(program(root, python).arg("scripts/formats.py").args(arguments)))
}
