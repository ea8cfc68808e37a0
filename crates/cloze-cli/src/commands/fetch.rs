//! `cloze fetch`: a model from the Hugging Face hub.

use cloze::Error;

use crate::args::Fetch;
use crate::failure::{Failure, Result};
use crate::hub::{self, Heard, Request, Revision};
use crate::layout::{Align, Table, bytes, counted};
use crate::printer::Printer;
use crate::progress::Transfer;

use super::program;

/// Fetches the model and says where it is.
pub(crate) fn run(args: &Fetch, printer: &Printer) -> Result {
    let Fetch { name, revision, to, force } = args;
    let request = Request { name, revision, to: to.as_deref(), force: *force };
    let mut transfer = Transfer::new(printer);
    let mut at = 0;
    let fetched = hub::fetch(&request, |heard| {
        match heard {
            Heard::Begins { file, size, at: here } => {
                at = here;
                transfer.begin(file, size, here);
                if here > 0 {
                    printer.note(format_args!("{file}: resuming after {}", bytes(here)));
                }
            }
            Heard::At { bytes } => at = bytes,
            Heard::Done { file, size, is_new } => {
                let what = if is_new { "downloaded" } else { "already here" };
                printer.note(format_args!("{file}: {}, {what}", bytes(size)));
            }
            Heard::Replaces { path } => {
                printer.warn(format_args!("`{}` has unexpected contents and is replaced", path.display()));
            }
            Heard::Waits { problem } => printer.warn(format_args!("{problem}; trying again")),
        }
        transfer.show(at)
    });
    drop(transfer);
    let fetched = fetched.map_err(|error| match error {
        Error::Stopped => Failure::Interrupted("the same command resumes it".to_owned()),
        error => error.into(),
    })?;

    printer.json(&fetched)?;
    let mut files = Table::new([Align::Left, Align::Right]);
    for file in &fetched.files {
        files.row([file.file.clone(), bytes(file.size)]);
    }
    // What `--model` takes: the name as long as it can be found by that.
    let model = match (to, *revision == Revision::default()) {
        (None, true) => fetched.name.clone(),
        (None, false) => format!("{name}@{revision}"),
        (Some(dir), _) => dir.display().to_string(),
    };
    let size = fetched.files.iter().map(|file| file.size).sum();
    printer.tell(format_args!(
        "{} at {}: {}, {}, all verified\n\n{files}\nnext:\n  {} zero-shot task.toml --model {}\n\n",
        printer.heading(&fetched.name),
        fetched.revision,
        counted(fetched.files.len(), "file"),
        bytes(size),
        program(),
        model,
    ))?;
    printer.show(format_args!("{}\n", fetched.directory.display()))?;
    Ok(())
}
