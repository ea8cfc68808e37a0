//! Interprets the cells of the label column, and reports labels that the task does not have.

use std::collections::BTreeMap;

use super::cell::{Cell, is_structure, listed, means_missing};
use crate::error::{Hint, list, nearest};
use crate::task::{MultiLabel, Task, quoted};
use crate::{Error, Place};

impl MultiLabel {
    /// The answer in a cell for one class: yes is 0, no is 1. The names in the cell are separated by the
    /// separator, or listed as [`listed`] describes. Names that `is_missing` accepts are ignored; a cell with
    /// no other names counts as unlabelled.
    pub(crate) fn read(&self, cell: &str, class: usize, is_missing: impl Fn(&str) -> bool) -> Cell {
        let cell = cell.trim();
        if cell == self.none {
            return Cell::Label(1);
        }
        if cell.is_empty() {
            return Cell::Unlabelled;
        }
        let names = listed(cell).unwrap_or_else(|| cell.split(&self.separator).map(str::to_owned).collect());
        let names: Vec<&str> = names.iter().map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
        // The word for no class may also appear inside a list.
        if !names.is_empty() && names.iter().all(|name| *name == self.none) {
            return Cell::Label(1);
        }
        let is_class = |name: &&str| self.classes.iter().any(|class| class.name == **name);
        let (known, unknown): (Vec<&str>, Vec<&str>) =
            names.iter().filter(|name| is_class(name) || !is_missing(name)).partition(|name| is_class(name));
        if known.is_empty() && unknown.is_empty() && !names.is_empty() {
            return Cell::Unlabelled;
        }
        if !unknown.is_empty() {
            return Cell::Unknown(unknown.into_iter().map(str::to_owned).collect());
        }
        Cell::Label(usize::from(!known.contains(&self.classes[class].name.as_str())))
    }

    /// The cell for these classes.
    pub(crate) fn write(&self, names: &[String]) -> String {
        if names.is_empty() { self.none.clone() } else { names.join(&self.separator) }
    }
}

/// The meaning of a label cell for an example, or for one class of it.
pub(super) fn read(task: &Task, cell: &str, class: usize) -> Cell {
    let cell = cell.trim();
    let is_missing = |cell: &str| task.data.missing.iter().any(|mark| mark == cell);
    if let Some(several) = task.answers.several() {
        return several.read(cell, class, is_missing);
    }
    let label = |name: &str| task.labels.iter().position(|label| label.name == name);
    // A label may have the same name as a mark for missing values.
    if let Some(label) = label(cell) {
        return Cell::Label(label);
    }
    // A row that is not labelled yet, in a file where other rows are.
    if cell.is_empty() || is_missing(cell) {
        return Cell::Unlabelled;
    }
    let Some(mut names) = listed(cell) else { return Cell::Unknown(vec![cell.to_owned()]) };
    names.retain(|name| label(name).is_some() || !(name.is_empty() || is_missing(name)));
    match names.as_slice() {
        [] => Cell::Unlabelled,
        [one] => label(one).map_or_else(|| Cell::Unknown(vec![one.clone()]), Cell::Label),
        _ => Cell::Several(names),
    }
}

