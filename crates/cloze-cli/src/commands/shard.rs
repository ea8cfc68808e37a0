//! `cloze predict --shard`: a share of many rows, into a folder that several processes write to.

use std::collections::BTreeMap;
use std::io::BufWriter;
use std::path::{Path, PathBuf};
use std::time::Instant;

use cloze::{Annotated, Attribution, Error, Format, Predictor};
use serde_json::{Value, json};

use crate::args::{Compression, OutputFormat, Predict, Shard};
use crate::failure::{Failure, Result};
use crate::interrupt;
use crate::layout::{count, counted, duration};
use crate::nearby::listed;
use crate::packing::Packing;
use crate::printer::Printer;
use crate::progress::Shares;
use crate::shards::folder::Folder;
use crate::shards::input::{Input, Part, Source};
use crate::shards::manifest::Manifest;

use super::predict::{answered, protected, say_about, warn_without_text, write};
use super::{answerer, is_std, rows_argument};

/// What does the work.
struct Work<'a> {
    args: &'a Predict,
    how: Option<Attribution>,
    predictor: &'a Predictor,
    printer: &'a Printer,
    input: &'a Input,
    folder: Folder,
    format: Format,
}

/// Annotates the parts of a shard that are not there yet.
pub(super) fn run(
    shard: Shard,
    args: &Predict,
    how: Option<Attribution>,
    run: &Path,
    predictor: &Predictor,
    printer: &Printer,
) -> Result {
    let began = Instant::now();
    if is_std(&args.output) {
        let problem = "with `--shard` the rows are written to a folder, and none is named";
        return Err(Error::usage(problem, "name one with `-o FOLDER`").into());
    }
    protected(args, run, predictor).check(&args.output)?;
    let files = rows_argument::files(&args.input, run)?;
    let input = Input::read(&files, args.reading.options(args.from))?;
    let parts = input.parts();
    let (format, compression) = (format(args, input.sources())?, compression(args, &files));
    let compression = match (format, args.compression) {
        (Format::Parquet, Some(Compression::Gzip | Compression::Zstd)) => {
            let problem = "Parquet is compressed within, and not once more";
            return Err(Error::usage(problem, "leave `--compression` away, or write `--to jsonl`").into());
        }
        (Format::Parquet, _) => Compression::None,
        _ => compression,
    };
    let extension = format!("{format}{}", compression.extension());
    let manifest = Manifest::new(
        (predictor.fingerprint()?, run.display().to_string()),
        predictor.device().kernels().name(),
        options(args, predictor, &extension),
        input.sources(),
    );
    let folder = Folder::begin(&args.output, manifest, extension, parts.len())?;
    say_about(args, predictor, run, printer)?;
    warn_of_kernels(&folder, predictor, printer);
    interrupt::catch();
    let own: Vec<&Part> = parts.iter().filter(|part| shard.has(part.number)).collect();
    let work = Work { args, how, predictor, printer, input: &input, folder, format };
    let written = work.annotate(shard, &own)?;
    work.folder.sweep();
    warn_without_text(written, printer);
    work.conclude(shard, own.len(), parts.len(), written, began.elapsed().as_secs_f64())
}

/// The format of all parts: the one that is asked for, or that of all files.
fn format(args: &Predict, sources: &[Source]) -> Result<Format> {
    match args.to {
        Some(OutputFormat::Rows(format)) => return Ok(format),
        Some(OutputFormat::SuperGlue) => {
            let problem = "a submission to SuperGLUE is one file";
            return Err(Error::usage(problem, "leave `--shard` away, or write another format").into());
        }
        None => {}
    }
    let mut formats = sources.iter().filter_map(|source| Some((&source.path, source.format?)));
    let Some((first, format)) = formats.next() else {
        let problem = "there is nothing in any of the files, not even the names of columns";
        return Err(Error::usage(problem, "give files with rows").into());
    };
    match formats.find(|(_, other)| *other != format) {
        None => Ok(format),
        Some((path, other)) => Err(Error::usage(
            format!("`{}` is {format} and `{}` is {other}", first.display(), path.display()),
            "say in which format all rows are to be written, for example with `--to jsonl`",
        )
        .into()),
    }
}

