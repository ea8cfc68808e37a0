//! Pattern-exploiting training: few labelled examples and unlabelled text in, a small classifier out.

pub mod dataset;
pub mod ensemble;
mod error;
pub mod inspect;
pub mod metrics;
pub mod model;
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

pub use error::{Error, Mistake, Place, Result, TaskError, Warning, nearest};
pub use model::Model;
