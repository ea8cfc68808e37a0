//! Predicts labels for new examples with a finished run.

pub(crate) mod annotate;
mod answer;
mod calibrate;
pub(crate) mod classify;
pub(crate) mod disagreement;
pub(crate) mod explain;
mod fingerprint;
mod models;
pub(crate) mod zero_shot;

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use cloze_encoder::{Device, Model, Session};

use self::models::{Loaded, Models, Read};
use crate::dataset::{Example, evaluation};
use crate::metrics::Evaluation;
use crate::results::calibration::{Calibration, Promise};
use crate::run::store::RunDir;
use crate::scoring::scores::Scores;
use crate::task::{Keep, Task};
use crate::{Error, Result};

/// The models of a run that predict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum With {
    /// The final classifier: one small model.
    Classifier,
    /// All members together: as many models as there are patterns and seeds, and correspondingly slower.
    Ensemble,
    /// A single member of the last generation.
    Member {
        /// The index of the pattern, counted from 0.
        pattern: usize,
        /// The seed that it was trained with.
        seed: u64,
    },
}

/// The models of a finished run, ready to predict labels.
///
/// If the run is [calibrated](Predictor::calibrate), so are the probabilities.
///
/// It is opened once and can be shared by many threads. Simultaneous requests are processed one after the
/// other, each on all threads of the device. For simultaneous predictions, open several.
pub struct Predictor {
    /// Which of the run's models predict.
    pub with: With,
    /// The number of models that predict together.
    pub models: usize,
    /// Whether the ensemble predicts only because the run's final classifier is missing.
    pub stands_in: bool,
    dir: PathBuf,
    /// The temperature of all probabilities, if there is one.
    calibration: Option<Calibration>,
    /// Which labels are confident enough to be given, if not all are.
    promise: Option<Promise>,
    task: Task,
    device: Device,
    loaded: Mutex<Models>,
}

impl Predictor {
    /// Opens the final classifier of the run in `dir`, or its ensemble if it has no classifier, on all cores.
    ///
    /// # Errors
    /// When the directory is not a finished run, a file is damaged or was changed, or no model was kept.
    pub fn open(dir: impl AsRef<Path>) -> Result<Predictor> {
        Predictor::open_with(dir, None, &Device::all_cores())
    }

    /// Opens the models of the run in `dir` on `device`: the final classifier if there is one, unless `with`
    /// requests something else.
    ///
    /// # Errors
    /// As [`Predictor::open`], or when the requested models were not kept.
    pub fn open_with(dir: impl AsRef<Path>, with: Option<With>, device: &Device) -> Result<Predictor> {
        let dir = dir.as_ref();
        let run = RunDir::open(dir)?;
        let name = dir.join("run.toml").display().to_string();
        let task = Task::parse(&name, &run.manifest()?, dir)?.into_record();
        if task.options.keep == Keep::None {
            return Err(Error::usage(
                format!("`{}` has kept no model: it was trained with `keep = \"none\"`", dir.display()),
                "write `keep = \"all\"` or `keep = \"final\"` under `[train]` in the task file and run `cloze train` again",
            ));
        }
        let device = task.options.precision.device(device);
        let classifier = run.job("final")?;
        let stands_in = with.is_none() && classifier.is_none() && models::had_classifier(dir);
        let (with, models) = match (with, classifier) {
            (None | Some(With::Classifier), Some(job)) => {
                let checkpoint = job.checkpoint("")?;
                models::check_labels(&task, &checkpoint.config.labels, &job)?;
                let session = Session::new(Model::classifier(&checkpoint)?, &device);
                let loaded = Loaded { session, tokenizer: checkpoint.tokenizer };
                (With::Classifier, Models::Classifier(Box::new(loaded)))
            }
            (None, None) if !dir.join("results.json").exists() => return Err(unfinished(dir)),
            (Some(With::Classifier), None) => return Err(no_classifier(dir)),
            (None | Some(With::Ensemble), _) => (With::Ensemble, models::ensemble(&run, &task)?),
            (Some(With::Member { pattern, seed }), _) => {
                (With::Member { pattern, seed }, models::member(&run, &task, pattern, seed)?)
            }
        };
        Ok(Predictor {
            with,
            models: models.count(),
            stands_in,
            dir: dir.to_owned(),
            calibration: Calibration::of_models(dir, with)?,
            promise: None,
            task,
            device,
            loaded: Mutex::new(models),
        })
    }

    /// The task of the run, with its labels and columns.
    pub fn task(&self) -> &Task {
        &self.task
    }

    /// The device that they run on, with the kernels for the task's numeric format.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// The raw score (not the probability) of every label for each example. `progress` receives the number of
    /// passes over examples done and their total.
    ///
    /// # Errors
    /// When an example cannot be truncated to the model's maximum length, a model cannot be read, or
    /// `progress` fails.
    pub fn score(
        &self,
        examples: &[Example],
        progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Vec<Vec<f32>>> {
        Ok(self.scores(examples, progress)?.iter().map(<[f32]>::to_vec).collect())
    }

    /// The same as a single value.
    pub(crate) fn scores(
        &self,
        examples: &[Example],
        progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Scores> {
        Ok(self.read(examples, progress)?.scores)
    }

    /// The same, with how much of each example was cut off.
    fn read(&self, examples: &[Example], progress: impl FnMut(usize, usize) -> Result<()>) -> Result<Read> {
        // A thread that panics while holding the lock leaves the models unchanged or to be read again, so
        // they can still be used.
        let mut models = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        models.score(&self.task, &self.device, examples, progress)
    }

    /// Compares the predictions for labelled examples with their labels; examples without a label are left
    /// out.
    ///
    /// # Errors
    /// As [`Predictor::score`].
    pub fn evaluate(
        &self,
        examples: &[Example],
        progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Evaluation> {
        let labelled: Vec<Example> =
            examples.iter().filter(|example| example.label.is_some()).cloned().collect();
        let predictions = self.scores(&labelled, progress)?.predictions();
        Ok(evaluation(&self.task, &labelled, &predictions))
    }
}

fn unfinished(dir: &Path) -> Error {
    Error::usage(
        format!("the run `{}` is not finished", dir.display()),
        "run `cloze train` on its task again; it goes on where it was stopped",
    )
}

fn no_classifier(dir: &Path) -> Error {
    Error::usage(
        format!("`{}` has no final classifier", dir.display()),
        "run `cloze train` on its task until it is finished; without unlabelled rows there is none, and the ensemble \
         predicts",
    )
}
