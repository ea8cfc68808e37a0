//! What a run costs, written down: of each job in its directory, of the run in `energy.json`.

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Result;
use crate::cost::Cost;
use crate::cost::meter::Meter;
use crate::results::checksum;
use crate::results::energy::{self, Energy, JobCost};
use crate::run::plan::Plan;
use crate::run::store::{Draft, Job, RunDir, pretty_json};

/// A job's file with its cost, so that it is known wherever the job is reused, and lost with nothing else.
pub(crate) const FILE: &str = "cost.json";

/// What a process spends on a run.
pub(super) struct Spending {
    meter: Meter,
    /// What the jobs have cost that the process has finished.
    in_jobs: Cost,
}

impl Spending {
    /// Starts to count.
    pub(super) fn begin() -> Spending {
        Spending { meter: Meter::start(), in_jobs: Cost::NONE }
    }

    /// What has been spent so far.
    pub(super) fn so_far(&self) -> Cost {
        self.meter.cost()
    }

    /// Writes to a job's directory what it has cost, if it was begun when `before` had been spent, and returns it.
    pub(super) fn job(&mut self, draft: &Draft, before: Cost) -> Result<Cost> {
        let cost = self.so_far() - before;
        self.in_jobs = self.in_jobs + cost;
        draft.write_json(FILE, &cost)?;
        Ok(cost)
    }

    /// Writes `energy.json`: the finished jobs, and the rest that this process and those before it have spent.
    pub(super) fn write(&self, run: &RunDir, plan: &Plan) -> Result<()> {
        let mut jobs = Vec::new();
        for planned in &plan.jobs {
            if let Some(job) = run.job(&planned.name)? {
                jobs.push(cost_of(&job)?);
            }
        }
        let rest = spent_before(run.dir()) + (self.so_far() - self.in_jobs);
        let ended = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs() as f64);
        Ok(run.write(energy::FILE, &checksum::sealed(pretty_json(&Energy::new(jobs, rest, ended))))?)
    }
}

/// What a finished job has cost. Those of earlier versions have kept only how long they took.
fn cost_of(job: &Job) -> Result<JobCost> {
    let record = job.record();
    let cost = match job.has(FILE) {
        true => job.read_json(FILE)?,
        false => Cost { joules: None, cpu_seconds: None, wall_seconds: record.seconds },
    };
    Ok(JobCost { job: record.job.clone(), id: record.id.to_string(), cost })
}

/// What processes have spent on a run outside of its jobs before. If that cannot be read, it is lost, and nothing else.
fn spent_before(run: &Path) -> Cost {
    let read = fs::read(run.join(energy::FILE)).ok().and_then(|bytes| checksum::read(&bytes).ok());
    read.map_or(Cost::NONE, |before: Energy| before.rest)
}
