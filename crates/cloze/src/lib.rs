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
//! [`zero_shot`]: crate::inspect::zero_shot
//! [`Study`]: crate::study::Study
//! [`Error`]: crate::Error
//! [`Error::remedy`]: crate::Error::remedy
#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

pub mod adapt;
mod cost;
mod dataset;
mod ensemble;
mod error;
mod explanation;
#[doc(hidden)]
pub mod fuzzing;
#[cfg(test)]
mod goldens;
pub mod inspect;
pub mod labelling;
mod metrics;
mod model;
mod pattern;
mod predict;
mod pvp;
mod report;
mod results;
mod run;
mod scoring;
pub mod study;
mod table;
pub mod task;
mod training;
mod words;

pub use cloze_encoder;

// From rows and a task to a run, to labels for new rows and to how good they are; and what can go wrong.
pub use self::{
    cost::{Cost, meter::Meter},
    dataset::{example::Example, examples::Examples, labelled::Labelled},
    error::{Error, Hint, Mistake, Place, Result, TaskError, Warning, store::Error as StoreError},
    explanation::{
        attribution::Attribution,
        shown::{Completeness, Explanation, Word},
    },
    metrics::{
        bootstrap::Measured,
        evaluation::{Evaluation, LabelEvaluation},
        probabilities::Change,
    },
    model::Model,
    pattern::{Pattern, parse::PatternError},
    predict::{
        Predictor, With, annotate::Annotated, classify::Prediction, disagreement::disagreement,
        explain::Explained,
    },
    results::{
        Disputed, Generation, Results, Stage, TrainingSet,
        calibration::{Calibration, Coverage, Promise, Threshold},
    },
    run::{
        Run,
        event::Event,
        prepare::Prepared,
        store::{JobStatus, Status, Worker},
        trainer::{Cancel, Trainer},
        worker::Part,
    },
    table::{
        encoding::Encoding, format::Format, options::ReadOptions, parquet::quieten_parquet, quoting::Quoting,
        reader::Reader, record::Record,
    },
    task::{Task, TaskBuilder},
};

/// The guide to the library, whose code is run as the front page's is.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/guides/api.md")]
struct Guide;
