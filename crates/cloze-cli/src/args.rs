//! What can be typed. Every verb's `--help` ends with examples that work as typed.

mod adapt;
mod label;
mod options;
mod rows;
mod runs;
mod serve;
mod sharing;
mod study;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueHint};
use cloze::task::{Preset, Setting};

pub(crate) use self::adapt::Adapt;
pub(crate) use self::label::{AddUsers, Label};
use self::options::{Overrides, Set};
pub(crate) use self::rows::{
    Calibrate, CheckedArgs, Compression, Eval, OutputFormat, Predict, ReadingArgs, Shard,
};
pub(crate) use self::runs::{Prune, Report, ReportFormat, Runs, RunsAction};
pub(crate) use self::serve::Serve;
pub(crate) use self::sharing::{Cluster, Status, Submit, SubmitAction, SubmitRun, Work};
pub(crate) use self::study::Study;
use crate::hub::{Name, Revision};

/// Where to listen: a port of this machine, or an address and a port.
fn address(given: &str) -> Result<SocketAddr, String> {
    let here = |port: &str| port.parse().ok().map(|port: u16| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let port = given.strip_prefix("localhost:").unwrap_or(given);
    here(port).or_else(|| given.parse().ok()).ok_or_else(|| {
        "give a port of this machine, or an address and a port, for example `8642` or `127.0.0.1:8642`"
            .to_owned()
    })
}

const EXIT_CODES: &str = "\
Exit codes: 0 success; 1 the data, a file or the model cannot be used as it is; 2 invalid command line; \
130 interrupted.
CLOZE_MODEL=DIR has the same effect as `--model DIR`; CLOZE_KERNELS=portable, avx2, avx512, avx512-bf16 or amx-bf16 \
selects the kernels; NO_COLOR=1 turns colours off.";

/// Train a small text classifier from a few labelled examples and a pile of unlabelled text
///
/// cloze turns a few labelled examples and a pile of unlabelled text into a small classifier that you own, on an ordinary
/// CPU and without a network, by pattern-exploiting training (PET).
#[derive(Debug, Parser)]
#[command(
    name = "cloze",
    version,
    arg_required_else_help = true,
    subcommand_required = true,
    max_term_width = 100,
    after_long_help = EXIT_CODES
)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
    /// How to do it.
    #[command(flatten)]
    pub global: Global,
}

/// The options of every verb.
#[derive(Debug, Args)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Global {
    /// Write the result as JSON on standard output, for scripts
    #[arg(long, global = true)]
    pub json: bool,
    /// Print only the result and warnings
    #[arg(short, long, global = true, conflicts_with = "json")]
    pub quiet: bool,
    /// The number of threads, at most 1024 [default: one per core]
    #[arg(long, global = true, value_name = "N", value_parser = threads)]
    pub threads: Option<NonZeroUsize>,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Train a classifier on built-in data with 40 labelled examples, offline, in about a minute
    #[command(after_help = "Examples:
  cloze demo
  cloze demo --runs /tmp/runs")]
    Demo(Demo),
    /// Write a task file for a table of labelled texts
    #[command(after_help = "Examples:
  cloze init tickets.csv --label team
  cloze init tickets.csv --label team --text subject,message -o support.toml")]
    Init(Init),
    /// Check a task file and its data, and estimate what training would cost
    #[command(after_help = "Examples:
  cloze check task.toml
  cloze check task.toml --json
  cloze check task.toml --set help")]
    Check(Check),
    /// Classify the test rows with the pretrained model to see how good each pattern is before training
    #[command(after_help = "Examples:
  cloze zero-shot task.toml
  cloze zero-shot task.toml --model ~/models/bert-base-uncased
  cloze zero-shot task.toml --priming 8")]
    ZeroShot(ZeroShot),
    /// Train the classifier that a task file describes
    #[command(after_help = "Examples:
  cloze train task.toml
  cloze train task.toml --compare
  cloze train task.toml --seeds 0,1,2 --keep final
  cloze train task.toml --method supervised
  cloze train task.toml --set steps=100 --set distil.steps=200

