//! Which factors matter on a task: the analysis of the PET papers, repeated on anyone's data.
//!
//! A study varies one [`Factor`] at a time. Every setting of a factor is a variation of the task that is run like
//! any other, with several seeds; jobs that variations have in common run once. What the settings reach is compared row by row and
//! seed by seed, and told with an interval.

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
    execution::FinishedStudy,
    factors::Factor,
    findings::{Finding, Findings},
    plan::Study,
    setting::{Arm, Setting},
};
