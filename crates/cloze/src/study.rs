//! Which factors matter on a task: the analysis of the PET papers, repeated on anyone's data.
//!
//! A study varies one [`Factor`] at a time. Every setting of a factor is a [variation](Variation) of the task that is run like
//! any other, with several seeds; jobs that variations have in common run once. What the settings reach is compared row by row and
//! seed by seed, and told with an interval.

mod factor;
mod findings;
mod page;
mod plan;
mod plot;
mod running;
mod statistics;
mod words;

pub use factor::Factor;
pub use findings::{Arm, Comparison, Finding, Findings, RunRecord, Setting, Verdict};
pub use plan::{Study, Variation};
pub use running::Outcome;
