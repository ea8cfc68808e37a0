//! The pretrained masked language model, with its name in results.

use std::path::Path;
use std::sync::Arc;

use cloze_encoder::Checkpoint;

use crate::task::Task;
use crate::{Error, Result};

/// A masked language model to start from.
///
/// Results depend on the contents of its files; `name` is only what tables, reports and `results.json` call it. Clones share the weights.
#[derive(Clone)]
#[non_exhaustive]
pub struct Model {
    /// Its name in results.
    pub name: String,
    /// Whether this is also its name on the Hugging Face hub, from where it comes.
    is_from_hub: bool,
    checkpoint: Arc<Checkpoint>,
}

impl Model {
    /// The name of the model that the feature `built-in-model` compiles in.
    pub(crate) const BUILT_IN: &str = "cloze-mini-en";

    /// A model under a name of your choice.
    pub fn new(name: impl Into<String>, checkpoint: Checkpoint) -> Model {
        Model { name: name.into(), is_from_hub: false, checkpoint: Arc::new(checkpoint) }
    }

    /// A model of the Hugging Face hub under its name there, `OWNER/NAME`, which model cards then name as the base of what is made of it.
    pub fn from_hub(name: impl Into<String>, checkpoint: Checkpoint) -> Model {
        Model { is_from_hub: true, ..Model::new(name, checkpoint) }
    }

    /// Reads the model in a Hugging Face directory, and calls it as the directory is given here.
    ///
    /// # Errors
    /// As [`Checkpoint::open`].
    pub fn open(dir: impl AsRef<Path>) -> Result<Model> {
        let dir = dir.as_ref();
        if !dir.is_dir() {
            return Err(Error::usage(
                format!("there is no directory `{}` to read a model from", dir.display()),
                "give a Hugging Face directory with `config.json`, `tokenizer.json` and `model.safetensors`",
            ));
        }
        Ok(Model::new(dir.display().to_string(), Checkpoint::open(dir)?))
    }

    /// The model that a task names, or else the one that is compiled into the program.
    ///
    /// # Errors
    /// When it names none and there is none in the program, or as [`Checkpoint::open`].
    pub(crate) fn of_task(task: &Task) -> Result<Model> {
        match &task.model {
            Some(dir) => Model::open(dir),
            #[cfg(feature = "built-in-model")]
            None => Model::built_in(),
            #[cfg(not(feature = "built-in-model"))]
            None => Err(Error::usage(
                "the task names no model, and none is built in",
                "name a Hugging Face directory as `directory` under `[model]`",
            )),
        }
    }

    /// The model that is compiled into the program: `models/cloze-mini-en` of the repository, English, 22.7 M parameters.
    ///
    /// Only with the feature `built-in-model`, which makes the program 23 MB larger.
    ///
    /// # Errors
    /// As [`Checkpoint::open`], which a test shows not to happen.
    #[cfg(feature = "built-in-model")]
    pub fn built_in() -> Result<Model> {
        let checkpoint = Checkpoint::built_in(
            include_bytes!("../../../models/cloze-mini-en/config.json"),
            include_bytes!("../../../models/cloze-mini-en/tokenizer.json"),
            include_bytes!("../../../models/cloze-mini-en/model.safetensors"),
        )?;
        Ok(Model::new(Model::BUILT_IN, checkpoint))
    }

    /// Whether its name is that of a model of the Hugging Face hub.
    pub(crate) fn is_from_hub(&self) -> bool {
        self.is_from_hub
    }

    /// Its configuration, tokenizer and weights.
    pub(crate) fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// Whether it is known to have read English only.
    pub(crate) fn is_english(&self) -> bool {
        self.name == Model::BUILT_IN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixture() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert")
    }

    #[test]
    fn a_model_is_called_as_its_directory_was_given() {
        let model = Model::open(fixture()).unwrap();
        assert_eq!(model.name, fixture().display().to_string());
        assert!(!model.is_english());
        assert!(Model::open("no/such/directory").is_err());
    }

    #[cfg(feature = "built-in-model")]
    #[test]
    fn the_built_in_model_is_the_one_in_the_repository() {
        let built_in = Model::built_in().unwrap();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models").join(Model::BUILT_IN);
        assert_eq!(
            built_in.checkpoint().fingerprint(),
            Model::open(&folder).unwrap().checkpoint().fingerprint()
        );
        assert!(built_in.is_english());
    }
}
