//! `cloze adapt`: the training of a masked language model goes on with other text.

use std::ops::ControlFlow;

use cloze::Event;
use cloze::adapt::{Adapted, HeldOut};
use cloze::task::Precision;

use crate::args::{Adapt, Global};
use crate::failure::Result;
use crate::layout::{Align, Table, count, counted, duration, percent};
use crate::printer::Printer;
use crate::progress::Pace;
use crate::retyped::typed_path;

use super::{device, find_model, program};

/// Adapts the model, or goes on with that, and says how well it does.
pub(crate) fn run(args: &Adapt, global: &Global, printer: &Printer) -> Result {
    let device = device(global)?;
    let adaptation = args.adaptation();
    let model = find_model(&args.model)?;
    let falls_back = args.precision == Precision::Bfloat16 && !device.bf16().kernels().is_bf16();
    let mut pace = Pace::new(printer);
    let mut hear = |event: &Event| {
        if falls_back && matches!(event, Event::Started { .. }) {
            printer.note("bfloat16 is not faster on this processor, so float32 is used");
        }
        hear(event, &mut pace, printer)
    };
    let done = adaptation.run(&model, &args.texts, &args.output, &device, &mut hear);
    drop(pace);
    let done = done?;

    printer.json(&done)?;
    printer.show(format_args!(
        "\n{} from {}, in {}\n\n",
        heading(&done, printer),
        done.model,
        duration(done.seconds)
    ))?;
    printer.show(measured(&done))?;
    let output = typed_path(&done.output);
    printer.show(format_args!("\nnext:\n  {} train task.toml --model {output}\n", program()))?;
    Ok(())
}

fn heading(done: &Adapted, printer: &Printer) -> String {
    printer.heading(&done.output.display().to_string())
}

/// What was read, and how well the model does on what it has not been trained on.
fn measured(done: &Adapted) -> String {
    let mut table = Table::new([Align::Left, Align::Right, Align::Right]);
    let text = format!(
        "  {} in {}, {} tokens in {}, {}\n",
        counted(done.documents, "document"),
        counted(done.files, "file"),
        count(done.tokens),
        counted(done.sequences, "sequence"),
        counted(done.steps, "step"),
    );
    let (Some(before), Some(after)) = (done.before, done.after) else {
        return text;
    };
    table.row([
        format!("on {} held out", counted(done.held_out, "sequence")),
        "loss".into(),
        "accuracy".into(),
    ]);
    for (when, HeldOut { loss, accuracy }) in [("before", before), ("after", after)] {
        table.row([when.to_owned(), format!("{loss:.3}"), percent(accuracy)]);
    }
    format!("{text}\n{table}")
}

/// Shows what has happened; breaks once the user wants to stop.
fn hear(event: &Event, pace: &mut Pace, printer: &Printer) -> ControlFlow<()> {
    match event {
        Event::Started { run, .. } => {
            printer.note(format_args!(
                "working in {run}; you can stop with Ctrl-C, and the same command resumes"
            ));
        }
        Event::Packed { documents, tokens, sequences, held_out, steps, done } => {
            let resumed =
                if *done > 0 { format!(", of which {} are done", count(*done)) } else { String::new() };
            printer.note(format_args!(
                "{} with {} tokens in {}, {} held out; {}{resumed}",
                counted(*documents, "document"),
                count(*tokens),
                counted(*sequences, "sequence"),
                count(*held_out),
                counted(*steps, "step"),
            ));
            pace.begin();
        }
        Event::Progress { stage, done, total, unit, .. } => pace.show(stage, *done, *total, unit),
        Event::HeldOut { step, steps, loss, accuracy } => {
            printer.note(format_args!(
                "step {step} of {steps}: held-out loss {loss:.3}, accuracy {}{}",
                percent(*accuracy),
                pace.told()
            ));
        }
        Event::Warning { message } => printer.warn(message),
        _ => {}
    }
    pace.go_on()
}
