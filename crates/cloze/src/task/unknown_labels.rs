//! What is said of labels in the data that a task does not have.

use std::collections::BTreeMap;

use super::Task;
use super::cell::{is_structure, means_missing};
use crate::error::{list, nearest};
use crate::{Error, Place};

impl Task {
    /// The error for labels that the task does not have. `may_add` says whether the task can still be changed: the labels of a run
    /// are those of its models.
    pub(super) fn unknown_labels(
        &self,
        place: Place,
        unknown: &BTreeMap<String, usize>,
        may_add: bool,
    ) -> Error {
        let names = self.answer_names();
        let near = |name: &str| nearest(name, names.iter().map(String::as_str)).map(str::to_owned);
        let found: Vec<&String> = unknown.keys().take(12).collect();
        if !may_add {
            let which = match found.as_slice() {
                [name] => format!("the run does not know the label `{name}`"),
                several => format!("the run does not know the labels {}", list(several)),
            };
            let meant = match found.as_slice() {
                [name] => near(name).map_or(String::new(), |near| format!("did you mean `{near}`? ")),
                _ => String::new(),
            };
            return Error::data(
                place,
                which,
                format!(
                    "{meant}correct it (the labels are {}), or pass over such rows with `--skip-unknown`; a model learns another label \
                     by training with it in the task file",
                    list(&names)
                ),
            );
        }
        let (section, added) = match (self.answers.several(), &self.described) {
            (Some(_), _) => ("`topics`", "with a description under `topics`"),
            (None, Some(_)) => ("`labels`", "to `labels`"),
            (None, None) => ("`[labels]`", "with a word under `[labels]`"),
        };
        let (problem, remedy) = match found.as_slice() {
            [name] => (
                format!("the label `{name}` is not in {section} of `{}`", self.file()),
                match near(name) {
                    Some(near) => format!("did you mean `{near}`? Else add `{name}` {added}"),
                    None => format!("add it {added}; the labels there are {}", list(&names)),
                },
            ),
            several => (
                format!("the labels {} are not in {section} of `{}`", list(several), self.file()),
                format!("add each {added}; the labels there are {}", list(&names)),
            ),
        };
        if let Some(structure) = found.iter().find(|name| is_structure(name)) {
            return Error::data(
                place,
                format!("`{structure}` names no label"),
                "write the label as text, a list of texts, or an object of labels with 0 and 1",
            );
        }
        let is_new = |name: &&&String| means_missing(name) && !self.data.missing.contains(name);
        let marks: Vec<String> = found.iter().filter(is_new).map(|name| super::quoted(name)).collect();
        let remedy = match marks.as_slice() {
            [] => remedy,
            marks => {
                let known = self.data.missing.iter().map(|mark| super::quoted(mark));
                let marks: Vec<String> = known.chain(marks.iter().cloned()).collect();
                format!(
                    "if it marks rows without a label, write `missing = [{}]` under `[data]`; else {remedy}",
                    marks.join(", ")
                )
            }
        };
        Error::data(place, problem, remedy)
    }
}

/// The error for a row with several labels where it can have one.
pub(super) fn several_labels(place: Place, names: &[String]) -> Error {
    Error::data(
        place,
        format!("the row has the labels {}, and here every row has one", list(names)),
        "keep the one that fits best; or let rows have several labels: `cloze init` drafts a task with `[multi_label]` for such a \
         table",
    )
}
