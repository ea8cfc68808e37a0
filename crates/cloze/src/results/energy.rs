//! What a run has cost: `energy.json`.
//!
//! It is apart from `results.json`, which is the same whenever a run is repeated.

use serde::{Deserialize, Serialize};

use crate::cost::Cost;
use crate::cost::machine::Machine;

/// Version of `energy.json`.
pub(crate) const FORMAT: u32 = 1;

/// The name of the file in a run directory.
pub(crate) const FILE: &str = "energy.json";

/// Joules in a kilowatt-hour.
const KILOWATT_HOUR: f64 = 3.6e6;

/// What a run has cost, in all processes that have worked on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Energy {
    /// [`FORMAT`].
    pub(crate) format: u32,
    /// Version of cloze.
    pub(crate) version: String,
    /// When the last process that worked on the run stopped, in seconds since 1970-01-01 00:00 UTC.
    pub(crate) ended: f64,
    /// How the energy was measured.
    pub(crate) method: Method,
    /// What it was measured of; nothing if it was not.
    pub(crate) scope: Option<Scope>,
    /// The sum of the jobs and the rest.
    #[serde(flatten)]
    pub(crate) total: Cost,
    /// The finished jobs, in the order of the plan.
    pub(crate) jobs: Vec<JobCost>,
    /// The work outside of finished jobs.
    pub(crate) rest: Cost,
    /// The machine that the last process worked on.
    pub(crate) machine: Machine,
}

/// How energy is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Method {
    /// By the counters of the processors.
    Rapl,
    /// Not, or not in all parts of the run.
    None,
}

/// What energy is measured of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Scope {
    /// The whole machine, with whatever else it did meanwhile.
    Machine,
}

/// What a job has cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct JobCost {
    /// Its name.
    pub(crate) job: String,
    /// Its id: runs that share a job have the same one.
    pub(crate) id: String,
    /// The cost, whichever run the job was done for.
    #[serde(flatten)]
    pub(crate) cost: Cost,
}

impl Energy {
    /// What these jobs and the rest come to, `ended` seconds after 1970-01-01 00:00 UTC on this machine.
    pub(crate) fn new(jobs: Vec<JobCost>, rest: Cost, ended: f64) -> Energy {
        let total = jobs.iter().map(|job| job.cost).sum::<Cost>() + rest;
        let is_measured = total.joules.is_some();
        Energy {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ended,
            method: if is_measured { Method::Rapl } else { Method::None },
            scope: is_measured.then_some(Scope::Machine),
            total,
            jobs,
            rest,
            machine: Machine::here(),
        }
    }

    /// The energy in kilowatt-hours, if it is known.
    pub(crate) fn kilowatt_hours(&self) -> Option<f64> {
        self.total.joules.map(|joules| joules / KILOWATT_HOUR)
    }
}
