//! Expands file name patterns.

use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// The files that match `pattern`, sorted by name. Relative paths are resolved against `base`.
///
/// `*`, `?`, `[…]` and `**` are wildcards, unless a file of exactly that name exists.
///
/// # Errors
/// When no file matches, or the pattern is invalid.
pub(crate) fn expand(pattern: &str, base: &Path) -> Result<Vec<PathBuf>> {
    let path = if base == Path::new(".") { PathBuf::from(pattern) } else { base.join(pattern) };
    if path.exists() || !pattern.contains(['*', '?', '[']) {
        return match std::fs::metadata(&path) {
            Ok(found) if found.is_dir() => Err(Error::usage(
                format!("`{}` is a directory", path.display()),
                format!("name its files, for example `{}`", Path::new(pattern).join("*.csv").display()),
            )),
            Ok(_) => Ok(vec![path]),
            Err(source) => Err(Error::io("read", path, source)),
        };
    }
    // Only what the user wrote is a pattern; a `[` in the folder's own name is not.
    let base = glob::Pattern::escape(&base.to_string_lossy());
    let wild = Path::new(&base).join(pattern);
    let paths = glob::glob(&wild.to_string_lossy()).map_err(|error| {
        Error::usage(
            format!("`{pattern}` is not a valid file name pattern: {}", error.msg),
            "write `tickets/*.csv`, for example",
        )
    })?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            let path = error.path().to_owned();
            Error::io("read", path, error.into())
        })?;
        if path.is_file() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Error::usage(
            format!("no file matches `{pattern}`"),
            format!("put files there or correct the pattern; it is relative to `{}`", shown(&wild, pattern)),
        ));
    }
    Ok(files)
}

/// The folder that a relative pattern is resolved against.
fn shown(wild: &Path, pattern: &str) -> String {
    let full = wild.to_string_lossy();
    let base = full.strip_suffix(pattern).unwrap_or(&full).trim_end_matches('/');
    if base.is_empty() { ".".into() } else { base.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_gives_its_files_in_order_and_a_name_gives_itself() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("odd [name]");
        std::fs::create_dir_all(folder.join("c.csv")).unwrap();
        for name in ["b.csv", "a.csv", "a.txt", "x*.csv"] {
            std::fs::write(folder.join(name), "").unwrap();
        }
        let names = |pattern: &str| -> Vec<String> {
            let files = expand(pattern, &folder).unwrap();
            files.iter().map(|file| file.file_name().unwrap().to_string_lossy().into_owned()).collect()
        };
        assert_eq!(names("[ab].csv"), ["a.csv", "b.csv"]);
        assert_eq!(names("a.txt"), ["a.txt"]);
        assert_eq!(names("x*.csv"), ["x*.csv"]);
    }

    #[test]
    fn a_file_that_is_not_there_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        assert!(expand("none.csv", dir.path()).unwrap_err().to_string().contains("none.csv"));
        assert_eq!(expand("*.csv", dir.path()).unwrap_err().to_string(), "no file matches `*.csv`");
        assert!(expand("[", dir.path()).unwrap_err().to_string().contains("not a valid file name pattern"));
        assert!(expand(".", dir.path()).unwrap_err().to_string().contains("is a directory"));
    }
}
