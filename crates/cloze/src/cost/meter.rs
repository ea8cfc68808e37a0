//! A meter: what work has cost since it was started.

use std::path::Path;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::Cost;
use super::rapl::{Counters, TREE};

/// How often the counters are read. At 500 W a counter of 32 bits in units of 15 µJ starts again after two minutes.
const EVERY: Duration = Duration::from_secs(10);

/// Measures what work costs, from its start on.
///
/// ```
/// let meter = cloze::Meter::start();
/// let before = meter.cost();
/// let words = "some work".split(' ').count();
/// let cost = meter.cost() - before;
/// assert!(words == 2 && cost.wall_seconds >= 0.0);
/// ```
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    cpu: Option<f64>,
    energy: Option<Energy>,
}

impl Meter {
    /// Starts to measure.
    ///
    /// Energy comes from the counters of the processors (RAPL) in `/sys/class/powercap`, if all of them can be
    /// read. They count the whole machine.
    pub fn start() -> Meter {
        Meter::of(Path::new(TREE), EVERY)
    }

    /// The same with the counters in the tree at `root`, read at least `every` so often.
    fn of(root: &Path, every: Duration) -> Meter {
        Meter { began: Instant::now(), cpu: cpu_seconds(), energy: Energy::of(root, every) }
    }

    /// What has been spent since the start.
    pub fn cost(&self) -> Cost {
        Cost {
            joules: self.energy.as_ref().and_then(|energy| joules(&energy.counters)),
            cpu_seconds: cpu_seconds().zip(self.cpu).map(|(now, before)| now - before),
            wall_seconds: self.began.elapsed().as_secs_f64(),
        }
    }
}

/// Counters and the thread that reads them often enough.
#[derive(Debug)]
struct Energy {
    counters: Arc<Mutex<Counters>>,
    /// The thread ends when this is dropped.
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Energy {
    fn of(root: &Path, every: Duration) -> Option<Energy> {
        let counters = Arc::new(Mutex::new(Counters::open(root)?));
        let (stop, stopped) = mpsc::channel();
        let read = Arc::clone(&counters);
        let work = move || {
            while stopped.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                joules(&read);
            }
        };
        let thread = thread::Builder::new().name("energy".to_owned()).spawn(work).ok()?;
        Some(Energy { counters, stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Energy {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It does nothing that could fail.
            let _ = thread.join();
        }
    }
}

fn joules(counters: &Mutex<Counters>) -> Option<f64> {
    // Counters are whole after every step, even if a thread has ended badly.
    counters.lock().unwrap_or_else(PoisonError::into_inner).joules()
}

/// The processor time of this process so far.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn cpu_seconds() -> Option<f64> {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 / 1e9)
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn cpu_seconds() -> Option<f64> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::rapl::tests::{last, set, tree};
    use super::*;

    #[test]
    fn a_counter_that_starts_again_between_two_questions_is_noticed() {
        let tree = tree(&[("intel-rapl:0", "package-0", 0)]);
        let meter = Meter::of(tree.path(), Duration::from_millis(5));
        let reached = |microjoules: u64| {
            set(&tree, "intel-rapl:0", microjoules);
            let counters = &meter.energy.as_ref().unwrap().counters;
            let began = Instant::now();
            while last(&counters.lock().unwrap()) != microjoules {
                assert!(began.elapsed() < Duration::from_secs(20), "nobody reads the counter");
                thread::sleep(Duration::from_millis(1));
            }
        };
        // Three turns of 100 J, of which whoever asks at the end sees nothing.
        for _ in 0..3 {
            reached(60_000_000);
            reached(10_000_000);
        }
        assert_eq!(meter.cost().joules, Some(310.0));
    }

    #[test]
    fn without_counters_there_is_time() {
        let meter = Meter::of(Path::new("no such folder"), EVERY);
        let began = Instant::now();
        while began.elapsed() < Duration::from_millis(30) {}
        let cost = meter.cost();
        assert!(cost.joules.is_none() && cost.wall_seconds >= 0.03, "{cost:?}");
        if cfg!(any(target_os = "linux", target_os = "macos")) {
            assert!(cost.cpu_seconds.unwrap() > 0.005, "{cost:?}");
        }
    }
}
