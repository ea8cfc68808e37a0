//! The scorer of a pattern: how labels are scored with its verbalizer, and the loss that fine-tuning
//! minimises.

use cloze_encoder::Session;

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::pvp::verbalizer::{Kind, Verbalizer};
use crate::scoring::free_text::FreeText;
use crate::scoring::multi_token::MultiToken;
use crate::scoring::scores::Scores;
use crate::scoring::single_token::SingleToken;

/// The scoring methods, one for each kind of verbalizer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Scorer<'v> {
    /// Every word is a single token: logits at one mask.
    SingleToken(SingleToken<'v>),
    /// Words have several tokens or differ between examples: as many masks as tokens.
    MultiToken(MultiToken),
    /// One label is a text that the model has to write: freely filled masks.
    FreeText(FreeText<'v>),
}

impl<'v> Scorer<'v> {
    /// The scorer for this kind of verbalizer.
    pub(crate) fn new(verbalizer: &'v Verbalizer) -> Scorer<'v> {
        let Verbalizer { decoding, hinge, .. } = *verbalizer;
        match verbalizer.kind() {
            Kind::OneToken(_) => Scorer::SingleToken(SingleToken { verbalizer }),
            Kind::Fixed(_) | Kind::FromColumns | Kind::Choices => {
                Scorer::MultiToken(MultiToken { labels: verbalizer.labels(), decoding, hinge })
            }
            Kind::Free { label, tokenizer } => {
                Scorer::FreeText(FreeText { label: *label, tokenizer, decoding })
            }
        }
    }

    /// Label scores of `clozes`, in order, computed in groups of at most `budget` tokens. `progress` receives
    /// the number of examples done.
    ///
    /// # Errors
    /// When a score is not finite, or `progress` fails.
    pub(crate) fn score(
        &self,
        session: &mut Session,
        clozes: &[Encoded],
        budget: usize,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Scores> {
        match self {
            Scorer::SingleToken(scorer) => scorer.score(session, clozes, budget, progress),
            Scorer::MultiToken(scorer) => scorer.score(session, clozes, budget, progress),
            Scorer::FreeText(scorer) => scorer.score(session, clozes, budget, progress),
        }
    }

    /// Trains on a micro-batch of `clozes` with their `labels`: returns its loss and adds `weight` times the
    /// gradient.
    pub(crate) fn train(
        &self,
        session: &mut Session,
        clozes: &[&Encoded],
        labels: &[u32],
        dropout_seed: u64,
        weight: f32,
    ) -> f32 {
        match self {
            Scorer::SingleToken(scorer) => scorer.train(session, clozes, labels, dropout_seed, weight),
            Scorer::MultiToken(scorer) => scorer.train(session, clozes, labels, dropout_seed, weight),
            Scorer::FreeText(scorer) => scorer.train(session, clozes, dropout_seed, weight),
        }
    }

    /// The only label that training examples may have, if nothing can be learned from those of other labels.
    pub(crate) fn only_label(&self) -> Option<usize> {
        match self {
            Scorer::FreeText(scorer) => Some(scorer.label),
            Scorer::SingleToken(_) | Scorer::MultiToken(_) => None,
        }
    }

    /// The loss of random guessing among the labels, if the loss is a cross-entropy over them.
    pub(crate) fn loss_of_guessing(&self) -> Option<f32> {
        match self {
            Scorer::SingleToken(SingleToken { verbalizer }) => Some((verbalizer.labels() as f32).ln()),
            Scorer::MultiToken(_) | Scorer::FreeText(_) => None,
        }
    }

    /// Whether training uses the frozen layers' outputs in [`Encoded::lower`].
    pub(crate) fn reads_lower_states(&self) -> bool {
        matches!(self, Scorer::SingleToken(_))
    }
}
