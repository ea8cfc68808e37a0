//! A model: an encoder with a head, loaded, created or saved.

use std::ops::Range;
use std::path::Path;

use crate::head::{self, Classifier, Head, MaskedLm};
use crate::kernel::pages;
use crate::network::Network;
use crate::parameters::{Kind, Layout};
use crate::{Checkpoint, Config, Error, Result, Rng, Tokenizer};

/// An encoder with a masked-LM head or another head: a [`Classifier`]. The available operations depend on the
/// head.
#[derive(Clone)]
pub struct Model<H: Head = MaskedLm> {
    pub(crate) network: Network,
    pub(crate) head: H,
}

impl Model<MaskedLm> {
    /// The masked language model of a checkpoint.
    ///
    /// # Errors
    /// If tensors are missing or have other shapes than `config.json` says, or the decoder differs from the
    /// word embedding table although `config.json` says that they are tied.
    pub fn masked_lm(checkpoint: &Checkpoint) -> Result<Model<MaskedLm>> {
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
        check_for_mask_head(checkpoint)?;
        let (layout, head) = head::layout(&config);
        let (values, _) = read(checkpoint, &layout, "masked language model", 0..0, |_| false)?;
        Ok(Model { network: Network { config, layout, values, frozen: 0 }, head })
    }

    /// An untrained masked language model: weights from N(0, 0.02²) with `seed`, LayerNorm weights 1, biases
    /// 0. For measurements and tests.
    pub fn untrained(config: Config, seed: u64) -> Model<MaskedLm> {
        Model::drawn(config.with_labels(&[]), seed)
    }

    /// Adds to the bias of the masked-LM head: `amounts` `[columns]` to the entries `columns` of the vocabulary.
    ///
    /// # Panics
    /// If a column is not in the vocabulary.
    pub fn add_to_mask_bias(&mut self, columns: &[u32], amounts: &[f32]) {
        let values = &mut self.network.values[self.head.bias.clone()];
        for (&column, amount) in columns.iter().zip(amounts) {
            values[column as usize] += amount;
        }
    }
}

impl Model<Classifier> {
    /// The classifier of a checkpoint written by [`Model::save`] or transformers.
    ///
    /// # Errors
    /// If `config.json` does not name the labels, or tensors are missing or have other shapes.
    pub fn classifier(checkpoint: &Checkpoint) -> Result<Model<Classifier>> {
        if checkpoint.config.labels.is_empty() {
            return Err(Error::malformed("config.json", "a classifier needs `id2label`, which is missing"));
        }
        let config = checkpoint.config.clone();
        let (layout, head) = head::layout(&config);
        let (values, _) = read(checkpoint, &layout, "sequence classifier", 0..0, |_| false)?;
        Ok(Model { network: Network { config, layout, values, frozen: 0 }, head })
    }

    /// A new classifier over `labels` on the encoder of a checkpoint. The output weights are drawn from N(0,
    /// 0.02²) with `seed`, and the biases are 0. The dense layer before the output is the identity if the
    /// checkpoint has none.
    ///
    /// # Errors
    /// If tensors of the encoder are missing or have other shapes, or there are no labels.
    pub fn new_classifier(
        checkpoint: &Checkpoint,
        labels: &[String],
        seed: u64,
    ) -> Result<Model<Classifier>> {
        if labels.is_empty() {
            return Err(Error::malformed("the classifier", "it needs at least one label"));
        }
        let names = &checkpoint.config.family.class_head;
        let of = |layer: &str, name: &str| name.strip_prefix(layer).is_some_and(|end| end.starts_with('.'));
        let in_head = |name: &str| of(names.dense, name) || of(names.output, name);
        let config = checkpoint.config.with_labels(labels);
        let (layout, head): (_, Classifier) = head::layout(&config);
        let Classifier { dense, output } = &head;
        // An existing classification head for other labels is not an error: it is replaced.
        let same_labels = checkpoint.config.labels.len() == labels.len();
        let replaced = if same_labels { 0..0 } else { output.weight.start..output.bias.end };
        let (mut values, missing) = read(checkpoint, &layout, "encoder", replaced, in_head)?;
        let mut random = Rng::stream(seed, &[0xC1A5]);
        for x in &mut values[output.weight.clone()] {
            *x = (random.normal() * 0.02) as f32;
        }
        values[output.bias.clone()].fill(0.0);
        if missing.iter().any(|name| of(names.dense, name)) {
            let hidden = config.hidden_size;
            let weights = &mut values[dense.weight.clone()];
            weights.fill(0.0);
            weights.iter_mut().step_by(hidden + 1).for_each(|x| *x = 1.0);
            values[dense.bias.clone()].fill(0.0);
        }
        Ok(Model { network: Network { config, layout, values, frozen: 0 }, head })
    }

