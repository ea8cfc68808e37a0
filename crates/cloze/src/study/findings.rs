//! The findings of a study: `results.json` of a study.
//!
//! As in the results of a run, only what follows from task, data, seeds and version is in it: no times, no folders.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::factors::Factor;
use super::setting::Setting;
use crate::dataset::DataSource;
use crate::metrics::Measured;
use crate::results::ModelSource;

/// Version of `results.json` of a study.
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
    /// The labels in the task's order.
    pub labels: Vec<String>,
    /// The patterns as they stand in the task file.
    pub patterns: Vec<String>,
    /// The task's model and then the others.
    pub(crate) models: Vec<ModelSource>,
    /// The task's data by role.
    pub(crate) data: BTreeMap<String, DataSource>,
    /// The seeds that every setting was repeated with.
    pub seeds: Vec<u64>,
    /// What was varied.
    pub factors: Vec<Finding>,
    /// Every run.
    pub(crate) runs: Vec<RunRecord>,
    /// The comparisons as sentences: those that are decided first, larger differences before smaller ones.
    pub conclusions: Vec<String>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// A factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// What was varied.
    pub factor: Factor,
    /// What that asks.
    pub question: String,
    /// At least two.
    pub settings: Vec<Setting>,
    /// Settings with each other.
    pub(crate) comparisons: Vec<Comparison>,
    /// An overview in words, where the comparisons do not say it all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overview: Option<String>,
}

/// Two settings beside each other.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Comparison {
    /// The one.
    pub setting: String,
    /// The other.
    pub against: String,
    /// Mean difference in accuracy, the one's minus the other's, on the same seeds and rows.
    pub difference: Measured,
    /// What that means.
    pub verdict: Verdict,
}

/// What a difference means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// The interval lies above 0.
    Better,
    /// The interval lies below 0.
    Worse,
    /// The interval includes 0.
    Undecided,
}

/// A run of a study.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct RunRecord {
    /// Its directory among the study's runs.
    pub run: String,
    /// What is special about it.
    pub title: String,
    /// Its model.
    pub model: String,
    /// Its task in full, without folders.
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
