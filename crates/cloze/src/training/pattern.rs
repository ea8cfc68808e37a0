//! Fine-tuning a masked language model with a pattern and its verbalizer.
//!
//! Follows Schick and Schütze (2021), section 3: the loss of the labels' words at the mask, optionally beside a masked-LM loss that
//! keeps the model from forgetting.

use cloze_encoder::{Rng, Sequence, Session};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::scoring::scorer::Scorer;
use crate::training::batches::Shuffled;
use crate::training::lower_states::lower_states;
use crate::training::masked_lm::{MaskedBatch, MaskedLm};
use crate::training::training_loop::{FineTuning, Step};

/// How a pattern model is trained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Training<'a> {
    /// The loop's settings.
    pub(crate) fine_tuning: &'a FineTuning,
    /// Labelled rows per micro-batch.
    pub(crate) batch: usize,
    /// The auxiliary masked-LM loss, if wanted.
    pub(crate) masked_lm: Option<MaskedLm<'a>>,
    /// Everything that is drawn is drawn from this.
    pub(crate) seed: u64,
    /// What tells this pattern's draws from another's under the same seed.
    pub(crate) stream: u64,
}

/// Trains on `clozes` with their `labels`; `after` hears of every update.
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

/// Notes with every cloze what the frozen layers of the model make of it, if that is worth while in a training that sees `visits` clozes in all.
pub(crate) fn know_lower(session: &mut Session, clozes: &mut [Encoded], visits: usize) {
    let sequences: Vec<&Sequence> = clozes.iter().map(|cloze| &cloze.sequence).collect();
    let known = lower_states(session, &sequences, visits);
    clozes.iter_mut().zip(known).for_each(|(cloze, states)| cloze.lower = Some(states));
}
