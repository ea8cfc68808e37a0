//! Rules of the house that clippy does not know: how long modules are, who may use `unsafe`, how much of the library is public.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::Outcome;
use crate::source::{logic_lines, public_items, read, test_files};

/// The most lines of logic in a module.
const LONGEST: usize = 400;

/// Modules that are longer, each with the reason. One that no longer is has to leave this list.
const LONGER: &[(&str, &str)] = &[];

/// Public items of the crate `cloze` at most: lines that begin with `pub fn`, `pub struct` and so on. To be lowered; raised only with a new door of
/// the library (last with runs that processes share, the parts of large inputs, costs, thresholds by label, and the alternatives of a study).
const PUBLIC_ITEMS: usize = 275;

/// The crate with kernels, whose module `kernel` alone is allowed `unsafe`.
const KERNELS: &str = "crates/cloze-encoder/src/lib.rs";

/// What the roots of libraries have, which print nothing.
const PRINTS_NOTHING: &str = "#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]";

/// Sources by their path from the project's root.
type Sources = BTreeMap<String, String>;

pub(crate) fn check(root: &Path) -> Outcome {
    let mut sources = Sources::new();
    let mut tests = Vec::new();
    for folder in folders(root) {
        let files = read(&folder);
        tests.extend(test_files(&files).iter().map(|path| shown(root, path)));
        sources.extend(files.into_iter().map(|(path, text)| (shown(root, &path), text)));
    }
    let logic = sources.iter().filter(|(file, _)| !tests.contains(file));
    let lengths: BTreeMap<&str, usize> =
        logic.map(|(file, text)| (file.as_str(), logic_lines(text))).collect();
    let mut problems = lengths_kept(&lengths, LONGER);
    problems.extend(attributes(&sources));
    problems.extend(public(&sources));
    problems.iter().for_each(|problem| println!("{problem}"));
    println!("{} modules, {} public items in `cloze`", lengths.len(), items(&sources));
    Outcome::Done { passed: sources.len().saturating_sub(problems.len()), failed: problems.len() }
}

/// The folders with the sources of each crate.
fn folders(root: &Path) -> Vec<PathBuf> {
    let crates = fs::read_dir(root.join("crates")).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = crates.map(|entry| entry.path().join("src")).collect();
    folders.push(root.join("xtask/src"));
    folders.sort();
    folders
}

fn shown(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

/// What is wrong with the lengths of modules, of which `longer` may be longer.
fn lengths_kept(lengths: &BTreeMap<&str, usize>, longer: &[(&str, &str)]) -> Vec<String> {
    let mut problems = Vec::new();
    for (file, lines) in lengths {
        if *lines > LONGEST && longer.iter().all(|(known, _)| known != file) {
            problems.push(format!(
                "{file}: {lines} lines of logic, and a module has at most {LONGEST}: split it"
            ));
        }
    }
    for (file, reason) in longer {
        match lengths.get(file) {
            None => problems.push(format!("{file}: listed as longer ({reason}), but it is not there")),
            Some(lines) if *lines <= LONGEST => problems.push(format!(
                "{file}: {lines} lines of logic, and listed as longer than {LONGEST} ({reason}): take it off the list"
            )),
            Some(_) => {}
        }
    }
    problems
}

/// What the roots of crates lack, and where `unsafe` is allowed that should not be.
fn attributes(sources: &Sources) -> Vec<String> {
    let mut problems = Vec::new();
    for (file, text) in sources {
        let has = |line: &str| text.lines().any(|found| found == line);
        let is_library = file.ends_with("/src/lib.rs");
        let wanted = if file == KERNELS { "#![deny(unsafe_code)]" } else { "#![forbid(unsafe_code)]" };
        if (is_library || file.ends_with("/src/main.rs")) && !has(wanted) {
            problems.push(format!("{file}: lacks `{wanted}`"));
        }
        if is_library && !has(PRINTS_NOTHING) {
            problems.push(format!("{file}: lacks `{PRINTS_NOTHING}`"));
        }
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            let allows = line.starts_with("#[allow(") || line.starts_with("#![allow(");
            let of_kernels = file == KERNELS && lines.clone().next() == Some("mod kernel;");
            if allows && line.contains("unsafe_code") && !of_kernels {
                problems.push(format!("{file}: allows `unsafe`, which stands in `kernel` only"));
            }
        }
    }
    problems
}

/// The public items of the crate `cloze`.
fn items(sources: &Sources) -> usize {
    let of_cloze = sources.iter().filter(|(file, _)| file.starts_with("crates/cloze/src/"));
    of_cloze.map(|(_, text)| public_items(text)).sum()
}

fn public(sources: &Sources) -> Option<String> {
    let items = items(sources);
    (items > PUBLIC_ITEMS).then(|| {
        format!(
            "crates/cloze/src: {items} public items, and at most {PUBLIC_ITEMS} are meant to be: what only the crate uses is `pub(crate)`"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_module_is_named_with_its_length_unless_it_is_listed() {
        let lengths = BTreeMap::from([("a.rs", 400), ("b.rs", 401), ("table.rs", 900)]);
        let listed = [("table.rs", "a table")];
        let problem = "b.rs: 401 lines of logic, and a module has at most 400: split it";
        assert_eq!(lengths_kept(&lengths, &listed), [problem]);
        let stale = [("a.rs", "a table"), ("b.rs", "a table"), ("c.rs", "a table"), listed[0]];
        let problems = lengths_kept(&lengths, &stale);
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].starts_with("a.rs: 400 lines") && problems[1].starts_with("c.rs: listed"));
    }

    #[test]
    fn unsafe_is_for_kernels_and_libraries_print_nothing() {
        let good = [
            (
                KERNELS,
                format!("#![deny(unsafe_code)]\n{PRINTS_NOTHING}\n#[allow(unsafe_code)]\nmod kernel;\n"),
            ),
            ("crates/cloze-cli/src/main.rs", "#![forbid(unsafe_code)]\n".to_owned()),
            ("crates/cloze-cli/src/args.rs", String::new()),
        ];
        let sources = |files: &[(&str, String)]| {
            files.iter().map(|(file, text)| ((*file).to_owned(), text.clone())).collect::<Sources>()
        };
        assert_eq!(attributes(&sources(&good)), [""; 0]);
        let bad = [
            (KERNELS, "#![deny(unsafe_code)]\n#[allow(unsafe_code)]\nmod layer;\n".to_owned()),
            ("crates/cloze/src/lib.rs", format!("#![deny(unsafe_code)]\n{PRINTS_NOTHING}\n")),
        ];
        let problems = attributes(&sources(&bad));
        assert_eq!(problems.len(), 3, "{problems:?}");
        assert!(problems[0].contains("print_stdout") && problems[1].contains("allows `unsafe`"));
        assert!(problems[2].contains("lacks `#![forbid(unsafe_code)]`"));
    }

    #[test]
    fn more_public_items_than_the_limit_are_too_many() {
        let text = "pub fn a() {}\n".repeat(PUBLIC_ITEMS);
        let mut sources = Sources::from([("crates/cloze/src/a.rs".to_owned(), text)]);
        assert_eq!(public(&sources), None);
        sources.insert("crates/cloze/src/b.rs".to_owned(), "    pub fn b() {}\n".to_owned());
        assert!(public(&sources).unwrap().contains(&format!("{} public items", PUBLIC_ITEMS + 1)));
    }
}
