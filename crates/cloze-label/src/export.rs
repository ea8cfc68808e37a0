//! What comes out: tables of labels, and a task file that `cloze train` understands.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cloze::inspect::{Request, draft};
use cloze::{Error, Format, Model, ReadOptions, Reader, cloze_encoder::Device};
use serde_json::{Map, Value, json};

use crate::private;
use crate::rows::{Row, Rows, free};
use crate::state::{Label, Labels, State};
use crate::table::Table;

/// Files in the folder of a project.
pub(crate) const LABELLED: &str = "labelled.csv";
const UNLABELED: &str = "unlabeled.csv";
const TEST: &str = "test.csv";
pub(crate) const TASK: &str = "task.toml";
pub(crate) const PREDICTIONS: &str = "predictions.csv";

/// The hashes of the files that were written, to tell them from files that a person has changed.
const WRITTEN: &str = "written.json";

/// With more texts without a label than this, a run uses so many of them.
const UNLABELLED: usize = 2000;

/// The task file that a project began with.
#[derive(Debug, Clone)]
pub struct TaskFile {
    /// Its text.
    pub text: String,
    /// The folder that its paths begin at.
    pub folder: PathBuf,
    /// Its patterns, as far as they read a text by itself; if there are none, others read it.
    pub patterns: Vec<String>,
}

/// The cell of a label column.
fn cell(state: &State, labels: &Labels) -> String {
    let names = state.names(labels);
    match names.as_slice() {
        [name] if !state.several => name.clone(),
        names => json!(names).to_string(),
    }
}

/// A table of texts with further cells as CSV.
fn csv(header: Vec<String>, lines: impl Iterator<Item = Vec<String>>) -> cloze::Result<Vec<u8>> {
    Table { header, lines: lines.collect(), numbers: 0 }.written(Format::Csv)
}

/// Names for columns behind those of the table, which none of them has.
fn behind<'a>(rows: &'a Rows, names: impl IntoIterator<Item = String> + 'a) -> Vec<String> {
    let mut header = rows.header();
    header.push(rows.label.clone());
    for name in names {
        header.push(free(&name, &header));
    }
    header
}

/// All labels as a table: every row whose text was labelled, with all its columns and with who said what.
pub(crate) fn labels(rows: &Rows, state: &State, format: Format) -> cloze::Result<Vec<u8>> {
    let header = behind(rows, ["split", "annotators", "note"].map(String::from));
    let labelled = || rows.table().filter_map(|(row, line)| Some((row, state.label_of(row)?, line)));
    let people = |row: Row| -> BTreeMap<String, Vec<String>> {
        let marks = state.marks(row);
        let people = marks.into_iter().flat_map(|marks| marks.people());
        people.map(|(name, labels)| (name.clone(), state.names(labels))).collect()
    };
    let used = |row: Row| if state.is_sample(row) { "test" } else { "train" };
    let note = |row: Row| state.marks(row).map_or("", |marks| marks.note.as_str());
    if format == Format::Jsonl {
        let mut lines = Vec::new();
        for (row, labels, line) in labelled() {
            let names = state.names(labels);
            let label = if state.several { json!(names) } else { json!(names.first()) };
            let values = line.into_iter().map(Value::from);
            let values = values.chain([label, used(row).into(), json!(people(row)), note(row).into()]);
            let object: Map<String, Value> = header.iter().cloned().zip(values).collect();
            lines.extend(Value::Object(object).to_string().into_bytes());
            lines.push(b'\n');
        }
        return Ok(lines);
    }
    let lines = labelled().map(|(row, labels, mut line)| {
        let people: Vec<String> = people(row).into_keys().collect();
        line.extend([cell(state, labels), used(row).to_owned(), people.join(", "), note(row).to_owned()]);
        line
    });
    Table { lines: lines.collect(), header, numbers: 0 }.written(format)
}

/// What a run is made from.
pub(crate) struct Written {
    /// The task file.
    pub(crate) task: PathBuf,
    /// All files.
    pub(crate) files: Vec<PathBuf>,
}

