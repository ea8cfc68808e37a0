//! The verbs, a file for each, and what several of them begin with.

pub(crate) mod adapt;
pub(crate) mod calibrate;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod eval;
pub(crate) mod explain;
pub(crate) mod fetch;
pub(crate) mod init;
pub(crate) mod label;
pub(crate) mod labelled_rows;
pub(crate) mod man;
pub(crate) mod options;
pub(crate) mod predict;
pub(crate) mod report;
pub(crate) mod rows_argument;
pub(crate) mod run_argument;
pub(crate) mod runs;
pub(crate) mod serve;
pub(crate) mod shard;
mod slurm;
pub(crate) mod status;
pub(crate) mod study;
pub(crate) mod submit;
pub(crate) mod task_argument;
pub(crate) mod train;
pub(crate) mod users;
pub(crate) mod work;
pub(crate) mod zero_shot;

use std::num::NonZeroUsize;
use std::path::Path;

use cloze::task::Setting;
use cloze::{
    Calibration, Error, Evaluation, LabelEvaluation, Model, Predictor, Prepared, ReadOptions, Reader, Task,
    With,
};
use cloze_encoder::{Checkpoint, Device, Kernels};

use crate::args::{ModelArg, TaskArg};
use crate::failure::Result;
use crate::hub::Name;
use crate::hub::cache::Cache;
use crate::layout::counted;
use crate::printer::Printer;
use crate::retyped::command_line;

/// What the built-in model is called.
const BUILT_IN: &str = "cloze-mini-en";

/// Reads the task file and its model.
pub(crate) fn open(args: &TaskArg) -> Result<(Task, Model)> {
    open_with(args, Vec::new())
}

/// The same with more options that are set than those of `--set`.
pub(crate) fn open_with(args: &TaskArg, mut settings: Vec<Setting>) -> Result<(Task, Model)> {
    let mut task = open_task(args)?;
    settings.extend(args.settings());
    task.set(&settings)?;
    let model = open_model(&args.model, Some(&task))?;
    Ok((task, model))
}

/// Reads the task's rows, finds words if it asks for that, and plans.
pub(crate) fn prepare(task: &Task, model: &Model, device: &Device, printer: &Printer) -> Result<Prepared> {
    let prepared = Prepared::new(task, model, device)?;
    say_words(task, &prepared.task, printer);
    Ok(prepared)
}

/// Says which words were found for a task that asks for that.
pub(crate) fn say_words(asked: &Task, found: &Task, printer: &Printer) {
    for label in found.labels.iter().filter(|_| asked.described.is_some()) {
        printer.note(format_args!("words for `{}`: {}", label.name, label.words.join(", ")));
    }
}

/// Reads the task file, with its data where `--data` says.
fn open_task(args: &TaskArg) -> Result<Task> {
    task_argument::check(&args.task)?;
    let mut task = Task::open_with(&args.task, args.preset)
        .map_err(|error| task_argument::explained(&args.task, error))?;
    if let Some(dir) = &args.data {
        task.data.dir.clone_from(dir);
    }
    Ok(task)
}

/// Reads the model that `--model` names, else the task, else the built-in one.
pub(crate) fn open_model(args: &ModelArg, task: Option<&Task>) -> Result<Model> {
    match args.model.as_deref().or_else(|| task.and_then(|task| task.model.as_deref())) {
        Some(given) => find_model(given),
        None => built_in(),
    }
}

#[cfg(feature = "built-in-model")]
pub(crate) fn built_in() -> Result<Model> {
    Ok(Model::built_in()?)
}

#[cfg(not(feature = "built-in-model"))]
pub(crate) fn built_in() -> Result<Model> {
    let program = program();
    Err(Error::usage(
        "no model is given, and this program was built without one",
        format!(
            "download one with `{program} fetch google-bert/bert-base-uncased` and add `--model google-bert/bert-base-uncased`, or \
             name a Hugging Face directory: with `--model DIR`, or in the task file as `directory` under `[model]`"
        ),
    )
    .into())
}

