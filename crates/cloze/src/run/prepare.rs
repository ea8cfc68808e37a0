//! What every verb begins with: the task as it is carried out, its rows, the model, and the plan.

use std::sync::Arc;

use cloze_encoder::{Checkpoint, Device};

use crate::dataset::Data;
use crate::results::ModelSource;
use crate::run::plan::Plan;
use crate::task::Task;
use crate::{Error, Model, Result, words};

/// A task that is ready to be carried out: its rows are read, its labels have words, its options fit the model and the processor, and
/// it is known which jobs there are. All of that is done once, here.
pub struct Prepared {
    /// The task as it is carried out: labels have words, inputs are no longer than the model can read, and the numeric format is the
    /// one that is really computed in.
    pub task: Task,
    pub(crate) data: Arc<Data>,
    pub(crate) model: Model,
    /// Computes in the numeric format that the task names.
    pub(crate) device: Device,
    pub(crate) plan: Plan,
}

impl Prepared {
    /// Reads the rows of `task` and plans its run with `model` on `device`.
    ///
    /// # Errors
    /// When the rows cannot be used, or labels without words get none.
    pub fn new(task: &Task, model: &Model, device: &Device) -> Result<Prepared> {
        let data = Data::read(task)?;
        let task = words::find(task, &data, model.checkpoint(), device)?;
        Ok(Prepared::with_data(&task, Arc::new(data), model, device))
    }

    /// The same for a task whose rows have been read and whose labels have words.
    pub(crate) fn with_data(task: &Task, data: Arc<Data>, model: &Model, device: &Device) -> Prepared {
        let mut task = task.fitted(&model.checkpoint().config);
        // The numbers hang on what is really computed with, so that the run's record and its ids name that.
        task.options.precision = task.options.precision.on(device);
        let device = task.options.precision.device(device);
        let plan = Plan::new(&task, &source(model), &data);
        Prepared { task, data, model: model.clone(), device, plan }
    }

    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        self.model.checkpoint()
    }

    pub(crate) fn source(&self) -> ModelSource {
        source(&self.model)
    }

    /// Checks that there is something to learn from.
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

fn source(model: &Model) -> ModelSource {
    ModelSource { name: model.name.clone(), fingerprint: model.checkpoint().fingerprint().to_owned() }
}
