//! `cloze submit` on a real Slurm of one node, which the check starts, breaks and stops.

use std::path::Path;

use crate::Outcome;
use crate::command::{cargo, cloze, exists, installed, program, succeeds};

pub(crate) fn check(root: &Path) -> Outcome {
    if !exists("python3") {
        return Outcome::NotRun("there is no `python3`, which drives it".into());
    }
    // The packages are not called as their programs are.
    let has = |name: &str, package: &str| exists(name) || installed(package) || exists(name);
    if !has("munged", "munge") || !has("slurmd", "slurm-wlm") {
        return Outcome::NotRun("there is no Slurm, and only root can install it".into());
    }
    if !succeeds(cargo(root).args(["build", "--quiet", "--package", "cloze-cli"])) {
        return Outcome::of(false);
    }
    let script = root.join("scripts/slurm.py");
    let (command, model) = (cloze(root), root.join("fixtures/encoder/bert"));
    let folder = root.join("target/slurm");
    let mut check = program(root, "python3");
    let passed = succeeds(check.arg(script).arg(command.get_program()).arg(model).arg(&folder));
    match folder.join("not-ready").exists() {
        true => Outcome::NotRun("Slurm does not start on this machine".into()),
        false => Outcome::of(passed),
    }
}
