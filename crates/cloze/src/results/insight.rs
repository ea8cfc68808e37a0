//! The final model's predictions for individual test examples: `insight.json`.
//!
//! It holds details for inspection that the figures of [`Results`](super::Results) do not show. As in those,
//! everything in it follows from the task, data, seeds and version.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{file_name, location};
use crate::Place;
use crate::metrics::Reliability;

/// Version of `insight.json`.
pub(crate) const FORMAT: u32 = 1;

/// The name of the file in a run directory.
pub(crate) const FILE: &str = "insight.json";

/// The number of examples kept of each kind.
const KEPT: usize = 20;

/// The number of characters kept of each text.
pub(crate) const LONGEST: usize = 500;

/// `insight.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Insight {
    /// [`FORMAT`].
    pub format: u32,
    /// The directory of the job that made these predictions.
    pub job: String,
    /// Whether the model's confidence matches its accuracy.
    pub reliability: Reliability,
    /// Wrong predictions, most confident first.
    pub errors: Vec<Answered>,
    /// The least confident predictions, right or wrong.
    pub uncertain: Vec<Answered>,
}

/// A test example and its prediction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Answered {
    /// Its number among the labelled test examples, counted from 1.
    pub row: usize,
    /// The name of its file, without the folder.
    pub file: String,
    /// Its line in the file, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The columns that the patterns use, with long texts shortened.
    pub fields: BTreeMap<String, String>,
    /// The class of the question, in a multi-label task.
    #[serde(rename = "topic", default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The correct label; several if each of them is correct.
    pub right: Vec<String>,
    /// The predicted label.
    pub given: String,
    /// Its probability.
    pub confidence: f64,
    /// What the model used of the texts in `fields`; empty if that was not computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<Used>,
}

/// A word of a shortened text and its contribution to the probability of the predicted label.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Used {
    /// The column.
    pub column: String,
    /// The word's first character in the text.
    pub start: usize,
    /// The character after its last.
    pub end: usize,
    /// The probability minus that without the word.
    pub contribution: f64,
}

/// The positions of the examples that are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Wrong predictions, most confident first.
    pub(crate) errors: Vec<usize>,
    /// The least confident predictions.
    pub(crate) uncertain: Vec<usize>,
}

/// A prediction reduced to what decides whether it is listed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Verdict {
    /// The probability of the predicted label.
    pub(crate) confidence: f64,
    /// Whether it is correct.
    pub(crate) is_right: bool,
}

impl Listed {
    /// Selects from all predictions.
    pub(crate) fn new(verdicts: &[Verdict]) -> Listed {
        let mut order: Vec<usize> = (0..verdicts.len()).collect();
        // The sort is stable, so the first one comes first on a tie.
        order.sort_by(|&a, &b| verdicts[a].confidence.total_cmp(&verdicts[b].confidence));
        let uncertain = order.iter().copied().take(KEPT).collect();
        order.retain(|&at| !verdicts[at].is_right);
        order.sort_by(|&a, &b| verdicts[b].confidence.total_cmp(&verdicts[a].confidence).then(a.cmp(&b)));
        order.truncate(KEPT);
        Listed { errors: order, uncertain }
    }
}

impl Insight {
    /// The insight into a job's predictions, given which are listed; `answered` gives the details of the one at a
    /// position.
    pub(crate) fn new(
        job: &str,
        verdicts: &[Verdict],
        listed: &Listed,
        answered: impl Fn(usize) -> Answered,
    ) -> Insight {
        let details = |positions: &[usize]| positions.iter().map(|&at| answered(at)).collect();
        Insight {
            format: FORMAT,
            job: job.to_owned(),
            reliability: Reliability::new(verdicts.iter().map(|answer| (answer.confidence, answer.is_right))),
            errors: details(&listed.errors),
            uncertain: details(&listed.uncertain),
        }
    }
}

impl Answered {
    /// An example at a position in the data, with the values of its columns.
    pub(crate) fn at(row: usize, place: &Place, fields: impl Iterator<Item = (String, String)>) -> Answered {
        let fields = fields.map(|(name, text)| (name, shortened(&text, LONGEST))).collect();
        Answered { row, file: file_name(place), line: place.line, fields, ..Answered::default() }
    }

    /// Its position: `checked.csv:49`.
    pub(crate) fn place(&self) -> String {
        location(Some(&self.file), self.line, self.row)
    }

    /// Whether the predicted label is correct.
    pub(crate) fn is_right(&self) -> bool {
        self.right.contains(&self.given)
    }
}

/// A text, shortened if it has more than `longest` characters.
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
        let listed = Listed::new(&verdicts);
        let answered = |at| Answered { row: at + 1, ..Answered::default() };
        let insight = Insight::new("final", &verdicts, &listed, answered);
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
