//! Pattern-exploiting training: few labelled examples and unlabelled text in, a small classifier out.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod dataset;
pub mod ensemble;
mod error;
pub mod inspect;
pub mod metrics;
mod model;
pub mod pattern;
pub mod predict;
pub mod pvp;
pub mod report;
pub mod results;
pub mod run;
pub mod scoring;
pub mod study;
pub mod table;
pub mod task;
pub mod training;
pub mod words;

pub use cloze_encoder;
pub use model::Model;
pub use predict::{Prediction, Predictor, With};
pub use run::train::Run;
pub use run::trainer::{Cancel, Trainer};
pub use table::Record;
pub use task::{Task, TaskBuilder};

pub use error::{Error, Mistake, Place, Result, TaskError, Warning, nearest};
