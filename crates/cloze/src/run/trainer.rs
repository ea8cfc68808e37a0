//! The entry point for training.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cloze_encoder::Device;

use crate::run::Run;
use crate::run::event::Event;
use crate::run::prepare::Prepared;
use crate::task::Task;
use crate::{Error, Model, Result};

/// A request to stop work in another thread. Clones stop the same work.
///
/// Training ends with [`Error::Stopped`] after the current step; everything finished is kept, and training
/// the same task again resumes from there.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Requests the stop.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether a stop has been requested.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Trains a model for a task.
///
/// ```no_run
/// # fn main() -> cloze::Result<()> {
/// use cloze::{Model, Task, Trainer};
///
/// let task = Task::open("task.toml".as_ref())?;
/// let run = Trainer::new(&task)
///     .model(Model::open("models/bert-base-uncased")?)
///     .runs("runs")
///     .on_event(|event| println!("{event:?}"))
///     .train()?;
/// println!("everything is in {}", run.path.display());
/// # Ok(())
/// # }
/// ```
#[must_use]
pub struct Trainer<'a> {
    task: &'a Task,
    model: Option<Model>,
    device: Option<Device>,
    runs: PathBuf,
    cancel: Cancel,
    listener: Box<dyn FnMut(&Event) + 'a>,
}

impl<'a> Trainer<'a> {
    /// Trains `task` with the model that it names, or otherwise the built-in one, on all cores, in a
    /// directory under `runs`.
    pub fn new(task: &'a Task) -> Trainer<'a> {
        Trainer {
            task,
            model: None,
            device: None,
            runs: "runs".into(),
            cancel: Cancel::default(),
            listener: Box::new(|_| {}),
        }
    }

    /// The pretrained model to use instead of the one that the task names.
    pub fn model(self, model: Model) -> Trainer<'a> {
        Trainer { model: Some(model), ..self }
    }

    /// The device to compute on: the number of threads and the kernels.
    pub fn device(self, device: &Device) -> Trainer<'a> {
        Trainer { device: Some(device.clone()), ..self }
    }

    /// The directory in which runs are kept. A run reuses finished jobs from earlier runs of the same name in
    /// it.
    pub fn runs(self, runs: impl AsRef<Path>) -> Trainer<'a> {
        Trainer { runs: runs.as_ref().to_owned(), ..self }
    }

    /// Allows another thread to stop the training.
    pub fn cancel(self, cancel: &Cancel) -> Trainer<'a> {
        Trainer { cancel: cancel.clone(), ..self }
    }

    /// A listener for the start, progress and end of every job; called on the training thread.
    pub fn on_event(self, listener: impl FnMut(&Event) + 'a) -> Trainer<'a> {
        Trainer { listener: Box::new(listener), ..self }
    }

    /// Trains, or resumes training: the run of the same task, data and model is found again.
    ///
    /// # Errors
    /// When the task names no model and none is built in; when the data or the model cannot be used, or the
    /// run's directory is damaged or cannot be written; [`Error::Stopped`] once it is cancelled.
    pub fn train(self) -> Result<Run> {
        let Trainer { task, model, device, runs, cancel, mut listener } = self;
        let model = match model {
            Some(model) => model,
            None => Model::of_task(task)?,
        };
        let device = device.unwrap_or_else(Device::all_cores);
        let prepared = Prepared::new(task, &model, &device)?;
        if cancel.is_cancelled() {
            return Err(Error::Stopped);
        }
        prepared.train(&runs, &mut |event: &Event| {
            listener(event);
            if cancel.is_cancelled() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
    }
}
