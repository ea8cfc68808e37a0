//! The weights of an encoder with a head, in memory as float32.

use std::collections::HashMap;
use std::path::Path;

use safetensors::tensor::{Dtype, TensorView};

use crate::kernel::pages;
use crate::parameters::{HeadPlace, Kind, Layout};
use crate::{Checkpoint, Config, Error, Random, Result, Tokenizer};

/// An encoder with a masked-LM head or a classification head.
#[derive(Clone)]
pub struct Model {
    pub(crate) config: Config,
    pub(crate) layout: Layout,
    pub(crate) values: Vec<f32>,
    /// The lowest layers that training leaves as they are, the embeddings with them; 0 if all is trained.
    pub(crate) frozen: usize,
}

impl Model {
    /// The masked language model of a checkpoint.
    ///
    /// # Errors
    /// If tensors are missing or have other shapes than `config.json` says, or the decoder is not the table of word
    /// embeddings although `config.json` does not say so.
    pub fn masked_lm(checkpoint: &Checkpoint) -> Result<Model> {
        let config = checkpoint.config.with_labels(&[]);
        let decoder = config.family.mask_head.decoder;
        let words = format!("{}.embeddings.word_embeddings.weight", config.family.names.base);
        if config.tied && !checkpoint.is_tied(decoder, &words)? {
            return Err(Error::Unsupported {
                what: format!("`{decoder}` that differs from the word embeddings"),
                remedy: "set `tie_word_embeddings` to false in `config.json`, if the model has a decoder of its own"
                    .into(),
            });
        }
        Model::without_mask_head(checkpoint)?;
        let (model, _) = Model::read(checkpoint, config, "masked language model", |_| false)?;
        Ok(model)
    }

    /// The error for an encoder that has all but its masked-LM head, as sentence encoders and classifiers are published.
    fn without_mask_head(checkpoint: &Checkpoint) -> Result<()> {
        let config = checkpoint.config.with_labels(&[]);
        let layout = Layout::new(&config);
        let encoder = format!("{}.", config.family.names.base);
        let wanted = layout.parameters.iter().map(|p| (p.name.as_str(), p.shape.as_slice()));
        let (body, head): (Vec<_>, Vec<_>) = wanted.partition(|(name, _)| name.starts_with(&encoder));
        let is_whole = checkpoint.missing(body.into_iter())?.is_empty();
        if !is_whole || checkpoint.missing(head.iter().copied())?.len() < head.len() {
            return Ok(());
        }
        let what = match checkpoint.config.labels.is_empty() {
            true => "an encoder without its masked-LM head, as sentence encoders are",
            false => "an encoder with another head than that of a masked language model, as classifiers are",
        };
        Err(Error::Malformed {
            file: checkpoint.place().to_owned(),
            reason: format!(
                "it is {what}, and patterns need that head; take the masked language model that it was made from, for example \
                 `google-bert/bert-base-uncased`, or leave `--model` out for the built-in one"
            ),
        })
    }

    /// The classifier of a checkpoint that [`Model::save`] or transformers wrote.
    ///
    /// # Errors
    /// If `config.json` names no labels, or tensors are missing or of other shapes.
    pub fn classifier(checkpoint: &Checkpoint) -> Result<Model> {
        if checkpoint.config.labels.is_empty() {
            return Err(Error::malformed("config.json", "a classifier needs `id2label`, which is missing"));
        }
        let config = checkpoint.config.clone();
        let (model, _) = Model::read(checkpoint, config, "sequence classifier", |_| false)?;
        Ok(model)
    }

    /// A new classifier over `labels` on the encoder of a checkpoint. Output weights are drawn from N(0, 0.02²) with `seed`,
    /// biases are 0. The dense layer before lets everything pass as it is if the checkpoint has none.
    ///
    /// # Errors
    /// If tensors of the encoder are missing or of other shapes, or there is no label.
    pub fn new_classifier(checkpoint: &Checkpoint, labels: &[String], seed: u64) -> Result<Model> {
        if labels.is_empty() {
            return Err(Error::malformed("the classifier", "it needs at least one label"));
        }
        let names = &checkpoint.config.family.class_head;
        let of = |layer: &str, name: &str| name.strip_prefix(layer).is_some_and(|end| end.starts_with('.'));
        let in_head = |name: &str| of(names.dense, name) || of(names.output, name);
        let config = checkpoint.config.with_labels(labels);
        let (mut model, missing) = Model::read(checkpoint, config, "encoder", in_head)?;
        let HeadPlace::Classifier { dense, output } = &model.layout.head else {
            unreachable!("a configuration with labels has a classification head")
        };
        let (dense, output) = (dense.clone(), output.clone());
        let mut random = Random::stream(seed, &[0xC1A5]);
        for x in &mut model.values[output.weight] {
            *x = (random.normal() * 0.02) as f32;
        }
        model.values[output.bias].fill(0.0);
        if missing.iter().any(|name| of(names.dense, name)) {
            let hidden = model.config.hidden_size;
            let weights = &mut model.values[dense.weight];
            weights.fill(0.0);
            weights.iter_mut().step_by(hidden + 1).for_each(|x| *x = 1.0);
            model.values[dense.bias].fill(0.0);
        }
        Ok(model)
    }

