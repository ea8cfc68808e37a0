//! A run: its plan, the jobs, its directory, and what is said on the way.

mod answered_rows;
mod collect;
pub mod event;
mod job_files;
mod jobs;
mod log;
pub(crate) mod plan;
pub(crate) mod precheck;
pub mod prepare;
mod record;
pub mod store;
pub(crate) mod summary;
pub(crate) mod trainer;
mod worker;

use std::path::PathBuf;

use crate::results::Results;

/// A run that is finished.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its directory.
    pub path: PathBuf,
    /// What it has found; the same as in `results.json`.
    pub results: Results,
}
