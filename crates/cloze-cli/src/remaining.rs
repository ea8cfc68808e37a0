//! The remaining time of a run: the initial estimate, corrected by how long the finished jobs took.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// The jobs that are left and what is known about their pace.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remaining {
    /// Expected seconds of the jobs that are neither finished nor skipped.
    expected: HashMap<String, f64>,
    /// Of the finished jobs: expected and real seconds.
    finished: (f64, f64),
    running: Option<(String, Instant)>,
}

impl Remaining {
    /// Before anything is done.
    pub(crate) fn new(expected: impl IntoIterator<Item = (String, f64)>) -> Remaining {
        Remaining { expected: expected.into_iter().collect(), ..Remaining::default() }
    }

    /// A job begins.
    pub(crate) fn start(&mut self, job: &str, now: Instant) {
        self.running = Some((job.to_owned(), now));
    }

    /// A job need not be done.
    pub(crate) fn skip(&mut self, job: &str) {
        self.expected.remove(job);
    }

    /// A job has taken this long.
    pub(crate) fn finish(&mut self, job: &str, seconds: f64) {
        self.running = None;
        if let Some(expected) = self.expected.remove(job) {
            self.finished.0 += expected;
            self.finished.1 += seconds;
        }
    }

    /// The time left; none where there is no estimate.
    pub(crate) fn left(&self, now: Instant) -> Option<Duration> {
        let expected: f64 = self.expected.values().sum();
        if expected == 0.0 {
            return None;
        }
        // Half a second at the estimated pace steadies the first corrections.
        let pace = (self.finished.1 + 0.5) / (self.finished.0 + 0.5);
        let done = match &self.running {
            Some((job, began)) => {
                let whole = self.expected.get(job).map_or(0.0, |seconds| seconds * pace);
                now.duration_since(*began).as_secs_f64().min(whole)
            }
            None => 0.0,
        };
        Some(Duration::from_secs_f64((expected * pace - done).max(0.0)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn jobs() -> Remaining {
        Remaining::new([("a".to_owned(), 10.0), ("b".to_owned(), 10.0), ("c".to_owned(), 20.0)])
    }

    fn left(remaining: &Remaining, now: Instant) -> u64 {
        remaining.left(now).unwrap().as_secs()
    }

    #[test]
    fn a_slow_first_job_lengthens_the_rest() {
        let (mut remaining, now) = (jobs(), Instant::now());
        assert_eq!(left(&remaining, now), 40);
        remaining.skip("a");
        remaining.finish("b", 20.0);
        assert_eq!(left(&remaining, now), 39);
    }

    #[test]
    fn the_running_job_counts_down_and_never_below_nothing() {
        let (mut remaining, now) = (jobs(), Instant::now());
        remaining.start("c", now);
        assert_eq!(left(&remaining, now + Duration::from_secs(5)), 35);
        assert_eq!(left(&remaining, now + Duration::from_secs(500)), 20);
        assert_eq!(Remaining::default().left(now), None);
    }
}
