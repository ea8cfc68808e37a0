//! The same for many items on several threads.

use std::panic::resume_unwind;
use std::thread;

/// What `work` makes of each of the `items`, in their order, on several threads.
pub(super) fn on_threads<T: Sync, U: Send>(
    items: &[T],
    threads: usize,
    work: impl Fn(&T) -> U + Sync,
) -> Vec<U> {
    let share = items.len().div_ceil(threads.max(1)).max(1);
    let work = &work;
    let parts: Vec<Vec<U>> = thread::scope(|scope| {
        let threads: Vec<_> =
            items.chunks(share).map(|part| scope.spawn(move || part.iter().map(work).collect())).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic))).collect()
    });
    parts.into_iter().flatten().collect()
}