    /// An untrained classifier over `labels`, as [`Model::untrained`].
    ///
    /// # Panics
    /// If there are no labels.
    pub fn untrained_classifier(config: &Config, labels: &[String], seed: u64) -> Model<Classifier> {
        assert!(!labels.is_empty(), "a classifier has a label");
        Model::drawn(config.with_labels(labels), seed)
    }

    /// Replaces the output layer of a classifier: `weights` `[labels, hidden]` and `biases` `[labels]`.
    ///
    /// # Panics
    /// If the sizes do not match.
    pub fn set_output(&mut self, weights: &[f32], biases: &[f32]) {
        let output = &self.head.output;
        self.network.values[output.weight.clone()].copy_from_slice(weights);
        self.network.values[output.bias.clone()].copy_from_slice(biases);
    }
}

impl<H: Head> Model<H> {
    fn drawn(config: Config, seed: u64) -> Model<H> {
        let (layout, head) = head::layout(&config);
        let values = draw(&layout, seed);
        Model { network: Network { config, layout, values, frozen: 0 }, head }
    }

    /// The configuration.
    pub fn config(&self) -> &Config {
        &self.network.config
    }

    /// Freezes the embeddings and the `layers` lowest layers: training does not change them and uses no
    /// dropout in them, so their output for a text stays the same, and [`crate::Session::lower_states`] can
    /// compute it once. 0 freezes nothing, and if layers share their weights, nothing is ever frozen.
    ///
    /// # Panics
    /// If no layer would be left to train.
    pub fn freeze(&mut self, layers: usize) {
        assert!(layers < self.network.layout.layers.len(), "a layer is left to train");
        self.network.frozen = if self.network.config.shares_layers() { 0 } else { layers };
    }

    /// The number of frozen layers.
    pub fn frozen(&self) -> usize {
        self.network.frozen
    }

    /// The weights between the frozen layers and the head, in an order that does not depend on the head.
    pub fn trained_encoder(&self) -> &[f32] {
        &self.network.values[self.network.trained_from()..self.network.layout.head]
    }

    /// The same, mutable.
    pub fn trained_encoder_mut(&mut self) -> &mut [f32] {
        let range = self.network.trained_from()..self.network.layout.head;
        &mut self.network.values[range]
    }

    /// The number of weights.
    pub fn parameter_count(&self) -> usize {
        self.network.values.len()
    }

    /// The names, as in `model.safetensors`, and shapes of all tensors.
    pub fn parameters(&self) -> impl Iterator<Item = (&str, &[usize])> {
        self.network.layout.parameters.iter().map(|p| (p.name.as_str(), p.shape.as_slice()))
    }

    /// The elements of a tensor, row-major.
    pub fn parameter(&self, name: &str) -> Option<&[f32]> {
        self.network.layout.find(name).map(|p| &self.network.values[p.range.clone()])
    }

    /// Replaces the elements of a tensor; returns false if there is no such tensor of that size.
    pub fn set_parameter(&mut self, name: &str, values: &[f32]) -> bool {
        match self.network.layout.find(name) {
            Some(p) if p.range.len() == values.len() => {
                self.network.values[p.range.clone()].copy_from_slice(values);
                true
            }
            _ => false,
        }
    }

    /// The word embedding table, `[vocabulary, embedding]`.
    pub fn word_embeddings(&self) -> &[f32] {
        &self.network.values[self.network.layout.words.clone()]
    }

