//! Ctrl-C: the first asks the work to stop where it is safe, the second ends the process at once, which is safe too.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::INTERRUPTED;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C only makes [`asked`] true.
pub(crate) fn catch() {
    let caught = ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::Relaxed) {
            std::process::exit(INTERRUPTED.into());
        }
    });
    // Without a handler Ctrl-C ends the process as ever, which a run survives.
    drop(caught);
}

/// Whether the user has pressed Ctrl-C.
pub(crate) fn asked() -> bool {
    ASKED.load(Ordering::Relaxed)
}
