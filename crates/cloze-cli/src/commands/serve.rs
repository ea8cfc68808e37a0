//! `cloze serve`: predictions over HTTP.

use std::path::Path;

use cloze::{Error, Predictor};
use cloze_server::{Served, Server, Unsafe};
use serde_json::json;

use crate::args::{Global, Serve};
use crate::failure::Result;
use crate::printer::Printer;

use super::run_argument::RunArgument;
use super::{device, say_calibration, say_who_answers};

/// Lets the process have as many files open, and so as many connections, as the system would let it have: what shells give is often 1,024.
fn allow_files() {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, getrlimit, setrlimit};
        let mut limit = getrlimit(Resource::Nofile);
        limit.current = limit.maximum;
        // What cannot be had is no reason not to serve.
        let _ = setrlimit(Resource::Nofile, limit);
    }
}

/// Serves runs until it is asked to stop.
pub(crate) fn run(args: &Serve, global: &Global, printer: &Printer) -> Result {
    let options = args.options();
    options.check().map_err(|reason| match reason {
        Unsafe::OpenToOthers => Error::usage(
            format!("on {} other machines could ask, and there is no key", args.listen),
            "set CLOZE_API_KEY to a key, for example of `openssl rand -hex 32`, or listen on 127.0.0.1",
        ),
        Unsafe::ShortKey => Error::usage(
            "the key is too short to be safe",
            "give at least 16 characters that nobody can guess, for example of `openssl rand -hex 32`",
        ),
    })?;
    allow_files();
    let device = device(global.threads)?;
    let mut served: Vec<Served> = Vec::with_capacity(args.given.len());
    for given in &args.given {
        let run = RunArgument { given, runs: &args.runs, rows: None }.resolve(printer)?;
        let name = name(&run);
        if served.iter().any(|other| other.name == name) {
            return Err(Error::usage(
                format!("two of the runs are called `{name}`, and requests could not tell them apart"),
                "give each run once, or rename one of the directories",
            )
            .into());
        }
        let predictor = Predictor::open_with(&run, None, &device)?;
        say_who_answers(&predictor, &run, printer);
        say_calibration(&predictor, &run, printer)?;
        served.push(Served { name, predictor });
    }
    let names: Vec<String> = served.iter().map(|run| run.name.clone()).collect();
    let listen = args.listen;
    let server = Server::bind(served, options).map_err(|source| {
        Error::usage(
            format!("{listen} cannot be listened on: {source}"),
            "choose another port with `--listen 127.0.0.1:PORT`, or port 0 for a free one",
        )
    })?;
    let address = format!("http://{}", server.address());
    printer.json(&json!({"address": address, "runs": names}))?;
    printer.show(format_args!("{address} answers for {}\n", names.join(", ")))?;
    printer.note("stop it with Ctrl-C");
    server.run().map_err(|source| {
        Error::usage(format!("the server cannot be started: {source}"), "free memory or threads")
    })?;
    printer.note("stopped");
    Ok(())
}

/// What a run is called in URLs: its directory.
fn name(run: &Path) -> String {
    let whole = run.canonicalize().unwrap_or_else(|_| run.to_owned());
    whole.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
