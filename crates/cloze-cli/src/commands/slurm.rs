//! Slurm: what is submitted, and what is asked of it.
//!
//! Slurm only starts processes; what is done and what is left is in the run's directory. Its accounting is never asked, since many clusters have
//! none.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;

use cloze::Error;
use serde::Serialize;

use crate::failure::Result;
use crate::layout::counted;
use crate::retyped::typed;

/// Tasks of an array at most where Slurm does not say: its own default is 1001, counted with 0.
const MOST_TASKS: u32 = 1000;

/// A job that Slurm has.
#[derive(Debug, Serialize)]
pub(super) struct Queued {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: String,
    pub(super) reason: String,
}

/// A job to be submitted.
pub(super) struct Submission<'a> {
    /// Its name.
    pub(super) name: String,
    /// The number of tasks of an array; `None` for a single job.
    pub(super) tasks: Option<u32>,
    /// The job that has to end before, well or not.
    pub(super) after: Option<String>,
    /// Where its output goes.
    pub(super) output: PathBuf,
    /// The user's own options.
    pub(super) options: &'a [String],
    /// What it runs.
    pub(super) command: String,
}

impl Submission<'_> {
    /// The words of the `sbatch` command.
    pub(super) fn words(&self) -> Vec<String> {
        let mut words = vec!["sbatch".to_owned(), "--parsable".into(), format!("--job-name={}", self.name)];
        // A task that a failing node takes with it is started again.
        words.push("--requeue".into());
        if let Some(tasks) = self.tasks {
            words.push(format!("--array=0-{}", tasks - 1));
        }
        if let Some(job) = &self.after {
            words.push(format!("--dependency=afterany:{job}"));
        }
        words.push(format!("--output={}", self.output.display()));
        words.extend(self.options.iter().cloned());
        words.push(format!("--wrap={}", self.command));
        words
    }

    /// The command as it would be typed.
    pub(super) fn line(&self) -> String {
        self.words().iter().map(|word| typed(word)).collect::<Vec<_>>().join(" ")
    }

    /// Submits it; the number that Slurm gives it.
    pub(super) fn submit(&self) -> Result<String> {
        let words = self.words();
        let output = Command::new(&words[0]).args(&words[1..]).output();
        let output = output.map_err(|error| match error.kind() {
            ErrorKind::NotFound => Error::usage(
                "there is no `sbatch` here",
                "run this on a machine from which jobs are submitted to Slurm, or print what would be submitted with `--dry-run`",
            ),
            _ => Error::io("run", "sbatch", error),
        })?;
        let said = String::from_utf8_lossy(&output.stdout);
        // With several clusters, the name of the cluster follows.
        match said.trim().split(';').next().filter(|id| output.status.success() && !id.is_empty()) {
            Some(id) => Ok(id.to_owned()),
            None => Err(Error::usage(
                format!("Slurm has refused the job: {}", String::from_utf8_lossy(&output.stderr).trim()),
                format!("change the options after `--`; the command was `{}`", self.line()),
            )
            .into()),
        }
    }
}

/// How many tasks an array may have.
pub(super) fn most_tasks() -> u32 {
    let shown = said("scontrol", ["show", "config"]).unwrap_or_default();
    let line = shown.lines().find_map(|line| line.trim_start().strip_prefix("MaxArraySize"));
    let size = line.and_then(|rest| rest.trim_start_matches([' ', '=']).trim().parse::<u32>().ok());
    size.map_or(MOST_TASKS, |size| size.saturating_sub(1)).max(1)
}

/// The name of the jobs of a run.
pub(super) fn name_of(run: &Path) -> String {
    format!("cloze-{}", run.file_name().unwrap_or_default().to_string_lossy())
}

/// The jobs that Slurm still has of a run; none where there is no Slurm.
pub(super) fn queue(run: &Path) -> Vec<Queued> {
    let run = run.canonicalize().unwrap_or_else(|_| run.to_owned());
    let name = name_of(&run);
    let names = format!("--name={name}");
    let shown =
        said("squeue", ["--me", "--noheader", "--array", &names, "--format=%i|%j|%T|%r"]).unwrap_or_default();
    let job = |line: &str| {
        let mut parts = line.split('|').map(|part| part.trim().to_owned());
        Some(Queued { id: parts.next()?, name: parts.next()?, state: parts.next()?, reason: parts.next()? })
    };
    shown.lines().filter_map(job).collect()
}

fn said<I: AsRef<OsStr>>(program: &str, args: impl IntoIterator<Item = I>) -> Option<String> {
    let output = Command::new(program).args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// What is said of jobs that were submitted.
pub(super) fn tasks(count: Option<u32>) -> String {
    count.map_or("one job".to_owned(), |count| format!("an array of {}", counted(count as usize, "task")))
}
