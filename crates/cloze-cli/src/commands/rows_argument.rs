//! The arguments INPUT and DATA if they are not files of rows: what they are, and what was probably meant.

use std::path::Path;

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
