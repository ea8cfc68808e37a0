//! The progress of a run: turns the run's events into lines and bars.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use cloze::{Event, Measured};
use indicatif::ProgressBar;

use crate::fitting::{JobLine, draw, template};
use crate::interrupt;
use crate::layout::{bytes, count, duration};
use crate::printer::Printer;
use crate::remaining::Remaining;

/// Shows a run: a line for every job that is done, and on a terminal a bar below with the time left.
pub(crate) struct Progress<'p> {
    printer: &'p Printer,
    bar: ProgressBar,
    remaining: Remaining,
    jobs: Vec<String>,
    done: usize,
    running: String,
    finished: Option<Finished>,
}

/// A job that is done, until its accuracy is heard.
struct Finished {
    job: String,
    what: String,
    time: String,
}

impl<'p> Progress<'p> {
    /// Shows a run with the expected seconds of each job.
    pub(crate) fn new(
        printer: &'p Printer,
        expected: impl IntoIterator<Item = (String, f64)>,
    ) -> Progress<'p> {
        interrupt::catch();
        Progress {
            printer,
            bar: printer.bars().add(ProgressBar::no_length()),
            remaining: Remaining::new(expected),
            jobs: Vec::new(),
            done: 0,
            running: String::new(),
            finished: None,
        }
    }

    /// Tells of the last finished job, with its accuracy if there are test rows.
    fn tell(&mut self, accuracy: Option<&Measured>) {
        let Some(Finished { job, what, time }) = self.finished.take() else { return };
        let width = self.jobs.iter().map(String::len).max().unwrap_or(0);
        let line = JobLine {
            number: (self.done, self.jobs.len()),
            job: (&job, width),
            time: &time,
            accuracy,
            what: &what,
        };
        self.printer.note(line.show(self.printer.columns()));
    }

    fn show_stage(&self, job: &str, stage: &str, done: usize, total: usize, unit: &str) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        let number = format!("job {} of {}", self.done + 1, self.jobs.len());
        // As wide from the first to the last, so that the bar keeps its length.
        let done = format!("{done:>width$}/{total}", width = total.to_string().len());
        let tails = [
            format!("{done} {unit} ({stage}), {number}"),
            format!("{done} {unit}, {number}"),
            format!("{done} {unit}"),
            done,
        ];
        self.draw(job, &tails);
    }

    /// The time left, the job and a bar, with one of the tails.
    fn draw(&self, job: &str, tails: &[String]) {
        let lead = match self.remaining.left(Instant::now()) {
            Some(left) => format!("{}  {job}", about(left)),
            None => job.to_owned(),
        };
        draw(&self.bar, self.printer.columns().unwrap_or(usize::MAX), &lead, tails);
    }

    fn end(&mut self) {
        self.tell(None);
        self.bar.finish_and_clear();
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.end();
    }
}

