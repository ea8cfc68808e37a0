//! How a command ends when it does not succeed, and how that is shown.

use std::io;

use cloze::{Error, Hint};
use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme, ThemeCharacters};
use serde_json::{Value, json};

use crate::printer::Printer;

/// Done.
pub(crate) const SUCCESS: u8 = 0;
/// The data, a file or the model cannot be used as it is.
pub(crate) const FAILURE: u8 = 1;
/// The user has pressed Ctrl-C (128 and the number of the signal, as shells have it). Code 2, a command line that cannot be
/// understood, is clap's.
pub(crate) const INTERRUPTED: u8 = 130;

/// Why a command has not ended as it should.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What the library has found.
    Cloze(Error),
    /// Standard output cannot be written to.
    Output(io::Error),
    /// The user has pressed Ctrl-C; what follows from that.
    Interrupted(String),
}

/// The result of a verb.
pub(crate) type Result<T = ()> = std::result::Result<T, Failure>;

impl From<Error> for Failure {
    fn from(mut error: Error) -> Self {
        match &mut error {
            Error::Data { remedy, hint: Some(hint), .. } | Error::Usage { remedy, hint: Some(hint), .. } => {
                *remedy = [remedy, option(*hint)].concat().into();
            }
            Error::Task(error) => error.mistakes.iter_mut().for_each(|mistake| {
                mistake.remedy += mistake.hint.map_or("", option);
            }),
            _ => {}
        }
        Failure::Cloze(error)
    }
}

/// The option that helps.
fn option(hint: Hint) -> &'static str {
    match hint {
        Hint::DataFolder => ", and so does `--data DIR`",
        Hint::LabelColumn => ", or here with `--label COLUMN`",
        Hint::NoLabels => ", or here with `--label COLUMN`; `cloze predict` classifies rows without any",
        Hint::UnknownLabels => "; `--skip-unknown` passes over such rows",
        _ => "",
    }
}

impl From<cloze_encoder::Error> for Failure {
    fn from(error: cloze_encoder::Error) -> Self {
        Failure::Cloze(error.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Failure::Output(error)
    }
}

impl Failure {
    /// The exit code. A reader that has seen enough, as in `cloze predict … | head`, is no failure.
    pub(crate) fn code(&self) -> u8 {
        match self {
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => SUCCESS,
            Failure::Cloze(Error::Io { source, .. }) if source.kind() == io::ErrorKind::BrokenPipe => SUCCESS,
            Failure::Cloze(Error::Stopped) | Failure::Interrupted(_) => INTERRUPTED,
            Failure::Cloze(_) | Failure::Output(_) => FAILURE,
        }
    }

    /// Tells the user, on standard error.
    pub(crate) fn show(&self, printer: &Printer) {
        if self.code() == SUCCESS {
            return;
        }
        let text = match self {
            _ if printer.is_json() => format!("{}\n", self.to_json()),
            Failure::Cloze(error) => report(error, printer),
            Failure::Interrupted(what) => format!("interrupted; {what}\n"),
            Failure::Output(error) => report(&Error::io("write", "standard output", copy(error)), printer),
        };
        // If standard error is closed too, nobody is left to tell.
        let _ = printer.error(&text);
    }

    /// `{"error": {"message": …, "remedy": …, "mistakes": […]}}`
    fn to_json(&self) -> Value {
        let error = match self {
            Failure::Cloze(error) => error,
            Failure::Interrupted(what) => {
                return json!({"error": {"message": format!("interrupted; {what}")}});
            }
            Failure::Output(error) => {
                return json!({"error": {"message": format!("cannot write standard output: {error}")}});
            }
        };
        let mut object = json!({"message": error.to_string()});
        if let Some(remedy) = error.remedy() {
            object["remedy"] = remedy.into();
        }
        match error {
            Error::Data { place, .. } => object["place"] = json!(place),
            Error::Task(error) => {
                let mistakes = error.mistakes.iter().map(|mistake| {
                    json!({"place": mistake.place, "problem": mistake.problem, "remedy": mistake.remedy})
                });
                object["mistakes"] = mistakes.collect();
            }
            _ => {}
        }
        json!({"error": object})
    }
}

/// An error in colours and frames on a terminal, in plain characters elsewhere.
fn report(error: &Error, printer: &Printer) -> String {
    let theme = match (printer.error_is_terminal(), printer.error_has_colour()) {
        (true, true) => GraphicalTheme::unicode(),
        (true, false) => GraphicalTheme::unicode_nocolor(),
        (false, _) => GraphicalTheme {
            characters: ThemeCharacters { error: "error:".into(), ..ThemeCharacters::ascii() },
            ..GraphicalTheme::none()
        },
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_width(printer.width())
        .with_wrap_lines(printer.error_is_terminal())
        .with_links(false)
        .with_context_lines(1)
        .without_cause_chain();
    let render = |found: &dyn Diagnostic| {
        let mut text = String::new();
        match handler.render_report(&mut text, found) {
            Ok(()) => text,
            Err(_) => format!("error: {found}\n"),
        }
    };
    match error {
        // One below the other; a heading over them would say nothing.
        Error::Task(several) => {
            several.mistakes.iter().map(|mistake| render(mistake)).collect::<Vec<_>>().join("\n")
        }
        error => render(error),
    }
}

fn copy(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), error.to_string())
}

#[cfg(test)]
mod tests {
    use cloze::Task;

    use super::*;

    fn remedy(error: Error) -> String {
        match Failure::from(error) {
            Failure::Cloze(error) => error.remedy().unwrap_or_default(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_option_that_helps_is_added_to_the_remedy() {
        let usage = |hint| Error::Usage { problem: "no file".into(), remedy: "give one".into(), hint };
        assert_eq!(remedy(usage(Some(Hint::NoLabels))), format!("give one{}", option(Hint::NoLabels)));
        assert_eq!(remedy(usage(None)), "give one");
        let task = "format = 1\npatterns = '{text} {mask}'\n[data]\ntrain = 'gone.csv'\nlabel = 'y'\n[labels]\na = 'a'\nb = 'b'\n";
        let task = Task::parse("task.toml", task, "nowhere".as_ref()).unwrap();
        let missing = task.examples(cloze::task::Split::Train).unwrap_err();
        assert!(remedy(missing).ends_with("names another folder, and so does `--data DIR`"));
    }
}
