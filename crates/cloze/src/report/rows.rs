//! Examples from the user's data, as shown on the page.

use super::figures::percent;
use crate::results::Disputed;
use crate::results::insight::{Answered, Used, shortened};

/// The number of characters of an example that are shown.
const LONGEST: usize = 240;

/// What stands between the texts of an example.
const BETWEEN: &str = " · ";

/// The share of the strongest word's contribution from which on a word is coloured.
const VISIBLE: f64 = 0.05;

/// The number of examples that are visible; the others can be expanded.
const IN_SIGHT: usize = 5;

/// A list of examples.
pub(super) struct Rows {
    pub(super) first: Vec<Row>,
    pub(super) more: Vec<Row>,
}

/// An example.
pub(super) struct Row {
    pub(super) text: Vec<Piece>,
    pub(super) said: Vec<Said>,
    pub(super) place: String,
}

/// A piece of an example's text. Words that the model used have a class, which says whether they argue for or against the
/// predicted label, a share of the strongest word's contribution, and their own.
pub(super) struct Piece {
    pub(super) text: String,
    pub(super) class: &'static str,
    pub(super) share: String,
    pub(super) contribution: String,
}

impl Piece {
    fn plain(text: impl Into<String>) -> Piece {
        Piece { text: text.into(), class: "", share: String::new(), contribution: String::new() }
    }
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

    /// Whether there are words that the model used.
    pub(super) fn has_words(&self) -> bool {
        let mut pieces = self.first.iter().chain(&self.more).flat_map(|row| &row.text);
        pieces.any(|piece| !piece.class.is_empty())
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
    Row { text: with_words(row), said: class.chain([given]).chain(right).collect(), place: row.place() }
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
    let texts: Vec<&str> = row.fields.values().map(String::as_str).collect();
    let text = vec![Piece::plain(shortened(&texts.join(BETWEEN), LONGEST))];
    Row { text, said: votes.into_iter().map(said).collect(), place: row.place() }
}

/// A probability that is shown as 100 % only if it is exactly 1.
fn probability(share: f64) -> String {
    if share < 1.0 && share > 0.9995 { "over 99.9 %".to_owned() } else { percent(share) }
}

/// The texts of an example, shortened, with the words that the model used.
fn with_words(row: &Answered) -> Vec<Piece> {
    let strongest = row.words.iter().map(|word| word.contribution.abs()).fold(0.0, f64::max);
    let mut pieces: Vec<Piece> = Vec::new();
    let mut left = LONGEST;
    for (number, (column, text)) in row.fields.iter().enumerate() {
        if number > 0 && left > 0 {
            pieces.push(Piece::plain(BETWEEN));
            left = left.saturating_sub(BETWEEN.chars().count());
        }
        let shown = shortened(text, left);
        // The same text up to what was cut off.
        let whole = if shown == *text { text.chars().count() } else { shown.chars().count() - 1 };
        left -= whole.min(left);
        let mut next = 0;
        for word in row.words.iter().filter(|word| word.column == *column && word.end <= whole) {
            pieces.push(Piece::plain(between(&shown, next, word.start)));
            pieces.push(used(between(&shown, word.start, word.end), word, strongest));
            next = word.end;
        }
        pieces.push(Piece::plain(shown.chars().skip(next).collect::<String>()));
        if whole < text.chars().count() {
            break;
        }
    }
    pieces.retain(|piece| !piece.text.is_empty());
    pieces
}

/// The characters from one position to another.
fn between(text: &str, start: usize, end: usize) -> String {
    text.chars().skip(start).take(end.saturating_sub(start)).collect()
}

fn used(text: String, word: &Used, strongest: f64) -> Piece {
    let share = word.contribution.abs() / strongest.max(f64::MIN_POSITIVE);
    if share < VISIBLE || word.contribution.abs() < 0.0005 {
        return Piece::plain(text);
    }
    Piece {
        text,
        class: if word.contribution > 0.0 { "for" } else { "against" },
        // The darkest shade still lets the text be read.
        share: format!("{:.2}", share * 0.6),
        contribution: format!("{:+.3}", word.contribution),
    }
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
    fn words_are_coloured_as_far_as_the_text_is_shown() {
        let long = format!("{}end", "word ".repeat(60));
        let fields = [("a", "é good, day"), ("b", long.as_str())];
        let used =
            |column: &str, start, end, contribution| Used { column: column.into(), start, end, contribution };
        let words = vec![
            used("a", 2, 6, 0.5),
            used("a", 6, 7, 0.001),
            used("a", 8, 11, -0.25),
            used("b", 0, 4, 0.1),
            used("b", 300, 303, 0.4),
        ];
        let fields = fields.map(|(column, text)| (column.to_owned(), text.to_owned())).into();
        let row = with_words(&Answered { fields, words, ..Answered::default() });
        let shown: String = row.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(shown, shortened(&format!("é good, day · {long}"), LONGEST));
        let coloured: Vec<_> = (row.iter().filter(|piece| !piece.class.is_empty()))
            .map(|piece| {
                (piece.text.as_str(), piece.class, piece.share.as_str(), piece.contribution.as_str())
            })
            .collect();
        let want = [
            ("good", "for", "0.60", "+0.500"),
            ("day", "against", "0.30", "-0.250"),
            ("word", "for", "0.12", "+0.100"),
        ];
        assert_eq!(coloured, want);
    }

    #[test]
    fn nothing_is_called_certain_that_is_not() {
        let shown = [0.5, 0.999_99, 1.0].map(probability);
        assert_eq!(shown, ["50.0 %", "over 99.9 %", "100.0 %"]);
    }
}
