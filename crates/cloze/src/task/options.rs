//! The numbers of a run, with every default in one place.

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
pub enum Measure {
    /// What the run ends with: the classifier, or the ensemble where there is none.
    #[default]
    Final,
    /// Every model on the way as well: untouched and fine-tuned patterns, and ensembles.
    All,
}

/// What the final classifier starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
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
    pub fn device(self, device: &Device) -> Device {
        match self {
            Precision::Float32 => device.clone(),
            Precision::Bfloat16 => device.bf16(),
        }
    }

    /// What is really multiplied where this is asked for on `device`, which may lack bfloat16 or be told to use it.
    pub fn on(self, device: &Device) -> Precision {
        if self.device(device).kernels().is_bf16() { Precision::Bfloat16 } else { Precision::Float32 }
    }
}

/// How the members' scores are averaged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Reduction {
    /// Every member counts the same.
    Mean,
    /// A member counts by the accuracy of its pattern with the untouched model on the training rows.
    #[default]
    Wmean,
}

/// The order in which the masks of a word of several tokens are filled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Decoding {
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
pub enum Hinge {
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

/// How models are trained, merged and distilled: the sections `[train]` and `[distil]` of a task file.
///
/// [`Options::default`] is what a task file without these sections means.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Options {
    /// `method`: `pet`, `ipet` or `supervised`.
    pub method: Method,
    /// `seeds`: every pattern is trained once for each. `seed = s` with `repetitions = n` means s, s+1, … s+n-1.
    pub seeds: Vec<u64>,
    /// `steps`: updates of the weights per member.
    pub steps: usize,
    /// `batch_size`: rows per forward and backward pass.
    pub batch_size: usize,
    /// `accumulation`: passes whose gradients are added up for one update.
    pub accumulation: usize,
    /// `learning_rate`: of AdamW, at its highest.
    pub learning_rate: f64,
    /// `weight_decay`: of AdamW, per update and learning rate; biases and norms are exempt.
    pub weight_decay: f64,
    /// `warmup`: the share of the updates during which the learning rate rises; then it falls linearly to 0.
    pub warmup: f64,
    /// `freeze`: the lowest layers that training leaves as they are, and the embeddings with them; at most a third of the
    /// model's layers, and none where layers share their weights. 0 trains everything.
    pub freeze: usize,
    /// `max_length`: tokens per input, special tokens included; longer texts are cut.
    pub max_length: usize,
    /// `precision`: what matrix products multiply, `float32` or `bfloat16`.
    pub precision: Precision,
    /// `merge`: how the members' scores are averaged.
    #[serde(rename = "merge")]
    pub merge: Reduction,
    /// `decoding`: the order in which the masks of words of several tokens are filled.
    pub decoding: Decoding,
    /// `hinge`: what is compared in training with words of several tokens.
    pub hinge: Hinge,
    /// `calibrate`: whether every label gets the same mean score from the untouched model, see [`crate::scoring::calibration`].
    pub calibrate: bool,
    /// `probe`: whether a linear probe of a contrastively fine-tuned encoder takes part, see [`crate::training::probe`].
    pub probe: bool,
    /// `lm_weight`: share w of the auxiliary masked-LM loss, loss = (1 - w) CE + w LM, 0 for none.
    ///
    /// It is the α of the PET paper (which uses 1e-4), and 1 - `alpha` of the reference implementation (0.9999).
    pub lm_weight: f64,
    /// `keep`: which models stay in the run directory.
    pub keep: Keep,
    /// `measure`: what is measured on the test rows, the `final` model or `all` on the way to it.
    pub measure: Measure,
    /// `compare`: with `pet` and `ipet`, measure all models and train the plain classifier on the labelled rows, to compare.
    pub compare: bool,
    /// `priming`: with `pet` and `ipet`, also ask the untouched model with so many labelled rows in front, to compare.
    pub priming: usize,
    /// The section `[ipet]`.
    pub ipet: Ipet,
    /// The section `[distil]`.
    pub distil: Distil,
}

