//! Which labels are taken for which.

use std::cmp::Reverse;
use std::fmt::Write as _;

use super::figures::percent;
use super::markup::{Column, escape, table, user};
use crate::metrics::Evaluation;

/// So many labels, with names of so many characters together, stand side by side above the columns.
const SIDE_BY_SIDE: (usize, usize) = (8, 60);

/// So many columns are not too wide for paper.
const ON_PAPER: usize = 20;

/// So many confusions are listed.
const LISTED: usize = 20;

/// Counts of every right label and label given. Where the names of the labels are too long to stand side by side, columns have
/// numbers, and the most frequent confusions are listed first.
pub(super) fn confusion(page: &mut String, test: &Evaluation) {
    let count = test.labels.len();
    let letters: usize = test.labels.iter().map(|label| label.label.chars().count()).sum();
    let numbered = count > SIDE_BY_SIDE.0 || letters > SIDE_BY_SIDE.1;
    page.push_str("<h2>Confusion</h2>\n");
    if numbered {
        most_frequent(page, test);
    }
    if count > ON_PAPER {
        page.push_str(
            "<p class=\"sub paper\">The counts of all labels are too wide for paper; they are in this page on a screen, and in \
             <code>results.json</code>.</p>\n",
        );
    }
    let _ = write!(
        page,
        "<div{0}><p class=\"sub\">Rows: the right label. Columns: the label given{1}.</p>\n\
         <div class=\"wide confusion{2}\" tabindex=\"0\" role=\"region\" aria-label=\"confusion\"><table><thead><tr><th></th>",
        if count > ON_PAPER { " class=\"screen\"" } else { "" },
        if numbered { ", by its number" } else { "" },
        if numbered { " numbered" } else { "" }
    );
    for (number, label) in test.labels.iter().enumerate() {
        let name = escape(&label.label);
        // Writing to a string cannot fail, here and below.
        let _ = match numbered {
            true => write!(page, "<th class=\"n\" title=\"{name}\">{}</th>", number + 1),
            false => write!(page, "<th class=\"n\"><bdi>{name}</bdi></th>"),
        };
    }
    page.push_str("</tr></thead><tbody>\n");
    for (gold, (label, counts)) in test.labels.iter().zip(&test.confusion).enumerate() {
        let number =
            if numbered { format!("<span class=\"no\">{}</span> ", gold + 1) } else { String::new() };
        let _ = write!(page, "<tr><th>{number}{}</th>", user(&label.label));
        for (predicted, &rows) in counts.iter().enumerate() {
            let _ = if rows == 0 {
                write!(page, "<td class=\"n\">0</td>")
            } else {
                let class = if gold == predicted { "right" } else { "wrong" };
                let share = 0.7 * rows as f64 / label.gold.max(1) as f64;
                write!(page, "<td class=\"n {class}\" style=\"--share:{share:.2}\">{rows}</td>")
            };
        }
        page.push_str("</tr>\n");
    }
    page.push_str("</tbody></table></div></div>\n");
}

/// The labels that are most often taken for another.
fn most_frequent(page: &mut String, test: &Evaluation) {
    let mut confusions: Vec<(usize, usize, u64)> = Vec::new();
    for (gold, counts) in test.confusion.iter().enumerate() {
        let given = counts.iter().enumerate().map(|(predicted, &rows)| (gold, predicted, rows));
        confusions.extend(given.filter(|&(gold, predicted, rows)| gold != predicted && rows > 0));
    }
    confusions.sort_by_key(|&(gold, predicted, rows)| (Reverse(rows), gold, predicted));
    let all = confusions.len();
    confusions.truncate(LISTED);
    let _ = match all {
        0 => writeln!(page, "<p>No label is taken for another.</p>"),
        1..=LISTED => writeln!(
            page,
            "<p>Which labels are taken for which, the most frequent first; shares are of the right label's rows.</p>"
        ),
        _ => writeln!(
            page,
            "<p>The {LISTED} most frequent of {all} ways in which one label is taken for another; shares are of the right \
             label's rows.</p>"
        ),
    };
    if all == 0 {
        return;
    }
    let columns = [
        Column::Text("right label"),
        Column::Text("label given"),
        Column::Number("rows"),
        Column::Number("share"),
    ];
    let rows = confusions.into_iter().map(|(gold, predicted, rows)| {
        let (right, given) = (&test.labels[gold], &test.labels[predicted]);
        let share = percent(rows as f64 / right.gold.max(1) as f64);
        vec![user(&right.label), user(&given.label), rows.to_string(), share]
    });
    table(page, &columns, rows);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many labels, of which every row of the first is taken for the second.
    fn drawn(labels: usize, name: impl Fn(usize) -> String) -> String {
        let names: Vec<String> = (0..labels).map(name).collect();
        let mut page = String::new();
        confusion(&mut page, &Evaluation::new(&names, &[0, 0, 1], &[1, 1, 1]));
        page
    }

    #[test]
    fn a_few_short_names_stand_above_their_columns() {
        let page = drawn(4, |label| format!("name {label}"));
        assert!(page.contains("<th class=\"n\"><bdi>name 3</bdi></th>"), "{page}");
        assert!(!page.contains("taken for which") && !page.contains("numbered"));
    }

    #[test]
    fn names_too_long_or_too_many_are_numbered_and_the_most_frequent_confusions_come_first() {
        let long = |label| format!("a name that is rather long: {label}");
        for page in [drawn(3, long), drawn(9, |label| label.to_string()), drawn(150, long)] {
            let (list, counts) = page.split_once("by its number").unwrap();
            assert_eq!(
                list.matches("<td class=\"n\">2</td><td class=\"n\">100.0 %</td>").count(),
                1,
                "{list}"
            );
            assert!(counts.contains(">3</th>"), "{counts}");
            assert!(!counts.split_once("</thead>").unwrap().0.contains("<bdi>"), "{counts}");
        }
    }

    #[test]
    fn where_paper_is_too_narrow_it_says_where_the_counts_are() {
        let name = |label: usize| label.to_string();
        assert!(!drawn(ON_PAPER, name).contains("too wide for paper"));
        let page = drawn(ON_PAPER + 1, name);
        assert!(page.contains("too wide for paper") && page.contains("<div class=\"screen\">"));
    }

    #[test]
    fn labels_that_are_all_given_rightly_leave_nothing_to_list() {
        let names: Vec<String> = (0..9).map(|label| label.to_string()).collect();
        let mut page = String::new();
        confusion(&mut page, &Evaluation::new(&names, &[0, 5], &[0, 5]));
        assert!(page.contains("No label is taken for another."));
    }
}
