//! An explanation, as programs and files get it.

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::attribution::Attribution;
use super::words::Position;
use crate::table::Format;

/// How much each word of an example contributes to the probability of a label.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    /// The label.
    pub label: String,
    /// How the contributions were computed.
    #[serde(rename = "method", serialize_with = "named")]
    pub attribution: Attribution,
    /// The probability of the label for the example.
    #[serde(serialize_with = "rounded")]
    pub probability: f64,
    /// What the contributions add up to, of integrated gradients.
    #[serde(flatten)]
    pub completeness: Option<Completeness>,
    /// The number of tokens that were not read, because the example is longer than the models read; of several
    /// models, the most. Words that were not read contribute 0.
    pub cut: usize,
    /// The words of all texts in order.
    pub words: Vec<Word>,
}

/// What contributions by integrated gradients should add up to.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Completeness {
    /// The probability of the label for the baseline, in which every word is masked.
    #[serde(serialize_with = "rounded")]
    pub baseline: f64,
    /// The sum of all contributions minus the difference between the probabilities of the example and the baseline:
    /// how far the contributions are from complete.
    #[serde(serialize_with = "rounded")]
    pub gap: f64,
}

/// A word and its contribution.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Word {
    /// The word. It has no white space.
    #[serde(rename = "word")]
    pub text: String,
    /// The column of its text.
    pub column: String,
    /// Its first character in that text, counted from 0 in Unicode scalar values.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// The contribution to the probability of the label: positive if it argues for the label, negative if against.
    #[serde(serialize_with = "rounded")]
    pub contribution: f64,
}

fn named<S: Serializer>(attribution: &Attribution, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(attribution.name())
}

/// Six digits exceed the precision of these numbers.
fn rounded<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    // Adding 0 makes -0 0.
    serializer.serialize_f64((value * 1e6).round() / 1e6 + 0.0)
}

impl Explanation {
    /// The words, those that contribute most first, whether for or against the label; in order if equally much.
    pub fn strongest(&self) -> Vec<&Word> {
        let mut words: Vec<&Word> = self.words.iter().collect();
        words.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()));
        words
    }

    /// As a person reads it in a table: `charged:+0.312 twice:+0.120`, the strongest word first, and `(gap +0.002)`
    /// behind them if contributions should add up to something.
    fn line(&self) -> String {
        let number = |value: f64| format!("{:+.3}", (value * 1e3).round() / 1e3 + 0.0);
        let words = self.strongest().into_iter();
        let words = words.map(|word| format!("{}:{}", word.text, number(word.contribution)));
        let gap = self.completeness.map(|Completeness { gap, .. }| format!("(gap {})", number(gap)));
        words.chain(gap).collect::<Vec<_>>().join(" ")
    }

    /// The value of an added column: lines in formats of plain text, JSON in the others. If examples have `several`
    /// labels, it is a list.
    pub(crate) fn value(explanations: &[Explanation], several: bool, format: Format) -> Value {
        let lines = || explanations.iter().map(|one| format!("{}: {}", one.label, one.line()));
        match (format, explanations) {
            (Format::Csv | Format::Tsv, [one]) if !several => one.line().into(),
            (Format::Csv | Format::Tsv, _) => lines().collect::<Vec<_>>().join("; ").into(),
            (Format::Jsonl, [one]) if !several => json(one),
            (Format::Jsonl, _) => json(explanations),
            (Format::Parquet, [one]) if !several => json(one).to_string().into(),
            (Format::Parquet, _) => json(explanations).to_string().into(),
        }
    }
}

fn json<T: Serialize + ?Sized>(value: &T) -> Value {
    // Names and numbers in structs and lists are always JSON.
    serde_json::to_value(value).unwrap_or_default()
}

impl Word {
    /// The word at a position in the texts of these columns.
    pub(crate) fn at(position: &Position, columns: &[String], texts: &[String], contribution: f64) -> Word {
        let Position { text, bytes, characters } = position;
        Word {
            text: texts[*text][bytes.clone()].to_owned(),
            column: columns[*text].clone(),
            start: characters.start,
            end: characters.end,
            contribution,
        }
    }
}
