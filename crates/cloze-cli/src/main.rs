//! The command `cloze`.

#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    cloze_cli::run(std::env::args_os()).into()
}
