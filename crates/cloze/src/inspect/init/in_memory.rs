//! Drafts a task for examples that a program has.

use std::path::Path;

use cloze_encoder::Device;

use super::{DraftedTask, Request, draft};
use crate::table::{Record, Records};
use crate::task::{Preset, Split, Task};
use crate::{Model, Result};

/// The column of examples that are one text without a name.
const TEXT: &str = "text";

/// What examples are called where a task file names their file.
const TRAIN: &str = "the labelled examples";
const UNLABELED: &str = "the unlabelled examples";
const TEST: &str = "the test examples";

/// Examples to draft a task for.
#[derive(Debug, Clone, Default)]
pub struct DraftRows {
    /// Labelled examples; those without a label are used as unlabelled ones if there are no others.
    pub train: Vec<Record>,
    /// Examples without labels.
    pub unlabeled: Vec<Record>,
    /// Labelled examples for evaluation.
    pub test: Vec<Record>,
}

/// Drafts a task for examples in memory as [`draft`] does for files, and gives it with these examples, so that training it has the
/// result that the same rows in files would have. `preset` takes the place of the default one. What the request says of files is not used.
///
/// # Errors
/// As [`draft`]; or when a label has no words, because nothing in the vocabulary of the model suits it.
pub fn draft_in_memory(
    rows: DraftRows,
    request: &Request,
    preset: Option<Preset>,
    model: &Model,
    device: &Device,
) -> Result<(DraftedTask, Task)> {
    let DraftRows { train, unlabeled, test } = rows;
    let fields = [TEXT.to_owned()];
    let more = match unlabeled.is_empty() {
        true => None,
        false => Some(Records::new(UNLABELED, &unlabeled, &fields, None)?.reader()?),
    };
    let request = Request {
        train: TRAIN,
        unlabeled: more.as_ref().map(|_| UNLABELED),
        test: (!test.is_empty()).then_some(TEST),
        reading: Default::default(),
        ..request.clone()
    };
    let table = Records::new(TRAIN, &train, &fields, Some(request.label))?.reader()?;
    let drafted = draft(table, more, &request, model, device)?;
    let task = Task::parse_with("the task", &drafted.toml, Path::new("."), preset)?.into_task_of_program();
    let unlabeled = if task.data.unlabeled == [TRAIN] { train.clone() } else { unlabeled };
    let task = task
        .with_rows(Split::Train, train)?
        .with_rows(Split::Unlabeled, unlabeled)?
        .with_rows(Split::Test, test)?;
    Ok((drafted, task))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reader;
    use crate::table::{Format, ReadOptions};

    const TRAIN_ROWS: &[(&str, &str)] = &[
        ("good film I say", "positive"),
        ("bad film I say", "negative"),
        ("a fine evening out", "positive"),
        ("who knows what this is", "NA"),
    ];

    fn request<'a>() -> Request<'a> {
        Request {
            name: "films",
            train: "films.csv",
            reading: ReadOptions::default(),
            label: "label",
            missing: None,
            text: &[],
            descriptions: &[],
            unlabeled: None,
            test: None,
        }
    }

    fn model() -> Model {
        Model::open(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert")).unwrap()
    }

    #[test]
    fn the_same_rows_in_a_file_and_in_memory_give_the_same_task() {
        let (model, device) = (model(), Device::new(1));
        let dir = tempfile::tempdir().unwrap();
        let lines = TRAIN_ROWS.iter().map(|(text, label)| format!("{text},{label}\n"));
        let file = dir.path().join("films.csv");
        std::fs::write(&file, format!("text,label\n{}", lines.collect::<String>())).unwrap();
        let reader = Reader::open(&file, Format::Csv.into()).unwrap();
        let drafted = draft(reader, None, &request(), &model, &device).unwrap();
        let of_file = Task::parse("task.toml", &drafted.toml, dir.path()).unwrap();

        let train = TRAIN_ROWS.iter().map(|&row| Record::from(row)).collect();
        let rows = DraftRows { train, ..DraftRows::default() };
        let (_, of_memory) = draft_in_memory(rows, &request(), None, &model, &device).unwrap();
        assert_eq!(of_memory.patterns, of_file.patterns);
        assert_eq!((&of_memory.labels, &of_memory.options), (&of_file.labels, &of_file.options));
        for (split, rows) in [(Split::Train, 3), (Split::Unlabeled, 4), (Split::Test, 0)] {
            let examples = |task: &Task| -> Vec<_> {
                let read = task.examples(split).unwrap();
                read.iter().map(|example| (example.texts.clone(), example.label)).collect()
            };
            assert_eq!(examples(&of_memory), examples(&of_file));
            assert_eq!(examples(&of_memory).len(), rows);
        }
    }

    #[test]
    fn errors_name_the_examples() {
        let draft = |train: Vec<Record>| {
            let rows = DraftRows { train, ..DraftRows::default() };
            draft_in_memory(rows, &request(), None, &model(), &Device::new(1))
                .map(|_| ())
                .unwrap_err()
                .to_string()
        };
        let one = draft(vec![("a b", "x").into(), ("c d", "x").into()]);
        assert_eq!(one, "the labelled examples, column `label`: every row has the label `x`");
        let two = draft(vec![("a b", "x").into(), (["c", "d"], "y").into()]);
        assert!(two.starts_with("example 2 of the labelled examples: there are 2 texts"), "{two}");
    }
}
