//! How the model that a run ends with does on single test rows: `insight.json`.
//!
//! It holds what a person wants to look at and the figures of [`Results`](super::Results) do not say. As with those, only what follows
//! from task, data, seeds and version is in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{file_name, location};
use crate::Place;
use crate::metrics::Reliability;

/// Version of `insight.json`.
pub(crate) const FORMAT: u32 = 1;

/// The name of the file in a run directory.
pub(crate) const FILE: &str = "insight.json";

/// The number of rows of each kind that are kept.
const KEPT: usize = 20;

/// The number of characters of each text that are kept.
const LONGEST: usize = 500;

/// `insight.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Insight {
    /// [`FORMAT`].
    pub format: u32,
    /// The directory of the job whose answers these are.
    pub job: String,
    /// Whether its confidence matches its accuracy.
    pub reliability: Reliability,
    /// Wrong answers, the most confident first.
    pub errors: Vec<Answered>,
    /// Answers of the least confidence, right or wrong.
    pub uncertain: Vec<Answered>,
}

/// A test row and what it was given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// The row's number among the labelled test rows, counted from 1.
    pub row: usize,
    /// The name of the file that it is in, without its folder.
    pub file: String,
    /// The line there, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The columns that the patterns use, long texts cut short.
    pub fields: BTreeMap<String, String>,
    /// The label that was asked about, where rows can have several.
    #[serde(rename = "topic", default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The right label; several where each of them is right.
    pub right: Vec<String>,
    /// The label given.
    pub given: String,
    /// Its probability.
    pub confidence: f64,
}

/// An answer in short: what decides whether it is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Verdict {
    /// The probability of the label given.
    pub(crate) confidence: f64,
    /// Whether it is right.
    pub(crate) is_right: bool,
}

impl Insight {
    /// Of all answers of a job; `answered` tells more of the answer at a position.
    pub(crate) fn new(job: &str, verdicts: &[Verdict], answered: impl Fn(usize) -> Answered) -> Insight {
        let mut order: Vec<usize> = (0..verdicts.len()).collect();
        // Stable, so that of equal ones the first comes first.
        order.sort_by(|&a, &b| verdicts[a].confidence.total_cmp(&verdicts[b].confidence));
        let uncertain = order.iter().take(KEPT).map(|&at| answered(at)).collect();
        order.retain(|&at| !verdicts[at].is_right);
        order.sort_by(|&a, &b| verdicts[b].confidence.total_cmp(&verdicts[a].confidence).then(a.cmp(&b)));
        Insight {
            format: FORMAT,
            job: job.to_owned(),
            reliability: Reliability::new(verdicts.iter().map(|answer| (answer.confidence, answer.is_right))),
            errors: order.iter().take(KEPT).map(|&at| answered(at)).collect(),
            uncertain,
        }
    }
}

impl Answered {
    /// A row at a place in the data, with what its columns hold.
    pub(crate) fn at(row: usize, place: &Place, fields: impl Iterator<Item = (String, String)>) -> Answered {
        let fields = fields.map(|(name, text)| (name, shortened(&text, LONGEST))).collect();
        Answered { row, file: file_name(place), line: place.line, fields, ..Answered::default() }
    }

    /// Where to find it: `checked.csv:49`.
    pub(crate) fn place(&self) -> String {
        location(Some(&self.file), self.line, self.row)
    }

    /// Whether the label given is a right one.
    pub(crate) fn is_right(&self) -> bool {
        self.right.contains(&self.given)
    }
}

/// The beginning of a text that is longer than so many characters.
pub(crate) fn shortened(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_surest_errors_and_the_least_sure_answers_are_kept() {
        let verdict = |confidence, is_right| Verdict { confidence, is_right };
        let mut verdicts = vec![verdict(0.9, true); 30];
        verdicts.extend([verdict(0.4, true), verdict(0.6, false), verdict(0.8, false), verdict(0.8, false)]);
        let insight = Insight::new("final", &verdicts, |at| Answered { row: at + 1, ..Answered::default() });
        let rows = |answers: &[Answered]| answers.iter().map(|answer| answer.row).collect::<Vec<_>>();
        assert_eq!(rows(&insight.errors), [33, 34, 32]);
        assert_eq!(insight.uncertain.len(), KEPT);
        assert_eq!(rows(&insight.uncertain[..5]), [31, 32, 33, 34, 1]);
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let place = Place::file("data/test.csv").line(3);
        let fields = [("text".to_owned(), "é".repeat(LONGEST + 1))];
        let answered = Answered::at(2, &place, fields.into_iter());
        assert_eq!(answered.fields["text"], format!("{}…", "é".repeat(LONGEST)));
        assert_eq!(answered.place(), "test.csv:3");
        assert_eq!(shortened("four", 4), "four");
    }
}