/// Writes the tables and the task file of a run.
///
/// # Errors
/// When there is nothing to train with, a file has been changed by somebody, or cannot be written.
pub(crate) fn task(
    folder: &Path,
    name: &str,
    rows: &Rows,
    state: &State,
    given: Option<&TaskFile>,
    model: &Model,
    device: &Device,
) -> cloze::Result<Written> {
    let label = rows.label.clone();
    let lessons = state.lessons();
    let counts = state.given();
    if counts.iter().filter(|count| **count > 0).count() < 2 {
        return Err(Error::usage(
            "texts of two labels are needed for a classifier",
            "label some texts of another label; those of the test sample do not count",
        ));
    }
    let with_label = |rows_of: &[(Row, &Labels)]| {
        let mut header = rows.columns.clone();
        header.push(label.clone());
        csv(
            header,
            rows_of.iter().map(|(row, labels)| {
                let mut line = rows.texts[*row].values.clone();
                line.push(cell(state, labels));
                line
            }),
        )
    };
    let measured = state.measured();
    let unlearned = measured
        .iter()
        .flat_map(|(_, labels)| labels.iter())
        .find(|label| counts[**label] == 0 && given.is_none());
    if let Some(label) = unlearned {
        return Err(Error::usage(
            format!(
                "`{}` is the label of a text in the test sample, and of none that is learned from",
                state.labels[*label].name
            ),
            "label a text outside the sample so; *show me more of these* looks for some",
        ));
    }
    let unlabelled: Vec<Row> =
        (0..rows.len()).filter(|row| !state.is_sample(*row) && state.label_of(*row).is_none()).collect();
    let mut made = Made::read(folder)?;
    made.write(LABELLED, &with_label(&lessons)?)?;
    if !unlabelled.is_empty() {
        let lines = unlabelled.iter().map(|row| rows.texts[*row].values.clone());
        made.write(UNLABELED, &csv(rows.columns.clone(), lines)?)?;
    }
    if !measured.is_empty() {
        made.write(TEST, &with_label(&measured)?)?;
    }
    let more = (!unlabelled.is_empty()).then_some(UNLABELED);
    let test = (!measured.is_empty()).then_some(TEST);
    let text = match given {
        Some(given) => from_task(given, &label, state, more, test, unlabelled.len())?,
        None => {
            let labels: Vec<&Label> = state
                .labels
                .iter()
                .zip(&counts)
                .filter(|(_, count)| **count > 0)
                .map(|(label, _)| label)
                .collect();
            let described: Vec<(String, String)> = labels
                .iter()
                .filter(|label| !label.words.trim().is_empty())
                .map(|label| (label.name.clone(), label.words.clone()))
                .collect();
            let reading = ReadOptions::from(Format::Csv);
            let request = Request {
                name,
                train: LABELLED,
                reading: ReadOptions::default(),
                label: &label,
                // What a person has written is a label, even `none`.
                missing: Some(&[]),
                text: &rows.columns,
                descriptions: if state.several { &[] } else { &described },
                unlabeled: more,
                test,
            };
            let open = |file: &str| Reader::open(&folder.join(file), reading);
            let mut text = draft(open(LABELLED)?, more.map(open).transpose()?, &request, model, device)?.toml;
            if unlabelled.len() > UNLABELLED {
                let line = format!(
                    "unlabeled_limit = {UNLABELLED} # as many as a run needs; remove it to use all\n"
                );
                let at =
                    text.find("\nunlabeled = ").and_then(|at| Some(at + 1 + text[at + 1..].find('\n')? + 1));
                at.into_iter().for_each(|at| text.insert_str(at, &line));
            }
            text
        }
    };
    made.write(TASK, text.as_bytes())?;
    let files = made.files.iter().map(|name| folder.join(name)).collect();
    Ok(Written { task: folder.join(TASK), files })
}

