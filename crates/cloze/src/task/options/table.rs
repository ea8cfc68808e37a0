//! The table of all options: meaning, allowed values, and default in each preset.
//!
//! Everything else is derived from it: the structs, reading and writing task files, `--set` on the command
//! line, and the tables of the reference page (`docs/reference/task-file.md`).
//!
//! ```text
//! /// What it means, in one sentence.
//! #[more = "Markdown that the reference page adds."]
//! pub key: type in BOUNDS = default, Preset: another default;
//! ```
//!
//! Job ids are hashes that include the serialised [`Options`] and the written task file, so changing the
//! order of the rows changes every id.

use serde::Serialize;

use super::choice::{Decoding, Hinge, Keep, Measure, Method, Precision, Preset, Reduction, Start};
use super::value::{
    ANY, Bounds, COUNT, COUNT_OR_NONE, DECAY, FACTOR, GENERATIONS, Kind, RATE, SHARE, SHARE_ABOVE_ZERO,
    SHARE_BELOW_ONE, Seeds, TEMPERATURE, TOKENS, Typed, Value,
};

/// An option: a row of the table.
#[derive(Debug)]
pub(crate) struct OptionSpec {
    /// The section of the task file that contains it: `train`, `ipet` or `distil`.
    pub(crate) section: &'static str,
    /// Its key in that section.
    pub(crate) key: &'static str,
    /// Section and key, such as `train.steps`.
    pub(crate) full_key: &'static str,
    pub(super) kind: Kind,
    pub(super) bounds: Bounds,
    get: fn(&Options) -> Value,
    set: fn(&mut Options, &Value),
    meaning: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the reference page writes it there"))]
    more: &'static str,
}

