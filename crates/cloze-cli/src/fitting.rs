//! Lines that fit the terminal. What matters most stands first, and what there is no room for is left out: a line that wraps tears
//! the column of lines apart, and a bar that wraps leaves its remains behind.

use std::fmt::Write;

use cloze::Measured;
use console::{measure_text_width, truncate_str};
use indicatif::{ProgressBar, ProgressStyle};

use crate::layout::{interval, percent};

/// Columns of a bar: with less it shows nothing, more is not worth the room.
const BAR: std::ops::RangeInclusive<usize> = 6..=24;

/// Columns of a bar from which on there is room for words as well.
const ENOUGH: usize = 12;

/// Between two parts of a line.
const GAP: usize = 2;

/// Columns that a description is worth being begun for.
const DESCRIBED: usize = 16;

/// Draws a bar in a terminal of so many columns: `lead`, the bar, and the first of `tails` that there is room for, each of which
/// says less than the one before. Where not even the last one leaves room for a bar, there is none.
pub(crate) fn draw(bar: &ProgressBar, columns: usize, lead: &str, tails: &[String]) {
    let room =
        |tail: &String| columns.checked_sub(measure_text_width(lead) + measure_text_width(tail) + 2 * GAP);
    let with = |least: usize| move |tail| Some((tail, room(tail).filter(|&room| room >= least)?));
    match tails.iter().find_map(with(ENOUGH)).or_else(|| tails.last().and_then(with(*BAR.start()))) {
        Some((tail, room)) => {
            bar.set_style(template(&format!("{{prefix}}{{bar:{}}}  {{wide_msg}}", room.min(*BAR.end()))));
            bar.set_prefix(if lead.is_empty() { String::new() } else { format!("{lead}  ") });
            bar.set_message(tail.clone());
        }
        None => {
            bar.set_style(template("{wide_msg}"));
            bar.set_message(
                format!("{lead}  {}", tails.last().map_or("", String::as_str)).trim_start().to_owned(),
            );
        }
    }
}

/// The style of a template that is well-formed.
pub(crate) fn template(template: &str) -> ProgressStyle {
    // The templates are constants but for a number, and tests draw with each.
    ProgressStyle::with_template(template).expect("the template is well-formed").progress_chars("━╸─")
}

/// A job that is done.
#[derive(Debug, Clone)]
pub(crate) struct JobLine<'a> {
    /// Its number, and how many there are.
    pub number: (usize, usize),
    /// Its name, and the width of the longest.
    pub job: (&'a str, usize),
    /// How long it took.
    pub time: &'a str,
    /// On the test rows, if there are any.
    pub accuracy: Option<&'a Measured>,
    /// What was done.
    pub what: &'a str,
}

impl JobLine<'_> {
    /// The line in so many columns; whole where there is no end to them, in a file.
    pub(crate) fn show(&self, columns: Option<usize>) -> String {
        let JobLine { number: (number, jobs), job: (job, width), time, accuracy, what } = self;
        let digits = jobs.to_string().len();
        let mut line = format!("[{number:>digits$}/{jobs}] {job:width$}  {time:>10}");
        let room = |line: &str| columns.unwrap_or(usize::MAX).saturating_sub(measure_text_width(line) + GAP);
        if let Some(accuracy) = accuracy {
            let short = format!("{:>7}", percent(accuracy.value));
            let long = format!("{short} ({:>12})", interval(accuracy));
            if let Some(figure) = [long, short].into_iter().find(|figure| figure.len() <= room(&line)) {
                // Writing to a string cannot fail.
                let _ = write!(line, "  {figure}");
            }
        }
        if measure_text_width(what).min(DESCRIBED) <= room(&line) {
            let _ = write!(line, "  {}", truncate_str(what, room(&line), "..."));
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::{ProgressDrawTarget, TermLike};

    use super::*;

    /// A terminal of so many columns that keeps what was written last.
    #[derive(Debug, Clone)]
    struct Terminal {
        columns: u16,
        written: Arc<Mutex<String>>,
    }

    impl TermLike for Terminal {
        fn width(&self) -> u16 {
            self.columns
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, text: &str) -> io::Result<()> {
            self.write_str(text)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.written.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// The line that a bar draws in so many columns.
    fn drawn(columns: u16, lead: &str, tails: &[String]) -> String {
        let written = Arc::new(Mutex::new(String::new()));
        let terminal = Terminal { columns, written: Arc::clone(&written) };
        let bar = ProgressBar::with_draw_target(Some(100), ProgressDrawTarget::term_like(Box::new(terminal)));
        bar.set_position(50);
        draw(&bar, usize::from(columns), lead, tails);
        written.lock().unwrap().clear();
        bar.tick();
        let line = written.lock().unwrap().trim_end().to_owned();
        bar.abandon();
        assert!(measure_text_width(&line) <= usize::from(columns), "{columns}: {line}");
        line
    }

    #[test]
    fn a_bar_fits_the_terminal_and_the_time_left_is_the_last_to_go() {
        let lead = "about 12 min 05 s left  zero-shot/p0";
        let tails = ["50/100 rows (score), job 1 of 12", "50/100 rows", "50/100"].map(str::to_owned);
        for (columns, bar, tail) in
            [(100, 24, &tails[0]), (80, 24, &tails[1]), (60, 14, &tails[2]), (54, 8, &tails[2])]
        {
            let line = drawn(columns, lead, &tails);
            assert!(line.starts_with(lead) && line.ends_with(&**tail), "{columns}: {line}");
            assert_eq!(line.matches(['━', '╸', '─']).count(), bar, "{columns}: {line}");
        }
        assert_eq!(drawn(40, lead, &tails), "about 12 min 05 s left  zero-shot/p0  50");
        assert_eq!(drawn(20, lead, &tails), "about 12 min 05 s le");
    }

    #[test]
    fn the_line_of_a_job_fits_the_terminal_and_is_whole_in_a_file() {
        let accuracy = Measured { value: 0.8434, low: 0.82, high: 0.864 };
        let line = JobLine {
            number: (3, 12),
            job: ("zero-shot/p0", 12),
            time: "2 min 05 s",
            accuracy: Some(&accuracy),
            what: "pretrained model with pattern 0: {text} It is {mask}.",
        };
        let begin = "[ 3/12] zero-shot/p0  2 min 05 s";
        let whole = line.show(None);
        assert_eq!(whole, format!("{begin}   84.3 % (82.0 to 86.4)  {}", line.what));
        assert_eq!(line.show(Some(200)), whole);
        assert_eq!(line.show(Some(80)), format!("{begin}   84.3 % (82.0 to 86.4)  pretrained model wi..."));
        assert_eq!(line.show(Some(60)), format!("{begin}   84.3 % (82.0 to 86.4)"));
        assert_eq!(line.show(Some(50)), format!("{begin}   84.3 %"));
        assert_eq!(line.show(Some(40)), begin);
        let unmeasured = JobLine { accuracy: None, ..line };
        assert_eq!(unmeasured.show(Some(60)), format!("{begin}  pretrained model with p..."));
        for columns in 40..120 {
            assert!(measure_text_width(&unmeasured.show(Some(columns))) <= columns);
        }
    }
}
