//! `cloze completions`: a script that completes cloze's commands in a shell.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::args::{Arguments, Completions};
use crate::failure::Result;

/// Writes the script to standard output.
pub(crate) fn run(args: &Completions) -> Result {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Arguments::command(), "cloze", &mut script);
    io::stdout().write_all(&script)?;
    Ok(())
}