/// A key of the task file that is not an option itself but another way to set options.
#[derive(Debug)]
pub(crate) struct Shorthand {
    pub(crate) key: &'static str,
    /// The option before which it is listed.
    pub(super) before: &'static str,
    #[cfg_attr(not(test), expect(dead_code, reason = "the test of the reference page writes it there"))]
    pub(super) row: [&'static str; 3],
}

/// The shorthand keys of `[train]`, with their meaning, values and default for the reference page.
pub(crate) const SHORTHANDS: &[Shorthand] = &[
    Shorthand {
        key: "preset",
        before: "method",
        row: [
            "Give a value to every option of `[train]`, `[ipet]` and `[distil]` that the file does not give; see [presets](#presets).",
            "`\"laptop\"`, `\"paper\"`, `\"quick\"`, `\"thorough\"`",
            "`\"laptop\"`",
        ],
    },
    Shorthand {
        key: "seed",
        before: "seeds",
        row: ["In place of `seeds`: the first of `repetitions` consecutive seeds.", "a whole number", "`0`"],
    },
    Shorthand {
        key: "repetitions",
        before: "steps",
        row: ["In place of `seeds`: how many seeds there are.", "from 1 to 1000", "`1`"],
    },
];

/// Defines the struct of a section, its rows, and its values by preset.
macro_rules! section {
    (
        $(#[$about:meta])*
        $name:ident in $section:literal, rows $rows:ident, at options$(.$part:ident)?;
        $(
            $(#[doc = $meaning:literal])+
            $(#[more = $more:literal])?
            $visible:vis $key:ident: $type:ident in $bounds:ident = $default:expr $(, $preset:ident: $value:expr)*;
        )*
        $(also $other:ident: $other_type:ident, $other_meaning:literal;)*
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Serialize)]
        pub struct $name {
            $(
                $(#[doc = $meaning])+
                $visible $key: $type,
            )*
            $(
                #[doc = $other_meaning]
                pub $other: $other_type,
            )*
        }

        impl $name {
            fn within(options: &Options) -> &$name {
                &(*options)$(.$part)?
            }

            fn within_mut(options: &mut Options) -> &mut $name {
                &mut (*options)$(.$part)?
            }

            /// The values in a preset.
            pub(super) fn of(preset: Preset) -> $name {
                $name {
                    $($key: by_preset(preset, $default, [$((Preset::$preset, $value)),*]),)*
                    $($other: $other_type::of(preset),)*
                }
            }
        }

        const $rows: &[OptionSpec] = &[$(
            OptionSpec {
                section: $section,
                key: stringify!($key),
                full_key: concat!($section, ".", stringify!($key)),
                kind: <$type as Typed>::KIND,
                bounds: $bounds,
                get: |options| $name::within(options).$key.to_value(),
                set: |options, value| {
                    if let Some(value) = Typed::of_value(value) {
                        $name::within_mut(options).$key = value;
                    }
                },
                meaning: concat!($($meaning),+),
                more: concat!($($more)?),
            },
        )*];
    };
}

fn by_preset<T, const N: usize>(preset: Preset, default: T, others: [(Preset, T); N]) -> T {
    others.into_iter().find(|(of, _)| *of == preset).map_or(default, |(_, value)| value)
}

section! {
    /// How models are trained, merged and distilled: the sections `[train]`, `[ipet]` and `[distil]` of a task file.
    ///
    /// [`Options::default`] corresponds to a task file without these sections. Options that are seldom
    /// changed have no field here; they can be set with a [`Setting`](crate::task::Setting), as in a task
    /// file.
    Options in "train", rows TRAIN, at options;

    /// Train with patterns, with patterns over several generations, or without patterns as a baseline.
    #[more = "`\"ipet\"` lets the [training sets grow](#ipet); `\"supervised\"` fine-tunes a plain classifier on the labelled rows."]
    pub method: Method in ANY = Method::Pet;

    /// Train every pattern once with each of these random seeds.
    #[more = "The classifiers use the first."]
    pub seeds: Seeds in ANY = vec![0], Paper: vec![0, 1, 2], Thorough: vec![0, 1];

    /// Updates of the weights of each member of the ensemble.
    pub steps: usize in COUNT = 50, Paper: 250, Quick: 25, Thorough: 150;

    /// Rows in each forward and backward pass.
    pub batch_size: usize in COUNT = 16, Paper: 4;

    /// Passes whose gradients are added up for one update.
    pub accumulation: usize in COUNT = 1, Paper: 4;

    /// The highest learning rate of AdamW.
    pub learning_rate: f64 in RATE = 1e-4, Paper: 1e-5;

    /// The weight decay of AdamW.
    #[more = "Biases and LayerNorm weights do not decay."]
    pub weight_decay: f64 in DECAY = 0.01;

    /// The share of the updates during which the learning rate rises; after that it falls linearly to 0.
    pub warmup: f64 in SHARE = 0.1, Paper: 0.0;

    /// The number of layers, counted from the lowest, that training leaves as they are, together with the embeddings.
    #[more = "This holds for the members and for the distilled classifier, and leaves [less to compute](../concepts/pet.md#what-is-trained). \
              At most a third of a model's layers stay frozen, and none in a model whose layers share their weights (ALBERT). `0` trains \
              everything."]
    pub freeze: usize in ANY = 2, Paper: 0;

    /// Tokens in each input, special tokens included; longer texts are cut.
    #[more = "See [what is cut](pattern-language.md#what-is-cut)."]
    pub max_length: usize in TOKENS = 256, Quick: 128;

    /// The number format of matrix products, in training and in prediction.
    #[more = "bfloat16 has eight significant bits and is [faster](#precision) on some processors."]
    pub precision: Precision in ANY = Precision::Bfloat16, Paper: Precision::Float32;

    /// How the scores of the ensemble's members are averaged.
    #[more = "`\"mean\"` counts all members alike; `\"wmean\"` weights each by the accuracy of its pattern on the labelled rows before \
              training."]
    pub(crate) merge: Reduction in ANY = Reduction::Wmean;

    /// The order in which the masks of a word of several tokens are filled.
    #[more = "`\"max-first\"` begins with the mask that the model is surest of."]
    pub(crate) decoding: Decoding in ANY = Decoding::MaxFirst;

    /// What training compares where words have several tokens: the sum of their cross-entropies, the mean, or the mean over the batch.
    #[more = "With the mean, the length of a word does not matter. `\"batch\"` averages over all rows of a batch, as the reference \
              implementation does for COPA."]
    pub(crate) hinge: Hinge in ANY = Hinge::Sum;

    /// Shift the scores of the pretrained model so that all labels score the same on average over the unlabelled rows.
    #[more = "See [calibration](../concepts/pet.md#calibration). Set it to `false` if one label is by far the most frequent and there are \
              no labelled rows."]
    pub calibrate: bool in ANY = true, Paper: false;

    /// Add a linear probe of a contrastively fine-tuned encoder to the ensemble.
    #[more = "See [the linear probe](../concepts/pet.md#the-linear-probe)."]
    pub probe: bool in ANY = true, Paper: false;

    /// The share w of an auxiliary masked-LM loss on unlabelled rows: the loss is (1 − w) · cross-entropy + w · masked-LM loss.
    #[more = "It is the α of the PET paper, which uses 0.0001, and 1 − `alpha` of the reference implementation."]
    pub lm_weight: f64 in SHARE_BELOW_ONE = 0.0;

    /// Which models stay in the run directory: all of them, the final classifier only, or none.
    #[more = "With `\"all\"` the ensemble can predict, too; with `\"none\"` only the measurements stay, and nothing can predict."]
    pub keep: Keep in ANY = Keep::All;

    /// Which models are measured on the test rows: the final one, or every model on the way to it as well.
    #[more = "The others are the pretrained model with each pattern, the members and the ensembles."]
    pub(crate) measure: Measure in ANY = Measure::Final, Paper: Measure::All;

    /// Measure every model, and a classifier that is fine-tuned on the labelled rows without patterns.
    #[more = "This shows what the patterns gain. For `\"pet\"` and `\"ipet\"`."]
    pub compare: bool in ANY = false;

    /// Also measure the pretrained model with up to this many labelled rows in front of each test row.
    #[more = "See [priming](../concepts/pet.md#priming-to-compare). Every pattern is measured once with each of the `seeds`, from which \
              the rows are drawn. For `\"pet\"` and `\"ipet\"`."]
    pub priming: usize in COUNT_OR_NONE = 0;

    also ipet: Ipet, "The section `[ipet]`.";
    also distil: Distil, "The section `[distil]`.";
}

section! {
    /// How the training sets grow: the section `[ipet]`.
    Ipet in "ipet", rows IPET, at options.ipet;

    /// The number of ensembles that are trained one after the other.
    pub generations: usize in GENERATIONS = 3;

    /// The factor by which the training set grows from one generation to the next.
    pub scale: f64 in FACTOR = 5.0;

    /// The share of the *other* members that label the new rows of a member.
    #[more = "At least one member does."]
    pub teachers: f64 in SHARE_ABOVE_ZERO = 0.25;

    /// Without labelled rows: the first new rows of a label are drawn from this many rows that are likeliest to have it.
    #[more = "`0` draws from all rows for which no other label is likelier."]
    pub most_likely: usize in ANY = 100;
}

section! {
    /// How the final classifier learns from the soft labels: the section `[distil]`.
    Distil in "distil", rows DISTIL, at options.distil;

    /// Updates of the classifier's weights.
    pub steps: usize in COUNT = 80, Paper: 5000, Quick: 40, Thorough: 240;

    /// Rows in each update.
    pub batch_size: usize in COUNT = 16;

    /// The highest learning rate of AdamW.
    pub learning_rate: f64 in RATE = 4e-4, Paper: 1e-5;

    /// The number by which the scores of teacher and student are divided before the softmax.
    pub temperature: f64 in TEMPERATURE = 2.0;

    /// What the classifier starts from: the mean of the members' weights, or the pretrained model.
    #[more = "The members are those of the last generation. From 20 labels on, `\"members\"` also begins with an output layer that is \
              fitted to their scores; otherwise the output layer is random."]
    pub(crate) start: Start in ANY = Start::Members, Paper: Start::Model;
}

impl OptionSpec {
    /// Every option, in the order of a task file that lists all of them.
    pub(crate) fn all() -> impl Iterator<Item = &'static OptionSpec> {
        [TRAIN, IPET, DISTIL].into_iter().flatten()
    }

    /// The sections of the task file that have options.
    pub(crate) const SECTIONS: [&'static str; 3] = ["train", "ipet", "distil"];

    /// The options of a section.
    pub(crate) fn of_section(section: &str) -> impl Iterator<Item = &'static OptionSpec> {
        OptionSpec::all().filter(move |option| option.section == section)
    }

    /// The option with this name: either [`OptionSpec::name`] or the full key.
    pub(crate) fn find(name: &str) -> Option<&'static OptionSpec> {
        OptionSpec::all().find(|option| option.name() == name || option.full_key == name)
    }

    /// The keys allowed in a section that has options.
    pub(crate) fn keys(section: &str) -> Vec<&'static str> {
        let mut keys = Vec::new();
        for option in OptionSpec::of_section(section) {
            let before = SHORTHANDS
                .iter()
                .filter(|shorthand| option.section == "train" && shorthand.before == option.key);
            keys.extend(before.map(|shorthand| shorthand.key));
            keys.push(option.key);
        }
        keys
    }

