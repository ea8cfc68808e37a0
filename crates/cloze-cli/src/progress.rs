//! What is seen of a run while it works: it hears the run's events and tells them to the printer.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use cloze::event::{Event, Listener};
use cloze::metrics::Measured;
use indicatif::{ProgressBar, ProgressStyle};

use crate::interrupt;
use crate::layout::{bytes, duration, interval, percent};
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
    /// Shows a run whose jobs are expected to take so many seconds.
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
        let number =
            format!("[{:>width$}/{}]", self.done, self.jobs.len(), width = self.jobs.len().to_string().len());
        let width = self.jobs.iter().map(String::len).max().unwrap_or(0);
        let figure = accuracy.map_or(String::new(), |accuracy| {
            format!("  {:>7} ({:>12})", percent(accuracy.value), interval(accuracy))
        });
        self.printer.note(format_args!("{number} {job:width$}  {time:>10}{figure}  {what}"));
    }

    fn show_stage(&self, stage: &str, done: usize, total: usize, unit: &str) {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        let left = match self.remaining.left(Instant::now()) {
            Some(left) => format!(", about {} left", duration(left.as_secs_f64().ceil())),
            None => String::new(),
        };
        self.bar.set_message(format!("{unit} ({stage}), job {} of {}{left}", self.done + 1, self.jobs.len()));
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

impl Listener for Progress<'_> {
    fn hear(&mut self, event: &Event) -> ControlFlow<()> {
        match event {
            Event::Measured { job, metric, figure, .. } => {
                if metric == "test accuracy"
                    && self.finished.as_ref().is_some_and(|finished| finished.job == *job)
                {
                    self.tell(Some(figure));
                }
            }
            Event::Progress { stage, done, total, unit, .. } => self.show_stage(stage, *done, *total, unit),
            _ => self.tell(None),
        }
        match event {
            Event::Started { run, .. } => self.printer.note(format_args!(
                "working in {run}; Ctrl-C is safe, the same command goes on from where it was"
            )),
            Event::Planned { jobs } => self.jobs.clone_from(jobs),
            Event::JobStarted { job, what } => {
                self.remaining.start(job, Instant::now());
                self.running.clone_from(what);
                self.bar.reset();
                self.bar.set_style(style());
                self.bar.set_prefix(job.clone());
                self.bar.enable_steady_tick(Duration::from_millis(250));
            }
            Event::JobSkipped { job, from } => {
                self.remaining.skip(job);
                self.done += 1;
                let what =
                    from.as_ref().map_or("done before".to_owned(), |run| format!("taken over from {run}"));
                self.finished = Some(Finished { job: job.clone(), what, time: "-".into() });
            }
            Event::JobFinished { job, seconds } => {
                self.remaining.finish(job, *seconds);
                self.done += 1;
                let what = std::mem::take(&mut self.running);
                self.finished = Some(Finished { job: job.clone(), what, time: duration(*seconds) });
            }
            Event::Warning { message } => self.printer.warn(message),
            Event::Finished { .. } => self.end(),
            Event::Progress { .. } | Event::Measured { .. } => {}
        }
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Counts rows on a terminal, where there is no run to show.
pub(crate) struct Counter {
    bar: ProgressBar,
}

impl Counter {
    /// Counts what is called `unit`.
    pub(crate) fn new(printer: &Printer, unit: &'static str) -> Counter {
        let bar = printer.bars().add(ProgressBar::no_length().with_message(unit));
        bar.set_style(counting("{pos} {msg}, {per_sec}"));
        Counter { bar }
    }

    /// So many of `total` are done; 0 for a total that is not known.
    pub(crate) fn show(&self, done: usize, total: usize) {
        if total > 0 && self.bar.length() != Some(total as u64) {
            self.bar.set_length(total as u64);
            self.bar.set_style(counting("{bar:24}  {pos}/{len} {msg}, about {eta} left"));
        }
        self.bar.set_position(done as u64);
    }
}

impl Drop for Counter {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Counts the bytes of files that arrive one after the other.
pub(crate) struct Transfer<'p> {
    printer: &'p Printer,
    bar: ProgressBar,
    /// When the file began to arrive, and how much of it was here before.
    began: (Instant, u64),
}

impl<'p> Transfer<'p> {
    /// Before the first file.
    pub(crate) fn new(printer: &'p Printer) -> Transfer<'p> {
        interrupt::catch();
        Transfer { printer, bar: ProgressBar::hidden(), began: (Instant::now(), 0) }
    }

    /// A file of `size` bytes begins to arrive, `at` of which are here already.
    pub(crate) fn begin(&mut self, file: &str, size: u64, at: u64) {
        self.bar.finish_and_clear();
        let bar = ProgressBar::new(size).with_style(counting("{prefix}  {bar:16}  {wide_msg}"));
        self.bar = self.printer.bars().add(bar.with_prefix(file.to_owned()).with_position(at));
        self.began = (Instant::now(), at);
    }

    /// So many bytes are here; whether to go on.
    pub(crate) fn show(&self, at: u64) -> ControlFlow<()> {
        let size = self.bar.length().unwrap_or(0);
        let seconds = self.began.0.elapsed().as_secs_f64();
        let pace = at.saturating_sub(self.began.1) as f64 / seconds;
        // The first second says little.
        let left = if seconds < 1.0 || pace < 1.0 {
            String::new()
        } else {
            let left = size.saturating_sub(at) as f64 / pace;
            format!(", about {} left", duration(left.ceil()))
        };
        self.bar.set_message(format!("{} of {}{left}", bytes(at), bytes(size)));
        self.bar.set_position(at);
        if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

impl Drop for Transfer<'_> {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn counting(template: &str) -> ProgressStyle {
    // The templates are constants of this file, and a test draws with each.
    ProgressStyle::with_template(template).expect("the template is well-formed").progress_chars("━╸─")
}

/// The bar of the running job.
fn style() -> ProgressStyle {
    counting("{prefix}  {bar:24}  {pos}/{len} {wide_msg}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bars_can_be_drawn() {
        style();
        let printer = Printer::new(&crate::args::Global { json: false, quiet: true, threads: None });
        Counter::new(&printer, "rows").show(1, 2);
        let mut transfer = Transfer::new(&printer);
        transfer.begin("model.safetensors", 2, 1);
        assert!(transfer.show(2).is_continue());
    }
}
