//! The door to training.

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

/// Asks work that goes on in another thread to stop. Clones ask the same work.
///
/// Training then ends with [`Error::Stopped`] after the step that it is in; what is finished is kept, and training the same task again
/// goes on from there.
#[derive(Debug, Clone, Default)]
pub struct Cancel(Arc<AtomicBool>);

impl Cancel {
    /// Asks.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether somebody has asked.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Trains what a task asks for.
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
    /// Trains `task` with the model that it names, or else the built-in one, on all cores, in a directory under `runs`.
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

    /// The model that everything starts from, in the place of the one that the task names.
    pub fn model(self, model: Model) -> Trainer<'a> {
        Trainer { model: Some(model), ..self }
    }

    /// Where to compute: how many threads, and with which kernels.
    pub fn device(self, device: &Device) -> Trainer<'a> {
        Trainer { device: Some(device.clone()), ..self }
    }

    /// The directory that runs are kept in. A run takes over jobs that another one of the same name in there has finished.
    pub fn runs(self, runs: impl AsRef<Path>) -> Trainer<'a> {
        Trainer { runs: runs.as_ref().to_owned(), ..self }
    }

    /// What can stop the training from another thread.
    pub fn cancel(self, cancel: &Cancel) -> Trainer<'a> {
        Trainer { cancel: cancel.clone(), ..self }
    }

    /// What hears of every job that begins, goes on and ends, on the thread that trains.
    pub fn on_event(self, listener: impl FnMut(&Event) + 'a) -> Trainer<'a> {
        Trainer { listener: Box::new(listener), ..self }
    }

    /// Trains, or goes on with training: the run of the same task, rows and model is found again.
    ///
    /// # Errors
    /// When the task names no model and none is built in; when rows or model cannot be used, or the run's directory cannot be written or
    /// is damaged; [`Error::Stopped`] once it is cancelled.
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
