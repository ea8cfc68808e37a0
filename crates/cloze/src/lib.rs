// The front page is that of the registry. Its links lead to the published documentation; these come before them.
//! [`Task`]: crate::Task
//! [`Task::open`]: crate::Task::open
//! [`Trainer`]: crate::Trainer
//! [`Cancel`]: crate::Cancel
//! [`Event`]: crate::Event
//! [`Record`]: crate::Record
//! [`Model::open`]: crate::Model::open
//! [`Predictor`]: crate::Predictor
//! [`Predictor::open`]: crate::Predictor::open
//! [`Predictor::annotate`]: crate::Predictor::annotate
//! [`Predictor::classify_all`]: crate::Predictor::classify_all
//! [`check`]: crate::inspect::check::check
//! [`zero_shot`]: crate::predict::zero_shot::zero_shot
//! [`Study`]: crate::study::Study
//! [`Error`]: crate::Error
//! [`Error::remedy`]: crate::Error::remedy
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod dataset;
mod ensemble;
mod error;
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod goldens;
pub mod inspect;
pub mod metrics;
mod model;
mod pattern;
pub mod predict;
mod pvp;
mod report;
pub mod results;
mod run;
mod scoring;
pub mod study;
pub mod table;
pub mod task;
mod training;
mod words;

pub use cloze_encoder;
pub use model::Model;
pub use pattern::{Pattern, PatternError};
pub use predict::{Prediction, Predictor, With};
pub use run::{
    Run,
    event::{Event, Listener, Silence},
    prepare::Prepared,
    store::RunDir,
    trainer::{Cancel, Trainer},
};
pub use scoring::scores::Scores;
pub use table::Record;
pub use task::{Task, TaskBuilder};

pub use error::{
    Error, Hint, Mistake, Place, Remedy, Result, TaskError, Warning, nearest, store::Error as StoreError,
};

/// The guide to the library, whose code is run as the front page's is.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/api.md")]
struct Guide;