impl Progress<'_> {
    /// Shows what has happened; breaks once the user wants to stop.
    pub(crate) fn hear(&mut self, event: &Event) -> ControlFlow<()> {
        match event {
            Event::Measured { job, metric, figure, .. } => {
                if metric == "test accuracy"
                    && self.finished.as_ref().is_some_and(|finished| finished.job == *job)
                {
                    self.tell(Some(figure));
                }
            }
            Event::Progress { job, stage, done, total, unit } => {
                self.show_stage(job, stage, *done, *total, unit);
            }
            _ => self.tell(None),
        }
        match event {
            Event::Started { run, .. } => self.printer.note(format_args!(
                "working in {run}; you can stop with Ctrl-C, and the same command resumes"
            )),
            Event::Planned { jobs } => self.jobs.clone_from(jobs),
            Event::JobStarted { job, what } => {
                self.remaining.start(job, Instant::now());
                self.running.clone_from(what);
                self.bar.reset();
                self.draw(job, &[format!("job {} of {}", self.done + 1, self.jobs.len())]);
                self.bar.enable_steady_tick(Duration::from_millis(250));
            }
            Event::JobSkipped { job, from } => {
                self.remaining.skip(job);
                self.done += 1;
                let what = from.as_ref().map_or("done before".to_owned(), |run| format!("reused from {run}"));
                self.finished = Some(Finished { job: job.clone(), what, time: "-".into() });
            }
            Event::JobElsewhere { job, worker } => {
                self.printer.note(format_args!("{job}: {worker} is doing it"));
            }
            Event::JobFinished { job, seconds } => {
                self.remaining.finish(job, *seconds);
                self.done += 1;
                let what = std::mem::take(&mut self.running);
                self.finished = Some(Finished { job: job.clone(), what, time: duration(*seconds) });
            }
            Event::Warning { message } => self.printer.warn(message),
            Event::Finished { .. } => self.end(),
            // Those of an adaptation are heard elsewhere.
            Event::Progress { .. }
            | Event::Measured { .. }
            | Event::Packed { .. }
            | Event::HeldOut { .. } => {}
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Counts rows on a terminal, where there is no run to show.
pub(crate) struct Counter {
    bar: ProgressBar,
    unit: &'static str,
    columns: usize,
}

impl Counter {
    /// Counts what is called `unit`.
    pub(crate) fn new(printer: &Printer, unit: &'static str) -> Counter {
        let bar = printer.bars().add(ProgressBar::no_length().with_message(unit));
        bar.set_style(template("{pos} {msg}, {per_sec}"));
        Counter { bar, unit, columns: printer.columns().unwrap_or(usize::MAX) }
    }

    /// `done` of `total` are done; 0 for an unknown total.
    pub(crate) fn show(&self, done: usize, total: usize) {
        self.bar.set_position(done as u64);
        if total > 0 {
            self.bar.set_length(total as u64);
            // Before anything is done nothing is known about the pace.
            let left = if done > 0 { about(self.bar.eta()) } else { String::new() };
            let unit = self.unit;
            draw(
                &self.bar,
                self.columns,
                &left,
                &[format!("{done}/{total} {unit}"), format!("{done}/{total}")],
            );
        }
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// The rows of several parts, and the time that is left for them.
pub(crate) struct Shares {
    counter: Counter,
    began: Instant,
    /// The rows of each part, where they are known, and its bytes.
    parts: Vec<(Option<u64>, u64)>,
    /// Parts that are done, their rows and their bytes. What others have done is in none of them.
    done: (usize, usize, u64),
}

impl Shares {
    /// Before the first part; each with its rows, where they are known, and its bytes.
    pub(crate) fn new(printer: &Printer, parts: impl Iterator<Item = (Option<u64>, u64)>) -> Shares {
        let counter = Counter::new(printer, "rows");
        Shares { counter, began: Instant::now(), parts: parts.collect(), done: (0, 0, 0) }
    }

    /// So many rows of the part that is next are done.
    pub(crate) fn show(&self, rows: usize) {
        let done = self.done.1 + rows;
        self.counter.show(done, self.total().unwrap_or(0).max(done));
    }

    /// A part is done with so many rows, or need not be done.
    pub(crate) fn finish(&mut self, part: usize, rows: Option<usize>) {
        match rows {
            Some(rows) => self.done = (self.done.0 + 1, self.done.1 + rows, self.done.2 + self.parts[part].1),
            None => self.parts[part] = (Some(0), 0),
        }
    }

    /// All rows: counted, or as many in a byte as in the parts that are done.
    fn total(&self) -> Option<usize> {
        let known: Option<u64> = self.parts.iter().map(|(rows, _)| *rows).sum();
        let (_, rows, bytes) = self.done;
        let all: u64 = self.parts.iter().map(|(_, bytes)| bytes).sum();
        let guessed = || (bytes > 0).then(|| (rows as f64 * all as f64 / bytes as f64).round() as usize);
        known.and_then(|rows| usize::try_from(rows).ok()).or_else(guessed)
    }

    /// How long the parts that are left take, once one is done; none if none is left.
    pub(crate) fn left(&self) -> Option<String> {
        let rows = self.done.1;
        let left = self.total()?.checked_sub(rows).filter(|left| *left > 0 && rows > 0)?;
        let seconds = self.began.elapsed().as_secs_f64() * left as f64 / rows as f64;
        Some(about(Duration::try_from_secs_f64(seconds).ok()?))
    }
}

/// The tokens a second of a training, and the time that is left.
pub(crate) struct Pace<'p> {
    printer: &'p Printer,
    bar: ProgressBar,
    /// When training began or went on, and how many tokens were done then; none before.
    began: Option<(Instant, usize)>,
    /// Tokens that are done, and those of the whole training.
    tokens: (usize, usize),
    /// How long was measured and not trained, in all and since when.
    measuring: (Duration, Option<Instant>),
}

impl<'p> Pace<'p> {
    /// Before anything is done.
    pub(crate) fn new(printer: &'p Printer) -> Pace<'p> {
        interrupt::catch();
        let bar = printer.bars().add(ProgressBar::no_length());
        Pace { printer, bar, began: None, tokens: (0, 0), measuring: (Duration::ZERO, None) }
    }

    /// Training begins or goes on; what came before says nothing about its pace.
    pub(crate) fn begin(&mut self) {
        (self.began, self.tokens) = (None, (0, 0));
    }

    /// This much of a stage is done; 0 for an unknown total.
    pub(crate) fn show(&mut self, stage: &str, done: usize, total: usize, unit: &str) {
        let now = Instant::now();
        let columns = self.printer.columns().unwrap_or(usize::MAX);
        if total > 0 {
            self.bar.set_length(total as u64);
        }
        self.bar.set_position(done as u64);
        if stage != "train" {
            self.measuring.1.get_or_insert(now);
            let shown = if total > 0 { format!("{done}/{total}") } else { count(done) };
            return draw(&self.bar, columns, stage, &[format!("{shown} {unit}"), shown]);
        }
        if let Some(since) = self.measuring.1.take() {
            self.measuring.0 += now.duration_since(since);
        }
        if self.began.is_none() {
            self.measuring.0 = Duration::ZERO;
        }
        self.began.get_or_insert((now, done));
        self.tokens = (done, total);
        let share = format!("{}/{} {unit}", count(done), count(total));
        let (lead, tails) = match self.known() {
            Some((rate, left)) => (about(left), vec![format!("{share}, {rate}"), rate]),
            None => (String::new(), vec![share]),
        };
        draw(&self.bar, columns, &lead, &tails);
    }

    /// The tokens a second and the time left, once that is known.
    fn known(&self) -> Option<(String, Duration)> {
        let ((began, first), (done, total)) = (self.began?, self.tokens);
        let seconds = began.elapsed().saturating_sub(self.measuring.0).as_secs_f64();
        let rate = done.checked_sub(first).filter(|tokens| *tokens > 0)? as f64 / seconds;
        let left = Duration::try_from_secs_f64(total.saturating_sub(done) as f64 / rate).ok()?;
        Some((format!("{} tokens/s", count(rate as usize)), left))
    }

    /// The same at the end of a line.
    pub(crate) fn told(&self) -> String {
        self.known().map_or(String::new(), |(rate, left)| match left.is_zero() {
            true => format!(", {rate}"),
            false => format!(", {rate}, {}", about(left)),
        })
    }

    /// Whether to go on.
    pub(crate) fn go_on(&self) -> ControlFlow<()> {
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Pace<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Counts the bytes of files that arrive one after the other.
pub(crate) struct Transfer<'p> {
    printer: &'p Printer,
    bar: ProgressBar,
    file: String,
    /// When the file began to arrive, and how much of it was here before.
    began: (Instant, u64),
}

impl<'p> Transfer<'p> {
    /// Before the first file.
    pub(crate) fn new(printer: &'p Printer) -> Transfer<'p> {
        interrupt::catch();
        Transfer { printer, bar: ProgressBar::hidden(), file: String::new(), began: (Instant::now(), 0) }
    }

    /// A file of `size` bytes begins to arrive, `at` of which are here already.
    pub(crate) fn begin(&mut self, file: &str, size: u64, at: u64) {
        self.bar.finish_and_clear();
        let bar = ProgressBar::new(size).with_style(template("{wide_msg}"));
        self.bar = self.printer.bars().add(bar.with_position(at));
        file.clone_into(&mut self.file);
        self.began = (Instant::now(), at);
    }

    /// This many bytes are here; whether to go on.
    pub(crate) fn show(&self, at: u64) -> ControlFlow<()> {
        let size = self.bar.length().unwrap_or(0);
        let seconds = self.began.0.elapsed().as_secs_f64();
        let pace = at.saturating_sub(self.began.1) as f64 / seconds;
        // The first second says little.
        let lead = if seconds < 1.0 || pace < 1.0 {
            self.file.clone()
        } else {
            let left = Duration::try_from_secs_f64(size.saturating_sub(at) as f64 / pace).unwrap_or_default();
            format!("{}  {}", about(left), self.file)
        };
        self.bar.set_position(at);
        let tails = [format!("{} of {}", bytes(at), bytes(size)), bytes(at)];
        draw(&self.bar, self.printer.columns().unwrap_or(usize::MAX), &lead, &tails);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `about 2 min 05 s left`.
fn about(left: Duration) -> String {
    format!("about {} left", duration(left.as_secs_f64().ceil()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_stands_before_the_job_and_how_far_it_is() {
        let printer = Printer::new(&crate::args::Global { json: false, quiet: true, threads: None });
        let job = "g0/p0-s0".to_owned();
        let mut progress = Progress::new(&printer, [(job.clone(), 300.0)]);
        let stage = Event::Progress {
            job: job.clone(),
            stage: "train".into(),
            done: 7,
            total: 150,
            unit: "steps".into(),
        };
        let begun = [
            Event::Planned { jobs: vec![job.clone()] },
            Event::JobStarted { job, what: "fine-tuning".into() },
        ];
        for event in begun.iter().chain([&stage]) {
            assert!(progress.hear(event).is_continue());
        }
        assert_eq!(progress.bar.prefix(), "about 5 min 00 s left  g0/p0-s0  ");
        assert_eq!(progress.bar.message(), "  7/150 steps (train), job 1 of 1");
    }

    #[test]
    fn the_time_for_parts_is_known_from_their_rows_or_their_bytes() {
        let printer = Printer::new(&crate::args::Global { json: false, quiet: true, threads: None });
        let mut counted = Shares::new(&printer, [(Some(10), 5), (Some(20), 5), (Some(70), 5)].into_iter());
        assert_eq!((counted.total(), counted.left()), (Some(100), None));
        counted.finish(0, Some(10));
        counted.finish(1, None);
        assert_eq!(counted.total(), Some(80));
        counted.began -= Duration::from_secs(10);
        assert_eq!(counted.left().as_deref(), Some("about 1 min 11 s left"));
        counted.finish(2, Some(70));
        assert_eq!(counted.left(), None);
        let mut text = Shares::new(&printer, [(None, 100), (None, 300)].into_iter());
        text.show(5);
        assert_eq!(text.total(), None);
        text.finish(0, Some(10));
        assert_eq!(text.total(), Some(40));
    }

    #[test]
    fn the_bars_can_be_drawn() {
        let printer = Printer::new(&crate::args::Global { json: false, quiet: true, threads: None });
        Counter::new(&printer, "rows").show(1, 2);
        let mut transfer = Transfer::new(&printer);
        transfer.begin("model.safetensors", 2, 1);
        assert!(transfer.show(2).is_continue());
    }
}
