//! When processes are killed.

use std::time::Duration;

use super::Soak;
use super::tally::Tally;

/// How long the duration of an undisturbed run is taken to stay the same: other programs make the machine slower or faster.
pub(super) const MEASURED_FOR: Duration = Duration::from_secs(30);

/// The most times that one run is killed.
const AGAIN: u64 = 4;

/// The moments at which the processes of one run are killed, one after the other: at random in what is left of the run each time.
pub(super) struct Moments {
    /// How long all of it takes.
    whole: Duration,
    left: Duration,
    /// Processes that are still to be killed.
    wanted: u64,
    /// When those before were killed, from the start of each.
    past: Vec<Duration>,
}

impl Moments {
    /// For a run that takes so long undisturbed, with at most so many processes.
    pub(super) fn new(soak: &mut Soak, lasted: Duration, most: u64) -> Moments {
        // A busy machine may take a little longer than before.
        let whole = lasted.mul_f64(1.1);
        Moments { whole, left: whole, wanted: soak.random.u64(1..=AGAIN.min(most)), past: Vec::new() }
    }

    /// The next one, if there is to be one.
    pub(super) fn draw(&mut self, soak: &mut Soak) -> Option<Duration> {
        self.wanted = self.wanted.checked_sub(1)?;
        Some(self.left.mul_f64(soak.random.f64()))
    }

    /// A process was killed at this moment. What it had finished is not done again.
    pub(super) fn killed(&mut self, soak: &mut Soak, tally: &mut Tally, moment: Duration) {
        let part = (self.whole - self.left + moment).div_duration_f64(self.whole);
        tally.kill(part);
        soak.count(1);
        self.past.push(moment);
        self.left = (self.left - moment).max(self.whole / 10);
    }

    pub(super) fn past(&self) -> &[Duration] {
        &self.past
    }
}
