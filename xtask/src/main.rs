//! Chores of the project.
//!
//! ```text
//! cargo xtask test [CHECK…]              every check that a change has to pass, or those named
//! cargo xtask licences                   write the list of crates in THIRD-PARTY.md anew
//! cargo xtask release [--out DIR]        make what users download in target/release-files or DIR
//! cargo xtask soak [OPTION…]             kill, starve and damage small runs, and count how that ends
//! cargo xtask fuzz [OPTION…] [TARGET…]    run the fuzz targets for an hour or ten million inputs each
//! cargo xtask sanitize                   run the tests of the kernels under AddressSanitizer
//! ```

#![forbid(unsafe_code)]

mod book;
mod browser;
mod build;
mod command;
mod conventions;
mod crates;
mod demo;
mod formats;
mod fuzz;
mod http;
mod licences;
mod links;
mod modules;
mod packages;
mod parity;
mod python;
mod release;
mod sanitize;
mod slurm;
mod soak;
mod source;
mod spark;
mod wheel;

use std::path::Path;
use std::process::ExitCode;
use std::time::Instant;

/// What can be typed behind `cargo xtask`.
fn usage() -> String {
    format!("test [CHECK…] | licences | release [--out DIR] | {} | {} | sanitize", soak::USAGE, fuzz::USAGE)
}

/// What a check comes down to. What is wrong it has said itself by then.
enum Outcome {
    /// So many things were looked at.
    Done { passed: usize, failed: usize },
    /// Something that it needs is not there, which is no fault of the project.
    NotRun(String),
}

impl Outcome {
    fn of(passed: bool) -> Outcome {
        Outcome::Done { passed: passed.into(), failed: (!passed).into() }
    }

    /// Both together; what has not been run counts for nothing.
    fn and(self, other: Outcome) -> Outcome {
        match (self, other) {
            (Outcome::Done { passed, failed }, Outcome::Done { passed: more, failed: worse }) => {
                Outcome::Done { passed: passed + more, failed: failed + worse }
            }
            (done @ Outcome::Done { .. }, Outcome::NotRun(_)) | (Outcome::NotRun(_), done) => done,
        }
    }
}

/// A check's name and what it does in the root of the project, noting what should be said again at the end.
type Check = (&'static str, fn(&Path, &mut Vec<String>) -> Outcome);

const CHECKS: &[Check] = &[
    ("format", |root, _| build::format(root)),
    ("links", |root, _| links::check(root)),
    ("book", book::check),
    ("licences", |root, _| licences::check(root)),
    ("modules", |root, _| modules::check(root)),
    ("lints", |root, _| build::lints(root).and(conventions::check(root))),
    ("tests", build::tests),
    ("docs", |root, _| build::docs(root)),
    ("packages", |root, _| packages::check(root)),
    ("parity", |root, _| parity::check(root)),
    ("python", wheel::check),
    ("http", http::check),
    ("formats", |root, _| formats::check(root)),
    ("spark", |root, _| spark::check(root)),
    ("release", release::check),
    ("slurm", |root, _| slurm::check(root)),
    ("browser", |root, _| browser::check(root)),
    ("soak", |root, _| soak::check(root)),
    ("fuzz", |root, _| fuzz::check(root)),
];

/// Checks that are run only if they are named: what they install and how long they take is out of proportion.
const NAMED_ONLY: &[&str] = &["spark"];

fn main() -> ExitCode {
    // The manifest lies in a folder of the project's root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["test", names @ ..] => test(root, names),
        ["licences"] => licences::update(root),
        ["release"] => release::make(root, None),
        ["release", "--out", folder] => release::make(root, Some(folder)),
        ["soak", options @ ..] => soak::run(root, options),
        ["fuzz", words @ ..] => fuzz::run(root, words),
        ["sanitize"] => sanitize::run(root),
        _ => Err(format!("use `cargo xtask` with {}", usage())),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            if !problem.is_empty() {
                eprintln!("error: {problem}");
            }
            ExitCode::FAILURE
        }
    }
}

/// Runs the checks of these names, or all. The last line says how many things passed and failed.
fn test(root: &Path, names: &[&str]) -> Result<(), String> {
    if let Some(unknown) = names.iter().find(|name| CHECKS.iter().all(|(known, _)| known != *name)) {
        let known: Vec<&str> = CHECKS.iter().map(|(name, _)| *name).collect();
        return Err(format!("there is no check `{unknown}`; the checks are {}", known.join(", ")));
    }
    let mut all_passed = 0;
    let mut all_failed = 0;
    let mut lines = Vec::new();
    let mut notes = Vec::new();
    let wanted = |name: &&str| names.contains(name) || names.is_empty() && !NAMED_ONLY.contains(name);
    for (name, check) in CHECKS.iter().filter(|(name, _)| wanted(name)) {
        println!("\n== {name} ==");
        let began = Instant::now();
        let outcome = check(root, &mut notes);
        let seconds = began.elapsed().as_secs_f64();
        lines.push(match outcome {
            Outcome::Done { passed, failed } => {
                all_passed += passed;
                all_failed += failed;
                format!("{name:<9} {passed:>5} passed {failed:>3} failed {seconds:>7.1} s")
            }
            Outcome::NotRun(reason) => format!("{name:<9} not run: {reason}"),
        });
    }
    for failure in command::failures() {
        println!("\n== failed ==\n{failure}");
    }
    println!("\n== summary ==");
    notes.iter().chain(&lines).for_each(|line| println!("{line}"));
    println!("{all_passed} passed, {all_failed} failed");
    if all_failed > 0 && command::exists("df") {
        // A full disk fails in many ways.
        command::succeeds(command::program(root, "df").args(["-h", "."]));
    }
    if all_failed == 0 { Ok(()) } else { Err(String::new()) }
}
