//! What a setting of a factor has reached.

use serde::{Deserialize, Serialize};

use crate::metrics::Measured;
use crate::pvp::priming::Demonstrations;

/// A setting of a factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// What it is called.
    pub setting: String,
    /// Mean accuracy over the seeds; the interval covers the luck of seeds and test rows.
    pub accuracy: Measured,
    /// Mean macro F1 over the seeds.
    pub macro_f1: f64,
    /// One for every seed.
    pub arms: Vec<Arm>,
}

/// A setting with a seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// The seed.
    pub seed: u64,
    /// On the test rows, with the interval of these.
    pub accuracy: Measured,
    /// The same.
    pub macro_f1: Measured,
    /// The examples in front of the test rows, where a model was primed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Demonstrations>,
    /// The directory of the run among the study's runs.
    pub run: String,
    /// The directory in it of what was measured.
    pub job: String,
}
