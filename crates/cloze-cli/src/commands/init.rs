//! `cloze init`: a first task file for a table of labelled texts.

use std::io;
use std::path::{Component, Path, PathBuf};

use cloze::init::{self, Request};
use cloze::table::Table;
use cloze::{Error, store};
use serde_json::json;

use crate::args::Init;
use crate::failure::Result;
use crate::layout::{self, Align, counted};
use crate::printer::Printer;

use super::{open_model, rows_argument};

/// Drafts the task file and writes it, unless there is one.
pub(crate) fn run(args: &Init, printer: &Printer) -> Result {
    let path = args.output.clone().unwrap_or_else(|| "task.toml".into());
    let to_stdout = path == Path::new("-");
    if !to_stdout && !args.force && path.exists() {
        return Err(Error::usage(
            format!("`{}` exists already", path.display()),
            "choose another name with `-o FILE`, or add `--force` to replace it",
        )
        .into());
    }
    rows_argument::check(&args.data, None)?;
    let table = Table::read(&args.data, None)?;
    let model = open_model(&args.model, None)?;
    let home = if to_stdout { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
    let seen = |file: &Path| seen_from(home, file);
    let (unlabeled, test) = (args.unlabeled.as_deref().map(seen), args.test.as_deref().map(seen));
    let request = Request {
        name: &args.data.file_stem().unwrap_or_default().to_string_lossy(),
        train: &seen(&args.data),
        label: &args.label,
        text: &args.text,
        unlabeled: unlabeled.as_deref(),
        test: test.as_deref(),
    };
    let draft = init::draft(&table, &request, &model.checkpoint.tokenizer)?;
    let labels: serde_json::Map<_, _> =
        draft.labels.iter().map(|(name, rows)| (name.clone(), (*rows).into())).collect();
    if to_stdout {
        return if printer.is_json() {
            Ok(printer.json(&json!({
                "task": null, "toml": draft.toml, "text": draft.text, "labels": labels, "doubtful": draft.doubtful,
            }))?)
        } else {
            Ok(printer.document(&draft.toml)?)
        };
    }
    store::replace(&path, draft.toml.as_bytes())?;

    let path = path.display().to_string();
    printer.json(&json!({
        "task": path, "text": draft.text, "labels": labels, "doubtful": draft.doubtful,
    }))?;
    let mut counts = layout::Table::new([Align::Left, Align::Right]);
    for (name, rows) in &draft.labels {
        counts.row([name.clone(), counted(*rows, "row")]);
    }
    printer.show(format_args!(
        "{path}: {} in the column `{}`, text in {}\n\n{counts}",
        counted(draft.labels.len(), "label"),
        args.label,
        draft.text.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    ))?;
    if !draft.doubtful.is_empty() {
        let names = draft.doubtful.join(", ");
        printer.show(format_args!(
            "\nThe model does not know these labels' names, so choose words for them: {names}\n"
        ))?;
    }
    printer.show(format_args!("\nnext:\n  {} check {path}\n", super::program()))?;
    Ok(())
}

/// How a task file in the folder `home` names `file`: relative where the file is in that folder, absolute elsewhere.
fn seen_from(home: &Path, file: &Path) -> String {
    let absolute = |path: &Path| -> io::Result<PathBuf> {
        let path = std::path::absolute(path)?;
        Ok(path.components().filter(|part| *part != Component::CurDir).collect())
    };
    let home = if home.as_os_str().is_empty() { Path::new(".") } else { home };
    // Without a current directory nothing is relative to anything, and the name stays as it was typed.
    let (Ok(home), Ok(path)) = (absolute(home), absolute(file)) else { return file.display().to_string() };
    path.strip_prefix(&home).unwrap_or(&path).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_named_as_the_task_file_sees_it() {
        assert_eq!(seen_from(Path::new(""), Path::new("./data/a.csv")), "data/a.csv");
        assert_eq!(seen_from(Path::new("data"), Path::new("data/a.csv")), "a.csv");
        assert_eq!(seen_from(Path::new("/tasks"), Path::new("/data/a.csv")), "/data/a.csv");
    }
}
