//! Spark with the Python package: the guide's recipe on threads and on a cluster of processes, and folders of parts that Spark reads.

use std::path::Path;

use crate::Outcome;
use crate::command::{exists, installed_from, program, succeeds};
use crate::python::environment;
use crate::wheel;

/// What it needs in Python besides the package.
const REQUIREMENTS: &str = "scripts/spark-requirements.txt";

/// A run that predicts at once.
const RUN: &str = "fixtures/runs/be76878/moods-7961bc81";

/// Two threads; and two processes of their own, with a core and 1,024 MB each, which are sent what they need as on other machines.
const MASTERS: [&str; 2] = ["local[2]", "local-cluster[2,1,1024]"];

pub(crate) fn check(root: &Path) -> Outcome {
    let folder = root.join("target/spark");
    if !exists("python3") {
        return Outcome::NotRun("there is no `python3` to run Spark with".into());
    }
    if !installed_from("java", "default-jre-headless") {
        return Outcome::NotRun("there is no `java`, 17 or newer, and only root can install it".into());
    }
    let Some(python) = environment(root, &folder.join("venv"), REQUIREMENTS) else {
        return Outcome::NotRun(format!("what {REQUIREMENTS} names could not be installed"));
    };
    let Some(package) = wheel::made(root) else {
        return Outcome::of(false);
    };
    if !wheel::installed(root, &python, &package) {
        return Outcome::of(false);
    }
    // That of the package, which is the same.
    let command = python.with_file_name(format!("cloze{}", std::env::consts::EXE_SUFFIX));
    MASTERS.iter().fold(Outcome::Done { passed: 0, failed: 0 }, |outcome, master| {
        let mut script = program(root, &python);
        let folder = folder.join("work");
        script.args(["scripts/spark.py".as_ref(), command.as_os_str(), RUN.as_ref(), folder.as_os_str()]);
        outcome.and(Outcome::of(succeeds(script.arg(master))))
    })
}