/// The error for labels that the task does not have. `may_add` is whether the task can still be changed; the
/// labels of a finished run are fixed by its models.
pub(super) fn unknown(task: &Task, place: Place, unknown: &BTreeMap<String, usize>, may_add: bool) -> Error {
    let names = task.answer_names();
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
                "{meant}correct it (the labels are {}), or leave such rows out; a model learns another label by training with it in \
                 the task file",
                list(&names)
            ),
        )
        .with_hint(Hint::UnknownLabels);
    }
    let (section, added) = match (task.answers.several(), &task.described) {
        (Some(_), _) => ("`topics`", "with a description under `topics`"),
        (None, Some(_)) => ("`labels`", "to `labels`"),
        (None, None) => ("`[labels]`", "with a word under `[labels]`"),
    };
    let (problem, remedy) = match found.as_slice() {
        [name] => (
            format!("the label `{name}` is not in {section} of `{}`", task.file()),
            match near(name) {
                Some(near) => format!("did you mean `{near}`? Else add `{name}` {added}"),
                None => format!("add it {added}; the labels there are {}", list(&names)),
            },
        ),
        several => (
            format!("the labels {} are not in {section} of `{}`", list(several), task.file()),
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
    let is_new = |name: &&&String| means_missing(name) && !task.data.missing.contains(name);
    let marks: Vec<String> = found.iter().filter(is_new).map(|name| quoted(name)).collect();
    let remedy = match marks.as_slice() {
        [] => remedy,
        marks => {
            let known = task.data.missing.iter().map(|mark| quoted(mark));
            let marks: Vec<String> = known.chain(marks.iter().cloned()).collect();
            format!(
                "if it marks rows without a label, write `missing = [{}]` under `[data]`; else {remedy}",
                marks.join(", ")
            )
        }
    };
    Error::data(place, problem, remedy)
}

/// The error for a row with several labels where only one is allowed.
pub(super) fn several_labels(place: Place, names: &[String]) -> Error {
    Error::data(
        place,
        format!("the row has the labels {}, and here every row has one", list(names)),
        "keep the one that fits best; or let rows have several labels: `cloze init` drafts a task with `[multi_label]` for such a \
         table",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::SEVERAL;
    use crate::task::tests::parse;

    #[test]
    fn a_cell_names_topics_between_separators_or_in_a_list() {
        let task = parse(SEVERAL);
        let several = task.answers.several().unwrap();
        let says = |cell: &str| [several.read(cell, 0, |_| false), several.read(cell, 1, |_| false)];
        let (yes, no) = (|| Cell::Label(0), || Cell::Label(1));
        for cell in ["billing", " billing ; ", "[\"billing\"]", "[\"billing \", \"billing\"]"] {
            assert_eq!(says(cell), [yes(), no()], "{cell}");
        }
        assert_eq!(says("urgent;billing"), [yes(), yes()]);
        assert_eq!(says("[\"urgent\", \"billing\"]"), [yes(), yes()]);
        for cell in ["none", " none ", "[]", ";"] {
            assert_eq!(says(cell), [no(), no()], "{cell}");
        }
        for cell in ["", "  "] {
            assert_eq!(says(cell), [Cell::Unlabelled, Cell::Unlabelled], "{cell}");
        }
        let unknown = |names: &[&str]| Cell::Unknown(names.iter().map(|&name| name.to_owned()).collect());
        assert_eq!(several.read("billing;Urgent;x", 0, |_| false), unknown(&["Urgent", "x"]));
        assert_eq!(several.read("none;billing", 0, |_| false), unknown(&["none"]));
        assert_eq!(several.read("[1]", 0, |_| false), unknown(&["1"]));
        assert_eq!(several.read("[billing", 0, |_| false), unknown(&["[billing"]));
    }

    #[test]
    fn an_empty_cell_can_stand_for_no_class() {
        let task = parse(&SEVERAL.replace("topics =", "none = ''\ntopics ="));
        let several = task.answers.several().unwrap();
        assert_eq!(several.read(" ", 0, |_| false), Cell::Label(1));
        assert_eq!(several.read("none", 0, |_| false), Cell::Unknown(vec!["none".into()]));
        assert_eq!(several.write(&[]), "");
    }

    #[test]
    fn a_written_cell_is_read_back() {
        let task = parse(SEVERAL);
        let several = task.answers.several().unwrap();
        for names in [vec![], vec!["urgent".to_owned()], several.names()] {
            for class in 0..2 {
                let has = names.contains(&several.classes[class].name);
                assert_eq!(
                    several.read(&several.write(&names), class, |_| false),
                    Cell::Label(usize::from(!has))
                );
            }
        }
    }
}
