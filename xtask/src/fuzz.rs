//! The fuzz targets, built with the coverage that libFuzzer needs; a stable compiler is enough.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use serde_json::{Map, Value, json};

use crate::Outcome;
use crate::command::{cargo, exists, program, say_again, succeeds};

const TARGETS: &[&str] = &["pattern", "table", "task", "model", "tokenizer", "weights", "log"];

pub(crate) const USAGE: &str = "fuzz [--minutes M] [--inputs N] [--out FILE] [TARGET…]";

/// How long a target runs: until either is reached.
#[derive(Clone, Copy)]
struct Budget {
    seconds: u64,
    inputs: u64,
}

/// Of every target in `cargo xtask test`: enough to see that it runs and finds nothing at once.
const SHORT: Budget = Budget { seconds: 5, inputs: u64::MAX };

/// Of every target otherwise: an hour or ten million inputs.
const LONG: Budget = Budget { seconds: 3600, inputs: 10_000_000 };

/// The largest input in bytes that is kept for later runs.
const KEPT: &str = "4096";

/// What cargo-fuzz gives the compiler where it uses no sanitizer: all of it is stable.
const COVERAGE: &[&str] = &[
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

pub(crate) fn check(root: &Path) -> Outcome {
    if !cfg!(all(unix, target_pointer_width = "64")) {
        return Outcome::NotRun("fuzzing is set up for 64-bit Unix".into());
    }
    let compiler = std::env::var_os("CXX").unwrap_or("c++".into());
    if !exists(&compiler) {
        return Outcome::NotRun(format!(
            "libFuzzer is C++, and there is no compiler `{}`; install one, or name it in CXX",
            compiler.to_string_lossy()
        ));
    }
    let Some(folder) = build(root) else { return Outcome::of(false) };
    let failed = TARGETS.iter().filter(|target| fuzz(root, &folder, target, SHORT).is_err()).count();
    Outcome::Done { passed: TARGETS.len() - failed, failed }
}

/// Runs targets with what is typed behind `fuzz`, keeps the smallest inputs that reach what was reached, and writes what was counted.
pub(crate) fn run(root: &Path, words: &[&str]) -> Result<(), String> {
    let (mut budget, mut out, mut targets) = (LONG, root.join("target/fuzz/results.json"), Vec::new());
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or_else(|| format!("`{word}` has no value; use {USAGE}"));
        let number = |value: &str| {
            value.parse::<u64>().map_err(|_| format!("`{word} {value}` is no number; use {USAGE}"))
        };
        match *word {
            "--minutes" => budget.seconds = number(value()?)? * 60,
            "--inputs" => budget.inputs = number(value()?)?,
            "--out" => out = root.join(value()?),
            target if TARGETS.contains(&target) => targets.push(target),
            _ => {
                let known = TARGETS.join(", ");
                return Err(format!(
                    "there is no fuzz target `{word}`; the targets are {known}, and the options {USAGE}"
                ));
            }
        }
    }
    let folder = build(root).ok_or("the fuzz targets cannot be built")?;
    let mut failed = Vec::new();
    for target in if targets.is_empty() { TARGETS } else { &targets } {
        let (counts, held) = match fuzz(root, &folder, target, budget) {
            Ok(counts) => (counts, true),
            Err(counts) => (counts, false),
        };
        record(&out, target, counts)?;
        if !held || !keep(root, &folder, target) {
            failed.push(*target);
        }
    }
    println!("{}", out.display());
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
}

/// Writes the counts of a target beside those of the others.
fn record(file: &Path, target: &str, counts: Value) -> Result<(), String> {
    let mut all: Map<String, Value> =
        fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    all.insert(target.to_owned(), counts);
    fs::write(file, format!("{:#}\n", Value::from(all)))
        .map_err(|error| format!("cannot write `{}`: {error}", file.display()))
}

/// Adds to `fuzz/corpus` what reaches more than the inputs that are there, and of that the smallest.
fn keep(root: &Path, folder: &Path, target: &str) -> bool {
    let kept = root.join("fuzz/corpus").join(target);
    let found = root.join("target/fuzz/corpus").join(target);
    if let Err(error) = fs::create_dir_all(&kept) {
        println!("cannot write `{}`: {error}", kept.display());
        return false;
    }
    let mut merge = program(root, folder.join(target));
    merge
        .args(["-set_cover_merge=1", &format!("-max_len={KEPT}"), "-rss_limit_mb=1024"])
        .args([&kept, &found]);
    // It says a line for each input.
    merge.output().is_ok_and(|output| output.status.success())
}

/// Builds the targets and says where they are.
fn build(root: &Path) -> Option<PathBuf> {
    // A target of its own, so that build scripts and macros are not instrumented.
    let host = host(root)?;
    let folder = root.join("target/fuzz");
    let mut build = cargo(root);
    build.args(["build", "--quiet", "--locked", "--manifest-path", "fuzz/Cargo.toml", "--target", &host]);
    build.arg("--target-dir").arg(&folder).env("CARGO_ENCODED_RUSTFLAGS", COVERAGE.join("\x1f"));
    succeeds(&mut build).then(|| folder.join(host).join("debug"))
}

