//! What cargo itself checks: format, lints, tests, documentation.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::Outcome;
use crate::command::{cargo, say_again, succeeds};

pub(crate) fn format(root: &Path) -> Outcome {
    Outcome::of(succeeds(cargo(root).args(["fmt", "--all", "--check"])))
}

pub(crate) fn lints(root: &Path) -> Outcome {
    let lints = ["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"];
    Outcome::of(succeeds(cargo(root).args(lints)))
}

/// The command and the library are both called `cloze` and would write the same folder at the same time, so one comes after the other.
pub(crate) fn docs(root: &Path) -> Outcome {
    let documents = |packages: &[&str]| {
        let mut docs = cargo(root);
        docs.args(["doc", "--quiet", "--no-deps", "--document-private-items"]).args(packages);
        succeeds(docs.env("RUSTDOCFLAGS", "-D warnings"))
    };
    Outcome::of(
        documents(&["--package", "cloze-cli"]) && documents(&["--workspace", "--exclude", "cloze-cli"]),
    )
}

/// All tests, those in the documentation among them, and then those of the command without a model in it.
pub(crate) fn tests(root: &Path, notes: &mut Vec<String>) -> Outcome {
    let (mut passed, mut failed) = (0, 0);
    let bare = ["--package", "cloze-cli", "--no-default-features", "--test", "without_model"];
    for which in [&["--workspace"][..], &bare] {
        let (right, wrong) = tests_of(root, which, notes);
        passed += right;
        failed += wrong;
    }
    Outcome::Done { passed, failed }
}

/// Runs some tests and counts them. What they say they have not looked at is said again at the end.
fn tests_of(root: &Path, which: &[&str], notes: &mut Vec<String>) -> (usize, usize) {
    let mut tests = cargo(root);
    tests.arg("test").args(which).args(["--no-fail-fast", "--", "--show-output"]).stdout(Stdio::piped());
    if let Some(folder) = std::env::var_os("CONFORMANCE") {
        // Tests run in the folders of their crates, and the path was written for this one.
        if let Ok(folder) = std::path::absolute(folder) {
            tests.env("CONFORMANCE", folder);
        }
    }
    let mut child = match tests.spawn() {
        Ok(child) => child,
        Err(error) => {
            println!("cannot run cargo: {error}");
            return (0, 1);
        }
    };
    let mut passed = 0;
    let mut failed = 0;
    let mut details: Option<Vec<String>> = None;
    for line in child.stdout.take().into_iter().flat_map(|output| BufReader::new(output).split(b'\n')) {
        let Ok(line) = line else { break };
        let line = String::from_utf8_lossy(&line).into_owned();
        println!("{line}");
        // What failed tests said comes between these two lines; then come their names.
        if line == "failures:" && details.is_none() {
            details = Some(Vec::new());
        } else if line.starts_with("test result: ") {
            details.take().into_iter().for_each(|lines| say_again(lines.join("\n")));
        }
        details.iter_mut().for_each(|lines| lines.push(line.clone()));
        if let Some((right, wrong)) = result(&line) {
            passed += right;
            failed += wrong;
        }
        let unseen = ["not run: ", "not yet supported: ", "CONFORMANCE is not set"];
        if unseen.iter().any(|start| line.starts_with(start)) && !notes.contains(&line) {
            notes.push(line);
        }
    }
    let ended_well = child.wait().is_ok_and(|status| status.success());
    // What does not compile has no result.
    (passed, failed.max(usize::from(!ended_well)))
}

/// The numbers in `test result: ok. 3 passed; 0 failed; …`.
fn result(line: &str) -> Option<(usize, usize)> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let count = |what: &str| {
        let part = counts.split("; ").find_map(|part| part.strip_suffix(what))?;
        part.trim().parse().ok()
    };
    Some((count("passed")?, count("failed")?))
}

#[cfg(test)]
mod tests {
    use super::result;

    #[test]
    fn results_are_read_from_the_lines_that_cargo_prints() {
        let line = "test result: FAILED. 12 passed; 3 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s";
        assert_eq!(result(line), Some((12, 3)));
        assert_eq!(result("running 3 tests"), None);
    }
}
