//! The verbs that a run answers, and how their rows are read and written.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueHint};
use cloze::{Attribution, Encoding, Error, Format, Quoting, ReadOptions, With};

use super::choice;

/// `cloze eval`
#[derive(Debug, Args)]
pub(crate) struct Eval {
    /// A run directory, or a task file, which stands for the newest finished run of its task
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub run: PathBuf,
    /// A CSV, TSV, JSON Lines or Parquet file with labelled rows; `-` is standard input
    #[arg(value_name = "DATA", value_hint = ValueHint::FilePath)]
    pub data: PathBuf,
    /// How the rows are read, and what answers.
    #[command(flatten)]
    pub checked: CheckedArgs,
}

/// `cloze calibrate`
#[derive(Debug, Args)]
pub(crate) struct Calibrate {
    /// A run directory, or a task file, which stands for the newest finished run of its task
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub run: PathBuf,
    /// A CSV, TSV, JSON Lines or Parquet file with labelled rows that the run was not trained on, at least 50; `-` is standard input
    #[arg(value_name = "DATA", required_unless_present = "remove", value_hint = ValueHint::FilePath)]
    pub data: Option<PathBuf>,
    /// How the rows are read, and what answers.
    #[command(flatten)]
    pub checked: CheckedArgs,
    /// Remove the calibration of the run
    #[arg(long, conflicts_with_all = ["data", "label", "with", "from", "encoding", "quoting", "skip_unknown"])]
    pub remove: bool,
}

/// What the verbs that take labelled rows for a run have in common.
#[derive(Debug, Args)]
pub(crate) struct CheckedArgs {
    /// Where to look for the runs of a task file, in addition to `runs` in the task file's folder
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
    /// The column with the labels [default: the task's]
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// Which model predicts: the final classifier, or the ensemble of the fine-tuned models if the run kept them
    /// [default: final if there is one]
    #[arg(long, value_name = "MODEL", value_parser = choice(ANSWERERS))]
    pub with: Option<With>,
    /// The format of the rows [default: from the file's extension or first line]
    #[arg(long, value_name = "FORMAT", value_parser = choice(FORMATS))]
    pub from: Option<Format>,
    /// How the rows are stored.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Skip rows whose label the run does not know, and report how many there were
    #[arg(long)]
    pub skip_unknown: bool,
}

/// What a file of rows does not say about itself.
#[derive(Debug, Args)]
pub(crate) struct ReadingArgs {
    /// The encoding of the rows: `windows-1252`, `gb18030`, `shift_jis` … [default: UTF-8, or UTF-16 if detected]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<Encoding>,
    /// How CSV and TSV write a quote within a quoted value: doubled or after a backslash; with `none`, quotes are plain text
    /// [default: doubled]
    #[arg(long, value_name = "HOW", value_parser = choice(QUOTINGS))]
    pub quoting: Option<Quoting>,
}

impl ReadingArgs {
    /// How rows of this format are read. What the task says about its own files does not apply to others.
    pub(crate) fn options(&self, format: Option<Format>) -> ReadOptions {
        ReadOptions { format, encoding: self.encoding, quoting: self.quoting, of_task: false }
    }
}

/// `cloze predict`
#[derive(Debug, Args)]
pub(crate) struct Predict {
    /// A run directory, or a task file, which stands for the newest finished run of its task
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub run: PathBuf,
    /// A CSV, TSV, JSON Lines or Parquet file; `-` is standard input. With `--shard` any number of files, and folders of files
    #[arg(value_name = "INPUT", required_unless_present = "text", value_hint = ValueHint::AnyPath)]
    pub input: Vec<PathBuf>,
    /// Classify this text; may be repeated. For a task with several columns, give one for each, in the order of its patterns
    #[arg(long, value_name = "TEXT", conflicts_with_all = ["input", "output", "from", "to"])]
    pub text: Vec<String>,
    /// Where to write the rows; `-` is standard output. Rows of text are compressed if the name ends in `.gz` or `.zst`. With `--shard` a
    /// folder, which is created
    #[arg(short, long, value_name = "OUTPUT", default_value = "-", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Classify one of N shares of many rows, counted from 0, into a folder that several processes write to. Shard I has the parts I, I+N,
    /// I+2N and so on; a part is a row group of Parquet or a whole file of text, and gets a file of its own. Parts that are there are left as they
    /// are
    #[arg(long, value_name = "I/N", conflicts_with_all = ["text", "force"])]
    pub shard: Option<Shard>,
    /// With `--shard`, how rows of text are compressed [default: as the first file of the input]
    #[arg(long, value_name = "HOW", requires = "shard", value_parser = choice(COMPRESSIONS))]
    pub compression: Option<Compression>,
    /// Where to look for the runs of a task file, in addition to `runs` in the task file's folder
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
    /// Which model predicts: the final classifier, or the ensemble of the fine-tuned models if the run kept them
    /// [default: final if there is one]
    #[arg(long, value_name = "MODEL", value_parser = choice(ANSWERERS))]
    pub with: Option<With>,
    /// Give a label only where it is so probable that at least this share of the given labels is right, for example 0.95; the others stay
    /// empty. Holds with 95 % confidence for rows like those that the run was calibrated with
    #[arg(long, value_name = "SHARE", conflicts_with = "uncalibrated")]
    pub precision: Option<f64>,
    /// Write the probabilities as they come from the model, even if the run is calibrated
    #[arg(long)]
    pub uncalibrated: bool,
    /// Replace the output file if it exists
    #[arg(long)]
    pub force: bool,
    /// The format of the input [default: from the file's extension or first line]
    #[arg(long, value_name = "FORMAT", value_parser = choice(FORMATS))]
    pub from: Option<Format>,
    /// How the input is stored.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The format of the output; `superglue` is that of the benchmark's submissions: `idx` and label
    /// [default: from the file's extension, otherwise that of the input, or `jsonl` on standard output if that is Parquet]
    #[arg(long, visible_alias = "format", value_name = "FORMAT", value_parser = choice(OUTPUTS))]
    pub to: Option<OutputFormat>,
    /// What the model used, and how.
    #[command(flatten)]
    pub explaining: ExplainArgs,
}