/// The platform that the compiler runs on, for example `x86_64-unknown-linux-gnu`.
pub(crate) fn host(root: &Path) -> Option<String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = program(root, compiler).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().find_map(|line| line.strip_prefix("host: "))?.to_owned())
}

/// Runs a target from its seeds, from the inputs that are kept, and from what earlier runs have found. Gives what was counted, as an error if the
/// target failed.
fn fuzz(root: &Path, folder: &Path, target: &str, budget: Budget) -> Result<Value, Value> {
    let work = root.join("target/fuzz");
    let corpus = work.join("corpus").join(target);
    let seeds = work.join("seeds").join(target);
    let artifacts = root.join("fuzz/artifacts").join(target);
    let made = [&corpus, &seeds, &artifacts].into_iter().try_for_each(fs::create_dir_all);
    if let Err(error) = made.and_then(|()| plant(root, &seeds, target)) {
        println!("{target}: cannot write below `{}`: {error}", work.display());
        return Err(Value::Null);
    }
    let mut command: Command = program(root, folder.join(target));
    command.args([&corpus, &seeds]);
    let kept = root.join("fuzz/corpus").join(target);
    if kept.is_dir() {
        command.arg(kept);
    }
    command
        .arg(format!("-max_total_time={}", budget.seconds))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    if budget.inputs < u64::MAX {
        command.arg(format!("-runs={}", budget.inputs));
    }
    command.args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=65536", "-print_final_stats=1"]);
    let began = Instant::now();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("{target}: cannot be run: {error}");
            return Err(Value::Null);
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    let number = |text: &str| text.split_whitespace().next().and_then(|word| word.parse::<u64>().ok());
    let inputs = said
        .lines()
        .find_map(|line| number(line.strip_prefix("stat::number_of_executed_units:")?))
        .unwrap_or(0);
    // The last line of progress that says how many edges of the program have been reached.
    let edges = said.lines().rev().find_map(|line| number(line.split_once(" cov: ")?.1));
    let seconds = began.elapsed().as_secs();
    let held = output.status.success();
    let counts = json!({"inputs": inputs, "seconds": seconds, "edges": edges, "held": held});
    if held {
        println!("{target}: {inputs} inputs in {seconds} s");
        return Ok(counts);
    }
    let last: Vec<&str> = said.lines().rev().take(60).collect();
    let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
    let failure = format!("{target}: {}\n{last}", output.status);
    println!("{failure}");
    say_again(failure);
    Err(counts)
}

/// Writes inputs to start from, taken from the files of the project.
fn plant(root: &Path, seeds: &Path, target: &str) -> std::io::Result<()> {
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    match target {
        "table" => inputs = files(&root.join("fixtures/tables"))?,
        "tokenizer" => inputs = files(&root.join("fixtures/tokenizers"))?,
        "weights" => inputs = files(&root.join("fixtures/weights"))?,
        "task" => inputs = files(&root.join("tasks"))?,
        "log" => {
            let line = |seq: u32, action: &str| {
                format!(r#"{{"seq":{seq},"time":1.5,"annotator":"a",{action}}}"#) + "\n"
            };
            let actions = [
                r#""action":"add-label","label":"z","words":"last""#,
                r#""action":"label","row":"00000000000000000000000000000000","labels":["z"],"blind":true"#,
                r#""action":"merge-label","label":"z","into":"x""#,
                r#""action":"rename-label","label":"x","to":"w""#,
                r#""action":"undo","undoes":3"#,
            ];
            let lines: String = (1..).zip(actions).map(|(seq, action)| line(seq, action)).collect();
            inputs.push(lines.into_bytes());
        }
        "pattern" => {
            for task in files(&root.join("tasks"))? {
                let quoted = String::from_utf8_lossy(&task).split('"').map(str::to_owned).collect::<Vec<_>>();
                inputs.extend(
                    quoted.into_iter().filter(|text| text.contains("{mask}")).map(String::into_bytes),
                );
            }
        }
        _ => {
            // See the top of the target: parts with their lengths before them.
            let model = root.join("fixtures/encoder/bert");
            let part = |bytes: &[u8]| [&(bytes.len() as u32).to_le_bytes(), bytes].concat();
            let config = part(&fs::read(model.join("config.json"))?);
            let tokenizer = part(&fs::read(model.join("tokenizer.json"))?);
            let weights = fs::read(model.join("model.safetensors"))?;
            inputs.extend([config.clone(), [&config[..], &tokenizer].concat()]);
            inputs.push([&part(&[])[..], &part(&[]), &weights[..weights.len().min(16384)]].concat());
        }
    }
    for (number, input) in inputs.iter().enumerate() {
        fs::write(seeds.join(format!("{number:03}")), input)?;
    }
    Ok(())
}

fn files(folder: &Path) -> std::io::Result<Vec<Vec<u8>>> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)?.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths.into_iter().map(fs::read).collect()
}
