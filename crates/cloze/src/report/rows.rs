//! Examples from the user's data, as shown on the page.

use std::collections::BTreeMap;

use super::figures::percent;
use crate::results::Disputed;
use crate::results::insight::{Answered, shortened};

/// The number of characters of an example that are shown.
const LONGEST: usize = 240;

/// The number of examples that are visible; the others can be expanded.
const IN_SIGHT: usize = 5;

/// A list of examples.
pub(super) struct Rows {
    pub(super) first: Vec<Row>,
    pub(super) more: Vec<Row>,
}

/// An example.
pub(super) struct Row {
    pub(super) text: String,
    pub(super) said: Vec<Said>,
    pub(super) place: String,
}

/// A statement about an example: what it is, the label, and a figure if there is one.
pub(super) struct Said {
    pub(super) class: &'static str,
    pub(super) what: &'static str,
    pub(super) label: String,
    pub(super) figure: String,
}

impl Rows {
    /// `None` without examples.
    fn of(mut rows: Vec<Row>) -> Option<Rows> {
        // A single hidden example is not worth expanding.
        let first = if rows.len() == IN_SIGHT + 1 { rows.len() } else { IN_SIGHT.min(rows.len()) };
        let more = rows.split_off(first);
        (!rows.is_empty()).then_some(Rows { first: rows, more })
    }

    /// Test examples with their predicted and correct labels.
    pub(super) fn answered(rows: &[Answered]) -> Option<Rows> {
        Rows::of(rows.iter().map(answered).collect())
    }

    /// Unlabelled examples with the members' votes, most frequent first.
    pub(super) fn disputed(rows: &[Disputed]) -> Option<Rows> {
        Rows::of(rows.iter().map(disputed).collect())
    }
}

fn answered(row: &Answered) -> Row {
    let is_right = row.is_right();
    let said = |class, what, label: &str, figure| Said { class, what, label: label.to_owned(), figure };
    let class = row.class.iter().map(|class| said("topic", "about", class, String::new()));
    let given =
        said(if is_right { "yes" } else { "no" }, "predicted", &row.given, probability(row.confidence));
    let right = row.right.iter().filter(|_| !is_right).map(|label| said("", "true", label, String::new()));
    Row { text: text(&row.fields), said: class.chain([given]).chain(right).collect(), place: row.place() }
}

fn disputed(row: &Disputed) -> Row {
    let mut votes: Vec<(&String, &usize)> = row.votes.iter().collect();
    votes.sort_by_key(|(_, votes)| std::cmp::Reverse(**votes));
    let said = |(label, votes): (&String, &usize)| Said {
        class: "vote",
        what: "",
        label: label.clone(),
        figure: votes.to_string(),
    };
    Row { text: text(&row.fields), said: votes.into_iter().map(said).collect(), place: row.place() }
}

/// A probability that is shown as 100 % only if it is exactly 1.
fn probability(share: f64) -> String {
    if share < 1.0 && share > 0.9995 { "over 99.9 %".to_owned() } else { percent(share) }
}

fn text(fields: &BTreeMap<String, String>) -> String {
    let texts: Vec<&str> = fields.values().map(String::as_str).collect();
    shortened(&texts.join(" · "), LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rows_are_in_sight_and_a_single_one_more_is_not_hidden() {
        let rows = |count| Rows::answered(&vec![Answered::default(); count]);
        let counts = |rows: Option<Rows>| rows.map(|rows| (rows.first.len(), rows.more.len()));
        assert_eq!(
            [0, 3, 6, 7].map(|count| counts(rows(count))),
            [None, Some((3, 0)), Some((6, 0)), Some((5, 2))]
        );
    }

    #[test]
    fn of_a_wrong_answer_the_right_one_is_told_too() {
        let mut row =
            Answered { given: "a".into(), right: vec!["a".into(), "b".into()], ..Answered::default() };
        assert_eq!(answered(&row).said.len(), 1);
        row.given = "c".into();
        let told: Vec<_> = answered(&row).said.iter().map(|said| (said.what, said.label.clone())).collect();
        assert_eq!(told, [("predicted", "c".into()), ("true", "a".into()), ("true", "b".into())]);
    }

    #[test]
    fn nothing_is_called_certain_that_is_not() {
        let shown = [0.5, 0.999_99, 1.0].map(probability);
        assert_eq!(shown, ["50.0 %", "over 99.9 %", "100.0 %"]);
    }
}
