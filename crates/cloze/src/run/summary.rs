//! The metrics of a job: `scores.json` in its directory.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::metrics::Evaluation;
use crate::pvp::priming::Demonstrations;
use crate::results::Stage;
use crate::run::store::{Draft, Job};
use crate::training::linear_probe::Part;

/// Version of `scores.json`.
pub(crate) const FORMAT: u32 = 1;

const FILE: &str = "scores.json";

/// `scores.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Summary {
    /// [`FORMAT`].
    pub(crate) format: u32,
    /// The labels, in the order used in every other file of the job.
    pub(crate) labels: Vec<String>,
    /// Accuracy on the labelled examples; for a linear probe, on those that it was not fitted to.
    pub(crate) train_accuracy: Option<f64>,
    /// Metrics on the test examples, if there are any.
    pub(crate) test: Option<Evaluation>,
    /// For an ensemble: the members' weights.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) weights: BTreeMap<String, f64>,
    /// For an ensemble: the probability that two members choose the same label for an unlabelled example.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) agreement: Option<f64>,
    /// For an ensemble: the linear probe's share, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) probe: Option<Part>,
    /// For a primed model: the labelled examples in front of the test examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) examples: Option<Demonstrations>,
    /// Notes for the user.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) notes: Vec<String>,
}

impl Summary {
    pub(crate) fn new(labels: &[String]) -> Self {
        Summary {
            format: FORMAT,
            labels: labels.to_vec(),
            train_accuracy: None,
            test: None,
            weights: BTreeMap::new(),
            agreement: None,
            probe: None,
            examples: None,
            notes: Vec::new(),
        }
    }

    /// Reads it from a finished job.
    pub(crate) fn read(job: &Job) -> Result<Self> {
        Ok(job.read_json(FILE)?)
    }

    pub(crate) fn write(&self, draft: &Draft) -> Result<()> {
        Ok(draft.write_json(FILE, self)?)
    }

    pub(crate) fn stage(&self, job: &str) -> Stage {
        Stage {
            job: job.to_owned(),
            pattern: None,
            seed: None,
            weight: None,
            examples: self.examples,
            train_accuracy: self.train_accuracy,
            test: self.test.clone(),
        }
    }
}
