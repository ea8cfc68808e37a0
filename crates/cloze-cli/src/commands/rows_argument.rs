//! The arguments INPUT and DATA if they are not files of rows: what they are, and what was probably meant.

use std::path::{Path, PathBuf};

use cloze::{Error, Format};

use crate::nearby::{self, folder, listed, tables};
use crate::retyped::Retyped;
use crate::runs;

use super::is_std;

/// Reports, before anything is computed, that there is no file of rows to read. `run` is the run that a text given instead
/// of a file could be meant for; none if the verb takes no texts.
pub(crate) fn check(given: &Path, run: Option<&Path>) -> Result<(), Error> {
    let shown = given.display();
    if is_std(given) {
        return Ok(());
    }
    if given.is_dir() {
        return Err(directory(given));
    }
    if nearby::is_missing(given) {
        return Err(missing(given, run));
    }
    let is_toml = given.extension().is_some_and(|extension| extension == "toml");
    if is_toml && nearby::is_task(given) {
        return Err(Error::usage(format!("`{shown}` is a task file, not a table"), tables_of(folder(given))));
    }
    Ok(())
}

/// The files that arguments stand for where there may be many: those that are named, and those in folders by their names. What begins with
/// a dot or an underscore is passed over, as programs that write folders of tables expect it; folders in folders are too.
///
/// # Errors
/// As [`check`]; or when a folder cannot be read, has no file with rows, or has one that is none.
pub(crate) fn files(given: &[PathBuf], run: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for given in given {
        if is_std(given) {
            let problem = "standard input can be read only once, so it cannot be divided";
            return Err(Error::usage(problem, "give files, or leave `--shard` away"));
        }
        if given.is_dir() && !runs::is_run(given) {
            files.extend(of_folder(given)?);
        } else {
            check(given, Some(run))?;
            files.push(given.clone());
        }
    }
    Ok(files)
}

fn of_folder(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error::io("read", folder, error);
    let shown = folder.display();
    let (mut files, mut folders) = (Vec::new(), 0);
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name().to_string_lossy().starts_with(['.', '_']) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            folders += 1;
        } else if Format::of_path(&path).is_some() {
            files.push(path);
        } else {
            return Err(Error::usage(
                format!("`{}` is in the folder, and its name is not that of a table", path.display()),
                format!("name the files that are meant, for example `{shown}/*.parquet`"),
            ));
        }
    }
    files.sort();
    match (files.is_empty(), folders) {
        (false, _) => Ok(files),
        (true, 0) => Err(Error::usage(format!("`{shown}` has no files in it"), "name another folder")),
        (true, _) => Err(Error::usage(
            format!("`{shown}` has only folders in it"),
            format!("name the files in them, for example `{shown}/*/*.parquet`"),
        )),
    }
}

fn directory(given: &Path) -> Error {
    let shown = given.display();
    if runs::is_run(given) {
        return Error::usage(format!("`{shown}` is a run, not a table"), tables_of(Path::new(".")));
    }
    Error::usage(
        format!("`{shown}` is a directory, not a file"),
        match tables(given).as_slice() {
            [] => tables_of(folder(given)),
            [table] => {
                format!("its table is `{}`: `{}`", table.display(), Retyped::new().with_path(given, table))
            }
            several => format!("give one of the tables in it: {}", listed(several)),
        },
    )
}

/// The tables in a folder as a remedy.
fn tables_of(folder: &Path) -> String {
    match tables(folder).as_slice() {
        [] => "give a CSV, TSV, JSON Lines or Parquet file".to_owned(),
        tables => format!("give a table, for example {}", listed(tables)),
    }
}

fn missing(given: &Path, run: Option<&Path>) -> Error {
    let near = nearby::like(given, |path| Format::of_path(path).is_some());
    let near = near.map(|near| format!("did you mean `{}`?", Retyped::new().with_path(given, &near)));
    let text = run.filter(|_| is_text(given)).map(|run| as_text(given, run));
    let remedy = match (near, text) {
        (Some(near), Some(text)) => format!("{near} To classify a text: {text}"),
        (Some(near), None) => near,
        (None, Some(text)) => format!("to classify a text: {text}"),
        (None, None) => match folder(given) {
            folder if !folder.is_dir() => format!("there is no directory `{}` either", folder.display()),
            folder => tables_of(folder),
        },
    };
    Error::usage(format!("there is no file `{}`", given.display()), remedy)
}

/// Whether what was given instead of a file looks like a text.
pub(super) fn is_text(given: &Path) -> bool {
    let Some(text) = given.to_str() else { return false };
    Format::of_path(given).is_none()
        && (text.contains(char::is_whitespace) || !text.contains(['.', '/', '\\']))
}

/// The same command with the text as a text, and a place for every other column that the patterns of the run use.
fn as_text(given: &Path, run: &Path) -> String {
    let fields = runs::task_of(run).map_or(Vec::new(), |task| task.inputs());
    let others = fields.iter().skip(1).map(|field| field.to_uppercase());
    let texts = std::iter::once(given.to_string_lossy().into_owned()).chain(others);
    let words = texts.flat_map(|text| ["--text".to_owned(), text]);
    let files = ["-o", "--output", "--from", "--to", "--format"];
    format!("`{}`", Retyped::new().with(given, words).without(&files))
}
