//! `cloze`: a few labelled examples and unlabelled text in, a small classifier out.
//!
//! What was typed ([`args`]) is handed to one function per verb ([`commands`]), which calls the library and gives what comes
//! back to the [`printer`]. The library never prints, and nothing else here decides what is shown where.

#![forbid(unsafe_code)]

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
mod summary;
mod usage;

use std::process::ExitCode;

use clap::Parser;

use crate::args::{Arguments, Verb};
use crate::printer::Printer;

fn main() -> ExitCode {
    quieten_parquet();
    let Arguments { verb, global } = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => return usage::show(&error, std::env::args_os().skip(1)),
    };
    let printer = Printer::new(&global);
    if let Some(task) = verb.task().filter(|task| task.asks_for_options()) {
        return end(commands::options::run(task, &printer), &printer);
    }
    let done = match verb {
        Verb::Adapt(args) => commands::adapt::run(&args, &global, &printer),
        Verb::Check(args) => commands::check::run(&args, &global, &printer),
        Verb::Completions(args) => commands::completions::run(&args),
        Verb::Demo(args) => commands::demo::run(&args, &global, &printer),
        Verb::Eval(args) => commands::eval::run(&args, &global, &printer),
        Verb::Fetch(args) => commands::fetch::run(&args, &printer),
        Verb::Init(args) => commands::init::run(&args, &global, &printer),
        Verb::Label(args) => commands::label::run(&args, &global, &printer),
        Verb::Predict(args) => commands::predict::run(&args, &global, &printer),
        Verb::Report(args) => commands::report::run(&args, &printer),
        Verb::Runs(args) => commands::runs::run(&args, &printer),
        Verb::Serve(args) => commands::serve::run(&args, &global, &printer),
        Verb::Study(args) => commands::study::run(&args, &global, &printer),
        Verb::Train(args) => commands::train::run(&args, &global, &printer),
        Verb::Users(args) => commands::users::run(&args, &printer),
        Verb::ZeroShot(args) => commands::zero_shot::run(&args, &global, &printer),
    };
    end(done, &printer)
}

/// Lets panics of the crates that decode Parquet pass without a word: some damaged files make them panic, and the library returns an
/// error then.
fn quieten_parquet() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let file = panic.location().map_or("", |location| location.file());
        let is_decoder = |part: &str| part.starts_with("parquet-") || part.starts_with("arrow-");
        if !file.split(['/', '\\']).any(is_decoder) {
            usual(panic);
        }
    }));
}

/// Says why a command has failed, if it has, and gives the exit code.
fn end(done: failure::Result, printer: &Printer) -> ExitCode {
    match done {
        Ok(()) => failure::SUCCESS.into(),
        Err(failure) => {
            failure.show(printer);
            failure.code().into()
        }
    }
}
