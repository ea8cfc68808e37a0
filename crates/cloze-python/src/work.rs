//! Work without the interpreter, which hears Ctrl-C while it goes on.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use cloze::{Cancel, Error, Event, Result};
use pyo3::prelude::*;

use crate::failure::{raised, unexpected};
use crate::wording::for_python;

/// How long a signal waits at most until it is looked at.
const POLL: Duration = Duration::from_millis(100);

/// Events that may wait for a slow listener.
const WAITING: usize = 256;

/// The stack of a thread, as large as that of a program's first one.
const STACK: usize = 8 << 20;

/// Whether the caller may go away before the work is at an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing is written, so the work may go on unheard until it notices.
    MayBeLeft,
    /// The caller has gone.
    Left,
    /// A run is written: who interrupts it waits until it is closed, which takes a step of training.
    Bound,
}

/// What a piece of work knows of its caller.
pub(crate) struct Caller {
    cancel: Cancel,
    stage: Arc<Mutex<Stage>>,
    events: SyncSender<String>,
}

impl Caller {
    /// Says that from now on files are written.
    ///
    /// # Errors
    /// [`Error::Stopped`] when the caller has gone.
    pub(crate) fn bind(&self) -> Result<()> {
        let mut stage = self.stage.lock().unwrap_or_else(PoisonError::into_inner);
        if *stage == Stage::Left {
            return Err(Error::Stopped);
        }
        *stage = Stage::Bound;
        Ok(())
    }

    /// Tells of an event; a caller that has been interrupted wants to hear no more.
    pub(crate) fn tell(&self, event: &Event) -> ControlFlow<()> {
        // An event is an object of texts and numbers, which has a form in JSON; a caller that is gone is also cancelled.
        let told = match event {
            Event::Warning { message } => {
                serde_json::to_string(&Event::Warning { message: for_python(message) })
            }
            event => serde_json::to_string(event),
        };
        let told = told.map(|line| self.events.send(line));
        match self.cancel.is_cancelled() || !matches!(told, Ok(Ok(()))) {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        }
    }

    /// Ends the work if the caller has been interrupted.
    pub(crate) fn go_on(&self) -> Result<()> {
        if self.cancel.is_cancelled() { Err(Error::Stopped) } else { Ok(()) }
    }
}

/// Does `job` on a thread of its own and passes its events to `listener` as JSON. Meanwhile the interpreter is free, and signals are handled.
///
/// # Errors
/// What the job or the listener fails with, or what a signal's handler raises.
pub(crate) fn work<T: Send + 'static>(
    py: Python<'_>,
    listener: Option<Py<PyAny>>,
    job: impl FnOnce(&Caller) -> Result<T> + Send + 'static,
) -> PyResult<T> {
    let (events, mut heard) = sync_channel(WAITING);
    let (cancel, stage) = (Cancel::default(), Arc::new(Mutex::new(Stage::MayBeLeft)));
    let caller = Caller { cancel: cancel.clone(), stage: Arc::clone(&stage), events };
    let done = thread::Builder::new().name("cloze".into()).stack_size(STACK).spawn(move || {
        // Nothing that a panic has left half done is used again but models, which can be.
        catch_unwind(AssertUnwindSafe(|| job(&caller)))
    })?;
    let mut interrupted: Option<PyErr> = None;
    loop {
        let event;
        (heard, event) = py.detach(move || listen(heard));
        let problem = match event {
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => py.check_signals().err(),
            Ok(event) => match &listener {
                Some(listener) if interrupted.is_none() => {
                    listener.call1(py, (event,)).err().or_else(|| py.check_signals().err())
                }
                _ => py.check_signals().err(),
            },
        };
        if let Some(problem) = problem {
            cancel.cancel();
            let mut stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
            if *stage != Stage::Bound {
                *stage = Stage::Left;
                return Err(problem);
            }
            interrupted.get_or_insert(problem);
        }
    }
    let done = py.detach(|| done.join());
    if let Some(problem) = interrupted {
        return Err(problem);
    }
    match done {
        Ok(Ok(done)) => done.map_err(raised),
        Ok(Err(panic)) | Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            Err(unexpected(&said.unwrap_or("no reason is known")))
        }
    }
}

fn listen(heard: Receiver<String>) -> (Receiver<String>, std::result::Result<String, RecvTimeoutError>) {
    let event = heard.recv_timeout(POLL);
    (heard, event)
}
