//! Training runs: the plan, the jobs, the run directory and the events.

mod answered_rows;
mod collect;
pub(crate) mod costs;
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
pub(crate) mod worker;

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use crate::cost::Cost;
use crate::error::store::MANIFEST;
use crate::report::{Later, Spent};
use crate::results::Results;
use crate::results::calibration::Calibration;
use crate::results::checksum;
use crate::results::energy::{self, Energy};
use crate::results::insight::{self, Insight};
use crate::run::store::{RunDir, Status};
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
    carbon_intensity: Option<f64>,
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
        Run { job_seconds: job_seconds.collect(), path, results, carbon_intensity: None }
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

    /// How far the run in `dir` is, and which processes work in it.
    ///
    /// # Errors
    /// When the directory is not a run, its record has been changed, or a finished job is damaged.
    pub fn status(dir: &Path) -> Result<Status> {
        Ok(RunDir::open(dir)?.status()?)
    }

    /// The task file that the run in `dir` was made from, which may since have been changed or deleted;
    /// `None` if the record does not name it.
    pub fn task_file(dir: &Path) -> Option<PathBuf> {
        RunDir::open(dir).ok()?.task_file()
    }

    /// Regenerates the page `report.html` from the files of the run: `results.json`, and `insight.json`,
    /// `run.toml`, the calibration and `energy.json` if they exist. Neither the data nor the model is needed.
    ///
    /// # Errors
    /// When `run.toml`, `insight.json`, the calibration or `energy.json` cannot be read or is damaged.
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
        let insight: Option<Insight> = self.file(insight::FILE)?;
        let has_record = self.path.join(MANIFEST).exists();
        let task = has_record.then(|| Run::task(&self.path)).transpose()?;
        let insight = insight.map(|insight| match with_texts {
            true => insight,
            // How far confidence can be trusted needs no text.
            false => Insight { errors: Vec::new(), uncertain: Vec::new(), ..insight },
        });
        let calibration = Calibration::open(&self.path)?;
        let energy = self.energy()?;
        let spent = energy.as_ref().map(|energy| self.spent(energy));
        let later = Later { calibration: calibration.as_ref(), spent };
        Ok(report::finished_html(results, insight.as_ref(), task.as_ref(), later))
    }

    /// The model card of the final classifier, which says more than its `README.md` does: what the run has cost.
    ///
    /// # Errors
    /// When the run has no final classifier, or `energy.json` cannot be read or is damaged.
    pub fn model_card(&self) -> Result<String> {
        if self.results.distilled.is_none() && self.results.supervised.is_none() {
            return Err(Error::usage(
                format!("`{}` has no final classifier that a card could describe", self.path.display()),
                "train on unlabelled rows as well, from which a classifier is distilled",
            ));
        }
        let energy = self.energy()?;
        Ok(report::model_card(&self.results, energy.as_ref().map(|energy| self.spent(energy))))
    }

    /// What the run has cost as a table of two lines in CSV, with the columns of CodeCarbon's `emissions.csv`.
    ///
    /// # Errors
    /// When the energy was not measured, or `energy.json` cannot be read or is damaged.
    pub fn emissions(&self) -> Result<String> {
        let table = self.energy()?.and_then(|energy| report::emissions(&self.results, self.spent(&energy)));
        table.ok_or_else(|| self.unmeasured())
    }

    /// The run, knowing the carbon intensity of its electricity, in grams of CO2 equivalent per kWh, so that it
    /// reports its emissions.
    ///
    /// # Errors
    /// When that is not a number from 0 on; when the energy was not measured, or `energy.json` cannot be read or
    /// is damaged.
    pub fn with_carbon_intensity(self, grams_per_kwh: f64) -> Result<Run> {
        if !(grams_per_kwh.is_finite() && grams_per_kwh >= 0.0) {
            return Err(Error::usage(
                format!("a carbon intensity is a number from 0 on, not {grams_per_kwh}"),
                "give grams of CO2 equivalent per kWh, for example 380",
            ));
        }
        match self.cost()?.and_then(|cost| cost.joules) {
            Some(_) => Ok(Run { carbon_intensity: Some(grams_per_kwh), ..self }),
            None => Err(self.unmeasured()),
        }
    }

    /// What the run has cost, all processes and reused jobs together; `None` if it was trained by a version
    /// that did not measure it.
    ///
    /// # Errors
    /// When `energy.json` cannot be read or is damaged.
    pub fn cost(&self) -> Result<Option<Cost>> {
        Ok(self.energy()?.map(|energy| energy.total))
    }

    fn energy(&self) -> Result<Option<Energy>> {
        self.file(energy::FILE)
    }

    fn spent<'r>(&self, energy: &'r Energy) -> Spent<'r> {
        Spent { energy, intensity: self.carbon_intensity }
    }

    fn unmeasured(&self) -> Error {
        Error::usage(
            format!("the energy of `{}` was not measured, so its emissions are unknown", self.path.display()),
            "ask for a report without emissions; to measure, train where the files `/sys/class/powercap/*/energy_uj` can be read",
        )
    }

    /// What is in a file of the run that not every run has.
    fn file<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>> {
        let file = self.path.join(name);
        match std::fs::read(&file) {
            Ok(bytes) => Ok(Some(parse(&file, &bytes)?)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Error::io("read", &file, error)),
        }
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
