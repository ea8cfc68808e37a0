//! Forwards the events of a study's runs to its listener.

use std::collections::HashSet;
use std::ops::ControlFlow;

use super::plan::job_name;
use crate::run::event::Event;
use crate::{Error, Result};

/// Forwards the events of a study's runs to its listener, leaving out jobs that an earlier run has done.
pub(super) struct Relay<'a> {
    pub(super) listener: &'a mut dyn FnMut(&Event) -> ControlFlow<()>,
    pub(super) number: usize,
    pub(super) variation: Option<&'a str>,
    /// The jobs of this run that no earlier run has.
    pub(super) mine: HashSet<String>,
    pub(super) told: HashSet<String>,
    /// A job that is not told of.
    pub(super) muted: String,
}

impl Relay<'_> {
    pub(super) fn say(&mut self, event: Event) -> Result<()> {
        match (self.listener)(&event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }

    /// Forwards an event of a run to the study's listener.
    pub(super) fn hear(&mut self, event: &Event) -> ControlFlow<()> {
        let mut event = event.clone();
        match &mut event {
            Event::Started { .. } | Event::Planned { .. } | Event::Finished { .. } => {
                return ControlFlow::Continue(());
            }
            Event::Warning { message } if !self.told.insert(message.clone()) => {
                return ControlFlow::Continue(());
            }
            // A run that was left for another process is looked at again, and what is done in it is not news then.
            Event::JobSkipped { job, .. }
                if !self.mine.contains(job)
                    || !self.told.insert(format!("the end of {} {job}", self.number)) =>
            {
                self.muted.clone_from(job);
                return ControlFlow::Continue(());
            }
            Event::JobElsewhere { job, .. }
                if !self.told.insert(format!("{} {job} elsewhere", self.number)) =>
            {
                return ControlFlow::Continue(());
            }
            Event::Measured { job, .. } if self.muted == *job => return ControlFlow::Continue(()),
            Event::JobStarted { job, what } => {
                self.muted.clear();
                *job = job_name(self.number, job);
                *what = format!("{}: {what}", self.variation.unwrap_or_default());
            }
            Event::JobFinished { job, .. } => {
                self.told.insert(format!("the end of {} {job}", self.number));
                *job = job_name(self.number, job);
            }
            Event::JobSkipped { job, .. }
            | Event::JobElsewhere { job, .. }
            | Event::Progress { job, .. }
            | Event::Measured { job, .. } => *job = job_name(self.number, job),
            Event::Warning { .. } | Event::Packed { .. } | Event::HeldOut { .. } => {}
        }
        (self.listener)(&event)
    }
}
