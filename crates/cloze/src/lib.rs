//! Pattern-exploiting training: few labelled examples and unlabelled text in, a small classifier out.

pub mod answer;
pub mod batches;
pub mod calibration;
pub mod check;
pub mod classifier;
pub mod data;
pub mod encode;
pub mod ensemble;
mod error;
pub mod estimate;
pub mod event;
pub mod fine_tuning;
pub mod free_text;
pub mod generations;
pub mod init;
pub mod likelihood;
pub mod metrics;
pub mod multi_token;
pub mod pattern;
pub mod plan;
pub mod predict;
pub mod priming;
pub mod pvp;
pub mod report;
pub mod results;
pub mod scores;
pub mod store;
pub mod study;
pub mod summary;
pub mod table;
pub mod task;
pub mod train;
pub mod verbalizer;
pub mod vocabulary;
pub mod zero_shot;

pub use error::{Error, Mistake, Place, Result, TaskError, Warning, nearest};