Training can be interrupted at any time, by Ctrl-C or a power cut: the same command resumes it.")]
    Train(Train),
    /// Begin the run of a task on a cluster
    #[command(after_help = "Examples:
  cloze submit task.toml --slurm --dry-run
  cloze submit task.toml --slurm -- --partition=main --cpus-per-task=4 --mem=4G --time=2:00:00
  cloze submit task.toml --slurm --workers 20 --method ipet --seeds 0,1,2
  cloze submit runs/support-1a2b3c4d --slurm
  cloze submit study task.toml --slurm --workers 8
  cloze submit predict runs/support-1a2b3c4d archive -o labelled --slurm --workers 64

An array of tasks runs `cloze work`; what it leaves undone is submitted again. The run ends with the same bytes as `cloze train` on a machine with the same \
kernels. The folder of runs, the data and the model must have the same names on every node.")]
    Submit(Submit),
    /// Do jobs of a run that other processes, here or on other machines, work in too
    #[command(after_help = "Examples:
  cloze work runs/support-1a2b3c4d
  cloze work runs/support-1a2b3c4d --index 3 --of 8 --threads 4
  seq 0 3 | xargs -P 4 -I {} cloze work runs/support-1a2b3c4d --index {} --of 4 --threads 1 --quiet

Each process asks for a job before it does it. If one is gone, or has given no sign of life for the length of its lease, another does its job.")]
    Work(Work),
    /// Show how far a run is, and which processes work in it
    #[command(after_help = "Examples:
  cloze status runs/support-1a2b3c4d
  cloze status runs/support-1a2b3c4d --json")]
    Status(Status),
    /// Find out which factors matter for a task: patterns, distillation, method, numbers of rows, models
    #[command(after_help = "Examples:
  cloze study task.toml
  cloze study task.toml --factors labels,unlabeled --seeds 5
  cloze study task.toml --factors samples --seeds 5
  cloze study task.toml --factors models --models ~/models/bert-base-uncased,~/models/roberta-base
  cloze study task.toml --factors words --words other-words.toml
  cloze study task.toml --factors patterns --pattern-sets 0+1,0+2

What each factor compares:
  patterns      the pretrained model, every pattern alone, sets of them, all together
  distillation  the ensemble, and the classifier distilled from it
  merge         `mean` and `wmean`
  method        supervised, pet, ipet
  generations   the ensembles of iPET by generation, and the distilled classifier
  priming       the pretrained model without and with labelled rows in front, and pet
  labels        different numbers of labelled rows
  unlabeled     no unlabelled rows, 100, 1,000, and so on
  samples       different labelled rows, the same number of them, each with every seed
  words         those of the task, one a label, those found, those of `--words`
  decoding      three orders of filling several masks, before training and after
  calibration   without and with
  freezing      training all layers, or leaving the lowest as they are
  start         a classifier that starts from the pretrained model, or from the members
  probe         without and with
  lm_weight     three shares of the auxiliary masked-LM loss
  adaptation    the model as it is, and adapted to the rows (`train --adapt`)
  models        the task's model and those of `--models`

Needs labelled test rows. Jobs that several settings share run once; the time of a setting is that of all jobs that it needs. After Ctrl-C the same command resumes the study; with more \
factors or seeds it reuses what is done.")]
    Study(Study),
    /// Measure a trained classifier on labelled rows
    #[command(after_help = "Examples:
  cloze eval runs/support-1a2b3c4d checked.csv
  cloze eval runs/support-1a2b3c4d checked.csv --skip-unknown
  cloze eval support.toml checked.csv
  cat checked.csv | cloze eval runs/support-1a2b3c4d -")]
    Eval(Eval),
    /// Calibrate a run's probabilities with labelled rows, so that they say how often answers are right
    #[command(after_help = "Examples:
  cloze calibrate runs/support-1a2b3c4d checked.csv
  cloze calibrate support.toml checked.csv --json
  cloze calibrate runs/support-1a2b3c4d --remove

