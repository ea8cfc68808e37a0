//! The options whose value is one of several words.

use std::str::FromStr;

use cloze_encoder::Device;
use serde::Serialize;

use crate::error::list;
use crate::table::Quoting;
use crate::{Error, Result};

/// The training method of `cloze train`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Pattern-exploiting training: fine-tune on patterns, annotate, distil.
    #[default]
    Pet,
    /// The same over several generations; each generation also learns from examples that the previous one has
    /// labelled.
    Ipet,
    /// Plain fine-tuning of a classifier on the labelled examples, as a baseline.
    Supervised,
}

/// Which models are kept in the run directory. A model takes four bytes of disk space per weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The members and the final classifier, so that the ensemble can also predict.
    #[default]
    All,
    /// The final classifier only.
    Final,
    /// None: the run only evaluates.
    None,
}

/// Which models are evaluated on the test examples.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    /// The final model: the classifier, or the ensemble if there is none.
    #[default]
    Final,
    /// Every intermediate model as well: zero-shot and fine-tuned patterns, and ensembles.
    All,
}

/// What the final classifier is initialised from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Start {
    /// The mean of the members' weights; if there are many labels, with an output layer fitted to the
    /// members' scores.
    #[default]
    Members,
    /// The pretrained model, with a random output layer.
    Model,
}

/// The number format of the factors in matrix products. Weights, sums and the optimizer always use float32.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 significant bits.
    Float32,
    /// Eight significant bits on processors that are faster with them; float32 elsewhere.
    #[default]
    Bfloat16,
}

impl Precision {
    /// A device that computes in this format, with the threads of `device`.
    pub(crate) fn device(self, device: &Device) -> Device {
        match self {
            Precision::Float32 => device.clone(),
            Precision::Bfloat16 => device.bf16(),
        }
    }

    /// The format actually used on `device`, which may lack bfloat16 or be configured to use it.
    pub(crate) fn on(self, device: &Device) -> Precision {
        if self.device(device).kernels().is_bf16() { Precision::Bfloat16 } else { Precision::Float32 }
    }
}

/// How the members' scores are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reduction {
    /// All members have the same weight.
    Mean,
    /// A member is weighted by the zero-shot accuracy of its pattern on the training examples.
    #[default]
    Wmean,
}

/// The order in which the masks of a multi-token word are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decoding {
    /// The token that the model is most confident about first.
    #[default]
    MaxFirst,
    /// From left to right.
    LeftToRight,
    /// All at once.
    Parallel,
}

/// How training combines the cross-entropies of the tokens of a multi-token word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hinge {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean, which is independent of length.
    Mean,
    /// Their mean over all examples of a batch, as in the reference implementation for COPA; with a batch of
    /// one example, the same as the mean.
    Batch,
}

/// A choice written as a word in the task file.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    /// Every choice and its word.
    const ALL: &'static [(&'static str, Self)];

    /// The choice with this word.
    fn of(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice)
    }

    /// Its word.
    fn word(self) -> &'static str {
        // `ALL` names every variant.
        Self::ALL.iter().find(|(_, choice)| *choice == self).map_or("", |(name, _)| name)
    }

    /// All words, for a remedy.
    fn words() -> String {
        list(Self::ALL.iter().map(|(name, _)| name))
    }
}

impl Choice for Quoting {
    const ALL: &'static [(&'static str, Self)] = Quoting::ALL;
}

impl Choice for Method {
    const ALL: &'static [(&'static str, Self)] =
        &[("pet", Method::Pet), ("ipet", Method::Ipet), ("supervised", Method::Supervised)];
}

impl Choice for Keep {
    const ALL: &'static [(&'static str, Self)] =
        &[("all", Keep::All), ("final", Keep::Final), ("none", Keep::None)];
}

impl Choice for Measure {
    const ALL: &'static [(&'static str, Self)] = &[("final", Measure::Final), ("all", Measure::All)];
}

impl Choice for Start {
    const ALL: &'static [(&'static str, Self)] = &[("members", Start::Members), ("model", Start::Model)];
}

impl Choice for Precision {
    const ALL: &'static [(&'static str, Self)] =
        &[("float32", Precision::Float32), ("bfloat16", Precision::Bfloat16)];
}

impl Choice for Decoding {
    const ALL: &'static [(&'static str, Self)] = &[
        ("max-first", Decoding::MaxFirst),
        ("left-to-right", Decoding::LeftToRight),
        ("parallel", Decoding::Parallel),
    ];
}

impl Choice for Hinge {
    const ALL: &'static [(&'static str, Self)] =
        &[("sum", Hinge::Sum), ("mean", Hinge::Mean), ("batch", Hinge::Batch)];
}

impl Choice for Reduction {
    const ALL: &'static [(&'static str, Self)] = &[("mean", Reduction::Mean), ("wmean", Reduction::Wmean)];
}

/// Default values for the options that a task file does not set: `preset` of `[train]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// For a small model on a laptop: [`Options::default`](super::Options::default).
    #[default]
    Laptop,
    /// The recipe of the PET papers, for large models: Schick and Schütze (2021), arXiv 2001.07676 and 2009.07118.
    Paper,
    /// For checking whether a task works at all: short inputs, few updates.
    Quick,
    /// For better results in more time: three times the updates, and every pattern twice.
    Thorough,
}

impl Choice for Preset {
    const ALL: &'static [(&'static str, Self)] = &[
        ("laptop", Preset::Laptop),
        ("paper", Preset::Paper),
        ("quick", Preset::Quick),
        ("thorough", Preset::Thorough),
    ];
}

/// A preset by its name.
impl FromStr for Preset {
    type Err = Error;

    fn from_str(name: &str) -> Result<Preset> {
        let found = Preset::ALL.iter().find(|(known, _)| *known == name);
        found.map(|(_, preset)| *preset).ok_or_else(|| {
            let names = Preset::ALL.iter().map(|(known, _)| known);
            Error::usage(format!("there is no preset `{name}`"), format!("the presets are {}", list(names)))
        })
    }
}

#[cfg(test)]
impl Preset {
    /// Its intended use, as stated in the reference.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Preset::Laptop => "a small model on a laptop",
            Preset::Paper => "a large model: the recipe of the PET papers",
            Preset::Quick => "a quick look at whether a task works at all",
            Preset::Thorough => "the best result, if time does not matter",
        }
    }
}
