//! The preparation shared by all commands: the effective task, its data, the model, and the plan.

use std::sync::Arc;

use cloze_encoder::{Checkpoint, Device};

use crate::dataset::Data;
use crate::results::ModelSource;
use crate::run::plan::Plan;
use crate::task::Task;
use crate::{Error, Model, Result, words};

/// A task that is ready to run: its data is read, its labels have words, its options fit the model and the
/// processor, and its jobs are planned.
pub struct Prepared {
    /// The effective task: its labels have words, `max_length` is within the model's limit, and the number
    /// format is the one actually used.
    pub task: Task,
    pub(crate) data: Arc<Data>,
    pub(crate) model: Model,
    /// The device, which computes in the task's number format.
    pub(crate) device: Device,
    pub(crate) plan: Plan,
}

impl Prepared {
    /// Reads the data of `task` and plans its run with `model` on `device`.
    ///
    /// # Errors
    /// When the data cannot be used, or no words are found for labels without words.
    pub fn new(task: &Task, model: &Model, device: &Device) -> Result<Prepared> {
        let data = Data::read(task)?;
        let task = words::find(task, &data, model.checkpoint(), device)?;
        Ok(Prepared::with_data(&task, Arc::new(data), model, device))
    }

    /// The same for a task whose data has been read and whose labels have words.
    pub(crate) fn with_data(task: &Task, data: Arc<Data>, model: &Model, device: &Device) -> Prepared {
        let mut task = task.fitted(&model.checkpoint().config);
        // Results depend on the format actually used, so the run's record and its ids must name it.
        task.options.precision = task.options.precision.on(device);
        let device = task.options.precision.device(device);
        let plan = Plan::new(&task, &ModelSource::of(model), &data);
        Prepared { task, data, model: model.clone(), device, plan }
    }

    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        self.model.checkpoint()
    }

    pub(crate) fn source(&self) -> ModelSource {
        ModelSource::of(&self.model)
    }

    /// Checks that there is data to train on.
    pub(crate) fn check_rows(&self) -> Result<()> {
        let Data { train, unlabeled, .. } = &*self.data;
        if !train.is_empty() || self.task.options.generations() > 0 && !unlabeled.is_empty() {
            return Ok(());
        }
        let problem = "there are no labelled rows to learn from";
        if self.task.is_of_program() {
            let remedy = "give the task labelled examples; or unlabelled ones, of which the pretrained model's guesses can be learned";
            return Err(Error::usage(problem, remedy));
        }
        let instead = match unlabeled.is_empty() {
            true => {
                "one of rows without labels as `unlabeled`, of which the pretrained model's guesses can be learned"
            }
            false => {
                "train with `method = \"pet\"`, which can learn the pretrained model's guesses of the unlabelled rows"
            }
        };
        Err(Error::usage(
            problem,
            format!(
                "name a file of labelled rows under `[data]` as `train`; or {instead}; or try `cloze zero-shot`"
            ),
        ))
    }
}