    /// A model that has learnt nothing: weights from N(0, 0.02²) with `seed`, gains 1, biases 0. For measurements
    /// and tests.
    pub fn untrained(config: Config, seed: u64) -> Model {
        let layout = Layout::new(&config);
        let mut values = pages::zeros(layout.len);
        let mut random = Random::stream(seed, &[0x1417]);
        for parameter in &layout.parameters {
            let values = &mut values[parameter.place.clone()];
            match parameter.kind {
                Kind::Weight => values.iter_mut().for_each(|x| *x = (random.normal() * 0.02) as f32),
                Kind::Gain => values.fill(1.0),
                Kind::Bias => {}
            }
        }
        Model { config, layout, values, frozen: 0 }
    }

    /// Reads the weights of a model of this shape, which errors call `what`. Tensors that `may_lack` names may be missing; they stay 0, and their
    /// names are returned.
    fn read(
        checkpoint: &Checkpoint,
        config: Config,
        what: &str,
        may_lack: impl Fn(&str) -> bool,
    ) -> Result<(Model, Vec<String>)> {
        let layout = Layout::new(&config);
        // A classification head for other labels is no obstacle: it will be replaced.
        let same_labels = checkpoint.config.labels.len() == config.labels.len();
        let output = match &layout.head {
            HeadPlace::Classifier { output, .. } if !same_labels => output.weight.start..output.bias.end,
            _ => 0..0,
        };
        let wanted = || layout.parameters.iter().filter(|p| !output.contains(&p.place.start));
        let missing = checkpoint.missing(wanted().map(|p| (p.name.as_str(), p.shape.as_slice())))?;
        let needed: Vec<&str> = missing.iter().copied().filter(|name| !may_lack(name)).collect();
        require(&checkpoint.weights_file(), &needed, what)?;
        let missing = missing.into_iter().map(str::to_owned).collect();
        // Not before the file is known to hold what `config.json` promises: it could promise any amount.
        let mut values = pages::zeros(layout.len);
        checkpoint.read(wanted().map(|p| (p.name.as_str(), p.place.clone())), &mut values)?;
        Ok((Model { config, layout, values, frozen: 0 }, missing))
    }

    /// The shape.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Sets all dropout rates for training.
    pub fn set_dropout(&mut self, rate: f32) {
        self.config = self.config.with_dropout(rate);
    }

    /// Makes training leave the embeddings and the `layers` lowest layers as they are, and drop nothing out in them, so that
    /// what they make of a text stays the same: [`crate::Session::lower_states`] computes it once. With 0 everything is trained, as
    /// it always is where layers share their weights.
    ///
    /// # Panics
    /// If there are not more layers than that.
    pub fn freeze(&mut self, layers: usize) {
        assert!(layers < self.layout.layers.len(), "a layer is left to train");
        self.frozen = if self.config.shares_layers() { 0 } else { layers };
    }

    /// The lowest layers that training leaves as they are.
    pub fn frozen(&self) -> usize {
        self.frozen
    }

    /// Where the weights begin that are trained. What lies before them is embeddings and the lowest layers.
    pub(crate) fn trained_from(&self) -> usize {
        if self.frozen == 0 { 0 } else { self.layout.layers[self.frozen].qkv.weight.start }
    }

    /// The weights between the frozen layers and the head, in an order that is the same under every head.
    pub fn trained_encoder(&self) -> &[f32] {
        &self.values[self.trained_from()..self.layout.head.start()]
    }

    /// The same, to be changed.
    pub fn trained_encoder_mut(&mut self) -> &mut [f32] {
        let place = self.trained_from()..self.layout.head.start();
        &mut self.values[place]
    }

    /// The number of weights.
    pub fn parameter_count(&self) -> usize {
        self.values.len()
    }

