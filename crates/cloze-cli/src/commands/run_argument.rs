//! The argument RUN: a run directory, or a task file, which stands for the newest run of its task. Where it is neither: what it
//! is, and what was probably meant.

use std::path::{Path, PathBuf};

use cloze::task::Task;
use cloze::{Error, Run, StoreError};

use crate::failure::Result;
use crate::layout::moment;
use crate::nearby::{self, folder, nearest, seen_from_here, tasks};
use crate::printer::Printer;
use crate::retyped::{Retyped, typed_path};
use crate::runs::{Found, around, is_run, listed, within};

use super::{rows_argument, task_argument};

/// The argument with what tells what was meant by it.
pub(crate) struct RunArgument<'a> {
    /// What was typed.
    pub given: &'a Path,
    /// The directory that runs are kept in.
    pub runs: &'a Path,
    /// The argument after it.
    pub rows: Option<&'a Path>,
}

impl RunArgument<'_> {
    /// The directory of the run that is meant.
    pub(crate) fn resolve(&self, printer: &Printer) -> Result<PathBuf> {
        let given = self.given;
        if let Some(run) = itself(given) {
            return Ok(run);
        }
        if given.is_dir() {
            return Err(self.directory().into());
        }
        if nearby::is_missing(given) {
            return Err(self.missing().into());
        }
        if let Some(run) = around(given) {
            let problem = format!("`{}` is part of the run `{}`", given.display(), run.display());
            let command = Retyped::new().with_path(given, &run);
            return Err(Error::usage(problem, format!("give the run's directory: `{command}`")).into());
        }
        match Task::open(given) {
            Ok(task) => self.newest_of(&task, printer),
            Err(error) if nearby::is_task(given) => Err(error.into()),
            Err(_) => Err(self.no_task().into()),
        }
    }

    /// The newest run of a task.
    fn newest_of(&self, task: &Task, printer: &Printer) -> Result<PathBuf> {
        let mut found = self.runs_and_within(&folder(self.given).join("runs"));
        // A newer one that cannot be read is no reason to take an older one without a word.
        let own = |run: &Found| {
            let name = run.dir.file_name().unwrap_or_default().to_string_lossy();
            name.rsplit_once('-').is_some_and(|(of_run, _)| of_run == task.name)
        };
        if let Some(first) = found.iter().find(|run| own(run)).filter(|run| run.task().is_none())
            && let Err(Error::Store(error)) = Run::task(&first.dir)
        {
            return Err(Error::Store(error).into());
        }
        found.retain(|run| run.task().is_some_and(|of_run| of_run.name == task.name));
        // A task file elsewhere may have the same name, so the runs that name this one come first; a run that has kept no model
        // can do nothing but say so.
        let of_this = |run: &&Found| self.is_from(&run.dir) == Some(true);
        let able: Vec<&Found> = found.iter().filter(|run| run.predicts()).collect();
        let newest = able.iter().copied().find(of_this).or(able.first().copied());
        let Some(run) = newest.or_else(|| found.iter().find(|run| run.finished)) else {
            return Err(self.none_finished(task, found.first()).into());
        };
        printer.note(format_args!(
            "the newest run of `{}`: {}, {}",
            task.name,
            run.dir.display(),
            moment(run.time)
        ));
        if self.is_from(&run.dir) == Some(false) {
            printer.warn(format_args!(
                "`{}` was made not from `{}` but from another task file named `{}`",
                run.dir.display(),
                self.given.display(),
                task.name
            ));
        }
        if let Some(changed) = run.task().and_then(|trained| changed(&trained, task)) {
            printer.warn(format_args!(
                "the {changed} in `{}` have changed since that run; `{}` starts a new one",
                self.given.display(),
                self.train()
            ));
        }
        Ok(run.dir.clone())
    }

    /// The runs where runs are kept and in another directory, the newest first.
    fn runs_and_within(&self, other: &Path) -> Vec<Found> {
        let mut found = within(self.runs);
        if other.canonicalize().ok() != self.runs.canonicalize().ok() {
            found.extend(within(other));
            found.sort_by_key(|run| std::cmp::Reverse(run.time));
        }
        found
    }

    /// Whether a run was made from this task file; none if it was made from one that is not there now.
    fn is_from(&self, run: &Path) -> Option<bool> {
        let file = Run::task_file(run)?.canonicalize().ok()?;
        Some(file == self.given.canonicalize().ok()?)
    }

    fn none_finished(&self, task: &Task, begun: Option<&Found>) -> Error {
        let problem = format!("there is no finished run of `{}` in `{}`", task.name, self.runs.display());
        let remedy = match begun {
            Some(run) => {
                format!("`{}` is not finished; `{}` resumes it", run.dir.display(), self.train())
            }
            None => {
                format!(
                    "train it first: `{}`; if its runs are in another directory, add `--runs DIR`",
                    self.train()
                )
            }
        };
        Error::usage(problem, remedy)
    }

    /// The command that trains the task.
    fn train(&self) -> String {
        format!("cloze train {}{}", typed_path(self.given), runs_option(self.runs))
    }

    /// A file that is no task file.
    fn no_task(&self) -> Error {
        let shown = self.given.display();
        if let Some(other) = self.other_is_run() {
            let command = Retyped::new().swapped(self.given, other);
            return Error::usage(
                format!("`{shown}` is not a run, and `{}` is given where the rows belong", other.display()),
                format!("the run comes first: `{command}`"),
            );
        }
        let problem = match task_argument::is_table(self.given) {
            true => format!("`{shown}` is a table, not a run"),
            false => format!("`{shown}` is neither a run nor a task file"),
        };
        Error::usage(problem, self.newest(&within(self.runs)))
    }

    fn missing(&self) -> Error {
        let shown = self.given.display();
        if let Some(other) = self.other_is_run() {
            let command = Retyped::new().swapped(self.given, other);
            return Error::usage(
                format!(
                    "there is no run `{shown}`, and `{}` is given where the rows belong",
                    other.display()
                ),
                match rows_argument::is_text(self.given) {
                    true => {
                        format!("the run comes first, and a text after `--text`: `{}`", self.as_text(other))
                    }
                    false => format!("the run comes first: `{command}`"),
                },
            );
        }
        let there = self.runs_and_within(folder(self.given));
        let problem = format!("there is no run `{shown}`");
        if let Some(near) = self.like(&there) {
            return Error::usage(
                problem,
                format!("did you mean `{}`?", Retyped::new().with_path(self.given, &near)),
            );
        }
        Error::usage(problem, self.newest(&there))
    }

    /// The command with the text that stands in the place of the run.
    fn as_text(&self, run: &Path) -> Retyped {
        let text = self.given.to_string_lossy().into_owned();
        Retyped::new().swapped(self.given, run).with(self.given, ["--text".to_owned(), text])
    }

    /// The run, or task file, whose name is so much like what was given that it could be meant.
    fn like(&self, there: &[Found]) -> Option<PathBuf> {
        let toml = |path: &Path| path.extension().is_some_and(|extension| extension == "toml");
        if toml(self.given) {
            return nearby::like(self.given, toml);
        }
        let name = self.given.file_name()?.to_str()?;
        let named = |run: &Found| run.dir.file_name().and_then(|name| name.to_str()).map(str::to_owned);
        // `support` for `support-1a2b3c4d`, or without the folder before it; of several the newest.
        if let Some(run) = there.iter().find(|run| named(run).is_some_and(|run| run.starts_with(name))) {
            return Some(run.dir.clone());
        }
        let names: Vec<String> = there.iter().filter_map(named).collect();
        let near = nearest(name, names.iter().map(String::as_str))?;
        there.iter().find(|run| named(run).is_some_and(|name| name == near)).map(|run| run.dir.clone())
    }

    /// A directory that is no run.
    fn directory(&self) -> Error {
        let (given, shown) = (self.given, self.given.display());
        if let Some(run) = around(given) {
            let command = Retyped::new().with_path(given, &run);
            return Error::usage(
                format!("`{shown}` is part of the run `{}`", run.display()),
                format!("give the run's directory: `{command}`"),
            );
        }
        let mut there = within(given);
        if there.is_empty() {
            there = within(&given.join("runs"));
        }
        if !there.is_empty() {
            return Error::usage(format!("`{shown}` is a directory of runs, not a run"), self.newest(&there));
        }
        let kept = within(self.runs);
        match tasks(given).as_slice() {
            [] if kept.is_empty() => Error::Store(StoreError::NotARun { path: given.to_owned() }),
            [task] if !kept.iter().any(Found::predicts) => Error::usage(
                format!("`{shown}` is not a run directory but contains a task that has not been trained"),
                format!(
                    "train it with `cloze train {}{}`, then `{}`",
                    typed_path(task),
                    runs_option(self.runs),
                    Retyped::new().with_path(given, task)
                ),
            ),
            _ => Error::usage(format!("`{shown}` is not a run directory"), self.newest(&kept)),
        }
    }

    /// What to type to take the newest of these runs, and all of them.
    fn newest(&self, there: &[Found]) -> String {
        let command = |run: &Path| Retyped::new().with_path(self.given, run);
        match there.iter().find(|run| run.predicts()) {
            Some(run) => {
                format!(
                    "to use the newest, type `{}`; the runs there, newest first:\n{}",
                    command(&run.dir),
                    listed(there)
                )
            }
            None if there.is_empty() => "`cloze train task.toml` creates a run from a task file".to_owned(),
            None => format!("none of the runs there can predict; {}:\n{}", makes_one(there), listed(there)),
        }
    }

    /// The argument after it, if that is what stands for a run.
    fn other_is_run(&self) -> Option<&Path> {
        self.rows.filter(|rows| itself(rows).is_some() || (rows.is_file() && nearby::is_task(rows)))
    }
}

