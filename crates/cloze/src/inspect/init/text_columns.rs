//! Finds the columns with text.

use super::label_column::distinct;
use crate::pattern::Pattern;
use crate::table::Table;
use crate::{Error, Result};

/// The columns with text: those requested, or those whose values look like text; none of them is the `label`.
pub(crate) fn text_columns(table: &Table, label: Option<usize>, wanted: &[String]) -> Result<Vec<String>> {
    let names = table.columns.names();
    let columns: Vec<usize> = if wanted.is_empty() {
        let others: Vec<usize> =
            (0..names.len()).filter(|&column| Some(column) != label && !names[column].is_empty()).collect();
        let texts: Vec<usize> =
            others.iter().copied().filter(|&column| reads_like_text(table, column)).collect();
        let longest =
            others.iter().copied().max_by_key(|&column| (letters(table, column), std::cmp::Reverse(column)));
        if texts.is_empty() { longest.into_iter().collect() } else { texts }
    } else {
        wanted.iter().map(|name| table.columns.require(name)).collect::<Result<_>>()?
    };
    if columns.is_empty() {
        return Err(Error::data(
            table.columns.place(),
            match label {
                Some(label) => format!("there is no column with text besides `{}`", names[label]),
                None => "there is no column with text".to_owned(),
            },
            "add the text that is to be classified as a column",
        ));
    }
    for &column in &columns {
        let name = &names[column];
        if Some(column) == label {
            return Err(Error::usage(
                format!("the column `{name}` cannot be both the label and the text"),
                "give another column with `--text`",
            ));
        }
        let pattern = format!("{{mask}}{{{name}}}").parse::<Pattern>();
        let usable = pattern.is_ok_and(|pattern| pattern.fields().any(|field| field.name == *name));
        if !usable {
            return Err(Error::data(
                table.columns.header_place().field(name),
                "a pattern cannot name this column",
                "rename it; letters, digits, spaces and `_` are fine, but not `mask` or `sep`",
            ));
        }
    }
    Ok(columns.into_iter().map(|column| names[column].clone()).collect())
}

/// Whether most values of a column have several words and most of their characters are letters.
fn reads_like_text(table: &Table, column: usize) -> bool {
    let values =
        || table.rows.iter().take(1000).map(|row| row.value(column).trim()).filter(|value| !value.is_empty());
    let wordy = values().filter(|value| value.split_whitespace().count() > 1).count();
    let (letters, all) = values().fold((0, 0), |(letters, all), value| {
        (letters + value.chars().filter(|c| c.is_alphabetic()).count(), all + value.chars().count())
    });
    let any = values().count();
    // A few values that occur again and again are categories, however many words they have.
    let varied = distinct(table, column) * 5 > table.rows.len() || table.rows.len() < 10;
    any > 0 && wordy * 2 > any && letters * 2 > all && varied
}

fn letters(table: &Table, column: usize) -> usize {
    table.rows.iter().map(|row| row.value(column).chars().filter(|c| c.is_alphabetic()).count()).sum()
}
