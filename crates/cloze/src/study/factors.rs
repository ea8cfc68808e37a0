//! The factors that can be varied. Each factor has its own file, listed in `factors!`.

mod adaptation;
mod calibration;
mod decoding;
mod distillation;
mod freezing;
mod generations;
mod labels;
mod lm_weight;
mod merge;
mod method;
mod models;
mod patterns;
mod priming;
mod probe;
mod samples;
mod start;
mod unlabeled;
mod words;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::level::Levels;
use super::setting::Setting;
use crate::Result;

/// What distinguishes one factor from another.
trait Definition {
    /// The question that varying the factor answers.
    fn question(&self) -> &'static str;

    /// Its levels on a task.
    ///
    /// # Errors
    /// When the data or the model cannot be used.
    fn levels(&self, base: &Base) -> Result<Levels>;

    /// Which of the `settings` to compare, as pairs with the newer one first: by default, every pair.
    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        (1..settings).flat_map(|newer| (0..newer).map(move |older| (newer, older))).collect()
    }

    /// A summary of what the comparisons do not show.
    fn overview(&self, _settings: &[Setting]) -> Option<String> {
        None
    }
}

/// Defines the factor enum from lines `Name: file`. A factor is named on the command line by its file name.
macro_rules! factors {
    ($($(#[$doc:meta])* $name:ident: $file:ident,)*) => {
        /// A property of a run that may matter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Factor {
            $($(#[$doc])* $name,)*
        }

        impl Factor {
            /// Every factor and its name.
            pub const ALL: &'static [(&'static str, Factor)] = &[$((stringify!($file), Factor::$name),)*];

            fn definition(self) -> &'static dyn Definition {
                match self {
                    $(Factor::$name => &$file::$name,)*
                }
            }
        }
    };
}

factors! {
    /// The pretrained model, each pattern alone, given sets of them, and all patterns together.
    Patterns: patterns,
    /// The ensemble and the classifier distilled from it.
    Distillation: distillation,
    /// How the members' scores are averaged.
    Merge: merge,
    /// Plain fine-tuning, PET, iPET.
    Method: method,
    /// The generations of iPET.
    Generations: generations,
    /// The pretrained model with and without labelled examples in front, and PET.
    Priming: priming,
    /// The number of labelled examples.
    Labels: labels,
    /// The number of unlabelled examples; none as well.
    Unlabeled: unlabeled,
    /// Which examples are labelled, with their number fixed, and how much depends on the seed instead.
    Samples: samples,
    /// The words of the labels.
    Words: words,
    /// The order in which the tokens of multi-token words are filled in, before training and after it.
    Decoding: decoding,
    /// The pretrained model with and without calibration.
    Calibration: calibration,
    /// The number of lowest layers that are frozen.
    Freezing: freezing,
    /// What the classifier is initialised from.
    Start: start,
    /// Whether a linear probe is part of the ensemble.
    Probe: probe,
    /// The share of the auxiliary masked-LM loss.
    LmWeight: lm_weight,
    /// Whether the model is adapted to the task's examples first.
    Adaptation: adaptation,
    /// The pretrained model.
    Models: models,
}

impl Factor {
    /// The name, as typed on the command line.
    pub(super) fn name(self) -> &'static str {
        // `ALL` names every variant.
        Factor::ALL.iter().find(|(_, factor)| *factor == self).map_or("", |(name, _)| name)
    }

    /// The question that varying the factor answers.
    pub(super) fn question(self) -> &'static str {
        self.definition().question()
    }

    /// Its levels on a task.
    ///
    /// # Errors
    /// When the data or the model cannot be used.
    pub(super) fn levels(self, base: &Base) -> Result<Levels> {
        self.definition().levels(base)
    }

    /// Which settings to compare, as pairs of indices with the newer setting first.
    pub(super) fn pairs(self, settings: usize) -> Vec<(usize, usize)> {
        self.definition().pairs(settings)
    }

    /// A summary of what the comparisons of its settings do not show.
    pub(super) fn overview(self, settings: &[Setting]) -> Option<String> {
        self.definition().overview(settings)
    }
}

/// The name, as typed on the command line.
impl std::fmt::Display for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Pairs each number of examples with the next smaller one.
fn steps(settings: usize) -> Vec<(usize, usize)> {
    (1..settings).map(|more| (more, more - 1)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_typed_as_it_is_written_in_results() {
        for (name, factor) in Factor::ALL {
            assert_eq!(serde_json::to_string(factor).unwrap(), format!("\"{name}\""));
            assert_eq!(factor.name(), *name);
            assert!(factor.question().ends_with('?'), "{name}");
        }
    }
}
