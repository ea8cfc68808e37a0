//! Where a run reports its events.

use std::ops::ControlFlow;

use crate::run::event::Event;
use crate::run::store::RunDir;
use crate::training::training_loop::Step;
use crate::{Error, Result};

/// The run directory and the listener: every event goes to both.
pub(super) struct Log<'a> {
    pub(super) run: RunDir,
    pub(super) listener: &'a mut dyn FnMut(&Event) -> ControlFlow<()>,
}

impl Log<'_> {
    pub(super) fn say(&mut self, event: Event) -> Result<()> {
        if !event.is_progress() {
            self.run.log(&event)?;
        }
        match (self.listener)(&event) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(Error::Stopped),
        }
    }

    /// A callback that reports how many of `total` examples a job's `stage` has processed.
    pub(super) fn rows(&mut self, job: &str, stage: &str, total: usize) -> impl FnMut(usize) -> Result<()> {
        move |done| self.progress(job, stage, "rows", done, total)
    }

    /// A callback that reports how many of `total` updates a job's training has made.
    pub(super) fn steps(&mut self, job: &str, total: usize) -> impl FnMut(&Step) -> Result<()> {
        move |step| self.progress(job, "train", "steps", step.step, total)
    }

    pub(super) fn progress(
        &mut self,
        job: &str,
        stage: &str,
        unit: &str,
        done: usize,
        total: usize,
    ) -> Result<()> {
        self.say(Event::Progress { job: job.into(), stage: stage.into(), done, total, unit: unit.into() })
    }
}
