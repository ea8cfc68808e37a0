//! An ordinary run in the background, which never makes the page wait.

mod kept;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use cloze::inspect::Estimate;
use cloze::{Cancel, Error, Event, Model, Predictor, Prepared, Run, Task, cloze_encoder::Device};
use serde::Serialize;

use self::kept::Kept;
use crate::desk::Desk;
use crate::export::{self, Made, TaskFile};
use crate::rows::Row;
use crate::state::State;

/// The most texts that the finished classifier labels by itself.
const PREDICTED: usize = 50_000;

/// What a run is doing.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "is", rename_all = "kebab-case")]
pub(crate) enum Status {
    /// None was started yet.
    Idle,
    /// It works.
    Running {
        /// What it does.
        what: String,
        /// From 0 to 1.
        done: f64,
        /// Seconds that are left, as far as known.
        left: Option<f64>,
        /// How many labels it learns from.
        labels: usize,
    },
    /// It has ended with a classifier.
    Finished {
        /// Its directory.
        run: String,
        labels: usize,
        seconds: f64,
    },
    /// It was stopped.
    Cancelled { labels: usize },
    /// It could not be done.
    Failed { why: String, remedy: Option<String> },
}

/// What the classifier of a run says.
#[derive(Debug, Clone)]
pub(crate) struct Predicted {
    /// The labels of the probabilities.
    pub(crate) labels: Vec<String>,
    pub(crate) rows: HashMap<Row, Vec<f32>>,
    /// How many labels it has learned from.
    pub(crate) lessons: usize,
    several: bool,
}

impl Predicted {
    /// The label of a text, or all that are likelier than not.
    pub(crate) fn best(&self, row: Row) -> Option<Vec<String>> {
        let probabilities = self.rows.get(&row)?;
        let name = |index: usize| self.labels[index].clone();
        if self.several {
            return Some(
                (0..self.labels.len()).filter(|label| probabilities[*label] > 0.5).map(name).collect(),
            );
        }
        let best = (0..self.labels.len()).max_by(|a, b| probabilities[*a].total_cmp(&probabilities[*b]))?;
        Some(vec![name(best)])
    }

    /// The labels of now that it gives to the texts of the sample.
    pub(crate) fn of_sample(&self, state: &State) -> HashMap<Row, Vec<usize>> {
        let labels = |row: &Row| {
            let names = self.best(*row)?;
            Some((*row, names.iter().filter_map(|name| state.find(name)).collect()))
        };
        state.sample.iter().filter_map(labels).collect()
    }
}

