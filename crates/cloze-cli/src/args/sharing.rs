//! What the verbs take that share a run between processes.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::{ModelArg, Overrides, TaskArg};

/// `cloze work`
#[derive(Debug, Args)]
pub(crate) struct Work {
    /// A run directory, as `cloze submit` and `cloze train` create them
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
    /// Which of the processes this is, counted from 0: it begins with other jobs than the others
    #[arg(long, value_name = "I", requires = "of")]
    pub index: Option<usize>,
    /// The number of processes that are started
    #[arg(long, value_name = "N", requires = "index", value_parser = clap::value_parser!(u32).range(1..))]
    pub of: Option<u32>,
    /// End when the rest needs jobs that other processes are busy with, instead of waiting for them
    #[arg(long)]
    pub no_wait: bool,
    /// After how many seconds without a sign of life this process's job is given to another
    #[arg(long, value_name = "SECONDS", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..=86400))]
    pub lease: u64,
    /// The pretrained model.
    #[command(flatten)]
    pub model: ModelArg,
}

/// `cloze status`
#[derive(Debug, Args)]
pub(crate) struct Status {
    /// A run directory
    #[arg(value_name = "RUN", value_hint = ValueHint::DirPath)]
    pub run: PathBuf,
}

/// `cloze submit`
#[derive(Debug, Args)]
pub(crate) struct Submit {
    /// The task.
    #[command(flatten)]
    pub task: TaskArg,
    /// Submit to Slurm
    #[arg(long, required = true)]
    pub slurm: bool,
    /// Print what would be submitted, and submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The tasks of an array at most [default: one for every job that can be done at the same time]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub workers: Option<u32>,
    /// How often jobs that have not been finished are submitted again
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub resubmit: u32,
    /// The directory for runs, which every node of the cluster sees under this name
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
    /// The changes to the task's options.
    #[command(flatten)]
    pub overrides: Overrides,
    /// How many jobs were left, and how often they have been submitted in vain, when this command submitted itself
    #[arg(long, hide = true, num_args = 2, value_names = ["LEFT", "TRIES"])]
    pub again: Option<Vec<u32>>,
    /// Options for `sbatch`, after `--`
    #[arg(last = true, value_name = "SBATCH OPTIONS")]
    pub sbatch: Vec<String>,
}
