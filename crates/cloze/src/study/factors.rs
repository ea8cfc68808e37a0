//! What can be varied. Every factor is a file, which `factors!` lists.

mod calibration;
mod decoding;
mod distillation;
mod freezing;
mod labels;
mod merge;
mod method;
mod models;
mod patterns;
mod priming;
mod probe;
mod samples;
mod start;
mod unlabeled;

use serde::{Deserialize, Serialize};

use super::base::Base;
use super::level::Levels;
use super::setting::Setting;
use crate::Result;

/// What is particular to a factor.
trait Definition {
    /// What varying it answers.
    fn question(&self) -> &'static str;

    /// Its levels on a task.
    ///
    /// # Errors
    /// When the rows or the model cannot be used.
    fn levels(&self, base: &Base) -> Result<Levels>;

    /// Which of so many settings are compared with which, the newer one first: each with each.
    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        (1..settings).flat_map(|newer| (0..newer).map(move |older| (newer, older))).collect()
    }

    /// What the comparisons do not say.
    fn overview(&self, _settings: &[Setting]) -> Option<String> {
        None
    }
}

/// The enum of the factors, of lines `Name: file`. A factor is typed as its file is called.
macro_rules! factors {
    ($($(#[$doc:meta])* $name:ident: $file:ident,)*) => {
        /// A property of a run that may matter.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "lowercase")]
        pub enum Factor {
            $($(#[$doc])* $name,)*
        }

        impl Factor {
            /// Every factor with its name.
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
    /// The pretrained model, every pattern alone, and all together.
    Patterns: patterns,
    /// The ensemble, and the classifier distilled from it.
    Distillation: distillation,
    /// How the members' scores are averaged.
    Merge: merge,
    /// Plain fine-tuning, PET, iPET.
    Method: method,
    /// The pretrained model without and with labelled rows in front, and PET.
    Priming: priming,
    /// How many labelled rows there are.
    Labels: labels,
    /// How many unlabelled rows there are.
    Unlabeled: unlabeled,
    /// Which rows are labelled, their number being the same.
    Samples: samples,
    /// The order in which words of several tokens are filled in.
    Decoding: decoding,
    /// The pretrained model without and with calibration.
    Calibration: calibration,
    /// How many of the lowest layers are trained.
    Freezing: freezing,
    /// What the classifier starts from.
    Start: start,
    /// Whether a linear probe takes part.
    Probe: probe,
    /// The pretrained model.
    Models: models,
}

impl Factor {
    /// As it is typed.
    pub(super) fn name(self) -> &'static str {
        // `ALL` names every variant.
        Factor::ALL.iter().find(|(_, factor)| *factor == self).map_or("", |(name, _)| name)
    }

    /// As a question.
    pub(super) fn question(self) -> &'static str {
        self.definition().question()
    }

    /// Its levels on a task.
    ///
    /// # Errors
    /// When the rows or the model cannot be used.
    pub(super) fn levels(self, base: &Base) -> Result<Levels> {
        self.definition().levels(base)
    }

    /// Which settings are compared with which, as numbers of settings: the newer one first.
    pub(super) fn pairs(self, settings: usize) -> Vec<(usize, usize)> {
        self.definition().pairs(settings)
    }

    /// What the comparisons of its settings do not say.
    pub(super) fn overview(self, settings: &[Setting]) -> Option<String> {
        self.definition().overview(settings)
    }
}

/// As it is typed.
impl std::fmt::Display for Factor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// Each number of rows with the next smaller one.
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
