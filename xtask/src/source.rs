//! Rust sources: which there are, and what is counted in them. The layout is the one that `cargo fmt` makes.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// The text of every file below `folder` that is Rust, with its path.
pub(crate) fn read(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(read(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push((path.clone(), fs::read_to_string(&path).unwrap_or_default()));
        }
    }
    files.sort();
    files
}

/// Those of the `files` that hold tests only: modules that are declared `#[cfg(test)] mod name;`, and what lies within them.
pub(crate) fn test_files(files: &[(PathBuf, String)]) -> BTreeSet<PathBuf> {
    let mut modules = Vec::new();
    for (path, text) in files {
        let stem = path.file_stem().unwrap_or_default();
        let folder = match stem.to_str() {
            Some("lib" | "main" | "mod") => path.with_file_name(""),
            _ => path.with_extension(""),
        };
        let mut lines = text.lines().map(str::trim);
        while let Some(line) = lines.next() {
            if line == "#[cfg(test)]"
                && let Some(name) = lines.next().and_then(module).and_then(|name| name.strip_suffix(';'))
            {
                modules.push(folder.join(name));
            }
        }
    }
    let within = |path: &&PathBuf| {
        modules.iter().any(|module| path.with_extension("") == *module || path.starts_with(module))
    };
    files.iter().map(|(path, _)| path).filter(within).cloned().collect()
}

/// Lines of logic: those outside of test modules that are not blank and not comments.
pub(crate) fn logic_lines(text: &str) -> usize {
    let mut count = 0;
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        let next = lines.peek().copied().unwrap_or_default().trim_start();
        if code == "#[cfg(test)]" && module(next).is_some_and(|name| name.ends_with('{')) {
            let end = format!("{}}}", &line[..line.len() - code.len()]);
            lines.by_ref().find(|line| **line == end);
        } else if !code.is_empty() && !code.starts_with("//") {
            count += 1;
        }
    }
    count
}

/// What follows `mod` in the declaration of a module.
fn module(line: &str) -> Option<&str> {
    ["", "pub ", "pub(crate) ", "pub(super) "]
        .iter()
        .find_map(|visibility| line.strip_prefix(visibility)?.strip_prefix("mod "))
}

/// Items that are public, whether or not their module is. Fields and variants do not count.
pub(crate) fn public_items(text: &str) -> usize {
    const KINDS: &[&str] = &["fn", "struct", "enum", "trait", "mod", "use", "const", "type", "static"];
    let kind = |line: &str| line.trim_start().strip_prefix("pub ")?.split(' ').next().map(str::to_owned);
    text.lines().filter_map(kind).filter(|kind| KINDS.contains(&kind.as_str())).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "//! A module.

use std::fs;

/// One.
pub fn one() -> usize {
    // Because.
    1
}

pub struct Two {
    /// A field is no item.
    pub model: usize,
}

#[cfg(test)]
pub(crate) mod tests {
    pub(crate) fn three() {
        if true {
        }
    }
}

    pub const fn four() {}
pub(crate) mod five;
#[cfg(test)]
mod six;
";

    #[test]
    fn logic_is_what_is_neither_blank_nor_a_comment_nor_a_test() {
        // The use, the function's three lines, the structure's three, `four`, `five`, and the two that declare `six`.
        assert_eq!(logic_lines(TEXT), 1 + 3 + 3 + 1 + 1 + 2);
        assert_eq!(logic_lines(""), 0);
        assert_eq!(logic_lines("#[cfg(test)]\nmod tests {\n    fn a() {}\n}\nfn b() {}\n"), 1);
        assert_eq!(logic_lines("mod a {\n    #[cfg(test)]\n    mod tests {\n    }\n}\n"), 2);
        assert_eq!(logic_lines("#[cfg(test)]\nfn helper() {}\n"), 2, "only modules are left out");
    }

    #[test]
    fn public_items_are_counted_by_their_kind() {
        assert_eq!(public_items(TEXT), 3, "`one`, `Two` and `four`");
        assert_eq!(public_items("pub use a::B;\npub mod c;\npub model: String,\npub user: u8,\n"), 2);
    }

    #[test]
    fn files_of_tests_are_those_that_are_declared_so() {
        let file = |name: &str, text: &str| (PathBuf::from(name), text.to_owned());
        let files = [
            file("src/lib.rs", "mod a;\n#[cfg(test)]\nmod plain;\n"),
            file("src/a.rs", "#[cfg(test)]\npub(crate) mod tests;\nmod b;\n"),
            file("src/a/b.rs", ""),
            file("src/a/tests.rs", ""),
            file("src/a/tests/more.rs", ""),
            file("src/plain.rs", ""),
            file("src/tests.rs", ""),
        ];
        let found: Vec<_> = test_files(&files).into_iter().collect();
        let names: Vec<_> = found.iter().map(|path| path.to_str().unwrap()).collect();
        assert_eq!(names, ["src/a/tests/more.rs", "src/a/tests.rs", "src/plain.rs"]);
    }
}
