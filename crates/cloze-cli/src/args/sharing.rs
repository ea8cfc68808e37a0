//! What the verbs take that share a run between processes.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches, Subcommand, ValueHint};

use super::{ModelArg, Overrides, Predict, Study, TaskArg};

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
    /// End when all jobs are done or begun that can be done side by side; leave it to another process to merge their results
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
#[derive(Debug)]
pub(crate) enum Submit {
    /// The run of a task.
    Run(Box<SubmitRun>),
    /// Something else.
    Action(Box<SubmitAction>),
}

// A task is required where no action is named, which the parser's attributes cannot say.
impl Args for Submit {
    fn augment_args(command: Command) -> Command {
        let command = SubmitAction::augment_subcommands(SubmitRun::augment_args(command));
        command.args_conflicts_with_subcommands(true).subcommand_negates_reqs(true).subcommand_required(false)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Submit::augment_args(command)
    }
}

impl FromArgMatches for Submit {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Submit, clap::Error> {
        match matches.subcommand_name() {
            Some(_) => SubmitAction::from_arg_matches(matches).map(|action| Submit::Action(Box::new(action))),
            None => SubmitRun::from_arg_matches(matches).map(|run| Submit::Run(Box::new(run))),
        }
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Submit::from_arg_matches(matches)?;
        Ok(())
    }
}

/// What can be submitted other than the run of a task.
#[derive(Debug, Subcommand)]
pub(crate) enum SubmitAction {
    /// Carry out a study on a cluster, with all options of `cloze study`
    #[command(after_help = "Examples:
  cloze submit study task.toml --slurm --workers 8
  cloze submit study task.toml --factors labels,unlabeled --seeds 5 --slurm --workers 20 -- --time=4:00:00

Every task of an array runs the same study, and does the jobs that no other is doing.")]
    Study(SubmitStudy),
    /// Classify many rows on a cluster, with all options of `cloze predict`
    #[command(after_help = "Examples:
  cloze submit predict runs/support-1a2b3c4d archive -o labelled --slurm --workers 64
  cloze submit predict runs/support-1a2b3c4d archive -o labelled --threads 2 --slurm --workers 64 -- --cpus-per-task=2

Every task of an array does one of N shards of the parts, and a last job what they have left.")]
    Predict(SubmitPredict),
}

/// `cloze submit predict`
#[derive(Debug, Args)]
pub(crate) struct SubmitPredict {
    /// The rows.
    #[command(flatten)]
    pub predict: Predict,
    /// The cluster.
    #[command(flatten)]
    pub cluster: Cluster,
}

/// `cloze submit study`
#[derive(Debug, Args)]
pub(crate) struct SubmitStudy {
    /// The study.
    #[command(flatten)]
    pub study: Study,
    /// The cluster.
    #[command(flatten)]
    pub cluster: Cluster,
}

/// How something is submitted.
#[derive(Debug, Args)]
pub(crate) struct Cluster {
    /// Submit to Slurm
    #[arg(long, required = true)]
    pub slurm: bool,
    /// Print what would be submitted, and submit nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The tasks of an array at most [default: one for every job of a run that can be done at the same time, else 8]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub workers: Option<u32>,
    /// Options for `sbatch`, after `--`
    #[arg(last = true, value_name = "SBATCH OPTIONS")]
    pub sbatch: Vec<String>,
}

/// `cloze submit TASK`
#[derive(Debug, Args)]
pub(crate) struct SubmitRun {
    /// The task.
    #[command(flatten)]
    pub task: TaskArg,
    /// The cluster.
    #[command(flatten)]
    pub cluster: Cluster,
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
}
