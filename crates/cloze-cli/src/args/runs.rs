//! What the verbs about runs take.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::choice;

/// `cloze report`
#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A run directory, or a task file, which stands for the newest finished run of its task
    #[arg(value_name = "RUN", value_hint = ValueHint::AnyPath)]
    pub run: PathBuf,
    /// What to write: the page; the model card of the classifier, with what the run has cost; or a line with the columns of CodeCarbon's
    /// `emissions.csv`
    #[arg(long, value_name = "FORMAT", value_parser = choice(REPORTS), default_value = "html")]
    pub to: ReportFormat,
    /// Leave out every text of the data: figures, patterns and labels stay
    #[arg(long)]
    pub without_texts: bool,
    /// Also tell the emissions, at so many grams of CO2 equivalent per kWh of your electricity; needs a run whose energy was measured
    #[arg(long, value_name = "G_PER_KWH")]
    pub carbon_intensity: Option<f64>,
    /// Where to write it; `-` is standard output
    #[arg(short, long, value_name = "FILE", default_value = "-", value_hint = ValueHint::FilePath)]
    pub output: PathBuf,
    /// Replace the file if it exists
    #[arg(long)]
    pub force: bool,
    /// Where to look for the runs of a task file, in addition to `runs` in the task file's folder
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
}

/// What is reported of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportFormat {
    /// The page.
    Html,
    /// The model card.
    Card,
    /// What it has cost, as CodeCarbon writes that.
    CodeCarbon,
}

const REPORTS: &[(&str, ReportFormat)] =
    &[("html", ReportFormat::Html), ("card", ReportFormat::Card), ("codecarbon", ReportFormat::CodeCarbon)];

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
