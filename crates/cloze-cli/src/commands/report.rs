//! `cloze report`: a run's page, written again, or what else is told of it.

use std::io::Write;

use cloze::{Error, Run};

use crate::args::{Report, ReportFormat};
use crate::failure::Result;
use crate::output::{Output, Protected};
use crate::printer::Printer;

use super::is_std;
use super::run_argument::RunArgument;

/// Writes the report.
pub(crate) fn run(args: &Report, printer: &Printer) -> Result {
    let output = match is_std(&args.output) {
        true => None,
        false => Some(Output::create(&args.output, args.force, &Protected::default())?),
    };
    let dir = RunArgument { given: &args.run, runs: &args.runs, rows: None }.resolve(printer)?;
    let mut run = Run::open(&dir)?;
    if let Some(intensity) = args.carbon_intensity {
        run = run.with_carbon_intensity(intensity)?;
    }
    let (text, what) = match args.to {
        ReportFormat::Html if args.without_texts => (run.report_without_texts()?, "report"),
        ReportFormat::Html => (run.report()?, "report"),
        ReportFormat::Card => (run.model_card()?, "model card"),
        ReportFormat::CodeCarbon => (run.emissions()?, "cost"),
    };
    let Some(output) = output else { return Ok(printer.document(&text)?) };
    let shown = args.output.display();
    output.file()?.write_all(text.as_bytes()).map_err(|error| Error::io("write", &args.output, error))?;
    output.finish()?;
    let has_texts = args.to == ReportFormat::Html && !args.without_texts;
    printer.json(&serde_json::json!({"report": shown.to_string(), "run": dir, "texts": has_texts}))?;
    let texts = if has_texts { "with examples of the data" } else { "without any text of the data" };
    printer.show(format_args!("{shown}: the {what} of {}, {texts}\n", dir.display()))?;
    Ok(())
}
