//! How far a run is, and who works in it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::presence::{Watch, cards};
use super::{Result, RunDir, claims, origin};

/// How far a run is.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Its directory.
    pub run: PathBuf,
    /// Whether its results are written.
    pub finished: bool,
    /// Its jobs in order.
    pub jobs: Vec<JobStatus>,
    /// The processes that say they work in it, those included that have not been heard of for long.
    pub workers: Vec<Worker>,
}

/// How far a job is.
#[derive(Debug, Clone, Serialize)]
pub struct JobStatus {
    /// Its name, which is its directory in the run.
    pub job: String,
    /// How long it took, if it is finished.
    pub seconds: Option<f64>,
    /// The process that has finished it, or is doing it.
    pub worker: Option<String>,
}

/// A process that works in a run.
#[derive(Debug, Clone, Serialize)]
pub struct Worker {
    /// Its name.
    pub worker: String,
    /// The name of its machine.
    pub host: String,
    /// Its number on that machine.
    pub pid: u32,
    /// For how long it has worked.
    pub seconds: f64,
    /// Whether others count on it: it has neither ended without a word nor been silent for long.
    pub alive: bool,
}

impl RunDir {
    /// How far the run is.
    ///
    /// # Errors
    /// When its record was changed, or a finished job is damaged.
    pub(crate) fn status(&self) -> Result<Status> {
        self.manifest()?;
        let dir = self.dir.canonicalize().unwrap_or_else(|_| self.dir.clone());
        let runs = dir.parent().unwrap_or(Path::new(""));
        let folder = dir.file_name().unwrap_or_default().to_string_lossy();
        let mut watch = Watch::default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |time| time.as_secs_f64());
        let mut jobs = Vec::new();
        for (job, id) in origin::jobs(&dir) {
            jobs.push(match self.job(&job)? {
                Some(done) => JobStatus {
                    job,
                    seconds: Some(done.record().seconds),
                    worker: done.record().worker.clone(),
                },
                None => {
                    let worker = claims::claimed_by(runs, &id).filter(|worker| watch.is_alive(runs, worker));
                    JobStatus { job, seconds: None, worker }
                }
            });
        }
        let workers = cards(runs).into_iter().filter(|card| card.run == folder).map(|card| Worker {
            alive: watch.is_alive(runs, &card.worker),
            seconds: ((now - card.since).max(0.0) * 10.0).round() / 10.0,
            worker: card.worker,
            host: card.host,
            pid: card.pid,
        });
        let workers = workers.collect();
        Ok(Status { run: self.dir.clone(), finished: dir.join("results.json").is_file(), jobs, workers })
    }
}
