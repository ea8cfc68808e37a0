//! The fuzz targets, built with the coverage that libFuzzer needs; a stable compiler is enough.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::command::{cargo, exists, program, say_again, succeeds};

const TARGETS: &[&str] = &["pattern", "table", "task", "model", "tokenizer", "weights", "log"];

/// Seconds of every target in `cargo xtask test`: enough to see that it runs and finds nothing at once.
const SECONDS: u32 = 5;

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
    let failed = TARGETS.iter().filter(|target| !fuzz(root, &folder, target, SECONDS)).count();
    Outcome::Done { passed: TARGETS.len() - failed, failed }
}

/// Runs these targets, or all.
pub(crate) fn run(root: &Path, seconds: u32, targets: &[&str]) -> Result<(), String> {
    if let Some(unknown) = targets.iter().find(|target| !TARGETS.contains(target)) {
        return Err(format!("there is no fuzz target `{unknown}`; the targets are {}", TARGETS.join(", ")));
    }
    let folder = build(root).ok_or("the fuzz targets cannot be built")?;
    let targets = if targets.is_empty() { TARGETS } else { targets };
    let failed: Vec<&str> =
        targets.iter().copied().filter(|target| !fuzz(root, &folder, target, seconds)).collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("failed: {}", failed.join(", "))) }
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
fn host(root: &Path) -> Option<String> {
    let compiler = std::env::var_os("RUSTC").unwrap_or("rustc".into());
    let output = program(root, compiler).arg("-vV").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.lines().find_map(|line| line.strip_prefix("host: "))?.to_owned())
}

/// Runs a target from its seeds and from what earlier runs have found; whether it held.
fn fuzz(root: &Path, folder: &Path, target: &str, seconds: u32) -> bool {
    let work = root.join("target/fuzz");
    let corpus = work.join("corpus").join(target);
    let seeds = work.join("seeds").join(target);
    let artifacts = root.join("fuzz/artifacts").join(target);
    let made = [&corpus, &seeds, &artifacts].into_iter().try_for_each(fs::create_dir_all);
    if let Err(error) = made.and_then(|()| plant(root, &seeds, target)) {
        println!("{target}: cannot write below `{}`: {error}", work.display());
        return false;
    }
    let mut command: Command = program(root, folder.join(target));
    command
        .args([&corpus, &seeds])
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix={}/", artifacts.display()));
    command.args(["-timeout=10", "-rss_limit_mb=1024", "-max_len=65536", "-print_final_stats=1"]);
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => {
            println!("{target}: cannot be run: {error}");
            return false;
        }
    };
    let said = String::from_utf8_lossy(&output.stderr);
    if output.status.success() {
        let runs =
            said.lines().find_map(|line| line.strip_prefix("stat::number_of_executed_units:")).unwrap_or("?");
        println!("{target}: {} inputs in {seconds} s", runs.trim());
    } else {
        let last: Vec<&str> = said.lines().rev().take(60).collect();
        let last = last.into_iter().rev().collect::<Vec<_>>().join("\n");
        let failure = format!("{target}: {}\n{last}", output.status);
        println!("{failure}");
        say_again(failure);
    }
    output.status.success()
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
