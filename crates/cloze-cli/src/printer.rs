//! Decides what is shown where; nothing else does.
//!
//! | | standard output | standard error |
//! | --- | --- | --- |
//! | terminal | the result | bars with the time left, what has been done so far |
//! | elsewhere | the result | a line for everything that is done |
//! | `--quiet` | the result | warnings |
//! | `--json` | the result as JSON, nothing else | a line for everything that is done |
//!
//! Errors go to standard error in every case. Colours are used on terminals only, and not where `NO_COLOR` is set or `TERM`
//! is `dumb`; nothing is said by colour alone.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use console::Style;
use indicatif::{MultiProgress, ProgressDrawTarget};
use serde::Serialize;

use crate::args::Global;

/// What goes to standard error while a verb works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// Bars that move.
    Bars,
    /// Lines.
    Lines,
    /// Nothing.
    None,
}

/// Prints everything.
#[derive(Debug, Clone)]
pub(crate) struct Printer {
    json: bool,
    progress: Progress,
    is_terminal: bool,
    colour: bool,
    error_is_terminal: bool,
    error_colour: bool,
    bars: MultiProgress,
}

impl Printer {
    /// The printer for these arguments and this environment.
    pub(crate) fn new(global: &Global) -> Printer {
        let colour_wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let error_is_terminal = io::stderr().is_terminal() && !dumb;
        let is_terminal = io::stdout().is_terminal() && !dumb;
        let progress = match error_is_terminal {
            _ if global.quiet => Progress::None,
            true => Progress::Bars,
            false => Progress::Lines,
        };
        let target = match progress {
            Progress::Bars => ProgressDrawTarget::stderr_with_hz(10),
            Progress::Lines | Progress::None => ProgressDrawTarget::hidden(),
        };
        Printer {
            json: global.json,
            progress,
            is_terminal,
            colour: colour_wanted && is_terminal,
            error_is_terminal,
            error_colour: colour_wanted && error_is_terminal,
            bars: MultiProgress::with_draw_target(target),
        }
    }

    /// Whether the result is written as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// The printer of a terminal with colours.
    #[cfg(test)]
    pub(crate) fn of_terminal() -> Printer {
        Printer {
            json: false,
            progress: Progress::None,
            is_terminal: true,
            colour: true,
            error_is_terminal: true,
            error_colour: true,
            bars: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
        }
    }

    /// Whether a person reads the result on a terminal.
    pub(crate) fn is_read(&self) -> bool {
        self.is_terminal && !self.json
    }

    /// The bars of the terminal; they are drawn nowhere unless [`Progress::Bars`].
    pub(crate) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Whether standard error is a terminal that can draw.
    pub(crate) fn error_is_terminal(&self) -> bool {
        self.error_is_terminal
    }

    /// Whether standard error may have colours.
    pub(crate) fn error_has_colour(&self) -> bool {
        self.error_colour
    }

    /// The width of the terminal, at most 100 columns, which is also what files and pipes get.
    pub(crate) fn width(&self) -> usize {
        let terminal = console::Term::stderr();
        if terminal.is_term() { usize::from(terminal.size().1).clamp(40, 100) } else { 100 }
    }

    /// The columns of the terminal that progress is shown on; none if it is shown elsewhere, where a line has no end.
    pub(crate) fn columns(&self) -> Option<usize> {
        (self.progress == Progress::Bars).then(|| usize::from(console::Term::stderr().size().1))
    }

    /// Prints a part of the result for people, as it stands.
    pub(crate) fn show(&self, text: impl Display) -> io::Result<()> {
        if self.json { Ok(()) } else { self.out(text) }
    }

    /// Prints what leads to the result; with `--quiet` the result must do.
    pub(crate) fn tell(&self, text: impl Display) -> io::Result<()> {
        if self.progress == Progress::None { Ok(()) } else { self.show(text) }
    }

    /// Prints the result for scripts: one line of JSON.
    pub(crate) fn json(&self, result: &impl Serialize) -> io::Result<()> {
        if !self.json {
            return Ok(());
        }
        let line = serde_json::to_string(result)?;
        self.out(format_args!("{line}\n"))
    }

    /// Prints a document that was asked for on standard output, whatever the mode.
    pub(crate) fn document(&self, text: &str) -> io::Result<()> {
        self.out(text)
    }

    /// Writes to standard output whatever was asked for, bars out of the way.
    fn out(&self, text: impl Display) -> io::Result<()> {
        self.bars.suspend(|| {
            let mut out = io::stdout().lock();
            write!(out, "{text}")?;
            out.flush()
        })
    }

    /// Says on standard error what is going on; nothing with `--quiet`.
    pub(crate) fn note(&self, text: impl Display) {
        if self.progress != Progress::None {
            // What is going on is not worth failing for.
            let _ = self.error(format_args!("{text}\n"));
        }
    }

    /// Says on standard error what the user should know.
    pub(crate) fn warn(&self, text: impl Display) {
        let word = self.error_style(Style::new().yellow().bold()).apply_to("warning:");
        let _ = self.error(format_args!("{word} {text}\n"));
    }

    /// Writes to standard error.
    pub(crate) fn error(&self, text: impl Display) -> io::Result<()> {
        self.bars.suspend(|| {
            let mut out = io::stderr().lock();
            write!(out, "{text}")?;
            out.flush()
        })
    }

    /// A heading of the result.
    pub(crate) fn heading(&self, text: &str) -> String {
        self.style(Style::new().bold()).apply_to(text).to_string()
    }

    /// A part of the result that matters less.
    pub(crate) fn dim(&self, text: &str) -> String {
        self.style(Style::new().dim()).apply_to(text).to_string()
    }

    /// A part of the result that matters most.
    pub(crate) fn strong(&self, text: &str) -> String {
        self.style(Style::new().green().bold()).apply_to(text).to_string()
    }

    /// A part of the result that needs attention.
    pub(crate) fn caution(&self, text: &str) -> String {
        self.style(Style::new().yellow().bold()).apply_to(text).to_string()
    }

    /// A word that argues for a label or against it, more or less strongly.
    pub(crate) fn word(&self, word: &str, is_for: bool, is_strong: bool) -> String {
        let style = if is_for { Style::new().green() } else { Style::new().red() };
        let style = if is_strong { style.bold() } else { style };
        self.style(style).apply_to(word).to_string()
    }

    /// Text of the user's own within other text.
    pub(crate) fn text(&self, text: &str) -> String {
        self.style(Style::new().cyan()).apply_to(text).to_string()
    }

    fn style(&self, style: Style) -> Style {
        style.force_styling(self.colour)
    }

    fn error_style(&self, style: Style) -> Style {
        style.force_styling(self.error_colour)
    }
}
