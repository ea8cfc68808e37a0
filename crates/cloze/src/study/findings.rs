//! The findings of a study: its `results.json`.
//!
//! As in the results of a run, everything in it follows from the task, data, seeds and version; there are no
//! times and no folders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::factors::Factor;
use super::setting::Setting;
use crate::dataset::DataSource;
use crate::metrics::Measured;
use crate::results::ModelSource;

/// Version of a study's `results.json`.
pub(super) const FORMAT: u32 = 1;

/// `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Findings {
    /// Version of the format.
    pub format: u32,
    /// The task's name.
    pub name: String,
    /// Hash of everything that the findings depend on.
    pub id: String,
    /// Version of cloze.
    pub version: String,
    /// The command that reproduces them, in the folder of the task file.
    pub command: String,
    /// The labels, in the task's order.
    pub labels: Vec<String>,
    /// The patterns as written in the task file.
    pub patterns: Vec<String>,
    /// The task's model, then the others.
    pub(crate) models: Vec<ModelSource>,
    /// The task's data, by role.
    pub(crate) data: BTreeMap<String, DataSource>,
    /// The seeds that every setting was run with.
    pub seeds: Vec<u64>,
    /// The factors that were varied.
    pub factors: Vec<Finding>,
    /// Every run.
    pub(crate) runs: Vec<RunRecord>,
    /// The comparisons as sentences: decided ones first, and larger differences before smaller ones.
    pub conclusions: Vec<String>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// The results for one factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The factor that was varied.
    pub factor: Factor,
    /// The question that varying it answers.
    pub question: String,
    /// Its settings, at least two.
    pub settings: Vec<Setting>,
    /// The comparisons between settings.
    pub(crate) comparisons: Vec<Comparison>,
    /// A summary in words, where the comparisons do not show everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overview: Option<String>,
}

/// A comparison of two settings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Comparison {
    /// The first setting.
    pub setting: String,
    /// The second setting, which the first is compared with.
    pub against: String,
    /// Mean difference in accuracy, first minus second, on the same seeds and examples.
    pub difference: Measured,
    /// What the difference means.
    pub verdict: Verdict,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// The interval is above 0.
    Better,
    /// The interval is below 0.
    Worse,
    /// The interval includes 0.
    Undecided,
}

/// A run of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// Its directory among the study's runs.
    pub run: String,
    /// How it differs from the task itself.
    pub title: String,
    /// Its model.
    pub model: String,
    /// Its complete task, without folders.
    pub task: String,
}

impl Verdict {
    pub(super) fn of(difference: &Measured) -> Verdict {
        match difference {
            Measured { low, .. } if *low > 0.0 => Verdict::Better,
            Measured { high, .. } if *high < 0.0 => Verdict::Worse,
            _ => Verdict::Undecided,
        }
    }
}
