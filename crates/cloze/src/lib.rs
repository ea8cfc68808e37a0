//! Pattern-exploiting training: few labelled examples and unlabelled text in, a small classifier out.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod dataset;
mod ensemble;
mod error;
#[cfg(test)]
mod goldens;
pub mod inspect;
pub mod metrics;
mod model;
pub mod pattern;
pub mod predict;
pub mod pvp;
pub mod report;
pub mod results;
pub mod run;
mod scoring;
pub mod study;
pub mod table;
pub mod task;
mod training;
pub mod words;

pub use cloze_encoder;
pub use model::Model;
pub use predict::{Prediction, Predictor, With};
pub use run::Run;
pub use run::trainer::{Cancel, Trainer};
pub use scoring::scores::Scores;
pub use table::Record;
pub use task::{Task, TaskBuilder};

pub use error::{Error, Mistake, Place, Result, TaskError, Warning, nearest};