/// How the training sets grow: the section `[ipet]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ipet {
    /// `generations`: ensembles that are trained one after the other.
    pub generations: usize,
    /// `scale`: how many times as many rows the next generation trains on.
    pub scale: f64,
    /// `teachers`: the share of the other members that label a member's new rows.
    pub teachers: f64,
    /// `most_likely`: without labelled rows, the first new rows of a label are drawn from so many that are likeliest to have it;
    /// 0 to draw from those with no likelier label.
    pub most_likely: usize,
}

/// How the final classifier learns from the soft labels: the section `[distil]`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Distil {
    /// `steps`: updates of the weights.
    pub steps: usize,
    /// `batch_size`: rows per update.
    pub batch_size: usize,
    /// `learning_rate`: of AdamW, at its highest.
    pub learning_rate: f64,
    /// `temperature`: divides the scores of teacher and student before the softmax.
    pub temperature: f64,
    /// `start`: what the classifier starts from, the mean of the `members` or the `model` as it was.
    pub start: Start,
}

/// Values for all options that a task file does not give: `preset` of `[train]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Preset {
    /// Made for a small model on a laptop: [`Options::default`].
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

impl Preset {
    /// The values.
    pub fn options(self) -> Options {
        let options = Options::default();
        match self {
            Preset::Laptop => options,
            Preset::Paper => Options {
                seeds: vec![0, 1, 2],
                steps: 250,
                batch_size: 4,
                accumulation: 4,
                learning_rate: 1e-5,
                warmup: 0.0,
                precision: Precision::Float32,
                calibrate: false,
                probe: false,
                freeze: 0,
                measure: Measure::All,
                distil: Distil {
                    steps: 5000,
                    batch_size: 16,
                    learning_rate: 1e-5,
                    temperature: 2.0,
                    start: Start::Model,
                },
                ..options
            },
            Preset::Quick => Options {
                steps: 25,
                max_length: 128,
                distil: Distil { steps: 40, ..options.distil.clone() },
                ..options
            },
            Preset::Thorough => Options {
                seeds: vec![0, 1],
                steps: 150,
                distil: Distil { steps: 240, ..options.distil.clone() },
                ..options
            },
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Options {
            method: Method::Pet,
            seeds: vec![0],
            steps: 50,
            batch_size: 16,
            accumulation: 1,
            learning_rate: 1e-4,
            weight_decay: 0.01,
            warmup: 0.1,
            freeze: 2,
            max_length: 256,
            precision: Precision::Bfloat16,
            merge: Reduction::Wmean,
            decoding: Decoding::MaxFirst,
            hinge: Hinge::Sum,
            calibrate: true,
            probe: true,
            lm_weight: 0.0,
            keep: Keep::All,
            measure: Measure::Final,
            compare: false,
            priming: 0,
            ipet: Ipet { generations: 3, scale: 5.0, teachers: 0.25, most_likely: 100 },
            distil: Distil {
                steps: 80,
                batch_size: 16,
                learning_rate: 4e-4,
                temperature: 2.0,
                start: Start::Members,
            },
        }
    }
}

/// Counts beyond this are a slip of the finger: no machine gets there.
const MOST: usize = 1_000_000;

/// An option out of its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutOfRange {
    /// Section and key, for example `train.steps`.
    pub key: &'static str,
    /// What was found.
    pub problem: String,
    /// What is allowed.
    pub remedy: String,
}

impl Options {
    /// Whether all models on the way to the final one are measured on the test rows.
    pub fn measures_all(&self) -> bool {
        self.measure == Measure::All || self.compare
    }

    /// Ensembles that are trained one after the other.
    pub fn generations(&self) -> usize {
        match self.method {
            Method::Pet => 1,
            Method::Ipet => self.ipet.generations,
            Method::Supervised => 0,
        }
    }