Needs at least 50 labelled rows that the run was not trained on, drawn at random from rows like those to be predicted. Labels stay the same. From then on \
`cloze predict` and `cloze serve` give calibrated probabilities, and `cloze predict --precision 0.95` leaves rows empty whose label is not sure enough.")]
    Calibrate(Calibrate),
    /// Classify rows: add the label and every label's probability to the columns of the input
    #[command(after_help = "Examples:
  cloze predict runs/support-1a2b3c4d tickets.csv -o predictions.csv
  cloze predict support.toml tickets.csv -o predictions.csv
  cloze predict runs/support-1a2b3c4d --text \"I cannot log in since yesterday\"
  cloze predict runs/support-1a2b3c4d --text \"I cannot log in since yesterday\" --explain
  cloze predict runs/support-1a2b3c4d tickets.csv --explain -o explained.jsonl
  cat tickets.jsonl | cloze predict runs/support-1a2b3c4d - --from jsonl > predictions.jsonl
  cloze predict runs/support-1a2b3c4d tickets.csv -o sure.csv --precision 0.95
  cloze predict runs/support-1a2b3c4d archive -o labelled --shard 0/1
  seq 0 7 | xargs -P 8 -I{} cloze predict support.toml archive -o labelled --shard {}/8 --threads 1
  cloze predict runs/boolq-1a2b3c4d test.jsonl --format superglue -o BoolQ.jsonl")]
    Predict(Predict),
    /// Continue the training of a masked language model on your own text, to start from instead of the model as it is
    #[command(after_help = "Examples:
  cloze adapt cloze-mini-en reports.txt -o models/reports
  cloze adapt cloze-mini-en tickets.csv archive --column message -o models/support --epochs 3
  cloze adapt google-bert/bert-base-uncased notes -o models/notes --steps 2000 --mask-rate 0.3..0.15 --anchor 1
  cloze train task.toml --model models/support

A document is a row of a table, or what stands between blank lines of a `.txt` file. The directory appears when it is complete; until \
then the work is in the same name with `.unfinished` behind it, and the same command resumes it after Ctrl-C or a power cut.")]
    Adapt(Adapt),
    /// Label texts in the browser, with a classifier that learns as you go
    #[command(after_help = "Examples:
  cloze label tickets.csv
  cloze label tickets.csv --labels billing,technical,account
  cloze label tickets.csv --text subject,message --label team
  cloze label task.toml --no-open

Labels are kept in `tickets-labels/labels.jsonl`, beside the table, line by line as they are given; the same command goes on with them. From \
there come the task file, the tables and the runs that other commands use. Only this machine can open the page; on a remote machine, use \
`--no-open` and `ssh -L PORT:127.0.0.1:PORT HOST`, or let people sign in with `--users`.")]
    Label(Label),
    /// Add people who may sign in to `cloze label`, and print their passwords
    #[command(after_help = "Examples:
  cloze users people ann bob
  cloze label tickets.csv --users people --listen 0.0.0.0:8642

The file keeps only a hash of each password, so a password is shown once. Remove a line to shut somebody out from the next start on.")]
    Users(AddUsers),
    /// Answer requests over HTTP with trained classifiers
    #[command(after_help = "Examples:
  cloze serve runs/support-1a2b3c4d
  cloze serve support.toml --listen 127.0.0.1:9000
  cloze serve runs/support-1a2b3c4d runs/routing-5e6f7a8b
  CLOZE_API_KEY=$(openssl rand -hex 32) cloze serve support.toml --listen 0.0.0.0:8080
  curl localhost:8080/v1/classify --json '{\"rows\": [{\"text\": \"I cannot log in\"}]}'

