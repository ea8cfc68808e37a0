//! Which labels are confused.

use super::figures::percent;
use crate::metrics::{Evaluation, LabelEvaluation};

/// The maximum number of labels, and of characters in all their names, for horizontal names above the
/// columns.
const SIDE_BY_SIDE: (usize, usize) = (8, 60);

/// The number of columns that fit the page; with more labels, only the most frequent confusions are listed.
const COLUMNS: usize = 20;

/// The number of confusions that are listed next to the counts.
const BESIDE_COUNTS: usize = 10;

/// The number that are listed if there is no room for the counts.
const ALONE: usize = 30;

/// Counts for every correct and predicted label, and the most frequent confusions.
pub(super) struct Confusion {
    /// Whether the names above the columns are vertical because they are too long to fit horizontally.
    pub(super) upwards: bool,
    /// A description of the list; empty if there is none.
    pub(super) which: String,
    pub(super) most_frequent: Vec<Pair>,
    /// The counts; empty if there are too many labels.
    pub(super) lines: Vec<Counts>,
}

/// Examples of one label that were predicted as another.
pub(super) struct Pair {
    pub(super) right: String,
    pub(super) given: String,
    pub(super) rows: u64,
    pub(super) share: String,
}

/// The examples of one label.
pub(super) struct Counts {
    pub(super) label: String,
    pub(super) cells: Vec<Cell>,
}

/// Those of them with one predicted label.
pub(super) struct Cell {
    pub(super) rows: u64,
    pub(super) kind: &'static str,
    /// The intensity of the colour.
    pub(super) share: String,
}

impl Confusion {
    /// `None` if examples have their own choices.
    pub(super) fn new(test: &Evaluation) -> Option<Confusion> {
        let count = test.labels.len();
        if count == 0 {
            return None;
        }
        let letters: usize = test.labels.iter().map(|label| label.label.chars().count()).sum();
        let upwards = count > SIDE_BY_SIDE.0 || letters > SIDE_BY_SIDE.1;
        let mut confusion =
            Confusion { upwards, which: String::new(), most_frequent: Vec::new(), lines: Vec::new() };
        let has_counts = count <= COLUMNS;
        if has_counts {
            confusion.lines = (0..count).map(|gold| counts(test, gold)).collect();
        }
        // With two labels, the counts already show both confusions.
        if count > 2 {
            confusion.list(test, if has_counts { BESIDE_COUNTS } else { ALONE });
        }
        Some(confusion)
    }

    /// Lists the most frequent confusions.
    fn list(&mut self, test: &Evaluation, most: usize) {
        let confusions = test.confusions();
        self.which = match confusions.len() {
            0 => "No label is confused with another.".to_owned(),
            all if all <= most => "The confused labels, most frequent first".to_owned(),
            all => format!("The {most} most frequent of {all} confusions"),
        };
        let pair = |&(right, given, rows): &(&LabelEvaluation, &LabelEvaluation, u64)| Pair {
            right: right.label.clone(),
            given: given.label.clone(),
            rows,
            share: percent(rows as f64 / right.gold.max(1) as f64),
        };
        self.most_frequent = confusions.iter().take(most).map(pair).collect();
    }
}

fn counts(test: &Evaluation, gold: usize) -> Counts {
    let label = &test.labels[gold];
    let cell = |(given, &rows): (usize, &u64)| Cell {
        rows,
        kind: if gold == given { "right" } else { "wrong" },
        share: format!("{:.2}", 0.7 * rows as f64 / label.gold.max(1) as f64),
    };
    let cells = test.confusion[gold].iter().enumerate().map(cell).collect();
    Counts { label: label.label.clone(), cells }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A confusion matrix with this many labels, where every example of the first is predicted as the second.
    fn confusion(labels: usize, name: impl Fn(usize) -> String) -> Confusion {
        let names: Vec<String> = (0..labels).map(name).collect();
        Confusion::new(&Evaluation::new(&names, &[0, 0, 1], &[1, 1, 1])).unwrap()
    }

    #[test]
    fn a_few_short_names_stand_side_by_side() {
        let few = confusion(4, |label| format!("name {label}"));
        assert!(!few.upwards);
        assert_eq!(
            (few.lines.len(), few.lines[0].cells[1].rows, few.lines[0].cells[1].kind),
            (4, 2, "wrong")
        );
    }

    #[test]
    fn names_too_long_or_too_many_run_upwards() {
        let long = |label| format!("a name that is rather long: {label}");
        assert!(confusion(3, long).upwards && confusion(9, |label| label.to_string()).upwards);
    }

    #[test]
    fn where_the_page_is_too_narrow_for_the_counts_the_most_frequent_confusions_stand_alone() {
        let name = |label: usize| label.to_string();
        assert_eq!(confusion(COLUMNS, name).lines.len(), COLUMNS);
        let many = confusion(COLUMNS + 1, name);
        let [pair] = &many.most_frequent[..] else { panic!() };
        assert!(many.lines.is_empty());
        assert_eq!((pair.rows, pair.share.as_str()), (2, "100.0 %"));
    }

    #[test]
    fn labels_that_are_all_given_rightly_leave_nothing_to_list() {
        let names: Vec<String> = (0..9).map(|label| label.to_string()).collect();
        let confusion = Confusion::new(&Evaluation::new(&names, &[0, 5], &[0, 5])).unwrap();
        assert_eq!(confusion.which, "No label is confused with another.");
        assert!(Confusion::new(&Evaluation::of_choices([].into_iter())).is_none());
    }
}