/// One of several shares of the parts of an input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Shard {
    /// Its number, counted from 0.
    pub index: usize,
    /// How many there are.
    pub of: usize,
}

impl Shard {
    /// Whether a part belongs to it.
    pub(crate) fn has(self, part: usize) -> bool {
        part % self.of == self.index
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(given: &str) -> Result<Shard, String> {
        let shape = || "give its number and how many there are, for example `0/8`".to_owned();
        let (index, of) = given.split_once('/').ok_or_else(shape)?;
        let index: usize = index.parse().map_err(|_| shape())?;
        let of: usize = of.parse().map_err(|_| shape())?;
        match of.checked_sub(1) {
            None => Err("there is at least one shard: `0/1`".to_owned()),
            Some(last) if index > last => {
                Err(format!("shards are counted from 0, so the last of {of} is `{last}/{of}`"))
            }
            Some(_) => Ok(Shard { index, of }),
        }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

/// How the files of a folder are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compression {
    /// Not at all.
    None,
    /// With gzip.
    Gzip,
    /// With zstd.
    Zstd,
}

/// Whether and how predictions are explained.
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// Say what the model used: how much each word contributes to the probability of the label. It is the probability minus that
    /// without the word, or with `--explain=gradients` the word's share by integrated gradients, which only the classifier has
    #[arg(long, value_name = "HOW", num_args = 0..=1, require_equals = true, default_missing_value = "leave-one-out",
          value_parser = choice(ATTRIBUTIONS))]
    pub explain: Option<Attribution>,
    /// The number of steps of `--explain=gradients`; more make the contributions add up more exactly [default: 50]
    #[arg(long, value_name = "N", requires = "explain", value_parser = steps)]
    pub explain_steps: Option<usize>,
}

impl ExplainArgs {
    /// How contributions are computed, if they are asked for.
    pub(crate) fn attribution(&self) -> cloze::Result<Option<Attribution>> {
        match (self.explain, self.explain_steps) {
            (Some(Attribution::Gradients { .. }), Some(steps)) => Ok(Some(Attribution::Gradients { steps })),
            (Some(Attribution::LeaveOneOut), Some(_)) => Err(Error::usage(
                "`--explain-steps` is for integrated gradients, and words are left out",
                "leave it away, or write `--explain=gradients`",
            )),
            (explain, _) => Ok(explain),
        }
    }
}

fn steps(given: &str) -> Result<usize, String> {
    match given.parse() {
        Ok(0) | Err(_) => Err("a number of steps is 1 or more".to_owned()),
        Ok(steps) => Ok(steps),
    }
}

/// How predictions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OutputFormat {
    /// The rows of the input with more columns.
    Rows(Format),
    /// As the SuperGLUE benchmark requires.
    SuperGlue,
}

const ATTRIBUTIONS: &[(&str, Attribution)] = &[
    ("leave-one-out", Attribution::LeaveOneOut),
    ("gradients", Attribution::Gradients { steps: Attribution::STEPS }),
];
const FORMATS: &[(&str, Format)] =
    &[("csv", Format::Csv), ("tsv", Format::Tsv), ("jsonl", Format::Jsonl), ("parquet", Format::Parquet)];
const QUOTINGS: &[(&str, Quoting)] =
    &[("double", Quoting::Double), ("backslash", Quoting::Backslash), ("none", Quoting::None)];
const OUTPUTS: &[(&str, OutputFormat)] = &[
    ("csv", OutputFormat::Rows(Format::Csv)),
    ("tsv", OutputFormat::Rows(Format::Tsv)),
    ("jsonl", OutputFormat::Rows(Format::Jsonl)),
    ("parquet", OutputFormat::Rows(Format::Parquet)),
    ("superglue", OutputFormat::SuperGlue),
];
const COMPRESSIONS: &[(&str, Compression)] =
    &[("none", Compression::None), ("gzip", Compression::Gzip), ("zstd", Compression::Zstd)];
const ANSWERERS: &[(&str, With)] = &[("final", With::Classifier), ("ensemble", With::Ensemble)];
