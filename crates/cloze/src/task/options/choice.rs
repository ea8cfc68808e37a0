//! The options that are one of several words.

use cloze_encoder::Device;
use serde::Serialize;

use crate::error::list;
use crate::table::Quoting;

/// What `cloze train` does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// Pattern-exploiting training: fine-tune on patterns, annotate, distil.
    #[default]
    Pet,
    /// The same over several generations, each of which also learns from rows that the one before has labelled.
    Ipet,
    /// Plain fine-tuning of a classifier on the labelled rows, the baseline.
    Supervised,
}

/// Which models stay in the run directory. A model takes four bytes per weight of disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// The members and the final classifier, so that the ensemble can predict.
    #[default]
    All,
    /// The final classifier only.
    Final,
    /// None: the run only measures.
    None,
}

/// What is measured on the test rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Measure {
    /// What the run ends with: the classifier, or the ensemble where there is none.
    #[default]
    Final,
    /// Every model on the way as well: zero-shot and fine-tuned patterns, and ensembles.
    All,
}

/// What the final classifier starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Start {
    /// The mean of the weights of the ensemble's members; where there are many labels, with an output layer that is fitted to their
    /// scores.
    #[default]
    Members,
    /// The model as it was before any training, with a random output layer.
    Model,
}

/// What matrix products multiply. Weights, sums and the optimizer are in float32 either way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 24 significant bits.
    Float32,
    /// Eight significant bits, where the processor is faster with them; float32 elsewhere.
    #[default]
    Bfloat16,
}

impl Precision {
    /// The device that computes so, with the threads of `device`.
    pub(crate) fn device(self, device: &Device) -> Device {
        match self {
            Precision::Float32 => device.clone(),
            Precision::Bfloat16 => device.bf16(),
        }
    }

    /// What is really multiplied where this is asked for on `device`, which may lack bfloat16 or be told to use it.
    pub(crate) fn on(self, device: &Device) -> Precision {
        if self.device(device).kernels().is_bf16() { Precision::Bfloat16 } else { Precision::Float32 }
    }
}

/// How the members' scores are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reduction {
    /// Every member counts the same.
    Mean,
    /// A member counts by the accuracy of its pattern with the pretrained model on the training rows.
    #[default]
    Wmean,
}

/// The order in which the masks of a word of several tokens are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Decoding {
    /// Whichever the model is surest of.
    #[default]
    MaxFirst,
    /// From left to right.
    LeftToRight,
    /// All at once.
    Parallel,
}

/// What is compared in training with words of several tokens: the cross-entropy of all tokens of a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hinge {
    /// Their sum.
    #[default]
    Sum,
    /// Their mean, so that length does not matter.
    Mean,
    /// Their mean over all rows of a batch, as the reference implementation has it for COPA; with a batch of one row the same as
    /// the mean.
    Batch,
}

/// A choice written as a word in the task file.
pub(crate) trait Choice: Copy + PartialEq + 'static {
    /// Every choice with its word.
    const ALL: &'static [(&'static str, Self)];

    /// The choice of this word.
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

/// Values for all options that a task file does not give: `preset` of `[train]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Made for a small model on a laptop: [`Options::default`](super::Options::default).
    #[default]
    Laptop,
    /// The recipe of the PET papers, for large models: Schick and Schütze (2021), arXiv 2001.07676 and 2009.07118.
    Paper,
    /// To see whether a task works at all: short inputs, few updates.
    Quick,
    /// For whoever has time: three times the updates, and every pattern twice.
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

#[cfg(test)]
impl Preset {
    /// Whom it is for, as the reference says.
    pub(crate) fn purpose(self) -> &'static str {
        match self {
            Preset::Laptop => "a small model on a laptop",
            Preset::Paper => "a large model: the recipe of the PET papers",
            Preset::Quick => "a quick look at whether a task works at all",
            Preset::Thorough => "the best result, if time does not matter",
        }
    }
}
