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
//! [`check`]: crate::inspect::check
//! [`zero_shot`]: crate::predict::zero_shot
//! [`Study`]: crate::study::Study
//! [`Error`]: crate::Error
//! [`Error::remedy`]: crate::Error::remedy
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod dataset;
mod ensemble;
mod error;
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod goldens;
pub mod inspect;
mod metrics;
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

// From a task to a run and to labels for new rows.
pub use self::{
    model::Model,
    predict::{Prediction, Predictor, With},
    run::{
        Run,
        event::Event,
        prepare::Prepared,
        trainer::{Cancel, Trainer},
    },
    table::Record,
    task::{Task, TaskBuilder},
};

// The rows of a task, its patterns, and how good answers are.
pub use self::{
    dataset::{example::Example, examples::Examples, labelled::Labelled},
    metrics::{
        bootstrap::Measured,
        evaluation::{Evaluation, LabelEvaluation},
    },
    pattern::{Pattern, parse::PatternError},
};

// What can go wrong.
pub use self::error::{
    Error, Hint, Mistake, Place, Result, TaskError, Warning, nearest, store::Error as StoreError,
};

/// The guide to the library, whose code is run as the front page's is.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/api.md")]
struct Guide;
