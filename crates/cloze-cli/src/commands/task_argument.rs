//! The argument TASK, where it is no task file: what it is, and what was probably meant.

use std::path::{Path, PathBuf};

use cloze::{Error, Format, ReadOptions, Reader, Run};

use crate::extension::{Foreign, as_rows};
use crate::nearby::{self, folder, listed, seen_from_here, tasks};
use crate::retyped::{Retyped, typed_path};
use crate::runs;

use super::is_std;

/// What `cloze init` is told where no table is at hand.
const INIT: &str = "`cloze init tickets.csv --label COLUMN` writes a task file for a table";

/// Finds out before it is read what cannot be a task file.
pub(crate) fn check(given: &Path) -> Result<(), Error> {
    if is_std(given) {
        return Err(Error::usage("a task file cannot be read from standard input", "give the file's name"));
    }
    if nearby::is_missing(given) {
        return Err(missing(given));
    }
    match runs::around(&given.join("run.toml")).or_else(|| runs::around(given)) {
        Some(run) if given.is_dir() || given.ends_with("run.toml") => Err(part_of(&run, given)),
        _ if given.is_dir() => Err(directory(given)),
        None if Format::of_path(given).is_some() && !nearby::is_task(given) => Err(table(given)),
        _ => Ok(()),
    }
}

/// A better error for what is no task file at all, instead of all that is wrong with its TOML.
pub(crate) fn explained(given: &Path, error: Error) -> Error {
    if !matches!(error, Error::Task(_) | Error::Data { .. }) || nearby::is_task(given) {
        return error;
    }
    if let Some(run) = runs::around(given) {
        return part_of(&run, given);
    }
    let shown = given.display();
    match Foreign::of_path(given) {
        // A name that ends in `.toml` promises nothing else.
        Some(Foreign::Other) | None => {}
        Some(Foreign::Spreadsheet) => {
            return Error::usage(
                format!("`{shown}` is a spreadsheet, not a task file"),
                format!("save it as CSV; then {}", init(&as_rows(given))),
            );
        }
        Some(Foreign::Compressed) if Format::of_path(&as_rows(given)).is_some() => return table(given),
        Some(_) => return Error::usage(format!("`{shown}` is not a task file"), INIT),
    }
    if is_table(given) { table(given) } else { error }
}

/// Whether a file that is no task file is a table: by its name, or by what its first lines have in common.
pub(super) fn is_table(path: &Path) -> bool {
    if Format::of_path(path).is_some() {
        return true;
    }
    let Ok(reader) = Reader::open(path, ReadOptions::default()) else { return false };
    let names = reader.columns();
    // A line of TOML sets something, opens a section or is a comment.
    let toml = names.iter().any(|name| name.contains('=')) || names[0].starts_with(['[', '#']);
    let mut rows = reader.take(3);
    !toml && names_several(path) && rows.next().is_some_and(|row| row.is_ok()) && rows.all(|row| row.is_ok())
}

fn names_several(path: &Path) -> bool {
    Reader::open(path, ReadOptions::default()).is_ok_and(|reader| reader.columns().len() > 1)
}

fn table(given: &Path) -> Error {
    let columns = match Reader::open(given, ReadOptions::default()) {
        Ok(reader) => {
            let names: Vec<String> = reader.columns().iter().map(|name| format!("`{name}`")).collect();
            format!("; its columns are {}", names.join(", "))
        }
        Err(_) => String::new(),
    };
    Error::usage(
        format!("`{}` is a table, not a task file", given.display()),
        format!("{}{columns}", init(given)),
    )
}

/// What writes a task file for a table.
fn init(table: &Path) -> String {
    let mut command = format!("cloze init {} --label COLUMN", typed_path(table));
    let mut free = [PathBuf::from("task.toml"), table.with_extension("toml")].into_iter();
    match free.find(|path| !path.exists()) {
        Some(free) if free == Path::new("task.toml") => {}
        Some(free) => command += &format!(" -o {}", typed_path(&free)),
        None => command += " -o FILE",
    }
    format!("`{command}` writes a task file for it")
}

/// A run, or something in it.
fn part_of(run: &Path, given: &Path) -> Error {
    let shown = run.display();
    let problem = if given.ends_with("run.toml") {
        format!("`{}` is the record of the run `{shown}`, not a task file", given.display())
    } else if given.join("run.toml").is_file() {
        format!("`{}` is a run, not a task file", given.display())
    } else {
        format!("`{}` is part of the run `{shown}`, not a task file", given.display())
    };
    let copy = format!("a copy of `{}` outside the run can be used instead", run.join("run.toml").display());
    let remedy = match Run::task_file(run) {
        Some(file) if file.is_file() => {
            let command = retyped(given, &seen_from_here(&file));
            format!("give the task file that it was made from: `{command}`")
        }
        Some(file) => format!("the task file that it was made from, `{}`, is gone; {copy}", file.display()),
        None => format!("give the task file that it was made from; {copy}"),
    };
    Error::usage(problem, remedy)
}

fn directory(given: &Path) -> Error {
    let problem = format!("`{}` is a directory, not a task file", given.display());
    let (tasks, tables, runs) = (tasks(given), nearby::tables(given), runs::within(given));
    let made_from = |run: &runs::Found| Run::task_file(&run.dir).filter(|file| file.is_file());
    if tasks.is_empty()
        && let Some((run, file)) = runs.iter().find_map(|run| Some((run, made_from(run)?)))
    {
        let command = retyped(given, &seen_from_here(&file));
        return Error::usage(
            format!("`{}` is a directory of runs, not a task file", given.display()),
            format!("for the task file that `{}` was made from: `{command}`", run.dir.display()),
        );
    }
    let remedy = match (tasks.as_slice(), tables.as_slice()) {
        ([task], _) => format!("its task file is `{0}`: `{1}`", task.display(), retyped(given, task)),
        ([_, ..], _) => format!("give one of the task files in it: {}", listed(&tasks)),
        ([], [table, ..]) => format!("there is no task file in it; for its table, {}", init(table)),
        ([], []) => INIT.to_owned(),
    };
    Error::usage(problem, remedy)
}

fn retyped(given: &Path, meant: &Path) -> Retyped {
    Retyped::new().with_path(given, meant)
}

fn missing(given: &Path) -> Error {
    let problem = format!("there is no file `{}`", given.display());
    let folder = folder(given);
    let toml = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
    let remedy = match (nearby::like(given, toml), tasks(folder)) {
        _ if !folder.is_dir() => format!("there is no directory `{}` either; {INIT}", folder.display()),
        (Some(near), _) => format!("did you mean `{}`?", retyped(given, &near)),
        (None, tasks) if !tasks.is_empty() => format!("the task files there are {}", listed(&tasks)),
        _ => INIT.to_owned(),
    };
    Error::usage(problem, remedy)
}
