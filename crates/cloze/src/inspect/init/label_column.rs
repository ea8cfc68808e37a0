//! Reads the label column.

use std::collections::{HashMap, HashSet};

use crate::dataset::{is_structure, listed, means_missing};
use crate::error::{counted, list};
use crate::table::Table;
use crate::{Error, Result};

/// With more distinct values than this, the column probably contains text or numbers.
const MOST: usize = 150;

/// The labels of a table.
#[derive(Debug, Clone, Default)]
pub(crate) struct LabelColumn {
    /// The labels with their numbers of rows, most frequent first.
    pub(crate) labels: Vec<(String, usize)>,
    /// The number of rows with an empty cell.
    pub(super) unlabelled: usize,
    /// Values that are taken to mark an unlabelled row, with their numbers of rows.
    pub(crate) missing: Vec<(String, usize)>,
    /// Whether a row can have several labels.
    pub(crate) several: bool,
    /// The separator between labels in a cell, if several are written that way.
    pub(crate) separator: Option<char>,
    /// Likely mistakes.
    pub(super) warnings: Vec<String>,
}

impl LabelColumn {
    /// The index of the label named in a cell, if there is exactly one.
    pub(super) fn label_of(&self, cell: &str) -> Option<usize> {
        let cell = cell.trim();
        let name = match listed(cell) {
            Some(names) => <[String; 1]>::try_from(names).ok()?[0].clone(),
            None => cell.to_owned(),
        };
        self.labels.iter().position(|(label, _)| *label == name)
    }

    /// Counts the labels in the column with index `column`. `missing` are the values that mark an unlabelled
    /// row; if `None`, the common ones are used.
    ///
    /// # Errors
    /// When it contains no labels, or only one.
    pub(crate) fn of(table: &Table, column: usize, missing: Option<&[String]>) -> Result<LabelColumn> {
        let name = &table.columns.names()[column];
        let place = table.columns.place().field(name);
        let mut found = LabelColumn { separator: separator(table, column), ..LabelColumn::default() };
        let mut labels = Counts::default();
        let mut marks = Counts::default();
        let mut empty_lists = 0;
        for row in &table.rows {
            let cell = row.value(column).trim();
            let is_mark = |value: &str| match missing {
                Some(missing) => missing.iter().any(|mark| mark.trim() == value),
                None => means_missing(value),
            };
            match listed(cell) {
                _ if cell.is_empty() => found.unlabelled += 1,
                _ if is_mark(cell) => marks.add(cell),
                Some(names) if names.is_empty() => empty_lists += 1,
                Some(mut names) => {
                    let (none, given): (Vec<String>, Vec<String>) =
                        names.drain(..).partition(|name| is_mark(name));
                    if given.is_empty() {
                        marks.add(&none[0]);
                    }
                    found.several |= given.len() > 1;
                    given.iter().for_each(|name| labels.add(name));
                }
                None if found.separator.is_some_and(|mark| cell.contains(mark)) => {
                    found.several = true;
                    let parts =
                        found.separator.map(|mark| cell.split(mark)).into_iter().flatten().map(str::trim);
                    parts.filter(|part| !part.is_empty() && !is_mark(part)).for_each(|part| labels.add(part));
                }
                None if is_structure(cell) => {
                    return Err(Error::data(
                        row.place().field(name),
                        "this is not a label",
                        "give the column that holds them with `--label`; a row's labels are text, a list of texts, or an object of \
                         labels with 0 and 1",
                    ));
                }
                None => labels.add(cell),
            }
        }
        // If there is only one label, what looks like a missing value is the other one: a stance may be
        // called `None`.
        if missing.is_none() && labels.counts.len() < 2 && !marks.counts.is_empty() {
            std::mem::take(&mut marks)
                .counts
                .into_iter()
                .for_each(|(mark, rows)| labels.add_rows(&mark, rows));
        }
        if found.several {
            // In a multi-label column, a row without labels is still labelled.
            let at = marks.counts.iter().position(|(mark, _)| mark == "none");
            at.map(|at| marks.counts.remove(at));
        }
        if !found.several {
            found.unlabelled += empty_lists;
        } else if empty_lists > 0 {
            found.warnings.push(format!(
                "{} an empty list of labels, which means that none of them fits; for rows that are not labelled yet, write `null`",
                if empty_lists == 1 { "1 row has".to_owned() } else { format!("{empty_lists} rows have") }
            ));
        }
        found.labels = labels.sorted();
        found.missing = marks.sorted();
        let remedy = "label a few rows of each class, four or more";
        match found.labels.as_slice() {
            [] => return Err(Error::data(place, "no row has a label", remedy)),
            [(label, _)] => {
                return Err(Error::data(place, format!("every row has the label `{label}`"), remedy));
            }
            _ => {}
        }
        found.warn(table, column);
        Ok(found)
    }