Answers equal those of `cloze predict`. Other machines can ask only with a key. Texts are neither logged nor kept. SIGTERM and Ctrl-C end the \
server when the requests that it has accepted are answered.")]
    Serve(Serve),
    /// Write a run's report again, for example without texts, or its model card
    #[command(after_help = "Examples:
  cloze report runs/support-1a2b3c4d --without-texts -o report.html
  cloze report support.toml -o report.html
  cloze report runs/support-1a2b3c4d --to card --carbon-intensity 380 -o README.md
  cloze report runs/support-1a2b3c4d --to codecarbon --carbon-intensity 380 | tail -n 1 >> emissions.csv

What a run has cost is in its `energy.json`. Energy is that of the whole machine, and is measured where Linux lets this user read the counters \
of the processors.")]
    Report(Report),
    /// List the runs in a directory with what they keep, and free it
    #[command(after_help = "Examples:
  cloze runs
  cloze runs prune
  cloze runs prune --keep 2 --members --yes
  cloze runs prune studies/agnews/runs --yes")]
    Runs(Runs),
    /// Download a model from the Hugging Face hub and verify it; the only command that connects to a network
    #[command(after_help = "Examples:
  cloze fetch google-bert/bert-base-uncased
  cloze fetch google-bert/bert-base-uncased --revision 86b5e0934494bd15c9632b12f734a8a67f723594
  cloze fetch google-bert/bert-base-uncased --to models/bert
  cloze zero-shot task.toml --model google-bert/bert-base-uncased

The model goes into the Hugging Face cache unless `--to` names a directory. The same command resumes an interrupted download. \
HF_TOKEN gives access to private and gated models; HF_HOME moves the cache; HF_ENDPOINT names another hub.")]
    Fetch(Fetch),
    /// Write a script that completes cloze's commands in a shell
    #[command(after_help = "Examples:
  cloze completions bash > ~/.local/share/bash-completion/completions/cloze
  cloze completions zsh > ~/.zfunc/_cloze
  cloze completions fish > ~/.config/fish/completions/cloze.fish")]
    Completions(Completions),
    /// Write the manual page of cloze or of one of its commands
    #[command(after_help = "Examples:
  cloze man predict | man -l -
  cloze man > ~/.local/share/man/man1/cloze.1
  cloze man runs prune > ~/.local/share/man/man1/cloze-runs-prune.1")]
    Man(Man),
}

impl Verb {
    /// The task, of a verb that takes one.
    pub(crate) fn task(&self) -> Option<&TaskArg> {
        match self {
            Verb::Check(args) => Some(&args.task),
            Verb::ZeroShot(args) => Some(&args.task),
            Verb::Train(args) => Some(&args.task),
            Verb::Study(args) => Some(&args.task),
            Verb::Submit(Submit::Run(args)) => Some(&args.task),
            Verb::Submit(Submit::Action(action)) => match &**action {
                SubmitAction::Study(args) => Some(&args.study.task),
                SubmitAction::Predict(_) => None,
            },
            Verb::Demo(_)
            | Verb::Adapt(_)
            | Verb::Init(_)
            | Verb::Label(_)
            | Verb::Calibrate(_)
            | Verb::Eval(_)
            | Verb::Predict(_)
            | Verb::Serve(_)
            | Verb::Status(_)
            | Verb::Work(_)
            | Verb::Users(_)
            | Verb::Report(_)
            | Verb::Runs(_)
            | Verb::Fetch(_)
            | Verb::Completions(_)
            | Verb::Man(_) => None,
        }
    }
}

/// `cloze demo`
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// The directory for runs
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
    /// The pretrained model.
    #[command(flatten)]
    pub model: ModelArg,
}

