//! Events that a run reports while it works.
//!
//! The library never prints. Everything worth knowing is passed to a listener as an [`Event`]; a terminal, a
//! log file or a test is just a listener. A listener that returns
//! [`ControlFlow::Break`](std::ops::ControlFlow::Break) stops the run at that point, and everything finished
//! is kept.

use serde::{Deserialize, Serialize};

use crate::metrics::Measured;

/// Version of the event format; it increases when an event changes its meaning, not when one is added.
pub(crate) const FORMAT: u32 = 1;

/// An event during a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A run has started or resumed.
    Started {
        /// The run's directory.
        run: String,
        /// Version of cloze.
        version: String,
    },
    /// The jobs of the run in the order in which they will be carried out, including finished ones.
    Planned {
        /// Their names.
        jobs: Vec<String>,
    },
    /// A job has started.
    JobStarted {
        /// Its name, which is its directory in the run.
        job: String,
        /// What it does, in a few words.
        what: String,
    },
    /// A job was skipped because its result already exists.
    JobSkipped {
        /// Its name.
        job: String,
        /// The earlier run whose result is used, or `None` if this run has already done the job.
        from: Option<String>,
    },
    /// Another process is doing a job.
    JobElsewhere {
        /// Its name.
        job: String,
        /// The name of the process: its machine, its number there, and some digits.
        worker: String,
    },
    /// A job has made progress.
    Progress {
        /// Its name.
        job: String,
        /// The current stage: `train`, `score`.
        stage: String,
        /// The number of units done.
        done: usize,
        /// The total number of units.
        total: usize,
        /// The unit that is counted: `steps`, `rows`.
        unit: String,
    },
    /// A job is finished, and its results are in its directory.
    JobFinished {
        /// Its name.
        job: String,
        /// The duration of the job.
        seconds: f64,
    },
    /// A metric was measured.
    Measured {
        /// The job it belongs to.
        job: String,
        /// The metric, for example `test accuracy`.
        metric: String,
        /// The number of examples it was measured on.
        rows: usize,
        /// The figure with its 95 % confidence interval.
        #[serde(flatten)]
        figure: Measured,
    },
    /// The text that a model is adapted to has been read.
    Packed {
        /// Documents with text.
        documents: usize,
        /// Tokens of all documents, special tokens left out.
        tokens: usize,
        /// Sequences that they are packed into.
        sequences: usize,
        /// How many of these are held out.
        held_out: usize,
        /// Updates in all.
        steps: usize,
        /// Updates that are done already.
        done: usize,
    },
    /// A model that is being adapted was measured on the sequences that are held out.
    HeldOut {
        /// Updates that are done.
        step: usize,
        /// Updates in all.
        steps: usize,
        /// Mean cross-entropy of the masked tokens, in nats.
        loss: f64,
        /// Share of the masked tokens that the model predicts.
        accuracy: f64,
        /// Share of the cloze tasks held out that it solves, if it is trained on any.
        tasks: Option<f64>,
    },
    /// Something the user should know; the run continues.
    Warning {
        /// The problem and its consequences.
        message: String,
    },
    /// The run is finished.
    Finished {
        /// The run's directory.
        run: String,
        /// How long this process has worked on the run.
        seconds: f64,
    },
}

impl Event {
    /// A warning.
    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Event::Warning { message: message.into() }
    }

    /// Whether it is only a progress report: such events occur many times a second, and the log leaves them
    /// out.
    pub(crate) fn is_progress(&self) -> bool {
        matches!(self, Event::Progress { .. })
    }
}

/// An event in a file of `events`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logged {
    /// [`FORMAT`].
    pub format: u32,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub time: f64,
    /// The event.
    #[serde(flatten)]
    pub event: Event,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logged_event_is_one_flat_object() {
        let figure = Measured { value: 0.5, low: 0.25, high: 0.75 };
        let event =
            Event::Measured { job: "g0/p0-s0".into(), metric: "test accuracy".into(), rows: 8, figure };
        let line = serde_json::to_string(&Logged { format: FORMAT, time: 1.5, event }).unwrap();
        assert_eq!(
            line,
            r#"{"format":1,"time":1.5,"event":"measured","job":"g0/p0-s0","metric":"test accuracy","rows":8,"value":0.5,"low":0.25,"high":0.75}"#
        );
        let read: Logged = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::to_string(&read).unwrap(), line);
    }
}