/// Reads the model of a directory, the built-in one by its name, or one that was fetched.
pub(crate) fn find_model(given: &Path) -> Result<Model> {
    if given.is_dir() {
        return Ok(Model::open(given)?);
    }
    if given == Path::new(BUILT_IN) {
        return built_in();
    }
    let name = given.display().to_string();
    if let Some(dir) = Cache::from_env().ok().and_then(|cache| cache.find(given.to_str()?)) {
        return Ok(Model::from_hub(name, Checkpoint::open(&dir)?));
    }
    match name.parse::<Name>() {
        Ok(model) if model.has_owner() => Err(Error::usage(
            format!("there is no directory `{name}`, and no model of that name has been fetched"),
            format!(
                "fetch it with `cloze fetch {name}`, or give a Hugging Face directory with `config.json`, `tokenizer.json` and \
                 `model.safetensors`"
            ),
        )
        .into()),
        // The error for a directory that is not there.
        _ => Ok(Model::open(given)?),
    }
}

/// The threads that are asked for, with the kernels that `CLOZE_KERNELS` names or else the fastest ones.
pub(crate) fn device(threads: Option<NonZeroUsize>) -> Result<Device> {
    let threads = match threads {
        Some(threads) => threads.get(),
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let Some(name) = std::env::var_os("CLOZE_KERNELS").filter(|name| !name.is_empty()) else {
        return Ok(Device::new(threads));
    };
    let name = name.to_string_lossy();
    let kernels: Kernels = name.parse().map_err(|_| {
        Error::usage(
            format!("CLOZE_KERNELS is `{name}`, which is not a set of kernels"),
            "set it to `portable`, `avx2`, `avx512`, `avx512-bf16` or `amx-bf16`, or unset it",
        )
    })?;
    if !kernels.available() {
        let problem = format!("CLOZE_KERNELS is `{name}`, but this processor lacks those instructions");
        return Err(Error::usage(problem, "unset it to use the fastest kernels").into());
    }
    Ok(Device::with_kernels(threads, kernels))
}

/// Whether a path stands for standard input or output.
pub(crate) fn is_std(path: &Path) -> bool {
    path == Path::new("-")
}

/// Opens a file with rows, or standard input.
pub(crate) fn open_rows(path: &Path, options: ReadOptions) -> Result<Reader> {
    Ok(if is_std(path) {
        Reader::new("standard input", std::io::stdin(), options)?
    } else {
        Reader::open(path, options)?
    })
}

/// What answers, in one word for scripts.
pub(crate) fn answerer(with: With) -> &'static str {
    match with {
        With::Classifier => "final",
        With::Ensemble => "ensemble",
        With::Member { .. } => "member",
    }
}

/// The figures of each label that a row can have: of the classes, where rows can belong to several.
pub(crate) fn per_label(evaluation: &Evaluation) -> &[LabelEvaluation] {
    if evaluation.classes.is_empty() { &evaluation.labels } else { &evaluation.classes }
}

/// Says which of a run's models answer; with a warning if they stand in for another one.
pub(crate) fn say_who_answers(predictor: &Predictor, run: &Path, printer: &Printer) {
    let run = run.display();
    let models = counted(predictor.models, "model");
    match predictor.with {
        With::Classifier => printer.note(format_args!("predicting with the classifier {run}/final")),
        With::Ensemble if predictor.stands_in => printer.warn(format_args!(
            "the classifier {run}/final is gone, so the ensemble of {models} predicts instead; `{} train` on the run's task creates \
             the classifier again",
            program()
        )),
        With::Ensemble => printer.note(format_args!("predicting with the ensemble of {models} in {run}")),
        With::Member { pattern, seed } => {
            printer.note(format_args!("predicting with the member of pattern {pattern} and seed {seed} in {run}"));
        }
    }
}

/// Says whether probabilities are calibrated; nothing if the run has no calibration.
pub(crate) fn say_calibration(predictor: &Predictor, run: &Path, printer: &Printer) -> Result {
    match predictor.calibration() {
        Some(calibration) => printer.note(format_args!(
            "probabilities are calibrated with {}, at temperature {:.2}",
            counted(calibration.rows(), "checked row"),
            calibration.temperature
        )),
        None => {
            if let Some(other) = Calibration::open(run)? {
                let by = other.answered_by;
                printer.note(format_args!(
                    "probabilities are not calibrated; the calibration of {} is for `{by}`",
                    run.display()
                ));
            }
        }
    }
    Ok(())
}

/// What to type to run this program again.
pub(crate) fn program() -> String {
    let typed = command_line().first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if typed.contains(std::path::is_separator) { typed } else { "cloze".to_owned() }
}
