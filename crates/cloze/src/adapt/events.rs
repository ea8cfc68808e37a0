//! Telling whoever listens how far the work is.

use std::ops::ControlFlow;

use super::JOB;
use crate::run::event::Event;
use crate::{Error, Result};

/// Hears events; a listener that breaks stops the work.
pub(super) type Listener<'l> = dyn FnMut(&Event) -> ControlFlow<()> + 'l;

/// How far a stage is, in some unit; 0 in all if that is not known.
pub(super) fn progress(stage: &str, done: usize, total: usize, unit: &str) -> Event {
    Event::Progress { job: JOB.into(), stage: stage.into(), done, total, unit: unit.into() }
}

/// Tells the listener.
pub(super) fn say(listener: &mut Listener, event: &Event) -> Result<()> {
    match listener(event) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(Error::Stopped),
    }
}
