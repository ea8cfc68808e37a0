//! Models that cloze has saved, loaded by Hugging Face transformers: the same tokens and the same logits.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::command::{cargo, exists, program, succeeds};
use crate::python::environment;

/// What the comparison needs in Python.
const REQUIREMENTS: &str = "scripts/parity-requirements.txt";

pub(crate) fn check(root: &Path) -> Outcome {
    let folder = root.join("target/parity");
    let python = match std::env::var_os("PARITY_PYTHON").map(PathBuf::from) {
        Some(python) => python,
        None if !exists("python3") => {
            return Outcome::NotRun("there is no `python3` to run Hugging Face transformers with".into());
        }
        None => match environment(root, &folder.join("venv"), REQUIREMENTS) {
            Some(python) => python,
            None => return Outcome::of(false),
        },
    };
    let models = folder.join("models");
    let made = fs::remove_dir_all(&models).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error),
    });
    if let Err(error) = made {
        println!("cannot remove `{}`: {error}", models.display());
        return Outcome::of(false);
    }
    let saved = succeeds(
        cargo(root).args(["run", "--quiet", "--package", "cloze", "--example", "parity", "--"]).arg(&models),
    );
    let passed = saved && succeeds(program(root, python).arg("scripts/parity.py").arg(&models));
    // PyTorch takes more room than all the rest together.
    if std::env::var_os("CLOZE_TIDY").is_some() {
        let _ = fs::remove_dir_all(folder.join("venv"));
    }
    Outcome::of(passed)
}
