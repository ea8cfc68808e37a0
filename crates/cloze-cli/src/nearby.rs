//! What could have been meant in a folder: task files, tables, names like the one that was typed.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use cloze::Format;

/// Files that a message names at most.
const NAMED: usize = 5;

/// Bytes in which a task file comes to its patterns; a table may be larger than the memory.
const HEAD: u64 = 1 << 20;

/// The folder that a path is in.
pub(crate) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A path without the folder that the command is run in.
pub(crate) fn seen_from_here(path: &Path) -> PathBuf {
    let here = std::env::current_dir().ok();
    here.and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path).to_owned()
}

/// Whether there is nothing of this name, nor could there be: a long text cannot be the name of a file.
pub(crate) fn is_missing(path: &Path) -> bool {
    let missing = [ErrorKind::NotFound, ErrorKind::NotADirectory, ErrorKind::InvalidFilename];
    fs::metadata(path).is_err_and(|error| missing.contains(&error.kind()))
}

/// The task files in a folder.
pub(crate) fn tasks(folder: &Path) -> Vec<PathBuf> {
    let mut found = files(folder);
    found.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && is_task(path));
    found
}

/// The tables in a folder, by their names.
pub(crate) fn tables(folder: &Path) -> Vec<PathBuf> {
    let mut found = files(folder);
    // Much is called `.json` that holds no rows.
    let named = |path: &PathBuf| path.extension().is_some_and(|extension| extension != "json");
    found.retain(|path| named(path) && Format::of_path(path).is_some());
    found
}

/// Whether a file looks like a task file, possibly with mistakes: one of its lines sets `patterns`.
pub(crate) fn is_task(path: &Path) -> bool {
    let mut head = Vec::new();
    if File::open(path).and_then(|file| file.take(HEAD).read_to_end(&mut head)).is_err() {
        return false;
    }
    let text = String::from_utf8_lossy(&head);
    let sets = |line: &str| {
        line.trim_start().strip_prefix("patterns").is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    text.lines().any(sets)
}

/// The file in the same folder whose name resembles that of `path` so much that a typing error is likely.
pub(crate) fn like(path: &Path, wanted: impl Fn(&Path) -> bool) -> Option<PathBuf> {
    // An extension in common says nothing.
    let stem = path.file_stem()?.to_str()?;
    let mut there = files(folder(path));
    there.retain(|path| wanted(path));
    let near = nearest(stem, there.iter().filter_map(|path| path.file_stem()?.to_str()))?;
    there.iter().find(|path| path.file_stem().is_some_and(|stem| stem == near)).cloned()
}

/// ``` `a.csv`, `b.csv` and 3 more ```
pub(crate) fn listed(paths: &[PathBuf]) -> String {
    let names: Vec<String> = paths.iter().take(NAMED).map(|path| format!("`{}`", path.display())).collect();
    match paths.len().saturating_sub(NAMED) {
        0 => names.join(", "),
        more => format!("{} and {more} more", names.join(", ")),
    }
}

/// The files in a folder by name, hidden ones left out; none if it cannot be read.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let visible = entries.filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'));
    let mut found: Vec<PathBuf> = visible.map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    found.sort();
    if folder == Path::new(".") {
        // As people write them.
        found = found.iter().map(|path| path.strip_prefix(".").unwrap_or(path).to_owned()).collect();
    }
    found
}

/// The candidate most like `name`, if one is alike enough to be a slip of the pen.
pub(crate) fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let close = |candidate: &str| strsim::normalized_damerau_levenshtein(&lower, &candidate.to_lowercase());
    let best = candidates.into_iter().max_by(|a, b| close(a).total_cmp(&close(b)))?;
    (close(best) >= 0.6).then_some(best)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_have_been_meant_is_found_by_content_and_name() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for (name, text) in [
            ("task.toml", "format = 1\npatterns = ["),
            ("Cargo.toml", "[package]\n"),
            ("tickets.csv", ""),
            ("package.json", ""),
            (".hidden.csv", ""),
        ] {
            fs::write(at(name), text).unwrap();
        }
        fs::create_dir(at("folder.csv")).unwrap();
        assert_eq!(tasks(dir.path()), [at("task.toml")]);
        assert_eq!(tables(dir.path()), [at("tickets.csv")]);
        assert_eq!(like(&at("tikcets.csv"), |_| true), Some(at("tickets.csv")));
        assert_eq!(like(&at("task"), |_| true), Some(at("task.toml")));
        assert_eq!(like(&at("zebra.toml"), |_| true), None);
        assert!(tables(&at("nowhere")).is_empty());
    }

    #[test]
    fn a_long_list_is_cut_short() {
        let paths: Vec<PathBuf> = (0..7).map(|number| format!("{number}.csv").into()).collect();
        assert_eq!(listed(&paths), "`0.csv`, `1.csv`, `2.csv`, `3.csv`, `4.csv` and 2 more");
        assert_eq!(listed(&paths[..1]), "`0.csv`");
    }
}
