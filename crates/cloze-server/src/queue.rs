//! The requests that wait, bounded in tokens.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cloze::{Prediction, Record};
use tokio::sync::oneshot;

/// What a request asks for, and where the answer goes.
pub(crate) struct Job {
    /// The index of the run that is asked.
    pub(crate) run: usize,
    pub(crate) examples: Vec<Record>,
    /// An estimate of their tokens.
    pub(crate) tokens: usize,
    pub(crate) since: Instant,
    /// When nobody waits for the answer any more.
    pub(crate) deadline: Instant,
    pub(crate) answer: oneshot::Sender<cloze::Result<Vec<Prediction>>>,
}

impl Job {
    /// Whether somebody still waits for the answer.
    pub(crate) fn is_wanted(&self) -> bool {
        !self.answer.is_closed() && Instant::now() < self.deadline
    }
}

/// Requests in the order in which they came.
pub(crate) struct Queue {
    most_tokens: usize,
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    jobs: VecDeque<Job>,
    /// The tokens of those that wait and of those that are being computed.
    tokens: usize,
    closed: bool,
}

impl Queue {
    /// An empty queue for so many tokens.
    pub(crate) fn new(most_tokens: usize) -> Queue {
        Queue { most_tokens, waiting: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        // Nothing in here panics between two changes that belong together.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a request; `false` if there is no room for all of it. One that is alone may be larger than the queue.
    pub(crate) fn push(&self, job: Job) -> bool {
        let mut waiting = self.lock();
        if waiting.closed || waiting.tokens > 0 && waiting.tokens + job.tokens > self.most_tokens {
            return false;
        }
        waiting.tokens += job.tokens;
        waiting.jobs.push_back(job);
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// Waits for requests, and takes the first with as many of the same run behind it as have `tokens` together. None once the queue is closed
    /// and empty. What is taken counts until it is [`done`](Queue::done).
    pub(crate) fn take(&self, tokens: usize) -> Option<Vec<Job>> {
        let mut waiting = self.lock();
        loop {
            if let Some(first) = waiting.jobs.pop_front() {
                let (run, mut sum) = (first.run, first.tokens);
                let mut taken = vec![first];
                while let Some(next) =
                    waiting.jobs.front().filter(|next| next.run == run && sum + next.tokens <= tokens)
                {
                    sum += next.tokens;
                    taken.extend(waiting.jobs.pop_front());
                }
                return Some(taken);
            }
            if waiting.closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Frees the room of what was taken.
    pub(crate) fn done(&self, tokens: usize) {
        self.lock().tokens -= tokens;
    }

    /// The tokens of all requests that wait or are being computed.
    pub(crate) fn tokens(&self) -> usize {
        self.lock().tokens
    }

    /// Lets nothing in any more.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn job(run: usize, tokens: usize) -> Job {
        let (now, (answer, receiver)) = (Instant::now(), oneshot::channel());
        std::mem::forget(receiver);
        Job { run, examples: Vec::new(), tokens, since: now, deadline: now + Duration::from_secs(60), answer }
    }

    #[test]
    fn what_has_no_room_is_refused_whole_but_a_large_request_alone_is_not() {
        let queue = Queue::new(100);
        assert!(queue.push(job(0, 500)));
        assert!(!queue.push(job(0, 1)));
        let taken = queue.take(50).unwrap();
        assert!(!queue.push(job(0, 1)), "what is being computed counts");
        queue.done(taken.iter().map(|job| job.tokens).sum());
        assert!(queue.push(job(0, 60)) && queue.push(job(0, 40)) && !queue.push(job(0, 1)));
        assert_eq!(queue.tokens(), 100);
    }

    #[test]
    fn requests_of_one_run_are_taken_together_in_their_order() {
        let queue = Queue::new(1000);
        for (run, tokens) in [(0, 10), (0, 20), (1, 5), (0, 10)] {
            assert!(queue.push(job(run, tokens)));
        }
        let sizes = |jobs: Option<Vec<Job>>| {
            jobs.map(|jobs| jobs.iter().map(|job| (job.run, job.tokens)).collect::<Vec<_>>())
        };
        assert_eq!(sizes(queue.take(30)), Some(vec![(0, 10), (0, 20)]));
        assert_eq!(sizes(queue.take(30)), Some(vec![(1, 5)]));
        queue.close();
        assert_eq!(sizes(queue.take(30)), Some(vec![(0, 10)]));
        assert_eq!(sizes(queue.take(30)), None);
        assert!(!queue.push(job(0, 1)));
    }
}