/// The run that a directory is, or is the `final` directory of.
fn itself(dir: &Path) -> Option<PathBuf> {
    if is_run(dir) {
        return Some(dir.to_owned());
    }
    let path = dir.canonicalize().ok().filter(|path| path.ends_with("final"))?;
    path.parent().filter(|run| is_run(run))?;
    // As it was typed, if that names the folder.
    let typed =
        dir.parent().filter(|run| dir.ends_with("final") && !run.as_os_str().is_empty() && is_run(run));
    Some(typed.map_or_else(|| dir.join(".."), Path::to_owned))
}

/// How one more run is made of the task of one of these, which can predict.
fn makes_one(there: &[Found]) -> String {
    let file = |run: &Found| Run::task_file(&run.dir).filter(|file| file.is_file());
    let Some((run, file)) = there.iter().find_map(|run| Some((run, file(run)?))) else {
        return "`cloze train task.toml --keep final` creates one that can".to_owned();
    };
    let (runs, file) = (runs_option(folder(&run.dir)), typed_path(&seen_from_here(&file)));
    format!("`cloze train {file} --keep final{runs}` creates one that can")
}

/// What says where runs are kept, if that is not the usual place.
fn runs_option(runs: &Path) -> String {
    if runs == Path::new("runs") { String::new() } else { format!(" --runs {}", typed_path(runs)) }
}

/// What a task asks and answers with that is not as it was when a run was trained.
fn changed(trained: &Task, now: &Task) -> Option<&'static str> {
    if trained.labels != now.labels || trained.classes() != now.classes() {
        Some("labels")
    } else {
        let is_same = trained.patterns == now.patterns && trained.own_words == now.own_words;
        (!is_same).then_some("patterns")
    }
}
