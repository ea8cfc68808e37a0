//! Studies of which factors matter on a task: the analysis of the PET papers on any data set.
//!
//! A study varies one [`Factor`] at a time. Every setting of a factor is a variation of the task that is run
//! like any other task, with several seeds; jobs that variations share run once. The results of the settings
//! are compared example by example and seed by seed, and reported with a confidence interval.

mod alternatives;
mod arms_csv;
mod base;
mod conclusions;
mod execution;
mod factors;
mod findings;
mod level;
mod page;
mod plan;
mod plot;
mod readings;
mod relay;
mod setting;
mod statistics;
mod variations;

pub use self::{
    alternatives::Alternatives,
    execution::FinishedStudy,
    factors::Factor,
    findings::{Finding, Findings},
    plan::Study,
    setting::{Arm, Setting},
};
