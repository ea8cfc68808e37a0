//! What `cloze check` has found.

use serde::Serialize;

use crate::dataset::SplitReport;
use crate::inspect::estimate::Estimate;
use crate::pvp::encode::{Cut, Piece};
use crate::{Place, Warning};

/// Everything that can be said about a task without running the model.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// The task's name.
    pub name: String,
    /// The task file.
    pub file: String,
    /// The sets of rows that the task has.
    pub sets: Vec<SplitReport>,
    /// The classes that rows can be about, where they can have several labels.
    #[serde(rename = "topics", skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassReport>,
    /// The labels in the order of the task file; none where rows have choices of their own.
    pub labels: Vec<LabelReport>,
    /// The patterns in the order of the task file.
    pub patterns: Vec<PatternReport>,
    /// The inputs of the final classifier.
    pub classifier: Lengths,
    /// Patterns times seeds: how many models make the ensemble.
    pub members: usize,
    /// Jobs, minutes, memory and disk, once something has estimated them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Likely mistakes.
    pub warnings: Vec<Warning>,
}

/// A class that rows can be about.
#[derive(Debug, Clone, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub name: String,
    /// Its description.
    pub text: String,
    /// Rows to learn from that are about it.
    pub train_rows: usize,
    /// Rows to evaluate on that are about it.
    pub test_rows: usize,
}

/// A label.
#[derive(Debug, Clone, Serialize)]
pub struct LabelReport {
    /// Its name.
    pub name: String,
    /// Rows to learn from; where rows can have several labels, the answers for all classes.
    pub train_rows: usize,
    /// Rows to evaluate on, counted in the same way.
    pub test_rows: usize,
    /// How often the pretrained model gives it a higher probability in a labelled row of it than in a row of another label;
    /// none until somebody has asked the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_apart: Option<f64>,
    /// Its words as the first pattern sees them.
    pub words: Vec<WordReport>,
}

/// A label's word.
#[derive(Debug, Clone, Serialize)]
pub struct WordReport {
    /// As the task file has it.
    pub word: String,
    /// The tokens it is in the vocabulary; none if it is taken from columns.
    pub tokens: Vec<String>,
    /// The tokens' ids.
    pub ids: Vec<u32>,
}

/// A pattern with some rows filled in.
#[derive(Debug, Clone, Serialize)]
pub struct PatternReport {
    /// The pattern.
    pub pattern: String,
    /// Some of the user's rows, the longest among them.
    pub examples: Vec<FilledReport>,
    /// How long its inputs are.
    pub lengths: Lengths,
}

/// A row filled into a pattern.
#[derive(Debug, Clone, Serialize)]
pub struct FilledReport {
    /// Where the row stands.
    pub place: Place,
    /// The filled pattern.
    pub pieces: Vec<Piece>,
    /// Its tokens after cutting.
    pub tokens: usize,
    /// What had to be cut.
    pub(crate) cut: Vec<Cut>,
}

/// How long inputs are, measured on a sample of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Lengths {
    /// Rows measured.
    pub rows: usize,
    /// Tokens on average, after cutting.
    pub mean: f64,
    /// Tokens of the longest, after cutting.
    pub longest: usize,
    /// Rows that are cut, as a share of those measured.
    pub cut_share: f64,
}

impl Lengths {
    pub(super) fn of(inputs: impl Iterator<Item = (usize, bool)>) -> Lengths {
        let (mut lengths, mut total, mut cut) = (Lengths::default(), 0, 0);
        for (tokens, is_cut) in inputs {
            lengths.rows += 1;
            total += tokens;
            cut += usize::from(is_cut);
            lengths.longest = lengths.longest.max(tokens);
        }
        let rows = lengths.rows.max(1) as f64;
        lengths.mean = total as f64 / rows;
        lengths.cut_share = cut as f64 / rows;
        lengths
    }
}
