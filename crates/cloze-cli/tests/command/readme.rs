//! The commands in README.md work as typed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::Stdio;

use crate::support::Folder;

/// What stands before a command in the README.
const PREFIXES: [&str; 2] = ["cargo run --release -- ", "cloze "];

/// The commands in fenced blocks, without comments behind them.
fn commands(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```").skip(1).step_by(2);
    let lines =
        blocks.filter(|block| ["sh\n", "console\n", "bash\n"].iter().any(|kind| block.starts_with(kind)));
    lines
        .flat_map(str::lines)
        .map(|line| line.trim().trim_start_matches("$ "))
        .filter(|line| PREFIXES.iter().any(|prefix| line.starts_with(prefix)))
        .map(|line| line.split("  #").next().unwrap_or(line).trim())
        .collect()
}

/// Every `cloze` command of the README in its order, with the built-in model, in one folder that has the files of
/// `tests/readme/`. A run directory that is not there, such as `runs/support-1a2b3c4d`, stands for the latest run.
#[test]
fn the_commands_in_the_readme_work_as_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("../../README.md")).unwrap_or_else(|_| {
        eprintln!("there is no README.md; only the demo is run");
        "```sh\ncloze demo\n```".to_owned()
    });
    let folder = Folder::empty();
    for file in fs::read_dir(root.join("tests/readme")).into_iter().flatten().flatten() {
        fs::copy(file.path(), folder.path(&file.file_name().to_string_lossy())).unwrap();
    }
    for command in commands(&readme) {
        let typed = PREFIXES.iter().find_map(|prefix| command.strip_prefix(prefix)).unwrap();
        let words: Vec<String> = words(typed).into_iter().map(|word| existing(&folder, word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words[0] == "label" {
            // It serves its page until it is stopped.
            let mut command = folder.command(&[&words[..], &["--no-open", "--json"]].concat());
            let mut child = command.env_remove("CLOZE_MODEL").stdout(Stdio::piped()).spawn().unwrap();
            let mut line = String::new();
            BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            assert!(line.contains("/start?token="), "{command:?}: {line}");
            continue;
        }
        let output = folder.command(&words).env_remove("CLOZE_MODEL").output().unwrap();
        assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
        let shown = String::from_utf8(output.stdout).unwrap();
        if words == ["demo"] {
            for part in [
                "____",
                "pretrained model",
                "distilled classifier",
                "plain fine-tuning",
                "memory",
                "predict runs/",
            ] {
                assert!(shown.contains(part), "{part}: {shown}");
            }
        }
    }
}

/// A run that is not there becomes the one that was worked on last.
fn existing(folder: &Folder, word: String) -> String {
    if !word.starts_with("runs/") || folder.path(&word).exists() {
        return word;
    }
    let entries = fs::read_dir(folder.path("runs")).unwrap().flatten();
    let runs = entries.filter(|entry| entry.path().join("run.toml").exists());
    let latest = runs.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap()).unwrap();
    format!("runs/{}", latest.file_name().to_string_lossy())
}

/// The words of a command; blanks in double quotes do not end a word.
fn words(command: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for letter in command.chars() {
        match letter {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            letter => words.last_mut().unwrap().push(letter),
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[test]
fn commands_are_found_in_fenced_blocks_only() {
    let readme = "cloze no\n```sh\ncargo run --release -- demo  # two minutes\ncargo test\n```\n```toml\ncloze no\n```\n\
                  ```console\n$ cloze predict RUN --text \"a b\"\n```\n";
    assert_eq!(commands(readme), ["cargo run --release -- demo", "cloze predict RUN --text \"a b\""]);
    assert_eq!(words("predict RUN --text \"a b\""), ["predict", "RUN", "--text", "a b"]);
}
