//! The commands in README.md work as typed.

use std::fs;
use std::path::Path;

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

/// Every `cloze` command of the README in its order, in one folder that has the files of `tests/readme/`. `RUN` stands for the
/// latest run. The tiny model makes it fast; what it predicts is of no interest here.
#[test]
fn the_commands_in_the_readme_work_as_typed() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let Ok(readme) = fs::read_to_string(root.join("../../README.md")) else {
        eprintln!("not run: there is no README.md");
        return;
    };
    let folder = Folder::new();
    for file in fs::read_dir(root.join("tests/readme")).into_iter().flatten().flatten() {
        fs::copy(file.path(), folder.path(&file.file_name().to_string_lossy())).unwrap();
    }
    let mut run = String::from("RUN");
    for command in commands(&readme) {
        let typed = PREFIXES.iter().find_map(|prefix| command.strip_prefix(prefix)).unwrap();
        let words: Vec<String> =
            words(typed).into_iter().map(|word| if word == "RUN" { run.clone() } else { word }).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        folder.succeed(&words);
        if words[0] == "train" || words[0] == "demo" {
            run = latest(&folder.path("runs"));
        }
    }
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

/// The run that was worked on last.
fn latest(runs: &Path) -> String {
    let entries =
        fs::read_dir(runs).unwrap().flatten().filter(|entry| entry.path().join("run.toml").exists());
    let newest = entries.max_by_key(|entry| entry.metadata().unwrap().modified().unwrap()).unwrap();
    format!("runs/{}", newest.file_name().to_string_lossy())
}

#[test]
fn commands_are_found_in_fenced_blocks_only() {
    let readme = "cloze no\n```sh\ncargo run --release -- demo  # two minutes\ncargo test\n```\n```toml\ncloze no\n```\n\
                  ```console\n$ cloze predict RUN --text \"a b\"\n```\n";
    assert_eq!(commands(readme), ["cargo run --release -- demo", "cloze predict RUN --text \"a b\""]);
    assert_eq!(words("predict RUN --text \"a b\""), ["predict", "RUN", "--text", "a b"]);
}
