//! `cloze init`: a first task file for a table of labelled texts.

use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};

use cloze::inspect::{self, DraftedTask, Request};
use cloze::{Error, Reader};
use serde_json::{Value, json};

use crate::args::{Global, Init};
use crate::failure::Result;
use crate::layout::{self, Align, counted};
use crate::output::{Output, Protected};
use crate::printer::Printer;

use super::{device, is_std, open_model, rows_argument};

/// Drafts the task file and writes it, unless there is one.
pub(crate) fn run(args: &Init, global: &Global, printer: &Printer) -> Result {
    let path = args.output.clone().unwrap_or_else(|| "task.toml".into());
    let to_stdout = is_std(&path);
    if cloze::Format::of_path(&path).is_some() {
        let problem = format!("a task file is TOML, but `{}` has the name of a table", path.display());
        return Err(Error::usage(problem, "name it `task.toml`, for example").into());
    }
    let files = [Some(&args.data), args.unlabeled.as_ref(), args.test.as_ref()];
    let protected = files
        .into_iter()
        .flatten()
        .fold(Protected::default(), |known, file| known.file(file, "a file of rows"));
    let output = match to_stdout {
        true => None,
        false => Some(Output::create(&path, args.force, &protected)?),
    };
    rows_argument::check(&args.data, None)?;
    let reading = args.reading.options(None);
    let rows = Reader::open(&args.data, reading)?;
    let columns = rows.columns().to_vec();
    let model = open_model(&args.model, None)?;
    let home = if to_stdout { Path::new("") } else { path.parent().unwrap_or(Path::new("")) };
    let seen = |file: &Path| seen_from(home, file);
    let (unlabeled, test) = (args.unlabeled.as_deref().map(seen), args.test.as_deref().map(seen));
    // `--missing ""` says that every value is a label.
    let missing: Option<Vec<String>> = args
        .missing
        .as_ref()
        .map(|values| values.iter().filter(|value| !value.is_empty()).cloned().collect());
    let more = match &args.unlabeled {
        Some(path) if path.is_file() => Some(Reader::open(path, reading)?),
        _ => None,
    };
    let request = Request {
        name: &args.data.file_stem().unwrap_or_default().to_string_lossy(),
        train: &seen(&args.data),
        reading,
        label: &args.label,
        missing: missing.as_deref(),
        text: &args.text,
        descriptions: &args.describe,
        unlabeled: unlabeled.as_deref(),
        test: test.as_deref(),
    };
    let draft = inspect::draft(rows, more, &request, &model, &device(global.threads)?)?;
    draft.warnings.iter().for_each(|warning| printer.warn(warning));
    draft.doubt.iter().for_each(|doubt| printer.warn(doubt));
    let Some(output) = output else {
        if !printer.is_json() {
            return Ok(printer.document(&draft.toml)?);
        }
        let mut result = summary(None, &draft);
        result["toml"] = draft.toml.into();
        return Ok(printer.json(&result)?);
    };
    output.file()?.write_all(draft.toml.as_bytes()).map_err(|error| Error::io("write", &path, error))?;
    output.finish()?;

    let path = path.display().to_string();
    printer.json(&summary(Some(&path), &draft))?;
    let mut counts = layout::Table::new([Align::Left, Align::Right, Align::Right, Align::Left]);
    let (apart, words) = if draft.words.is_empty() { ("", "") } else { ("separation", "words") };
    counts.row(["label", "rows", apart, words].map(String::from));
    for (label, (name, rows)) in draft.labels.iter().enumerate() {
        let apart = draft.apart.get(label).map_or(String::new(), |apart| format!("{:.0} %", 100.0 * apart));
        let words = draft.words.get(label).map_or(String::new(), |words| words.join(", "));
        counts.row([name.clone(), rows.to_string(), apart, words]);
    }
    if draft.unlabelled > 0 {
        counts.row(["(no label)".to_owned(), draft.unlabelled.to_string(), String::new(), String::new()]);
    }
    printer.show(format_args!(
        "{path}: {} in the column `{}`, text in {}\n\n{counts}",
        counted(draft.labels.len(), "label"),
        args.label,
        draft.text.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
    ))?;
    let known = |name: &&String| **name != args.label && !draft.text.contains(name) && !name.is_empty();
    let others: Vec<String> = columns.iter().filter(known).map(|name| format!("`{name}`")).collect();
    if !others.is_empty() && args.text.is_empty() {
        printer.show(format_args!(
            "\nNot used: {}. To use other columns, name them with `--text`.\n",
            others.join(", ")
        ))?;
    }
    printer.show(questions(&draft))?;
    printer.show(format_args!("\nnext:\n  {} check {path}\n", super::program()))?;
    Ok(())
}

/// Decisions of the draft that the user should check.
fn questions(draft: &DraftedTask) -> String {
    let mut text = String::new();
    let mut ask = |question: String| text.extend(["\n", &question, "\n"]);
    if draft.several {
        ask("Some rows have several labels, so each label gets its own question: see `[multi_label]`.".into());
    }
    if !draft.missing.is_empty() {
        let marks: Vec<String> = draft
            .missing
            .iter()
            .map(|(mark, rows)| format!("`{mark}` ({})", counted(*rows, "row")))
            .collect();
        ask(format!(
            "Read as a missing label: {}. If one of them is a label, see `missing` in the file.",
            marks.join(", ")
        ));
    }
    if !draft.doubtful.is_empty() {
        ask(format!(
            "The model does not know the names of these labels, so their words are guessed from the rows; check them: {}",
            draft.doubtful.join(", ")
        ));
    }
    if !draft.unknown.is_empty() {
        ask(format!("No words were found for these labels, so write some: {}", draft.unknown.join(", ")));
    }
    text
}

/// The draft for scripts.
fn summary(path: Option<&str>, draft: &DraftedTask) -> Value {
    let counts = |counts: &[(String, usize)]| -> serde_json::Map<String, Value> {
        counts.iter().map(|(name, rows)| (name.clone(), (*rows).into())).collect()
    };
    let words: serde_json::Map<String, Value> = draft
        .labels
        .iter()
        .zip(&draft.words)
        .map(|((name, _), words)| (name.clone(), words.clone().into()))
        .collect();
    let apart: serde_json::Map<String, Value> = draft
        .labels
        .iter()
        .zip(&draft.apart)
        .map(|((name, _), apart)| (name.clone(), (*apart).into()))
        .collect();
    json!({
        "task": path, "text": draft.text, "labels": counts(&draft.labels), "unlabelled": draft.unlabelled,
        "missing": counts(&draft.missing), "several": draft.several, "doubtful": draft.doubtful, "unknown": draft.unknown,
        "words": words, "told_apart": apart, "warnings": draft.warnings,
    })
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