    /// The number of unlabelled rows.
    pub(super) fn without(&self) -> usize {
        self.unlabelled + self.missing.iter().map(|(_, rows)| rows).sum::<usize>()
    }

    fn warn(&mut self, table: &Table, column: usize) {
        let count = self.labels.len();
        let labelled = table.rows.len() - self.without();
        if count > MOST || (count > 10 && count * 2 > labelled) {
            let others = others_like_labels(table, column);
            let perhaps = match others.is_empty() {
                true => String::new(),
                false => format!(
                    "; if another column has the labels, perhaps {}, name it with `--label`",
                    list(others)
                ),
            };
            self.warnings.push(format!(
                "`{}` has {count} different values in {}, and all count as labels{perhaps}",
                table.columns.names()[column],
                counted(labelled, "row")
            ));
        }
        let mut alike: HashMap<String, Vec<&String>> = HashMap::new();
        for (label, _) in &self.labels {
            alike.entry(label.to_lowercase()).or_default().push(label);
        }
        // In the order of the labels rather than of the map.
        for (label, _) in &self.labels {
            let same = &alike[&label.to_lowercase()];
            if same.len() > 1 && same[0] == label {
                self.warnings.push(format!(
                    "the labels {} differ only in capital letters; if they mean the same, correct the data",
                    list(same)
                ));
            }
        }
    }
}

/// The separator between labels in cells with several: it splits some cell into parts that are each the only
/// label of another row.
fn separator(table: &Table, column: usize) -> Option<char> {
    let cells: HashSet<&str> = table.rows.iter().map(|row| row.value(column).trim()).collect();
    let falls = |mark: char, cell: &str| {
        cell.contains(mark)
            && listed(cell).is_none()
            && cell.split(mark).all(|part| cells.contains(part.trim()))
    };
    [';', '|', ','].into_iter().find(|&mark| cells.iter().any(|cell| falls(mark, cell)))
}

/// Columns with as few distinct values as a label column.
fn others_like_labels(table: &Table, column: usize) -> Vec<&String> {
    let names = table.columns.names();
    let few = |&other: &usize| other != column && (2..=20).contains(&distinct(table, other));
    (0..names.len()).filter(few).map(|other| &names[other]).collect()
}

/// The number of distinct values of a column.
pub(super) fn distinct(table: &Table, column: usize) -> usize {
    table.rows.iter().map(|row| row.value(column)).collect::<HashSet<_>>().len()
}

/// Counts the occurrences of each text, in order of first occurrence.
#[derive(Default)]
struct Counts {
    counts: Vec<(String, usize)>,
    index: HashMap<String, usize>,
}

impl Counts {
    fn add(&mut self, text: &str) {
        self.add_rows(text, 1);
    }

    fn add_rows(&mut self, text: &str, rows: usize) {
        let next = self.counts.len();
        let at = *self.index.entry(text.to_owned()).or_insert(next);
        if at == next {
            self.counts.push((text.to_owned(), 0));
        }
        self.counts[at].1 += rows;
    }

    fn sorted(mut self) -> Vec<(String, usize)> {
        self.counts.sort_by_key(|(_, rows)| std::cmp::Reverse(*rows));
        self.counts
    }
}
