//! Training runs: the plan, the jobs, the run directory and the events.

mod answered_rows;
mod collect;
pub(crate) mod event;
mod job_files;
mod jobs;
mod log;
pub(crate) mod plan;
pub(crate) mod precheck;
pub(crate) mod prepare;
mod record;
pub(crate) mod store;
pub(crate) mod summary;
pub(crate) mod trainer;
mod worker;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::error::store::MANIFEST;
use crate::results::Results;
use crate::results::calibration::Calibration;
use crate::results::checksum;
use crate::results::insight::{self, Insight};
use crate::run::store::RunDir;
use crate::task::Task;
use crate::{Error, Place, Result, report};

/// A finished run.
#[derive(Debug, Clone)]
pub struct Run {
    /// Its directory.
    pub path: PathBuf,
    /// The results, as in `results.json`.
    pub results: Results,
    /// The duration of each job in seconds, if it can be read.
    pub job_seconds: BTreeMap<String, f64>,
}

impl Run {
    /// Opens a finished run in `dir`, including runs of earlier versions.
    ///
    /// # Errors
    /// When `results.json` does not exist or is damaged.
    pub fn open(dir: impl AsRef<Path>) -> Result<Run> {
        let path = dir.as_ref().to_owned();
        let file = path.join("results.json");
        let bytes = std::fs::read(&file).map_err(|error| Error::io("read", &file, error))?;
        Ok(Run::of_results(path, parse(&file, &bytes)?))
    }

    pub(crate) fn of_results(path: PathBuf, results: Results) -> Run {
        let run = RunDir::open(&path).ok();
        let seconds = |job: &str| run.as_ref()?.seconds(job);
        let stages = results.stages();
        let job_seconds =
            stages.iter().filter_map(|(_, stage)| Some((stage.job.clone(), seconds(&stage.job)?)));
        Run { job_seconds: job_seconds.collect(), path, results }
    }

    /// Whether `dir` contains a run of this program, finished or not: other programs may also use a file
    /// called `run.toml`.
    pub fn is_in(dir: &Path) -> bool {
        RunDir::is_in(dir)
    }

    /// The task of the run in `dir`, finished or not.
    ///
    /// # Errors
    /// When the directory is not a run, or its record has been changed.
    pub fn task(dir: &Path) -> Result<Task> {
        let record = dir.join(MANIFEST).display().to_string();
        Ok(Task::parse(&record, &RunDir::open(dir)?.manifest()?, dir)?.into_record())
    }

    /// The task file that the run in `dir` was made from, which may since have been changed or deleted;
    /// `None` if the record does not name it.
    pub fn task_file(dir: &Path) -> Option<PathBuf> {
        RunDir::open(dir).ok()?.task_file()
    }

    /// Regenerates the page `report.html` from the files of the run: `results.json`, and `insight.json`,
    /// `run.toml` and the calibration if they exist. Neither the data nor the model is needed.
    ///
    /// # Errors
    /// When `run.toml`, `insight.json` or the calibration cannot be read or is damaged.
    pub fn report(&self) -> Result<String> {
        self.report_of(&self.results, true)
    }

    /// The same page without any text of the data, to be shown to others: it has figures, patterns and labels, but no examples.
    ///
    /// # Errors
    /// As [`Run::report`].
    pub fn report_without_texts(&self) -> Result<String> {
        let results = Results { label_next: Vec::new(), ..self.results.clone() };
        self.report_of(&results, false)
    }

    fn report_of(&self, results: &Results, with_texts: bool) -> Result<String> {
        let file = self.path.join(insight::FILE);
        let insight: Option<Insight> = match std::fs::read(&file) {
            Ok(bytes) => Some(parse(&file, &bytes)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(Error::io("read", &file, error)),
        };
        let has_record = self.path.join(MANIFEST).exists();
        let task = has_record.then(|| Run::task(&self.path)).transpose()?;
        let insight = insight.map(|insight| match with_texts {
            true => insight,
            // How far confidence can be trusted needs no text.
            false => Insight { errors: Vec::new(), uncertain: Vec::new(), ..insight },
        });
        let calibration = Calibration::open(&self.path)?;
        Ok(report::calibrated_html(results, insight.as_ref(), task.as_ref(), calibration.as_ref()))
    }

    /// Removes the run in `dir`. What others have put into the directory stays.
    ///
    /// # Errors
    /// When it is not a run, a process works in it, or a file in it is not the run's own or cannot be removed.
    pub fn remove(dir: &Path) -> Result<()> {
        Ok(RunDir::remove(dir)?)
    }

    /// Removes all models of the run in `dir` but its final classifier, so that it can still predict and show its results.
    ///
    /// # Errors
    /// As [`Run::remove`]; or when the run has no final classifier.
    pub fn remove_members(dir: &Path) -> Result<()> {
        if RunDir::open(dir)?.job(plan::FINAL)?.is_none() {
            return Err(Error::usage(
                format!(
                    "`{}` has no final classifier, so it would keep nothing that predicts",
                    dir.display()
                ),
                "run `cloze train` on its task until it is finished, or remove the whole run",
            ));
        }
        Ok(RunDir::remove_jobs(dir, |job| job != plan::FINAL)?)
    }
}

fn parse<T: DeserializeOwned>(path: &Path, bytes: &[u8]) -> Result<T> {
    checksum::read(bytes).map_err(|problem| {
        Error::data(
            Place::file(path.display().to_string()),
            problem,
            "train the same task again, which writes it anew",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_file_of_a_run_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let error = Run::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("results.json"), "{error}");
        std::fs::write(dir.path().join("results.json"), "{\"format\": 1").unwrap();
        let error = Run::open(dir.path()).unwrap_err();
        assert!(error.to_string().contains("results.json`: it cannot be read"), "{error}");
    }
}
