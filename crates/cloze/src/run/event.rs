//! What a run says while it works.
//!
//! The library never prints. Everything worth knowing is an [`Event`] handed to a listener; a terminal, a log file or a test only listens. A
//! listener that answers [`ControlFlow::Break`](std::ops::ControlFlow::Break) stops the run at that point, with everything that is finished
//! kept.

use serde::{Deserialize, Serialize};

use crate::metrics::Measured;

/// Version of the event format; it grows when an event changes its meaning, not when one is added.
pub(crate) const FORMAT: u32 = 1;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Work on a run begins or goes on.
    Started {
        /// The run's directory.
        run: String,
        /// Version of cloze.
        version: String,
    },
    /// The jobs of the run in the order in which they will be done; finished ones are among them.
    Planned {
        /// Their names.
        jobs: Vec<String>,
    },
    /// A job begins.
    JobStarted {
        /// Its name, which is its directory in the run.
        job: String,
        /// What it does, in a few words.
        what: String,
    },
    /// A job need not be done.
    JobSkipped {
        /// Its name.
        job: String,
        /// The earlier run whose result is used, or none if this run has done it already.
        from: Option<String>,
    },
    /// A job goes on.
    Progress {
        /// Its name.
        job: String,
        /// What it is doing: `train`, `score`.
        stage: String,
        /// How much of that is done.
        done: usize,
        /// How much there is.
        total: usize,
        /// What is counted: `steps`, `rows`.
        unit: String,
    },
    /// A job's results are in its directory.
    JobFinished {
        /// Its name.
        job: String,
        /// How long it took.
        seconds: f64,
    },
    /// Something was measured.
    Measured {
        /// The job that it is about.
        job: String,
        /// What was measured, for example `test accuracy`.
        metric: String,
        /// Rows that it was measured on.
        rows: usize,
        /// The figure with its 95 % interval.
        #[serde(flatten)]
        figure: Measured,
    },
    /// Something that the user should know, though the run goes on.
    Warning {
        /// What was found and what follows from it.
        message: String,
    },
    /// Everything is done.
    Finished {
        /// The run's directory.
        run: String,
        /// How long this process has worked on it.
        seconds: f64,
    },
}

impl Event {
    /// A warning.
    pub(crate) fn warning(message: impl Into<String>) -> Self {
        Event::Warning { message: message.into() }
    }

    /// Whether it only says how far a job is: such events come many times a second, and the log leaves them out.
    pub(crate) fn is_progress(&self) -> bool {
        matches!(self, Event::Progress { .. })
    }
}

/// An event in `events.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Logged {
    /// [`FORMAT`].
    pub format: u32,
    /// Seconds since 1970-01-01 00:00 UTC.
    pub time: f64,
    /// What happened.
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