/// `cloze init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A CSV, TSV, JSON Lines or Parquet file with labelled rows
    #[arg(value_name = "DATA", value_hint = ValueHint::FilePath)]
    pub data: PathBuf,
    /// The column with the labels
    #[arg(long, value_name = "COLUMN")]
    pub label: String,
    /// The columns with the texts, separated by commas [default: those that look like text]
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub text: Vec<String>,
    /// What a label means, in your own words; may be repeated for several labels
    #[arg(long, value_name = "LABEL=WORDS", value_parser = description)]
    pub describe: Vec<(String, String)>,
    /// A file with unlabelled texts of the same kind, to learn from
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub unlabeled: Option<PathBuf>,
    /// A file with labelled rows to measure on
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub test: Option<PathBuf>,
    /// Values of the label column that mean "no label", separated by commas; `--missing ""` for none
    /// [default: NA, null, -, ? and similar values]
    #[arg(long, value_name = "VALUE,…", value_delimiter = ',')]
    pub missing: Option<Vec<String>>,
    /// How the rows are stored.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// Where to write the task file; `-` is standard output [default: task.toml]
    #[arg(short, long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub output: Option<PathBuf>,
    /// Replace the task file if it exists
    #[arg(long)]
    pub force: bool,
    /// The model that must know the label words.
    #[command(flatten)]
    pub model: ModelArg,
}

/// A label and what it means.
fn description(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((label, words)) if !words.trim().is_empty() => {
            Ok((label.trim().to_owned(), words.trim().to_owned()))
        }
        _ => {
            Err("give a label, `=` and what it means, for example `billing=invoices and payments`".to_owned())
        }
    }
}

/// `cloze check`
#[derive(Debug, Args)]
pub(crate) struct Check {
    /// The task.
    #[command(flatten)]
    pub task: TaskArg,
}

/// `cloze zero-shot`
#[derive(Debug, Args)]
pub(crate) struct ZeroShot {
    /// The task.
    #[command(flatten)]
    pub task: TaskArg,
    /// Put up to N labelled rows in front of every row to classify, as many as fit
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub priming: usize,
}

/// `cloze train`
#[derive(Debug, Args)]
pub(crate) struct Train {
    /// The task.
    #[command(flatten)]
    pub task: TaskArg,
    /// Adapt the model to the task's labelled and unlabelled rows first, like `cloze adapt` with `--epochs 3 --anchor 1`
    #[arg(long)]
    pub adapt: bool,
    /// The directory for runs
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
    /// The changes to the task's options.
    #[command(flatten)]
    pub overrides: Overrides,
}

/// `cloze fetch`
#[derive(Debug, Args)]
pub(crate) struct Fetch {
    /// The model's name on the hub
    #[arg(value_name = "NAME")]
    pub name: Name,
    /// A branch, a tag or a commit
    #[arg(long, value_name = "REVISION", default_value_t)]
    pub revision: Revision,
    /// Put the files into this directory instead of the cache
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub to: Option<PathBuf>,
    /// Replace files in the directory that differ
    #[arg(long, requires = "to")]
    pub force: bool,
}

/// `cloze completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    pub shell: clap_complete::Shell,
}

/// `cloze man`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// The command, such as `predict` or `runs prune` [default: cloze itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

/// A task, its data and its model.
#[derive(Debug, Args)]
pub(crate) struct TaskArg {
    /// A task file, such as `cloze init` writes
    #[arg(value_name = "TASK", value_hint = ValueHint::FilePath)]
    pub task: PathBuf,
    /// The directory of the task's data files [default: what the task file says, or its folder]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub data: Option<PathBuf>,
    /// Values for the options that the task file leaves open: for a laptop, as in the PET papers, for a quick trial, or for thorough
    /// training
    /// [default: the task file's, or laptop]
    #[arg(long, value_name = "PRESET", value_parser = choice(PRESETS))]
    pub preset: Option<Preset>,
    /// Override an option of the task file, for example `steps=100` or `distil.steps=200`; may be repeated.
    /// `--set help` lists the options
    #[arg(long, value_name = "KEY=VALUE", value_parser = options::set)]
    pub set: Vec<Set>,
    /// The pretrained model.
    #[command(flatten)]
    pub model: ModelArg,
}

impl TaskArg {
    /// Whether the user wants to see the options that can be set.
    pub(crate) fn asks_for_options(&self) -> bool {
        self.set.iter().any(|set| matches!(set, Set::Help))
    }