    /// The key, prefixed with its section unless that is `train`: `steps`, `distil.steps`.
    pub(crate) fn name(&self) -> &'static str {
        if self.section == "train" { self.key } else { self.full_key }
    }

    /// What it means, in one sentence.
    pub(crate) fn meaning(&self) -> &'static str {
        self.meaning.trim()
    }

    /// Additional explanation on the reference page, in Markdown.
    #[cfg(test)]
    pub(super) fn more(&self) -> &'static str {
        self.more
    }

    /// The words to choose from; empty if the value is not one of several words.
    pub(crate) fn words(&self) -> Vec<&'static str> {
        if let Kind::Word(words) = self.kind { words() } else { Vec::new() }
    }

    /// The allowed values, in plain English.
    pub(crate) fn values(&self) -> String {
        match self.kind {
            Kind::Word(words) => {
                words().iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(", ")
            }
            Kind::Switch => "`true` or `false`".to_owned(),
            Kind::Seeds => "a list of whole numbers".to_owned(),
            Kind::Whole if self.bounds.allowed.is_empty() => "a whole number".to_owned(),
            Kind::Number | Kind::Whole => self.bounds.allowed.to_owned(),
        }
    }

    /// Its value.
    pub(crate) fn get(&self, options: &Options) -> Value {
        (self.get)(options)
    }

    /// Sets its value; a value of another kind has no effect.
    pub(crate) fn set(&self, options: &mut Options, value: &Value) {
        (self.set)(options, value);
    }
}
