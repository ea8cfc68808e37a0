//! What a model used, as `cloze predict --explain` shows it.

use cloze::{Completeness, Explained, Explanation, Word};

use crate::layout::{counted, percent};
use crate::printer::Printer;

/// The words that are listed with their contributions; of the others there is a range.
const LISTED: usize = 8;

/// The share of the strongest word's contribution from which on a word is coloured.
const VISIBLE: f64 = 0.05;

/// The least contribution that is more than nothing.
const LEAST: f64 = 0.0005;

/// The share from which on it is bold.
const STRONG: f64 = 0.5;

/// The texts of an example in a line, with the words that argue for or against its label in colours. Where there are
/// several labels, a word may be for one and against another, so there are none.
pub(super) fn heading(explained: &Explained, printer: &Printer) -> String {
    let Explained { texts, explanations, .. } = explained;
    let one = match &explanations[..] {
        [one] => Some(one),
        [] | [_, _, ..] => None,
    };
    let text = |(column, text): &(String, String)| match one {
        Some(one) => coloured(one, column, text, printer),
        None => printer.heading(text),
    };
    texts.iter().map(text).collect::<Vec<_>>().join(" | ")
}

/// A text of an example with the words of its explanation in colours.
fn coloured(explanation: &Explanation, column: &str, text: &str, printer: &Printer) -> String {
    let strongest = strongest(explanation);
    let characters: Vec<char> = text.chars().collect();
    let mut shown = String::new();
    let mut next = 0;
    for word in explanation.words.iter().filter(|word| word.column == column) {
        shown.extend(&characters[next..word.start]);
        shown += &word_of(word, strongest, printer);
        next = word.end;
    }
    shown.extend(&characters[next..]);
    shown
}

fn word_of(word: &Word, strongest: f64, printer: &Printer) -> String {
    let share = word.contribution.abs() / strongest.max(f64::MIN_POSITIVE);
    match share < VISIBLE || word.contribution.abs() < LEAST {
        true => word.text.clone(),
        false => printer.word(&word.text, word.contribution > 0.0, share >= STRONG),
    }
}

fn strongest(explanation: &Explanation) -> f64 {
    explanation.words.iter().map(|word| word.contribution.abs()).fold(0.0, f64::max)
}

/// Lines with the strongest words for the label, and what there is to know of them.
pub(super) fn lines(explanation: &Explanation, printer: &Printer) -> String {
    let Explanation { label, completeness, cut, .. } = explanation;
    let words = explanation.strongest();
    let (listed, others) = words.split_at(words.len().min(LISTED));
    let strongest = strongest(explanation);
    let number = |value: f64| format!("{:+.2}", (value * 100.0).round() / 100.0 + 0.0);
    let mut parts: Vec<String> = listed
        .iter()
        .map(|word| format!("{} {}", word_of(word, strongest, printer), number(word.contribution)))
        .collect();
    if let Some(first) = others.first() {
        let most = first.contribution.abs();
        parts.push(format!("{} of at most {most:.2} each", counted(others.len(), "other word")));
    }
    if parts.is_empty() {
        parts.push("no word".to_owned());
    }
    // A word may be a comma.
    let mut lines = format!("  used for {label}:  {}\n", parts.join("  "));
    if let Some(Completeness { baseline, gap }) = completeness {
        let from = percent(*baseline);
        lines += &format!(
            "  with every word masked: {from}; the contributions miss the difference by {:.3}\n",
            gap.abs()
        );
    }
    if *cut > 0 {
        lines += &format!("  not read, since the text is too long: {}\n", counted(*cut, "token"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use cloze::{Attribution, Prediction, With};
    use console::strip_ansi_codes;

    use super::*;

    /// The example `é good, bad day`, whose words have these contributions.
    fn explained(contributions: [f64; 5]) -> Explained {
        let words = [("é", 0), ("good", 2), (",", 6), ("bad", 8), ("day", 12)];
        let word = |((text, start), contribution): ((&str, usize), f64)| Word {
            text: text.to_owned(),
            column: "text".to_owned(),
            start,
            end: start + text.chars().count(),
            contribution,
        };
        let explanation = Explanation {
            label: "up".to_owned(),
            attribution: Attribution::LeaveOneOut,
            probability: 0.75,
            completeness: None,
            cut: 0,
            words: words.into_iter().zip(contributions).map(word).collect(),
        };
        Explained {
            texts: vec![("text".to_owned(), "é good, bad day".to_owned())],
            prediction: Prediction {
                labels: vec!["up".to_owned()],
                probabilities: Vec::new(),
                scores: Vec::new(),
                cut: 0,
                answered_by: With::Classifier,
            },
            explanations: vec![explanation],
        }
    }

    #[test]
    fn words_are_coloured_by_what_they_argue_for_and_the_text_stays() {
        let explained = explained([0.01, 0.5, 0.0, -0.3, -0.1]);
        let shown = heading(&explained, &Printer::of_terminal());
        assert_eq!(strip_ansi_codes(&shown), "é good, bad day");
        assert_eq!(
            shown,
            "é \u{1b}[32m\u{1b}[1mgood\u{1b}[0m, \u{1b}[31m\u{1b}[1mbad\u{1b}[0m \u{1b}[31mday\u{1b}[0m"
        );
    }

    #[test]
    fn where_a_word_may_be_for_one_label_and_against_another_the_text_has_no_colours() {
        let mut explained = explained([0.0, 0.5, 0.0, -0.3, -0.1]);
        explained.explanations.push(explained.explanations[0].clone());
        let printer = Printer::of_terminal();
        assert_eq!(heading(&explained, &printer), printer.heading("é good, bad day"));
    }

    #[test]
    fn the_strongest_words_are_listed_with_their_signs_and_none_is_forgotten() {
        let printer = Printer::of_terminal();
        let one = &explained([0.01, 0.5, -0.001, -0.3, -0.1]).explanations[0];
        let shown = lines(one, &printer);
        assert_eq!(
            strip_ansi_codes(&shown),
            "  used for up:  good +0.50  bad -0.30  day -0.10  é +0.01  , +0.00\n"
        );
        let completeness = Some(Completeness { baseline: 0.25, gap: -0.002 });
        let words = [one.words.clone(), one.words.clone()].concat();
        let many = Explanation { words, completeness, cut: 3, ..one.clone() };
        assert_eq!(
            strip_ansi_codes(&lines(&many, &printer)),
            "  used for up:  good +0.50  good +0.50  bad -0.30  bad -0.30  day -0.10  day -0.10  é +0.01  é +0.01  \
             2 other words of at most 0.00 each\n\
             \u{20} with every word masked: 25.0 %; the contributions miss the difference by 0.002\n\
             \u{20} not read, since the text is too long: 3 tokens\n"
        );
    }
}
