//! Fine-tuning a masked language model with a pattern and its verbalizer.
//!
//! Follows Schick and Schütze (2021), section 3: the loss of the labels' words at the mask, optionally
//! combined with a masked-LM loss that prevents forgetting.

use cloze_encoder::{Rng, Sequence, Session};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::scoring::scorer::Scorer;
use crate::training::batches::Shuffled;
use crate::training::lower_states::lower_states;
use crate::training::masked_lm::{MaskedBatch, MaskedLm};
use crate::training::training_loop::{FineTuning, Step};

/// Training settings of a pattern model.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training<'a> {
    /// The settings of the training loop.
    pub(crate) fine_tuning: &'a FineTuning,
    /// Labelled examples per micro-batch.
    pub(crate) batch: usize,
    /// The auxiliary masked-LM loss, if used.
    pub(crate) masked_lm: Option<MaskedLm<'a>>,
    /// The random seed.
    pub(crate) seed: u64,
    /// Separates this pattern's random streams from those of others with the same seed.
    pub(crate) stream: u64,
}

/// Trains on `clozes` with their `labels`; `after` is called after every update.
pub(crate) fn fine_tune(
    session: &mut Session,
    scorer: &Scorer,
    training: Training,
    clozes: &[Encoded],
    labels: &[u32],
    after: impl FnMut(&Step) -> Result<()>,
) -> Result<Vec<Step>> {
    let stream = |purpose| Rng::stream(training.seed, &[training.stream, purpose]);
    let mut batches = Shuffled::new(clozes.len(), training.batch, stream(0));
    let (mut dropout, mut hiding) = (stream(1), stream(2));
    let mut unlabelled = training.masked_lm.map(|lm| Shuffled::new(lm.clozes.len(), lm.batch, stream(3)));
    let micro_batch = |session: &mut Session, _: usize, weight: f32| {
        let rows = batches.draw();
        let chosen: Vec<&Encoded> = rows.iter().map(|&row| &clozes[row]).collect();
        let gold: Vec<u32> = rows.iter().map(|&row| labels[row]).collect();
        let mut train =
            |session: &mut Session, weight| scorer.train(session, &chosen, &gold, dropout.next_u64(), weight);
        let (Some(lm), Some(unlabelled)) = (training.masked_lm, &mut unlabelled) else {
            return train(session, weight);
        };
        let share = 1.0 - lm.weight;
        let loss = train(session, weight * share);
        let text: Vec<&Sequence> = unlabelled.draw().iter().map(|&row| &lm.clozes[row].sequence).collect();
        let masked = MaskedBatch::draw(&text, lm.special, lm.vocabulary, &mut hiding);
        share * loss + lm.weight * masked.train(session, dropout.next_u64(), weight * lm.weight)
    };
    training.fine_tuning.run(session, micro_batch, after)
}

/// Stores the frozen layers' output with every cloze, if that is worthwhile for training that visits `visits`
/// clozes in total.
pub(crate) fn know_lower(session: &mut Session, clozes: &mut [Encoded], visits: usize) {
    let sequences: Vec<&Sequence> = clozes.iter().map(|cloze| &cloze.sequence).collect();
    let known = lower_states(session, &sequences, visits);
    clozes.iter_mut().zip(known).for_each(|(cloze, states)| cloze.lower = Some(states));
}