    /// The names, as in `model.safetensors`, and shapes of all tensors.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.layout.parameters.iter().map(|p| (p.name.as_str(), p.shape.as_slice()))
    }

    /// The elements of a tensor, row-major.
    pub fn parameter(&self, name: &str) -> Option<&[f32]> {
        self.layout.find(name).map(|p| &self.values[p.place.clone()])
    }

    /// Replaces the elements of a tensor; false if there is no such tensor of that size.
    pub fn set_parameter(&mut self, name: &str, values: &[f32]) -> bool {
        match self.layout.find(name) {
            Some(p) if p.place.len() == values.len() => {
                self.values[p.place.clone()].copy_from_slice(values);
                true
            }
            _ => false,
        }
    }

    /// The table of word embeddings, `[vocabulary, embedding]`.
    pub fn word_embeddings(&self) -> &[f32] {
        &self.values[self.layout.words.clone()]
    }

    /// Adds to the bias of the masked-LM head: `amounts` `[columns]` to the entries `columns` of the vocabulary.
    ///
    /// # Panics
    /// If the model is a classifier, or a column is no entry of the vocabulary.
    pub fn add_to_mask_bias(&mut self, columns: &[u32], amounts: &[f32]) {
        let HeadPlace::MaskedLm { bias, .. } = &self.layout.head else {
            panic!("this model has a classification head, not a masked-LM head")
        };
        let values = &mut self.values[bias.clone()];
        for (&column, amount) in columns.iter().zip(amounts) {
            values[column as usize] += amount;
        }
    }

    /// Replaces the output layer of a classifier: `weights` `[labels, hidden]` and `biases` `[labels]`.
    ///
    /// # Panics
    /// If the model is a masked language model, or there are not so many.
    pub fn set_output(&mut self, weights: &[f32], biases: &[f32]) {
        let HeadPlace::Classifier { output, .. } = &self.layout.head else {
            panic!("this model has a masked-LM head, not a classification head")
        };
        self.values[output.weight.clone()].copy_from_slice(weights);
        self.values[output.bias.clone()].copy_from_slice(biases);
    }

    /// Writes `config.json`, `tokenizer.json`, `tokenizer_config.json` and `model.safetensors` (float32) into
    /// a directory, so that [`Checkpoint::open`] and Hugging Face transformers load it.
    ///
    /// # Errors
    /// If the directory or a file cannot be written, or a weight is not finite, which no model can be loaded with.
    pub fn save(&self, dir: &Path, tokenizer: &Tokenizer) -> Result<()> {
        if let Some(value) = self.values.iter().find(|value| !value.is_finite()) {
            return Err(Error::malformed(
                "the model",
                format!("a weight is {value}, and weights are finite numbers"),
            ));
        }
        std::fs::create_dir_all(dir).map_err(|e| Error::io("create", dir, e))?;
        let write = |name: &str, bytes: &[u8]| {
            let path = dir.join(name);
            std::fs::write(&path, bytes).map_err(|e| Error::io("write", &path, e))
        };
        write("config.json", &self.config.to_json())?;
        write("tokenizer.json", tokenizer.json())?;
        let typed = self.config.type_vocab_size > 1;
        write("tokenizer_config.json", &tokenizer.config_json(typed, self.config.max_length()))?;
        write("model.safetensors", &self.safetensors()?)
    }

    fn safetensors(&self) -> Result<Vec<u8>> {
        let failed = |e: safetensors::SafeTensorError| Error::malformed("model.safetensors", e);
        let bytes: Vec<u8> = self.values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let views: Vec<(&str, TensorView)> = self
            .layout
            .parameters
            .iter()
            .map(|p| {
                let data = &bytes[p.place.start * 4..p.place.end * 4];
                Ok((p.name.as_str(), TensorView::new(Dtype::F32, p.shape.clone(), data).map_err(failed)?))
            })
            .collect::<Result<_>>()?;
        let about = HashMap::from([("format".to_owned(), "pt".to_owned())]);
        safetensors::serialize(views, Some(about)).map_err(failed)
    }
}

fn require(file: &str, missing: &[&str], what: &str) -> Result<()> {
    match missing {
        [] => Ok(()),
        [first, rest @ ..] => Err(Error::malformed(
            file,
            match rest.len() {
                0 => format!("the {what} needs `{first}`, which is missing"),
                n => format!("the {what} needs `{first}`, which is missing, and {n} more"),
            },
        )),
    }
}
