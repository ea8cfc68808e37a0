//! `cloze adapt`: the training of a masked language model goes on with other text.

use std::ops::ControlFlow;
use std::path::Path;

use cloze::Event;
use cloze::adapt::{Adaptation, Adapted, HeldOut};
use cloze::task::Precision;
use cloze::{Model, Prepared};

use crate::args::{Adapt, Global};
use crate::failure::Result;
use crate::layout::{Align, Table, count, counted, duration, percent};
use crate::printer::Printer;
use crate::progress::Pace;
use crate::retyped::typed_path;

use super::{device, find_model, program};

/// Adapts the model, or goes on with that, and says how well it does.
pub(crate) fn run(args: &Adapt, global: &Global, printer: &Printer) -> Result {
    let device = device(global.threads)?;
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

/// The model adapted to the rows of a task, before it is trained, and how many seconds that took.
pub(crate) fn to_rows(prepared: &Prepared, runs: &Path, printer: &Printer) -> Result<(Model, f64)> {
    let adaptation = Adaptation { epochs: 3.0, anchor: 1.0, ..Adaptation::default() };
    let mut pace = Pace::new(printer);
    let (model, seconds) =
        adaptation.to_rows(prepared, runs, &mut |event| hear(event, &mut pace, printer))?;
    drop(pace);
    printer.note(format_args!("the model is adapted to the task's rows: {}", model.name));
    Ok((model, seconds))
}

fn heading(done: &Adapted, printer: &Printer) -> String {
    printer.heading(&done.output.display().to_string())
}

/// What was read, and how well the model does on what it has not been trained on.
fn measured(done: &Adapted) -> String {
    let mut table = Table::new([Align::Left, Align::Right, Align::Right, Align::Right]);
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
    let on = format!("on {} held out", counted(done.held_out, "sequence"));
    let with_tasks = |row: [String; 3], tasks: Option<String>| row.into_iter().chain(tasks);
    table.row(with_tasks([on, "loss".into(), "accuracy".into()], after.tasks.map(|_| "tasks".into())));
    for (when, HeldOut { loss, accuracy, tasks }) in [("before", before), ("after", after)] {
        table.row(with_tasks([when.to_owned(), format!("{loss:.3}"), percent(accuracy)], tasks.map(percent)));
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
        Event::HeldOut { step, steps, loss, accuracy, tasks } => {
            let tasks = tasks.map(|solved| format!(", tasks {}", percent(solved))).unwrap_or_default();
            printer.note(format_args!(
                "step {step} of {steps}: held-out loss {loss:.3}, accuracy {}{tasks}{}",
                percent(*accuracy),
                pace.told()
            ));
        }
        Event::Warning { message } => printer.warn(message),
        _ => {}
    }
    pace.go_on()
}
