//! `cloze label`: texts are labelled in the browser.

use std::path::Path;

use cloze::labelling::Texts;
use cloze::{Error, Format, Task};
use cloze_label::{Options, Project, SAMPLE, Server, TaskFile, Users, folder_of};
use serde_json::json;

use crate::args::{Global, Label};
use crate::extension::Foreign;
use crate::failure::Result;
use crate::layout::{count, counted};
use crate::nearby;
use crate::printer::Printer;

use super::{is_std, open_model, rows_argument, task_argument};

/// Serves the page until it is asked to stop.
pub(crate) fn run(args: &Label, global: &Global, printer: &Printer) -> Result {
    let given = &args.given;
    let threads = global.threads.map_or_else(|| Options::default().threads, usize::from);
    let annotator = args.annotator.clone().or_else(user).unwrap_or_else(|| "me".to_owned());
    let options = Options {
        listen: args.listen,
        users: args.users.as_deref().map(Users::open).transpose()?,
        hosts: args.host.clone(),
        annotator,
        sample: args.sample,
        train_every: args.train_every,
        labels: args.labels.clone(),
        several: args.multi_label,
        threads,
    };
    if is_std(given) {
        return Err(Error::usage(
            "texts to label cannot be read from standard input",
            "give the file's name",
        )
        .into());
    }
    // What is neither is told from tables when it is read.
    let is_foreign = Foreign::of_path(given).is_some_and(|kind| kind != Foreign::Other);
    let is_table = !given.is_dir()
        && (is_foreign || Format::of_path(given).is_some() || task_argument::is_table(given))
        && !nearby::is_task(given);
    let (texts, name, task, model) = if is_table {
        rows_argument::check(given, None)?;
        let texts = Texts::of_table(given, args.reading.options(None), &args.text, args.label.as_deref())?;
        let name = given.file_name().unwrap_or_default().to_string_lossy();
        let name = name.split('.').next().unwrap_or_default().to_owned();
        (texts, name, None, open_model(&args.model, None)?)
    } else {
        task_argument::check(given)?;
        let task = Task::open(given).map_err(|error| task_argument::explained(given, error))?;
        of_table_only(args)?;
        let text = std::fs::read_to_string(given).map_err(|source| Error::io("read", given, source))?;
        let folder = given.parent().unwrap_or(Path::new("")).to_owned();
        // What asks about one class at a time does not read a text by itself.
        let patterns: Vec<String> = match task.classes().is_empty() {
            true => task.patterns.iter().take(3).map(ToString::to_string).collect(),
            false => Vec::new(),
        };
        let model = open_model(&args.model, Some(&task))?;
        let texts = Texts::of_task(&task)?;
        (texts, task.name.clone(), Some(TaskFile { text, folder, patterns }), model)
    };
    let folder = args.output.clone().unwrap_or_else(|| folder_of(given));
    if folder.is_file() {
        return Err(Error::usage(
            format!("`{}` is a file, and labels are kept in a folder", folder.display()),
            format!("leave `-o` out, or give a folder, for example `-o {}`", folder_of(given).display()),
        )
        .into());
    }
    if let Some(names) = unnamed(&texts) {
        printer.warn(format_args!(
            "the first line was taken for the names of the columns: {names}; if it is a row, put a line with names above it"
        ));
    }
    let rows = texts.rows.len();
    let project = Project::open(texts, &name, &folder, task, &options)?;
    let (texts, labelled) = project.texts();
    if project.missing() > 0 {
        printer.warn(format_args!(
            "{} of those labelled before: not in the table any more; the labels are kept, and count again when the texts are back",
            counted(project.missing(), "text")
        ));
    }
    let (copies, empty) = project.left_out(rows);
    if copies > 0 {
        printer.note(format_args!(
            "{} with the text of another, labelled together with it",
            counted(copies, "row")
        ));
    }
    if empty > 0 {
        printer.note(format_args!("{} without text, left out", counted(empty, "row")));
    }
    let (wanted, (sample, most)) = (args.sample.unwrap_or(SAMPLE), project.sample());
    if sample < wanted.min(most) {
        printer.note(format_args!(
            "the test sample has {}; `--sample {}` draws more",
            counted(sample, "text"),
            wanted.min(most)
        ));
    } else if sample < wanted {
        printer.note(format_args!(
            "the test sample has {}, a quarter of all; with more texts in the table, `--sample {wanted}` draws more",
            counted(sample, "text")
        ));
    }
    let columns: Vec<String> = project.columns().iter().map(|name| format!("`{name}`")).collect();
    printer.note(format_args!("the text is in {}", columns.join(", ")));
    let shown = project.folder().display().to_string();
    let server = Server::bind(project, model, &options)?;
    if let Some(doubt) = server.doubt() {
        printer.warn(doubt);
    }
    let url = server.url();
    printer.json(&json!({"url": url, "folder": shown, "texts": texts, "labelled": labelled}))?;
    printer.show(format_args!(
        "{} texts, {} of them labelled; labels are kept in {shown}\n\n  {url}\n\n",
        count(texts),
        count(labelled)
    ))?;
    printer.note(match args.users {
        None => "the address lets one browser in; stop with Ctrl-C",
        Some(_) => "people sign in with what `cloze users` has shown; stop with Ctrl-C",
    });
    if !args.listen.ip().is_loopback() {
        printer
            .warn("texts and passwords cross the network unencrypted, unless a web server in front encrypts");
    }
    if !args.no_open && opener::open(&url).is_err() {
        printer.note("no browser could be opened: copy the address into one");
    }
    let shown_again = printer.clone();
    let again = move |url: &str| {
        // A terminal that is gone is no reason to stop labelling.
        let _ = shown_again.json(&json!({"url": url}));
        shown_again.note(format_args!("for another browser: {url}"));
    };
    server.run(cloze_server::asked_to_stop(), again).map_err(|source| {
        Error::usage(format!("the page cannot be served: {source}"), "free memory or threads")
    })?;
    printer.note(format_args!("stopped; the same command goes on, and the labels are in {shown}"));
    Ok(())
}

/// The names of the columns, if they look like a row: a name of many words, or one that is also a value.
fn unnamed(texts: &Texts) -> Option<String> {
    let others: Vec<&String> = texts.table.iter().filter(|name| !texts.columns.contains(name)).collect();
    let is_value = |(place, name): (usize, &&String)| {
        texts.rows.iter().any(|row| row.others.get(place).is_some_and(|value| value == *name))
    };
    let is_text = |name: &String| name.split_whitespace().count() > 4;
    (texts.columns.iter().any(is_text) || others.iter().enumerate().any(is_value)).then(|| {
        let names: Vec<String> = texts.table.iter().map(|name| format!("`{name}`")).collect();
        names.join(", ")
    })
}

/// Refuses options that a task file says itself.
fn of_table_only(args: &Label) -> Result {
    let given = [
        ("--text", !args.text.is_empty()),
        ("--label", args.label.is_some()),
        ("--multi-label", args.multi_label),
    ];
    match given.into_iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(Error::usage(
            format!("`{option}` is for tables, and a task file says it itself"),
            format!("leave `{option}` out, or give the table instead of the task file"),
        )
        .into()),
    }
}

/// The name of the user, where the system says it.
fn user() -> Option<String> {
    ["USER", "USERNAME"]
        .iter()
        .find_map(|name| std::env::var(name).ok())
        .filter(|name| !name.trim().is_empty())
}
