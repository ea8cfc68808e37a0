//! `cloze`: a few labelled examples and unlabelled text in, a small classifier out.
//!
//! What was typed (`args`) is handed to one function per verb (`commands`), which calls the library and gives what comes
//! back to the `printer`. The library never prints, and nothing else here decides what is shown where.
//!
//! It is a library so that other programs can be the command as well: the Python package's `cloze` is this one. The interface to PET is the
//! crate `cloze`.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod args;
mod commands;
mod extension;
mod failure;
mod fitting;
mod hub;
mod interrupt;
mod layout;
mod nearby;
mod output;
mod packing;
mod printer;
mod progress;
mod remaining;
mod retyped;
mod runs;
mod shards;
mod summary;
mod usage;

use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

use clap::Parser;
use cloze::{Error, Model};
use cloze_encoder::Device;

use crate::args::{Arguments, Verb};
use crate::printer::Printer;

/// Does what `args` say, of which the first is what the program was called as, and gives the exit code of the process.
pub fn run(args: impl IntoIterator<Item = OsString>) -> u8 {
    cloze::quieten_parquet();
    let args: Vec<OsString> = args.into_iter().collect();
    retyped::remember(&args);
    let code = obey(args);
    // In another program's process nothing does it at the end. What cannot be written now has no reader.
    let _ = std::io::stdout().flush();
    code
}

fn obey(args: Vec<OsString>) -> u8 {
    let Arguments { verb, global } = match Arguments::try_parse_from(&args) {
        Ok(arguments) => arguments,
        Err(error) => return usage::show(&error, args.into_iter().skip(1)),
    };
    let printer = Printer::new(&global);
    if let Some(task) = verb.task().filter(|task| task.asks_for_options()) {
        return end(commands::options::run(task, &printer), &printer);
    }
    let done = match verb {
        Verb::Adapt(args) => commands::adapt::run(&args, &global, &printer),
        Verb::Calibrate(args) => commands::calibrate::run(&args, &global, &printer),
        Verb::Check(args) => commands::check::run(&args, &global, &printer),
        Verb::Completions(args) => commands::completions::run(&args),
        Verb::Demo(args) => commands::demo::run(&args, &global, &printer),
        Verb::Eval(args) => commands::eval::run(&args, &global, &printer),
        Verb::Fetch(args) => commands::fetch::run(&args, &printer),
        Verb::Init(args) => commands::init::run(&args, &global, &printer),
        Verb::Label(args) => commands::label::run(&args, &global, &printer),
        Verb::Man(args) => commands::man::run(&args),
        Verb::Predict(args) => commands::predict::run(&args, &global, &printer),
        Verb::Report(args) => commands::report::run(&args, &printer),
        Verb::Runs(args) => commands::runs::run(&args, &printer),
        Verb::Serve(args) => commands::serve::run(&args, &global, &printer),
        Verb::Status(args) => commands::status::run(&args, &printer),
        Verb::Study(args) => commands::study::run(&args, &global, &printer),
        Verb::Train(args) => commands::train::run(&args, &global, &printer),
        Verb::Submit(args) => commands::submit::run(&args, &global, &printer),
        Verb::Users(args) => commands::users::run(&args, &printer),
        Verb::Work(args) => commands::work::run(&args, &global, &printer),
        Verb::ZeroShot(args) => commands::zero_shot::run(&args, &global, &printer),
    };
    end(done, &printer)
}

/// The model in a directory, the built-in one by its name, or one that `cloze fetch` has fetched; the built-in one if none is named.
///
/// # Errors
/// When there is no such model, or it cannot be read.
pub fn model(named: Option<&Path>) -> cloze::Result<Model> {
    library(named.map_or_else(commands::built_in, commands::find_model))
}

/// So many threads, or one per core, with the kernels that `CLOZE_KERNELS` names or else the fastest ones.
///
/// # Errors
/// When there are no such kernels, or this processor cannot run them.
pub fn device(threads: Option<NonZeroUsize>) -> cloze::Result<Device> {
    library(commands::device(threads))
}

/// The same for a program that is not the command.
fn library<T>(found: failure::Result<T>) -> cloze::Result<T> {
    found.map_err(|failure| match failure {
        failure::Failure::Cloze(error) => error,
        failure::Failure::Output(error) => Error::io("write", "standard output", error),
        failure::Failure::Interrupted(_) => Error::Stopped,
    })
}

/// Says why a command has failed, if it has, and gives the exit code.
fn end(done: failure::Result, printer: &Printer) -> u8 {
    match done {
        Ok(()) => failure::SUCCESS,
        Err(failure) => {
            failure.show(printer);
            failure.code()
        }
    }
}