/// The task file that a project began with, with the labels and files of now.
fn from_task(
    given: &TaskFile,
    label: &str,
    state: &State,
    unlabeled: Option<&str>,
    test: Option<&str>,
    unlabelled: usize,
) -> cloze::Result<String> {
    let wrong =
        |why: String| Error::usage(format!("the task file cannot be used: {why}"), "mend it and start again");
    let mut task: toml::Table =
        given.text.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
    let mut data = toml::Table::new();
    data.insert("train".into(), LABELLED.into());
    data.insert("label".into(), label.into());
    unlabeled.into_iter().for_each(|file| _ = data.insert("unlabeled".into(), file.into()));
    test.into_iter().for_each(|file| _ = data.insert("test".into(), file.into()));
    if unlabelled > UNLABELLED {
        data.insert("unlabeled_limit".into(), (UNLABELLED as i64).into());
    }
    // Columns that were derived are columns of the tables now.
    for key in ["data", "columns", "metrics"] {
        task.remove(key);
    }
    task.insert("data".into(), data.into());
    if let Some(model) = task.get_mut("model").and_then(toml::Value::as_table_mut)
        && let Some(directory) = model.get("directory").and_then(toml::Value::as_str)
    {
        let directory =
            std::path::absolute(given.folder.join(directory)).unwrap_or_else(|_| directory.into());
        model.insert("directory".into(), directory.display().to_string().into());
    }
    if state.several {
        let topics: toml::Table = state
            .labels
            .iter()
            .map(|label| {
                let words = if label.words.trim().is_empty() { &label.name } else { &label.words };
                (label.name.clone(), words.clone().into())
            })
            .collect();
        match task.entry("multi_label").or_insert_with(|| toml::Table::new().into()).as_table_mut() {
            Some(several) => _ = several.insert("topics".into(), topics.into()),
            None => return Err(wrong("`multi_label` is no section".into())),
        }
    } else {
        let auto = task.get("words").and_then(toml::Value::as_str) == Some("auto");
        let before = task
            .remove("labels")
            .and_then(|labels| labels.try_into::<toml::Table>().ok())
            .unwrap_or_default();
        let words = |label: &Label| -> toml::Value {
            let described = label.words.trim();
            match before.get(&label.name) {
                Some(words) => words.clone(),
                None if auto => described.into(),
                None if described.is_empty() => label.name.to_lowercase().into(),
                None => described.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>().into(),
            }
        };
        let labels: toml::Table =
            state.labels.iter().map(|label| (label.name.clone(), words(label))).collect();
        task.insert("labels".into(), labels.into());
    }
    let text = toml::to_string_pretty(&task).map_err(|error| wrong(error.to_string()))?;
    Ok(format!("# Written by `cloze label` from the task that it began with.\n\n{text}"))
}

/// Files that were written for a person, and may since have been changed by one.
pub(crate) struct Made {
    folder: PathBuf,
    hashes: BTreeMap<String, String>,
    files: Vec<String>,
}

impl Made {
    pub(crate) fn read(folder: &Path) -> cloze::Result<Made> {
        let bytes = std::fs::read(folder.join(WRITTEN)).unwrap_or_default();
        let hashes = serde_json::from_slice(&bytes).unwrap_or_default();
        Ok(Made { folder: folder.to_owned(), hashes, files: Vec::new() })
    }

    /// Writes a file, unless somebody has changed the one that is there.
    pub(crate) fn write(&mut self, name: &str, bytes: &[u8]) -> cloze::Result<()> {
        let path = self.folder.join(name);
        let hash = |bytes: &[u8]| blake3::hash(bytes).to_hex().to_string();
        if let Ok(there) = std::fs::read(&path)
            && there != bytes
            && self.hashes.get(name) != Some(&hash(&there))
        {
            return Err(Error::usage(
                format!("`{}` was changed by somebody since it was written here", path.display()),
                "rename it or move it elsewhere, and it is written anew",
            ));
        }
        private::write(&path, bytes)?;
        self.hashes.insert(name.to_owned(), hash(bytes));
        self.files.push(name.to_owned());
        let known = serde_json::to_vec_pretty(&self.hashes).unwrap_or_default();
        private::write(&self.folder.join(WRITTEN), &known)
    }
}

/// Predictions as a table: every row whose text was read, with all its columns, labels, and the probability of every label.
pub(crate) fn predictions(
    rows: &Rows,
    state: &State,
    predicted: &crate::train::Predicted,
    format: Format,
) -> cloze::Result<Vec<u8>> {
    let names = &predicted.labels;
    let of_labels = names.iter().map(|name| format!("p({name})"));
    let header = behind(rows, std::iter::once("prediction".to_owned()).chain(of_labels));
    let lines = rows.table().filter_map(|(row, mut line)| {
        let probabilities = predicted.rows.get(&row)?;
        line.push(state.label_of(row).map_or(String::new(), |labels| cell(state, labels)));
        let best = predicted.best(row).unwrap_or_default();
        line.push(match best.as_slice() {
            [name] if !state.several => name.clone(),
            names => json!(names).to_string(),
        });
        line.extend(probabilities.iter().map(|p| format!("{p:.4}")));
        Some(line)
    });
    Table { lines: lines.collect(), header, numbers: names.len() }.written(format)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_has_changed_is_not_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let mut made = Made::read(dir.path()).unwrap();
        made.write("a.csv", b"one").unwrap();
        made.write("a.csv", b"two").unwrap();
        std::fs::write(dir.path().join("a.csv"), "mine").unwrap();
        let mut again = Made::read(dir.path()).unwrap();
        assert!(again.write("a.csv", b"three").is_err());
        assert_eq!(std::fs::read(dir.path().join("a.csv")).unwrap(), b"mine");
        std::fs::write(dir.path().join("b.csv"), "theirs").unwrap();
        assert!(again.write("b.csv", b"ours").is_err());
    }
}
