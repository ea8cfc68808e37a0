//! Warnings about likely mistakes.

use std::collections::HashMap;

use super::report::{CheckReport, ClassReport, LabelReport};
use crate::dataset::{Example, Examples};
use crate::error::counted;
use crate::task::{Method, Task};
use crate::{Place, Warning};

/// With fewer examples, a label's words cannot be judged.
const ENOUGH_ROWS: usize = 3;

/// Adds the separation of each label by its words, see [`crate::words::apart`], with a warning for words that
/// do not separate.
pub(super) fn tell_apart(report: &mut CheckReport, task: &Task, apart: Vec<Option<f64>>) {
    for (index, (label, apart)) in report.labels.iter_mut().zip(apart).enumerate() {
        label.told_apart = apart;
        if let Some(share) = apart.filter(|share| label.train_rows >= ENOUGH_ROWS && *share <= 0.5) {
            report.warnings.push(Warning {
                    place: task.place_of_label(index),
                    problem: format!(
                        "the words of `{}` do not fit it: the pretrained model finds them likelier in its rows than in others in {:.0} % of \
                         the cases; chance is 50 %",
                        label.name,
                        100.0 * share
                    ),
                    remedy: "write words that fit only this label; `cloze init` shows which ones the model finds likelier in its rows"
                        .into(),
                });
        }
    }
}

pub(super) fn of_labels(
    task: &Task,
    classes: &[ClassReport],
    labels: &[LabelReport],
    train: &[Example],
    warnings: &mut Vec<Warning>,
) {
    for class in classes.iter().filter(|class| class.train_rows == 0 && !train.is_empty()) {
        warnings.push(Warning {
            place: task.mistake_in_key("multi_label.topics", "", "").place,
            problem: format!("no labelled row is about `{}`", class.name),
            remedy: "label a few rows with it; until then the model only has its description".into(),
        });
    }
    for (index, label) in labels.iter().enumerate() {
        if label.train_rows == 0 && !train.is_empty() {
            warnings.push(Warning {
                place: task.place_of_label(index),
                problem: format!("no labelled row has the label `{}`", label.name),
                remedy: "label a few rows with it; until then the model only has its words".into(),
            });
        }
    }
}

pub(super) fn of_rows(
    task: &Task,
    train: &Examples,
    unlabeled: &Examples,
    test: &Examples,
    warnings: &mut Vec<Warning>,
) {
    let mut warn = |place: Place, problem: String, remedy: &str| {
        warnings.push(Warning { place, problem, remedy: remedy.to_owned() });
    };
    if task.options.method != Method::Supervised && task.patterns.len() == 1 {
        warn(
            task.place_of_pattern(0),
            "there is only one pattern".into(),
            "write two to four different ones; their models correct each other",
        );
    }
    if task.options.method != Method::Supervised && unlabeled.is_empty() && task.answers.choices().is_none() {
        warn(
            task.mistake_in_key("data.unlabeled", "", "").place,
            "there are no unlabelled rows for the final classifier to learn from".into(),
            "name files with text of the same kind under `unlabeled`; the more the better",
        );
    }
    // The description of a class is not text of the example.
    let (fields, inputs) = (task.fields(), task.inputs());
    let is_empty = |example: &&Example| {
        let mut texts = fields.iter().zip(&example.texts).filter(|(field, _)| inputs.contains(field));
        texts.all(|(_, text)| text.trim().is_empty())
    };
    for rows in [train, unlabeled, test] {
        let count = rows.first_questions().filter(is_empty).count();
        if let Some(first) = rows.first_questions().find(is_empty) {
            let what = if count == 1 { "1 row has".into() } else { format!("{count} rows have") };
            warn(first.place.clone(), format!("{what} no text; this is the first"), "remove such rows");
        }
    }
    let mut known: HashMap<&[String], &[Example]> = HashMap::new();
    for rows in train.examples() {
        let first = *known.entry(&rows[0].texts).or_insert(rows);
        if first.iter().zip(rows).any(|(first, row)| first.label != row.label) {
            let line = first[0].place.line.unwrap_or(0);
            warn(
                rows[0].place.clone(),
                format!("the same text has another label in line {line}"),
                "keep the right one",
            );
        }
    }
    for (known, which, remedy) in [
        (train, "the labelled rows", "remove them from one of the files: they make the score too good"),
        (
            unlabeled,
            "the unlabelled rows",
            "the classifier is distilled from these, so it may do slightly worse on new texts; remove them from `unlabeled`",
        ),
    ] {
        let seen = test.also_in(known);
        if let Some(first) = seen.first() {
            let verb = if seen.len() == 1 { "is" } else { "are" };
            let what = counted(seen.len(), "test row");
            warn(first.place.clone(), format!("{what} {verb} also among {which}; this is the first"), remedy);
        }
    }
}
