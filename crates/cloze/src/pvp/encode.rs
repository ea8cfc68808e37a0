//! From an example to the encoder's input: patterns filled and cut to length, and what the final classifier reads.

mod classifier;
mod pattern;
pub(crate) mod preview;
mod truncate;

use std::sync::Arc;

use cloze_encoder::{Rng, Sequence};

use crate::pvp::verbalizer::Candidates;

pub(crate) use self::classifier::ClassifierEncoder;
pub(crate) use self::pattern::PatternEncoder;
pub(crate) use self::preview::Piece;
#[cfg(test)]
pub(crate) use self::truncate::{Length, shorten};

/// Masks beyond the text's tokens when an example is scored: there is always one for the end of the text.
const SURPLUS: usize = 1;

/// In training there are up to so many, so that the number of masks does not tell where the text ends.
const MOST_SURPLUS: usize = 3;

/// Masks beyond the text's tokens of a training example.
fn surplus(random: &mut Rng) -> usize {
    random.gen_range(0..MOST_SURPLUS + 1)
}

/// A filled pattern as the encoder takes it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Encoded {
    /// The tokens.
    pub sequence: Sequence,
    /// The position of the first mask in `sequence`.
    pub mask: usize,
    /// Masks that follow each other from there: as many as the longest of the labels' words has tokens.
    pub masks: usize,
    /// The labels' words for this example, unless each is one token and the same for all examples.
    pub candidates: Option<Arc<Candidates>>,
    /// The text that the model is to write, where masks are filled freely.
    pub wanted: Option<Arc<str>>,
    /// What had to be cut, field by field; empty if all of the example is there.
    pub cut: Vec<Cut>,
    /// What the frozen layers of a model make of `sequence`, `[tokens, hidden]`, where training has noted it.
    pub lower: Option<Arc<[f32]>>,
}

impl Encoded {
    /// How many tokens had to be cut.
    pub(crate) fn removed(&self) -> usize {
        self.cut.iter().map(|cut| cut.tokens).sum()
    }
}

/// A field that was cut.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Cut {
    /// The column's name.
    pub field: String,
    /// How many of its tokens are missing.
    pub tokens: usize,
}
