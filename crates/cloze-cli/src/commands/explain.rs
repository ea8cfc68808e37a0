//! What a model used, as `cloze predict --explain` shows it.

use cloze::{Completeness, Explained, Explanation, Word};

use crate::layout::{counted, percent};
use crate::printer::Printer;

/// The words that are listed with their contributions; of the others there is a range.
const LISTED: usize = 8;

/// The share of the strongest word's contribution from which on a word is coloured.
const VISIBLE: f64 = 0.05;

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
    match share < VISIBLE {
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
    let mut lines = format!("  used for {label}: {}\n", parts.join(", "));
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