    /// The options of `--set`.
    pub(crate) fn settings(&self) -> impl Iterator<Item = Setting> {
        self.set
            .iter()
            .filter_map(|set| if let Set::To(setting) = set { Some(setting.clone()) } else { None })
    }
}

/// The pretrained model.
#[derive(Debug, Args)]
pub(crate) struct ModelArg {
    /// A Hugging Face directory with a masked language model (BERT, RoBERTa, XLM-RoBERTa, ALBERT, DistilBERT, ELECTRA), or the
    /// name of a fetched model
    #[cfg_attr(
        feature = "built-in-model",
        doc = "[default: what the task file says, or the built-in cloze-mini-en]"
    )]
    #[cfg_attr(not(feature = "built-in-model"), doc = "[default: what the task file says]")]
    #[arg(long, value_name = "DIR", env = "CLOZE_MODEL", hide_env = true, value_hint = ValueHint::DirPath)]
    pub model: Option<PathBuf>,
}

/// More threads than this are a typing error: starting them takes longer than most of what they could do.
const MOST_THREADS: usize = 1024;

fn threads(given: &str) -> Result<NonZeroUsize, String> {
    let number = given.parse().ok().filter(|number: &NonZeroUsize| number.get() <= MOST_THREADS);
    number.ok_or_else(|| format!("give a number from 1 to {MOST_THREADS}"))
}

/// An option that is one of several words.
fn choice<T: Copy + Send + Sync + 'static>(
    choices: &'static [(&'static str, T)],
) -> impl clap::builder::TypedValueParser<Value = T> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(choices.iter().map(|(word, _)| *word)).map(|given| {
        // The parser accepts only the words that it was made from.
        let found = choices.iter().find(|(word, _)| *word == given);
        found.map(|(_, choice)| *choice).expect("the word is one of the choices")
    })
}

const PRESETS: &[(&str, Preset)] = &[
    ("laptop", Preset::Laptop),
    ("paper", Preset::Paper),
    ("quick", Preset::Quick),
    ("thorough", Preset::Thorough),
];

#[cfg(test)]
mod tests {
    use std::path::Path;

    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_verb_shows_examples() {
        for verb in Arguments::command().get_subcommands() {
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.starts_with("Examples:"), "{}", verb.get_name());
        }
    }

    #[test]
    fn every_command_in_the_documents_can_be_typed() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let mut typed = 0;
        for folder in [docs.clone(), docs.join("guides"), docs.join("concepts"), docs.join("reference")] {
            let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
            for page in entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")) {
                let text = std::fs::read_to_string(&page).unwrap();
                let blocks = text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
                // What is within a line is a command to be typed on this page only.
                let commands = page.ends_with("reproducing.md").then(|| text.split('`').skip(1).step_by(2));
                let inline = commands
                    .into_iter()
                    .flatten()
                    .filter(|code| code.starts_with("cloze ") && code.split_whitespace().count() > 2);
                for line in blocks.flat_map(str::lines).chain(inline) {
                    let Some(start) = line.find("cloze ") else { continue };
                    let command = line[start..].split(['|', '>', '#', '&', '\'']).next().unwrap_or_default();
                    // What a shell or another program puts there is a number.
                    let command = ["{}", "$shard", "$SLURM_ARRAY_TASK_ID"]
                        .iter()
                        .fold(command.to_owned(), |command, name| command.replace(name, "0"));
                    // Every second piece stood between quotes.
                    let pieces = command.split('"').enumerate();
                    let words = pieces.flat_map(|(number, piece)| match number % 2 {
                        0 => piece.split_whitespace().collect(),
                        _ => vec![piece],
                    });
                    if let Err(error) = Arguments::try_parse_from(words) {
                        panic!("{line}: {error}");
                    }
                    typed += 1;
                }
            }
        }
        assert!(typed >= 20, "{typed}");
    }
}
