//! The device of this process.

use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};

use cloze::Error;
use cloze_encoder::Device;

/// As the command has it.
const MOST_THREADS: usize = 1024;

/// What belongs to the process that made it: a fork inherits thread pools without their threads.
#[derive(Debug, Default)]
pub(crate) struct OfProcess<T>(Mutex<Option<(u32, T)>>);

impl<T: Clone> OfProcess<T> {
    /// Nothing yet.
    pub(crate) const fn new() -> OfProcess<T> {
        OfProcess(Mutex::new(None))
    }

    /// The value of this process if `fits` says so.
    ///
    /// The lock is taken for a moment and with the interpreter held, as a fork by Python is, so none is forked while it is taken.
    pub(crate) fn get(&self, fits: impl FnOnce(&T) -> bool) -> Option<T> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match held.take() {
            Some((process, value)) if process == std::process::id() => {
                let found = fits(&value).then(|| value.clone());
                *held = Some((process, value));
                found
            }
            Some((_, inherited)) => {
                // To drop it would tell threads to end that are not there, and might wait for a lock that one of them held.
                std::mem::forget(inherited);
                None
            }
            None => None,
        }
    }

    /// Keeps a value for this process.
    pub(crate) fn put(&self, value: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((std::process::id(), value));
    }
}

static DEVICE: OfProcess<(Option<NonZeroUsize>, Device)> = OfProcess::new();

/// A device of so many threads, or one per core; the same one as long as nobody asks for another number.
pub(crate) fn device(threads: Option<NonZeroUsize>) -> cloze::Result<Device> {
    if let Some((_, device)) = DEVICE.get(|(known, _)| *known == threads) {
        return Ok(device);
    }
    if let Some(many) = threads.filter(|threads| threads.get() > MOST_THREADS) {
        let problem = format!("{many} threads are more than the {MOST_THREADS} that can be asked for");
        return Err(Error::usage(problem, "leave the number out, which takes one per core"));
    }
    let device = cloze_cli::device(threads)?;
    DEVICE.put((threads, device.clone()));
    Ok(device)
}
