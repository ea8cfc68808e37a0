//! The results of `cloze check`.

use serde::Serialize;

use crate::dataset::SplitReport;
use crate::inspect::estimate::Estimate;
use crate::pvp::encode::{Cut, Piece};
use crate::{Place, Warning};

/// Everything that can be determined about a task without running the model.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// The task's name.
    pub name: String,
    /// The task file.
    pub file: String,
    /// The splits that the task has.
    pub sets: Vec<SplitReport>,
    /// The classes, in a multi-label task.
    #[serde(rename = "topics", skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<ClassReport>,
    /// The labels, in the order of the task file; empty if examples have their own choices.
    pub labels: Vec<LabelReport>,
    /// The patterns, in the order of the task file.
    pub patterns: Vec<PatternReport>,
    /// The lengths of the final classifier's inputs.
    pub classifier: Lengths,
    /// Number of models in the ensemble: patterns times seeds.
    pub members: usize,
    /// Jobs, time, memory and disk space, if they have been estimated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// Likely mistakes.
    pub warnings: Vec<Warning>,
}

/// A class of a multi-label task.
#[derive(Debug, Clone, Serialize)]
pub struct ClassReport {
    /// Its name.
    pub name: String,
    /// Its description.
    pub text: String,
    /// Number of training examples that belong to it.
    pub train_rows: usize,
    /// Number of test examples that belong to it.
    pub test_rows: usize,
}

/// A label.
#[derive(Debug, Clone, Serialize)]
pub struct LabelReport {
    /// Its name.
    pub name: String,
    /// Number of training examples; in a multi-label task, the number of answers over all classes.
    pub train_rows: usize,
    /// Number of test examples, counted in the same way.
    pub test_rows: usize,
    /// How often the pretrained model gives it a higher probability for an example of this label than for an
    /// example of another label; `None` until the model has been run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_apart: Option<f64>,
    /// Its words, as used in the first pattern.
    pub words: Vec<WordReport>,
}

/// A label's word.
#[derive(Debug, Clone, Serialize)]
pub struct WordReport {
    /// As written in the task file.
    pub word: String,
    /// Its tokens in the vocabulary; empty if it is taken from columns.
    pub tokens: Vec<String>,
    /// The tokens' ids.
    pub ids: Vec<u32>,
}

/// A pattern filled with some examples.
#[derive(Debug, Clone, Serialize)]
pub struct PatternReport {
    /// The pattern.
    pub pattern: String,
    /// Some of the user's examples, including the longest.
    pub examples: Vec<FilledReport>,
    /// The lengths of its inputs.
    pub lengths: Lengths,
}

/// An example filled into a pattern.
#[derive(Debug, Clone, Serialize)]
pub struct FilledReport {
    /// The example's position in the data.
    pub place: Place,
    /// The filled pattern.
    pub pieces: Vec<Piece>,
    /// The number of its tokens after truncation.
    pub tokens: usize,
    /// What was truncated.
    pub(crate) cut: Vec<Cut>,
}

/// The lengths of inputs, measured on a sample of the examples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Lengths {
    /// Number of examples measured.
    pub rows: usize,
    /// Mean number of tokens, after truncation.
    pub mean: f64,
    /// Number of tokens of the longest input, after truncation.
    pub longest: usize,
    /// Share of the measured examples that are truncated.
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