/// Runs one after the other.
pub(crate) struct Trainer {
    desk: Arc<Desk>,
    folder: PathBuf,
    name: String,
    given: Option<TaskFile>,
    model: Model,
    threads: usize,
    status: Mutex<Status>,
    cancel: Mutex<Option<Cancel>>,
    predicted: Mutex<Option<Arc<Predicted>>>,
    /// What each finished run says about the sample.
    history: Mutex<Vec<Predicted>>,
    /// Held while files are written.
    writing: Mutex<()>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Trainer {
    pub(crate) fn new(
        desk: Arc<Desk>,
        folder: PathBuf,
        name: String,
        given: Option<TaskFile>,
        model: Model,
        threads: usize,
    ) -> Trainer {
        let kept = Kept::read(&folder, &desk.rows);
        let (status, predicted, history) = match kept {
            Some(Kept { run, seconds, predicted, history }) => {
                let status = Status::Finished { run, labels: predicted.lessons, seconds };
                (status, Some(Arc::new(predicted)), history)
            }
            None => (Status::Idle, None, Vec::new()),
        };
        Trainer {
            desk,
            folder,
            name,
            given,
            model,
            threads,
            status: Mutex::new(status),
            cancel: Mutex::default(),
            predicted: Mutex::new(predicted),
            history: Mutex::new(history),
            writing: Mutex::default(),
        }
    }

    pub(crate) fn status(&self) -> Status {
        lock(&self.status).clone()
    }

    pub(crate) fn predicted(&self) -> Option<Arc<Predicted>> {
        lock(&self.predicted).clone()
    }

    /// How many labels each run had, and what it says about the sample; only of runs with the labels of now.
    pub(crate) fn history(&self, state: &State) -> Vec<(usize, HashMap<Row, Vec<usize>>)> {
        let now = |found: &&Predicted| found.labels.iter().eq(state.labels.iter().map(|label| &label.name));
        lock(&self.history).iter().filter(now).map(|found| (found.lessons, found.of_sample(state))).collect()
    }

    pub(crate) fn is_running(&self) -> bool {
        lock(&self.cancel).is_some()
    }

    /// Starts a run, unless there is one.
    pub(crate) fn start(self: &Arc<Self>) {
        let cancel = Cancel::default();
        {
            let mut running = lock(&self.cancel);
            if running.is_some() {
                return;
            }
            *running = Some(cancel.clone());
        }
        let labels = self.desk.state().lesson_count();
        *lock(&self.status) = Status::Running { what: "starting".into(), done: 0.0, left: None, labels };
        let own = Arc::clone(self);
        let work = move || {
            // Those who label come first. It is the thread that gets the lower priority, and the threads that it starts.
            #[cfg(target_os = "linux")]
            let _ = rustix::process::setpriority_process(None, 10);
            let status = match own.run(&cancel, labels) {
                Ok((run, seconds)) => Status::Finished { run, labels, seconds },
                Err(Error::Stopped) => Status::Cancelled { labels },
                Err(error) => Status::Failed { why: error.to_string(), remedy: error.remedy() },
            };
            *lock(&own.status) = status;
            *lock(&own.cancel) = None;
        };
        if let Err(error) = std::thread::Builder::new().name("training".into()).spawn(work) {
            *lock(&self.status) = Status::Failed { why: error.to_string(), remedy: None };
            *lock(&self.cancel) = None;
        }
    }

    /// Stops the run, whose finished parts are kept.
    pub(crate) fn cancel(&self) {
        lock(&self.cancel).iter().for_each(Cancel::cancel);
    }

    /// Writes the files of a run without running it.
    pub(crate) fn write(&self) -> cloze::Result<export::Written> {
        let state = self.desk.state().clone();
        self.write_files(&state, &Device::new(1))
    }

    /// Writes the files of a run; one after the other, if it is asked for twice at once.
    fn write_files(&self, state: &State, device: &Device) -> cloze::Result<export::Written> {
        let _writing = lock(&self.writing);
        export::task(
            &self.folder,
            &self.name,
            &self.desk.rows,
            state,
            self.given.as_ref(),
            &self.model,
            device,
        )
    }

    /// Frees what earlier runs here keep, and the members of this one: the next labels make other runs. What cannot be removed stays.
    fn clean_up(&self, newest: &Path) {
        let runs = std::fs::read_dir(self.folder.join("runs")).into_iter().flatten().flatten();
        for run in runs.map(|entry| entry.path()).filter(|path| path != newest && Run::is_in(path)) {
            let _ = Run::remove(&run);
        }
        let _ = Run::remove_members(newest);
    }

    /// Trains and predicts; gives the directory of the run, and the seconds it has taken.
    fn run(&self, cancel: &Cancel, labels: usize) -> cloze::Result<(String, f64)> {
        let began = Instant::now();
        let device = Device::new(self.threads);
        let say = |what: &str, done: f64, left: Option<f64>| {
            *lock(&self.status) = Status::Running { what: what.to_owned(), done, left, labels };
        };
        say("writing its files", 0.0, None);
        let state = self.desk.state().clone();
        let rows = &self.desk.rows;
        let written = self.write_files(&state, &device)?;
        let task = Task::open(&written.task)?;
        say("finding words and patterns", 0.0, None);
        let prepared = Prepared::new(&task, &self.model, &device)?;
        let estimate = Estimate::measured(&prepared)?;
        let all: f64 = estimate.jobs.iter().map(|job| job.seconds).sum::<f64>().max(0.001);
        let expected: HashMap<String, f64> =
            estimate.jobs.into_iter().map(|job| (job.job, job.seconds)).collect();
        let mut finished = 0.0;
        let training = Instant::now();
        let run = prepared.train(&self.folder.join("runs"), &mut |event: &Event| {
            let seconds = |job: &String| expected.get(job).copied().unwrap_or_default();
            let done = match event {
                Event::Progress { job, done, total, .. } => {
                    finished + seconds(job) * *done as f64 / (*total).max(1) as f64
                }
                Event::JobFinished { job, .. } | Event::JobSkipped { job, .. } => {
                    finished += seconds(job);
                    finished
                }
                _ => finished,
            };
            let done = (done / all).min(0.99);
            let left = (done > 0.05).then(|| training.elapsed().as_secs_f64() * (1.0 - done) / done);
            say("training", done, left);
            match cancel.is_cancelled() {
                true => std::ops::ControlFlow::Break(()),
                false => std::ops::ControlFlow::Continue(()),
            }
        })?;
        say("predicting", 0.99, None);
        let predictor = Predictor::open_with(&run.path, None, &device)?;
        let wanted: Vec<Row> = (0..rows.len()).take(PREDICTED).chain(state.sample.iter().copied()).collect();
        let names: Vec<String> = state.labels.iter().map(|label| label.name.clone()).collect();
        let mut predicted =
            Predicted { labels: names, rows: HashMap::new(), lessons: labels, several: state.several };
        let texts = wanted.iter().map(|row| rows.texts[*row].values.clone());
        for (row, prediction) in wanted.iter().zip(predictor.classify_all(texts)) {
            let prediction = prediction?;
            let of = |name: &String| prediction.probability(name).unwrap_or_default() as f32;
            predicted.rows.insert(*row, predicted.labels.iter().map(of).collect());
            if cancel.is_cancelled() {
                return Err(Error::Stopped);
            }
        }
        let table = export::predictions(rows, &state, &predicted, cloze::Format::Csv)?;
        let writing = lock(&self.writing);
        Made::read(&self.folder)?.write(export::PREDICTIONS, &table)?;
        drop(writing);
        let of_sample = predicted.rows.iter().filter(|(row, _)| state.is_sample(**row));
        let of_sample = Predicted {
            rows: of_sample.map(|(row, found)| (*row, found.clone())).collect(),
            labels: predicted.labels.clone(),
            ..predicted
        };
        let mut history = lock(&self.history).clone();
        history.push(of_sample);
        let seconds = began.elapsed().as_secs_f64();
        let kept = Kept { run: run.path.display().to_string(), seconds, predicted, history };
        kept.write(&self.folder, rows)?;
        *lock(&self.history) = kept.history;
        *lock(&self.predicted) = Some(Arc::new(kept.predicted));
        self.clean_up(&run.path);
        Ok((kept.run, seconds))
    }
}
