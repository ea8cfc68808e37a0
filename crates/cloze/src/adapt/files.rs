//! Which files of text there are, and how each of them is read.

use std::collections::HashSet;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{counted, list};
use crate::table::{Format, unpacked};
use crate::{Error, Place, Result};

/// Files that a warning names.
const NAMED: usize = 3;

/// What is in a file of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Documents with blank lines between them.
    Plain,
    /// Rows, of which one or more columns are text.
    Table,
}

/// The files that are meant, in the order in which they are read.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) found: Vec<(PathBuf, Kind)>,
    /// What the user should know of files that are passed over.
    pub(super) warnings: Vec<String>,
}

impl Files {
    /// The files that `paths` stand for: themselves, or those in a folder and the folders in it, sorted by name.
    ///
    /// # Errors
    /// When there is no such file, a file is of no kind that is read, or a folder has none that is.
    pub(super) fn find(paths: &[PathBuf]) -> Result<Files> {
        let mut files = Files::default();
        if paths.is_empty() {
            return Err(Error::usage("no text is given", "give files or folders with text"));
        }
        for path in paths {
            let found = std::fs::metadata(path).map_err(|source| match source.kind() {
                ErrorKind::NotFound => Error::usage(
                    format!("there is no file or folder `{}`", path.display()),
                    "name text files, tables, or folders of them",
                ),
                _ => Error::io("read", path, source),
            })?;
            if found.is_dir() {
                files.add_folder(path)?;
                continue;
            }
            let Some(kind) = kind(path) else {
                return Err(Error::data(
                    Place::file(path.display().to_string()),
                    "its name does not say that it is text or a table",
                    "give a `.txt` file, or a table in a `.csv`, `.tsv` or `.jsonl` file, which may end in `.gz` or `.zst`; if it is \
                     one of these, rename it",
                ));
            };
            files.found.push((path.clone(), kind));
        }
        files.drop_twins();
        Ok(files)
    }

    /// Keeps the first of several names of the same file.
    fn drop_twins(&mut self) {
        let mut seen = HashSet::new();
        let mut twins = Vec::new();
        self.found.retain(|(path, _)| {
            let is_new = seen.insert(path.canonicalize().unwrap_or_else(|_| path.clone()));
            if !is_new {
                twins.push(path.display().to_string());
            }
            is_new
        });
        if !twins.is_empty() {
            let verb = if twins.len() == 1 { "is" } else { "are" };
            let some = list(twins.iter().take(NAMED));
            self.warnings
                .push(format!("{} {verb} named twice and read once: {some}", counted(twins.len(), "file")));
        }
    }

    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let before = self.found.len();
        let mut others = Vec::new();
        self.walk(folder, &mut others)?;
        let some = list(others.iter().take(NAMED).map(|path| path.display().to_string()));
        if self.found.len() == before {
            let others = if others.is_empty() { String::new() } else { format!("; it has {some}") };
            return Err(Error::usage(
                format!("`{}` has no file of text{others}", folder.display()),
                "put `.txt`, `.csv`, `.tsv` or `.jsonl` files there, which may end in `.gz` or `.zst`, or name the files to read",
            ));
        }
        if !others.is_empty() {
            self.warnings.push(format!(
                "{} in `{}` {} not read, such as {some}; name those that are rows or text",
                counted(others.len(), "file"),
                folder.display(),
                if others.len() == 1 { "is" } else { "are" },
            ));
        }
        Ok(())
    }

    /// Adds the files below a folder. Those whose name begins with a dot are none of the user's texts.
    fn walk(&mut self, folder: &Path, others: &mut Vec<PathBuf>) -> Result<()> {
        let failed = |source| Error::io("read", folder, source);
        let mut entries = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            if !entry.file_name().to_string_lossy().starts_with('.') {
                entries.push((entry.path(), entry.file_type().map_err(failed)?.is_dir()));
            }
        }
        entries.sort();
        for (path, is_folder) in entries {
            if is_folder && is_model(&path) {
                others.push(path);
                continue;
            }
            match kind(&path).filter(|_| !is_folder && path.is_file() && !is_plain_json(&path)) {
                _ if is_folder => self.walk(&path, others)?,
                Some(kind) => self.found.push((path, kind)),
                None => others.push(path),
            }
        }
        Ok(())
    }
}

/// Whether a folder holds a model, finished or not: its vocabulary and log are not texts.
fn is_model(folder: &Path) -> bool {
    ["config.json", "adapt.json"].iter().any(|name| folder.join(name).exists())
}

/// Much in a folder is called `.json` that holds no rows.
fn is_plain_json(path: &Path) -> bool {
    has_extension(path, &["json"])
}

/// What a file's name promises.
fn kind(path: &Path) -> Option<Kind> {
    if Format::of_path(path).is_some() {
        return Some(Kind::Table);
    }
    has_extension(path, &["txt", "text"]).then_some(Kind::Plain)
}

/// Whether a file has one of these extensions, before that of its compression.
fn has_extension(path: &Path, known: &[&str]) -> bool {
    let extension = unpacked(path).unwrap_or(path).extension();
    extension.is_some_and(|extension| known.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_stands_for_its_files_of_text_and_says_which_it_leaves_out() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("b")).unwrap();
        for name in ["c.txt", "a.csv.gz", "b/d.TXT.zst", "scan.pdf", "package.json", ".hidden.txt", "z.jsonl"]
        {
            std::fs::write(dir.path().join(name), "text").unwrap();
        }
        let files = Files::find(&[dir.path().to_owned()]).unwrap();
        let names: Vec<String> = (files.found.iter())
            .map(|(path, _)| path.strip_prefix(dir.path()).unwrap().display().to_string())
            .collect();
        assert_eq!(names, ["a.csv.gz", "b/d.TXT.zst", "c.txt", "z.jsonl"]);
        assert_eq!(files.found[1].1, Kind::Plain);
        assert_eq!(files.warnings.len(), 1);
        assert!(files.warnings[0].starts_with("2 files in"), "{:?}", files.warnings);
    }

    #[test]
    fn a_file_that_is_named_twice_is_read_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        std::fs::write(&path, "text").unwrap();
        let files = Files::find(&[path.clone(), dir.path().to_owned(), path]).unwrap();
        assert_eq!(files.found.len(), 1);
        assert!(
            files.warnings[0].starts_with("2 files are named twice and read once: "),
            "{:?}",
            files.warnings
        );
    }

    #[test]
    fn what_is_not_there_or_no_text_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let scan = dir.path().join("scan.pdf");
        assert!(Files::find(std::slice::from_ref(&scan)).unwrap_err().to_string().contains("scan.pdf"));
        std::fs::write(&scan, "x").unwrap();
        let error = Files::find(&[scan]).unwrap_err();
        assert!(error.to_string().ends_with("its name does not say that it is text or a table"), "{error}");
        let error = Files::find(&[dir.path().to_owned()]).unwrap_err().to_string();
        assert!(error.contains("has no file of text; it has"), "{error}");
        assert!(Files::find(&[]).is_err());
    }
}
