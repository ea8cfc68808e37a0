//! `--set help`: the options that `--set` takes.

use cloze::task::OptionHelp;
use serde_json::{Value, json};

use crate::args::TaskArg;
use crate::failure::Result;
use crate::printer::Printer;

/// Shows every option with its meaning, its values, and the one that it has if neither `--set` nor the task file gives another.
pub(crate) fn run(args: &TaskArg, printer: &Printer) -> Result {
    let options = args.preset.unwrap_or_default().help();
    let as_json = |option: &OptionHelp| {
        json!({
            "option": option.name,
            "default": option.default,
            "values": option.values,
            "meaning": option.meaning,
        })
    };
    printer.json(&options.iter().map(as_json).collect::<Vec<Value>>())?;
    for option in &options {
        let name = printer.heading(option.name);
        let (default, values) = (&option.default, option.values.replace('`', ""));
        printer.show(format_args!("{name}={default}\n    {}\n", option.meaning))?;
        printer.show(printer.dim(&format!("    Values: {values}\n")))?;
    }
    Ok(())
}