    /// Writes `config.json`, `tokenizer.json`, `tokenizer_config.json` and `model.safetensors` (float32) into
    /// a directory, so that [`Checkpoint::open`] and Hugging Face transformers load it.
    ///
    /// # Errors
    /// If the directory or a file cannot be written, or a weight is not finite, since such a model could not
    /// be loaded.
    pub fn save(&self, dir: &Path, tokenizer: &Tokenizer) -> Result<()> {
        self.network.save(dir, tokenizer, false, &[])
    }

    /// The same for a model that was trained from `original`: its weights are rounded to float16 if those of `original` were published in at
    /// most 16 bits, and it keeps the layer below a classifier's output that `original` has and a masked language model does not use.
    ///
    /// # Errors
    /// As [`Model::save`], or if float16 cannot hold a weight.
    pub fn save_like(&self, dir: &Path, original: &Checkpoint) -> Result<()> {
        let Network { config, layout, .. } = &self.network;
        let (of_classifier, _) = head::layout::<Classifier>(&config.with_labels(&[]));
        let unused = of_classifier.parameters.iter().filter(|parameter| {
            layout.find(&parameter.name).is_none()
                && parameter.name.starts_with(config.family.class_head.dense)
        });
        let mut kept = Vec::new();
        for parameter in unused {
            let name = parameter.name.as_str();
            if original.missing(std::iter::once((name, parameter.shape.as_slice())))?.is_empty() {
                let mut values = vec![0.0; parameter.range.len()];
                original.read(std::iter::once((name, 0..values.len())), &mut values)?;
                kept.push((name, parameter.shape.clone(), values));
            }
        }
        self.network.save(dir, &original.tokenizer, original.is_float16(), &kept)
    }
}

/// The error for an encoder without a masked-LM head, as sentence encoders and classifiers are published.
fn check_for_mask_head(checkpoint: &Checkpoint) -> Result<()> {
    let config = checkpoint.config.with_labels(&[]);
    let (layout, _) = head::layout::<MaskedLm>(&config);
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
        file: checkpoint.location().to_owned(),
        reason: format!(
            "it is {what}, and patterns need that head; take the masked language model that it was made from, for example \
             `google-bert/bert-base-uncased`, or use the built-in one"
        ),
    })
}

/// Weights from N(0, 0.02²) with `seed`, LayerNorm weights 1, biases 0.
fn draw(layout: &Layout, seed: u64) -> Vec<f32> {
    let mut values = pages::zeros(layout.len);
    let mut random = Rng::stream(seed, &[0x1417]);
    for parameter in &layout.parameters {
        let values = &mut values[parameter.range.clone()];
        match parameter.kind {
            Kind::Weight => values.iter_mut().for_each(|x| *x = (random.normal() * 0.02) as f32),
            Kind::Gamma => values.fill(1.0),
            Kind::Bias => {}
        }
    }
    values
}

/// Reads the weights of a model with this layout, which errors refer to as `what`, except for those that will
/// be `replaced`. Tensors accepted by `may_lack` may be missing; they stay 0, and their names are returned.
fn read(
    checkpoint: &Checkpoint,
    layout: &Layout,
    what: &str,
    replaced: Range<usize>,
    may_lack: impl Fn(&str) -> bool,
) -> Result<(Vec<f32>, Vec<String>)> {
    let wanted = || layout.parameters.iter().filter(|p| !replaced.contains(&p.range.start));
    let missing = checkpoint.missing(wanted().map(|p| (p.name.as_str(), p.shape.as_slice())))?;
    let needed: Vec<&str> = missing.iter().copied().filter(|name| !may_lack(name)).collect();
    require(&checkpoint.weights_file(), &needed, what)?;
    let missing = missing.into_iter().map(str::to_owned).collect();
    // Allocated only after the file is known to hold what `config.json` promises, which could be any amount.
    let mut values = pages::zeros(layout.len);
    checkpoint.read(wanted().map(|p| (p.name.as_str(), p.range.clone())), &mut values)?;
    Ok((values, missing))
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
