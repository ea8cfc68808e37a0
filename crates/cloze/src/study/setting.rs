//! The results of one setting of a factor.

use serde::{Deserialize, Serialize};

use crate::metrics::Measured;
use crate::pvp::priming::Demonstrations;

/// A setting of a factor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    /// Its name.
    pub setting: String,
    /// Mean accuracy over the seeds; the interval covers the variation from both seeds and test examples.
    pub accuracy: Measured,
    /// Mean macro F1 over the seeds.
    pub macro_f1: f64,
    /// Mean time over the seeds, as in [`Arm::seconds`].
    #[serde(skip)]
    pub seconds: f64,
    /// One arm for every seed.
    pub arms: Vec<Arm>,
}

/// A setting with one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    /// The seed.
    pub seed: u64,
    /// Accuracy on the test examples; the interval covers the variation from the examples.
    pub accuracy: Measured,
    /// Macro F1 on the same examples.
    pub macro_f1: Measured,
    /// How long the jobs took that these figures depend on, including jobs shared with other settings. It is
    /// not among the findings, which do not depend on the machine, and 0 if they are read from a file.
    #[serde(skip)]
    pub seconds: f64,
    /// For a primed model, the labelled examples in front of the test examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Demonstrations>,
    /// The directory of the run among the study's runs.
    pub run: String,
    /// The directory in that run of the job that was measured.
    pub job: String,
}