    /// The options that have no meaning, for example 0 steps.
    pub fn out_of_range(&self) -> Vec<OutOfRange> {
        let mut found = Vec::new();
        let mut check = |key: &'static str, value: f64, fine: bool, allowed: &str| {
            if !fine {
                let name = key.split_once('.').map_or(key, |(_, name)| name);
                let problem = format!("`{name} = {value}` is out of range");
                found.push(OutOfRange { key, problem, remedy: format!("`{name}` must be {allowed}") });
            }
        };
        for (key, value) in [
            ("train.steps", self.steps),
            ("train.batch_size", self.batch_size),
            ("train.accumulation", self.accumulation),
            ("distil.steps", self.distil.steps),
            ("distil.batch_size", self.distil.batch_size),
        ] {
            check(key, value as f64, (1..=MOST).contains(&value), "from 1 to 1000000");
        }
        let temperature = self.distil.temperature;
        let range = 0.01..=1000.0;
        check("distil.temperature", temperature, range.contains(&temperature), "from 0.01 to 1000");
        for (key, value) in
            [("train.learning_rate", self.learning_rate), ("distil.learning_rate", self.distil.learning_rate)]
        {
            // What is computed with is float32.
            let single = value as f32;
            check(
                key,
                value,
                single > 0.0 && single.is_finite(),
                "a number above 0, and none too large or small for float32",
            );
        }
        let ipet = &self.ipet;
        let generations = ipet.generations;
        check("ipet.generations", generations as f64, (1..=100).contains(&generations), "from 1 to 100");
        check("ipet.scale", ipet.scale, (1.0..=1000.0).contains(&ipet.scale), "from 1 to 1000");
        check(
            "ipet.teachers",
            ipet.teachers,
            ipet.teachers > 0.0 && ipet.teachers <= 1.0,
            "above 0 and at most 1",
        );
        let decay = self.weight_decay;
        check("train.weight_decay", decay, (0.0..=100.0).contains(&decay), "from 0 to 100");
        check("train.warmup", self.warmup, (0.0..=1.0).contains(&self.warmup), "a share between 0 and 1");
        let weight = self.lm_weight;
        check("train.lm_weight", weight, (0.0..1.0).contains(&weight), "at least 0 and below 1");
        check("train.priming", self.priming as f64, self.priming <= MOST, "at most 1000000");
        check("train.max_length", self.max_length as f64, self.max_length >= 8, "at least 8 tokens");
        if self.seeds.is_empty() {
            found.push(OutOfRange {
                key: "train.seeds",
                problem: "`seeds` is an empty list".into(),
                remedy: "list at least one seed".into(),
            });
        }
        // The same member twice would count twice in the ensemble.
        let repeated =
            self.seeds.iter().enumerate().find(|(place, seed)| self.seeds[..*place].contains(seed));
        if let Some((_, seed)) = repeated {
            found.push(OutOfRange {
                key: "train.seeds",
                problem: format!("the seed {seed} is in `seeds` twice"),
                remedy: "list every seed once; others, such as 1 and 2, train other models".into(),
            });
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_within_their_ranges() {
        assert_eq!(Preset::default().options(), Options::default());
        for (_, preset) in Preset::ALL {
            assert_eq!(preset.options().out_of_range(), []);
        }
    }

    #[test]
    fn a_seed_that_is_there_twice_is_named() {
        let seeds = |seeds: &[u64]| Options { seeds: seeds.to_vec(), ..Options::default() }.out_of_range();
        assert_eq!(seeds(&[0, 7, 2, 7])[0].problem, "the seed 7 is in `seeds` twice");
        assert_eq!(seeds(&[0, 7, 2]), []);
    }

    #[test]
    fn options_without_a_meaning_are_named() {
        let options = Options { steps: 0, learning_rate: f64::NAN, warmup: 1.5, ..Options::default() };
        let keys: Vec<_> = options.out_of_range().into_iter().map(|found| found.key).collect();
        assert_eq!(keys, ["train.steps", "train.learning_rate", "train.warmup"]);
        let options = Options { batch_size: usize::MAX, ..Options::default() };
        assert_eq!(options.out_of_range()[0].remedy, "`batch_size` must be from 1 to 1000000");
    }
}