/// How rows of text are compressed: as it is asked for, or as the first file is.
fn compression(args: &Predict, files: &[PathBuf]) -> Compression {
    let of_input = || files.first().map_or(Compression::None, |path| Compression::of_path(path));
    args.compression.unwrap_or_else(of_input)
}

/// The options that change what is written.
fn options(args: &Predict, predictor: &Predictor, extension: &str) -> BTreeMap<String, Value> {
    let explain = args.explaining.attribution().ok().flatten().map(|how| format!("{how:?}"));
    let reading = &args.reading;
    [
        ("to", Value::from(extension)),
        ("with", answerer(predictor.with).into()),
        ("precision", args.precision.into()),
        ("uncalibrated", if args.uncalibrated { true.into() } else { Value::Null }),
        ("from", args.from.map(|format| format.to_string()).into()),
        ("encoding", reading.encoding.map(|encoding| encoding.to_string()).into()),
        ("quoting", json!(reading.quoting)),
        ("explain", explain.into()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn warn_of_kernels(folder: &Folder, predictor: &Predictor, printer: &Printer) {
    let (own, theirs) = (predictor.device().kernels().name(), folder.kernels());
    if own != theirs {
        printer.warn(format_args!(
            "this process computes with the kernels `{own}`, and the folder was begun with `{theirs}`: the last digits of probabilities may \
             differ; `CLOZE_KERNELS` set to the same on all machines makes them the same"
        ));
    }
}

impl Work<'_> {
    /// Annotates those of these parts that are not there. A part whose rows cannot be read is reported and left out.
    fn annotate(&self, shard: Shard, own: &[&Part]) -> Result<Annotated> {
        let todo: Vec<&&Part> = own.iter().filter(|part| !self.folder.has(part.number)).collect();
        if todo.len() < own.len() {
            let (done, all) = (count(own.len() - todo.len()), counted(own.len(), "part"));
            self.printer.note(format_args!("{done} of {all} of shard {shard} done before"));
        }
        let mut all = Annotated::default();
        let mut shares = Shares::new(self.printer, todo.iter().map(|part| (part.rows, part.bytes())));
        for (number, part) in todo.iter().enumerate() {
            let began = Instant::now();
            let name = self.folder.name(part.number);
            if self.folder.has(part.number) {
                shares.finish(number, None);
                continue;
            }
            match self.annotate_part(part, &shares) {
                Ok(written) => {
                    shares.finish(number, Some(written.rows));
                    self.tell(
                        part,
                        &written,
                        began.elapsed().as_secs_f64(),
                        (number + 1, todo.len()),
                        &shares,
                    )?;
                    all.rows += written.rows;
                    all.answered += written.answered;
                    all.without_text += written.without_text;
                }
                Err(Failure::Cloze(Error::Stopped)) => {
                    let there = own.iter().filter(|part| self.folder.has(part.number)).count();
                    return Err(Failure::Interrupted(format!(
                        "shard {shard} has {there} of {}, and the same command goes on with the others",
                        counted(own.len(), "part"),
                    )));
                }
                // Another process has finished it, and has perhaps swept away what was written here.
                Err(_) if self.folder.has(part.number) => shares.finish(number, None),
                Err(Failure::Cloze(error)) if is_of_input(&error) => {
                    shares.finish(number, None);
                    let remedy = error.remedy().map_or(String::new(), |remedy| format!(" ({remedy})"));
                    self.printer.warn(format_args!("`{name}` is left out: {error}{remedy}"));
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(all)
    }

    fn annotate_part(&self, part: &Part, shares: &Shares) -> Result<Annotated> {
        let reader = self.input.open(part)?;
        let draft = self.folder.draft(part.number)?;
        let path = self.folder.file(part.number);
        let failed = |error| Error::io("write", &path, error);
        let file = draft.as_file().try_clone().map_err(failed)?;
        let mut packing = Packing::named(&path, BufWriter::new(file)).map_err(failed)?;
        let progress = |rows| {
            shares.show(rows);
            if interrupt::asked() { Err(Error::Stopped) } else { Ok(()) }
        };
        let (format, name) = (OutputFormat::Rows(self.format), path.display().to_string());
        let written = write(self.predictor, self.how, reader, &mut packing, &name, format, progress)?;
        packing.finish().map_err(failed)?;
        self.folder.publish(part.number, draft)?;
        Ok(written)
    }

    /// Tells of a part that was written.
    fn tell(
        &self,
        part: &Part,
        written: &Annotated,
        seconds: f64,
        (number, of): (usize, usize),
        shares: &Shares,
    ) -> Result {
        let name = self.folder.name(part.number);
        let left = shares.left().map_or(String::new(), |left| format!(", {left}"));
        let rows = counted(written.rows, "row");
        self.printer.note(format_args!("{number}/{of} {name}: {rows} in {}{left}", duration(seconds)));
        let mut event =
            json!({"part": name, "input": part.source.path, "rows": written.rows, "seconds": seconds});
        if let Some(group) = part.group {
            event["row_group"] = group.into();
        }
        Ok(self.printer.json(&event)?)
    }

    /// Says what is there and what is missing; an error if the shard lacks a part.
    fn conclude(&self, shard: Shard, own: usize, all: usize, written: Annotated, seconds: f64) -> Result {
        let missing = self.folder.missing();
        let (mine, others): (Vec<usize>, Vec<usize>) = missing.iter().partition(|part| shard.has(**part));
        let names = |parts: &[usize]| -> Vec<PathBuf> {
            parts.iter().map(|part| self.folder.name(*part).into()).collect()
        };
        let mut result = json!({
            "output": self.args.output,
            "shard": shard.to_string(),
            "rows": written.rows,
            "seconds": seconds,
            "answered_by": answerer(self.predictor.with),
            "parts": all,
            "parts_of_shard": own,
            "missing": names(&missing),
            "missing_of_shard": names(&mine),
        });
        if let Some(promise) = self.predictor.promise() {
            result["answered"] = written.answered.into();
            result["promise"] = json!(promise);
        }
        self.printer.json(&result)?;
        let of_shard = match mine.len() {
            0 => format!("is complete ({})", counted(own, "part")),
            lacking => format!("lacks {lacking} of {}", counted(own, "part")),
        };
        let of_all = match (missing.len(), others.len()) {
            (0, _) => "the folder is complete".to_owned(),
            (_, 0) => "no other shard lacks any".to_owned(),
            (_, lacking) => {
                let names = listed(&names(&others));
                format!("other shards lack {lacking} of {}: {names}", counted(all, "part"))
            }
        };
        self.printer.show(format_args!(
            "{}: {} in {}{}; shard {shard} {of_shard}; {of_all}\n",
            self.args.output.display(),
            counted(written.rows, "row"),
            duration(seconds),
            answered(self.predictor, written),
        ))?;
        if mine.is_empty() {
            return Ok(());
        }
        let problem =
            format!("shard {shard} lacks {}: {}", counted(mine.len(), "part"), listed(&names(&mine)));
        let remedy = "correct the input as said above and run the same command again; parts that are there stay as they are";
        Err(Error::usage(problem, remedy).into())
    }
}

/// Whether an error is one of the rows of a part, so that others may do.
fn is_of_input(error: &Error) -> bool {
    match error {
        Error::Data { .. } => true,
        Error::Io { action, .. } => *action == "read",
        _ => false,
    }
}
