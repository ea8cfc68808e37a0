//! What the verbs about runs take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

/// `cloze report`
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A run directory, or a task file, which stands for the newest finished run of its task
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub run: PathBuf,
    /// Leave out every text of the data: figures, patterns and labels stay
    #[arg(long)]
    pub without_texts: bool,
    /// Where to write the page; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Where to look for the runs of a task file, in addition to `runs` in the task file's folder
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
}

/// `cloze runs`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Runs {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Option<RunsAction>,
    /// The directory with the runs
    #[arg(value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
}

/// What is done with runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsAction {
    /// Remove older runs, of which there are newer ones of the same task
    #[command(after_help = "Examples:
  cloze runs prune
  cloze runs prune --members --yes

Shows what it would remove; with `--yes` it does. A run in which a process works stays, and so does any file that is not a run's own.")]
    Prune(Prune),
}

/// `cloze runs prune`
#[derive(Debug, Args)]
pub(crate) struct Prune {
    /// The directory with the runs
    #[arg(value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub dir: PathBuf,
    /// Finished runs to keep of every task, the newest ones
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub keep: usize,
    /// Also remove the models of the ensemble from the runs that stay: they predict with their final classifier
    #[arg(long)]
    pub members: bool,
    /// Remove it, instead of showing what would be removed
    #[arg(long)]
    pub yes: bool,
}
