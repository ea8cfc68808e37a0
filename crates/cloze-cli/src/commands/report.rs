//! `cloze report`: a run's page, written again.

use std::io::Write;

use cloze::{Error, Run};

use crate::args::Report;
use crate::failure::Result;
use crate::output::{Output, Protected};
use crate::printer::Printer;

use super::is_std;
use super::run_argument::RunArgument;

/// Writes the page.
pub(crate) fn run(args: &Report, printer: &Printer) -> Result {
    let output = match is_std(&args.output) {
        true => None,
        false => Some(Output::create(&args.output, args.force, &Protected::default())?),
    };
    let dir = RunArgument { given: &args.run, runs: &args.runs, rows: None }.resolve(printer)?;
    let run = Run::open(&dir)?;
    let page = if args.without_texts { run.report_without_texts()? } else { run.report()? };
    let Some(output) = output else { return Ok(printer.document(&page)?) };
    let shown = args.output.display();
    output.file()?.write_all(page.as_bytes()).map_err(|error| Error::io("write", &args.output, error))?;
    output.finish()?;
    printer
        .json(&serde_json::json!({"report": shown.to_string(), "run": dir, "texts": !args.without_texts}))?;
    let texts = if args.without_texts { "without any text of the data" } else { "with examples of the data" };
    printer.show(format_args!("{shown}: the report of {}, {texts}\n", dir.display()))?;
    Ok(())
}
