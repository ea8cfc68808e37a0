//! What can be varied.

use serde::{Deserialize, Serialize};

/// A property of a run that may matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Factor {
    /// The untouched model, every pattern alone, and all together.
    Patterns,
    /// The ensemble, and the classifier distilled from it.
    Distillation,
    /// How the members' scores are averaged.
    Merge,
    /// Plain fine-tuning, PET, iPET.
    Method,
    /// The untouched model without and with labelled rows in front, and PET.
    Priming,
    /// How many labelled rows there are.
    Labels,
    /// How many unlabelled rows there are.
    Unlabeled,
    /// Which rows are labelled, their number being the same.
    Samples,
    /// The order in which words of several tokens are filled in.
    Decoding,
    /// The untouched model as it is, and without its preferences.
    Calibration,
    /// How many of the lowest layers are trained.
    Freezing,
    /// What the classifier starts from.
    Start,
    /// Whether a linear probe takes part.
    Probe,
    /// The model that everything starts from.
    Models,
}

impl Factor {
    /// Every factor with its name.
    pub const ALL: &'static [(&'static str, Factor)] = &[
        ("patterns", Factor::Patterns),
        ("distillation", Factor::Distillation),
        ("merge", Factor::Merge),
        ("method", Factor::Method),
        ("priming", Factor::Priming),
        ("labels", Factor::Labels),
        ("unlabeled", Factor::Unlabeled),
        ("samples", Factor::Samples),
        ("decoding", Factor::Decoding),
        ("calibration", Factor::Calibration),
        ("freezing", Factor::Freezing),
        ("start", Factor::Start),
        ("probe", Factor::Probe),
        ("models", Factor::Models),
    ];

    /// Those that cost little beside one run of the task for each seed.
    pub const CHEAP: &'static [Factor] =
        &[Factor::Patterns, Factor::Distillation, Factor::Merge, Factor::Method];

    /// As it is typed.
    pub fn name(self) -> &'static str {
        // `ALL` names every variant.
        Factor::ALL.iter().find(|(_, factor)| *factor == self).map_or("", |(name, _)| name)
    }

    /// As a question.
    pub fn question(self) -> &'static str {
        match self {
            Factor::Patterns => "Does it matter which pattern asks, and are several better than one?",
            Factor::Distillation => "Is the distilled classifier as good as the ensemble?",
            Factor::Merge => "Does it matter how the members are averaged?",
            Factor::Method => "Do patterns help, and do generations?",
            Factor::Priming => "Is it enough to put labelled rows in front of the text, without training?",
            Factor::Labels => "How much do more labelled rows help?",
            Factor::Unlabeled => "How much do more unlabelled rows help?",
            Factor::Samples => "How much hangs on which rows happen to be labelled?",
            Factor::Decoding => "In which order should words of several tokens be filled in?",
            Factor::Calibration => "Does it help to take the untouched model's preferences away first?",
            Factor::Freezing => "Does it cost anything to leave the lowest layers as they are?",
            Factor::Start => "What should the classifier start from?",
            Factor::Probe => "Does a linear probe add to the patterns?",
            Factor::Models => "Which model should everything start from?",
        }
    }

    /// Which settings are compared with which, as numbers of settings: the newer one first.
    pub(super) fn pairs(self, settings: usize) -> Vec<(usize, usize)> {
        match self {
            // All together with each alone.
            Factor::Patterns => (0..settings.saturating_sub(1)).map(|alone| (settings - 1, alone)).collect(),
            // Each number with the next smaller one.
            Factor::Labels | Factor::Unlabeled => (1..settings).map(|more| (more, more - 1)).collect(),
            _ => (1..settings).flat_map(|newer| (0..newer).map(move |older| (newer, older))).collect(),
        }
    }
}
