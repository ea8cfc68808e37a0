//! Converts examples into encoder input: filled and truncated patterns, and the input of the final
//! classifier.

mod classifier;
mod pattern;
pub(crate) mod preview;
mod truncate;

use std::sync::Arc;

use cloze_encoder::{Rng, Sequence};

use crate::pvp::verbalizer::Candidates;

pub(crate) use self::classifier::{ClassifierEncoder, Origin};
pub(crate) use self::pattern::PatternEncoder;
pub(crate) use self::preview::Piece;
#[cfg(test)]
pub(crate) use self::truncate::{Length, shorten};

/// Number of masks beyond the text's tokens when an example is scored: always one, for the end of the text.
const SURPLUS: usize = 1;

/// The maximum number in training, where it is random, so that the number of masks does not reveal where the
/// text ends.
const MOST_SURPLUS: usize = 3;

/// Number of masks beyond the text's tokens of a training example.
fn surplus(random: &mut Rng) -> usize {
    random.gen_range(0..MOST_SURPLUS + 1)
}

/// A filled pattern as encoder input.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Encoded {
    /// The tokens.
    pub sequence: Sequence,
    /// The position of the first mask in `sequence`.
    pub mask: usize,
    /// The number of consecutive masks from there: as many as the longest of the labels' words has tokens.
    pub masks: usize,
    /// The labels' words for this example, unless each is a single token that is the same for all examples.
    pub candidates: Option<Arc<Candidates>>,
    /// The text that the model has to write, if masks are filled freely.
    pub wanted: Option<Arc<str>>,
    /// What was truncated, field by field; empty if the example is complete.
    pub cut: Vec<Cut>,
    /// The frozen layers' output for `sequence`, `[tokens, hidden]`, if training has cached it.
    pub lower: Option<Arc<[f32]>>,
}

impl Encoded {
    /// The number of tokens that were truncated.
    pub(crate) fn removed(&self) -> usize {
        self.cut.iter().map(|cut| cut.tokens).sum()
    }
}

/// A field that was truncated.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Cut {
    /// The column's name.
    pub field: String,
    /// The number of its tokens that were removed.
    pub tokens: usize,
}
