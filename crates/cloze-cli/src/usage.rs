//! A command line that cannot be understood, and what `--help` and `--version` show instead of doing anything.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use serde_json::{Value, json};

use crate::args::Global;
use crate::failure::FAILURE;
use crate::printer::Printer;

/// Shows what the parser of the command line has to say, as JSON if the arguments ask for that, and gives the exit code.
pub(crate) fn show(error: &clap::Error, args: impl IntoIterator<Item = OsString>) -> u8 {
    let help = matches!(
        error.kind(),
        ErrorKind::DisplayHelp
            | ErrorKind::DisplayVersion
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    if !help && asks_for_json(args) {
        let printer = Printer::new(&Global { json: true, quiet: false, threads: None });
        // If standard error is closed, nobody is left to tell.
        let _ = printer.error(format_args!("{}\n", to_json(&error.to_string())));
    } else {
        // The same holds for the parser's own words.
        let _ = error.print();
    }
    u8::try_from(error.exit_code()).unwrap_or(FAILURE)
}

/// Whether `--json` is among the arguments, which the parser has not got to the end of.
fn asks_for_json(args: impl IntoIterator<Item = OsString>) -> bool {
    let mut options = args.into_iter().take_while(|arg| arg != OsStr::new("--"));
    options.any(|arg| arg == OsStr::new("--json"))
}

/// `{"error": {"message": …, "remedy": …, "usage": …}}` of what the parser would print: paragraphs, of which one begins with
/// `error:`, and there may be some with `tip:` and `Usage:`.
fn to_json(text: &str) -> Value {
    let (mut message, mut remedy, mut usage) = (Vec::new(), Vec::new(), None);
    for paragraph in text.split("\n\n") {
        let words = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        if let Some(line) = words.strip_prefix("Usage: ") {
            usage = Some(line.to_owned());
        } else if words.starts_with("tip: ") {
            remedy
                .extend(words.split("tip: ").map(str::trim).filter(|tip| !tip.is_empty()).map(str::to_owned));
        } else if !words.starts_with("For more information") && !words.is_empty() {
            message.push(words.strip_prefix("error: ").unwrap_or(&words).to_owned());
        }
    }
    let mut error = json!({"message": message.join(" ")});
    if !remedy.is_empty() {
        error["remedy"] = remedy.join("; ").into();
    }
    if let Some(usage) = usage {
        error["usage"] = usage.into();
    }
    json!({"error": error})
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::Arguments;

    fn error(args: &[&str]) -> Value {
        to_json(&Arguments::try_parse_from(args).unwrap_err().to_string())
    }

    #[test]
    fn a_usage_error_is_taken_apart_into_message_tip_and_usage() {
        assert_eq!(
            error(&["cloze", "trian", "task.toml"]),
            json!({"error": {
                "message": "unrecognized subcommand 'trian'",
                "remedy": "a similar subcommand exists: 'train'",
                "usage": "cloze [OPTIONS] <COMMAND>"
            }})
        );
        let missing = error(&["cloze", "predict", "runs/x"]);
        assert_eq!(
            missing["error"]["message"],
            "the following required arguments were not provided: <INPUT>..."
        );
        assert_eq!(missing["error"]["usage"], "cloze predict <RUN> <INPUT>...");
    }

    #[test]
    fn json_is_asked_for_by_an_option_and_not_by_a_file_of_that_name() {
        let asks = |args: &[&str]| asks_for_json(args.iter().map(OsString::from));
        assert!(asks(&["--json", "train"]) && asks(&["train", "--stesp", "--json"]));
        assert!(!asks(&["train", "--", "--json"]) && !asks(&["train", "json"]));
    }
}
