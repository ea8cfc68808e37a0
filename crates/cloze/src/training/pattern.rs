//! Fine-tuning a masked language model on a pattern and its verbalizer.
//!
//! Follows Schick and Schütze (2021), section 3: the loss of the labels' words at the mask, optionally beside a masked-LM loss that
//! keeps the model from forgetting.

use cloze_encoder::{Batch, Mode, Rng, Sequence, Session, SpecialTokens, Vocab, loss};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::scorer::train;
use crate::training::batches::Shuffled;
use crate::training::fine_tuning::{FineTuning, Step, lower_states};

/// Notes with every cloze what the frozen layers of the model make of it, if that is worth while in a training that sees `visits` clozes in all.
pub fn know_lower(session: &mut Session, clozes: &mut [Encoded], visits: usize) {
    let sequences: Vec<&Sequence> = clozes.iter().map(|cloze| &cloze.sequence).collect();
    let known = lower_states(session, &sequences, visits);
    clozes.iter_mut().zip(known).for_each(|(cloze, states)| cloze.lower = Some(states));
}

/// Text with some tokens hidden, for the auxiliary masked-LM loss.
#[derive(Debug, Clone, Default)]
pub struct Hidden {
    /// The text as the model sees it.
    pub batch: Batch,
    /// The hidden tokens' rows in the batch.
    pub rows: Vec<u32>,
    /// What stood there.
    pub targets: Vec<u32>,
}

impl Hidden {
    /// Chooses 15 % of the tokens, independently; of these 80 % become the mask, 10 % a random token and 10 % stay (Devlin
    /// et al., 2019). Special tokens are never chosen, among them the pattern's own mask, whose word nobody knows. (The
    /// reference implementation may choose padding and that mask.)
    pub fn draw(
        sequences: &[&Sequence],
        special: &SpecialTokens,
        vocabulary: usize,
        random: &mut Rng,
    ) -> Self {
        let mut hidden = Hidden::default();
        for (index, &sequence) in sequences.iter().enumerate() {
            let mut edited = sequence.clone();
            let mut chosen = Vec::new();
            for (position, id) in edited.ids.iter_mut().enumerate() {
                let is_special = [special.cls, special.sep, special.pad, special.mask].contains(id);
                if is_special || random.uniform() >= 0.15 {
                    continue;
                }
                chosen.push(position);
                hidden.targets.push(*id);
                match random.uniform() {
                    draw if draw < 0.8 => *id = special.mask,
                    draw if draw < 0.9 => *id = random.gen_range(0..vocabulary) as u32,
                    _ => {}
                }
            }
            hidden.batch.push(&edited);
            hidden.rows.extend(chosen.iter().map(|&position| hidden.batch.index(index, position)));
        }
        hidden
    }

    /// The mean cross-entropy of the hidden tokens over the whole vocabulary; adds `weight` times its gradient. 0 if
    /// nothing is hidden.
    pub fn train(&self, session: &mut Session, dropout_seed: u64, weight: f32) -> f32 {
        if self.rows.is_empty() {
            return 0.0;
        }
        let device = session.device().clone();
        let logits = session.mask_logits(&self.batch, &self.rows, Vocab::All, Mode::Train { dropout_seed });
        let loss = loss::cross_entropy(&device, logits, &self.targets, weight);
        session.backward_in_place();
        loss
    }
}

/// How a pattern model is trained.
#[derive(Debug, Clone, Copy)]
pub struct Training<'a> {
    /// The loop's settings.
    pub fine_tuning: &'a FineTuning,
    /// Labelled rows per micro-batch.
    pub batch: usize,
    /// The auxiliary masked-LM loss, if wanted.
    pub masked_lm: Option<MaskedLm<'a>>,
    /// Everything that is drawn is drawn from this.
    pub seed: u64,
    /// What tells this pattern's draws from another's under the same seed.
    pub stream: u64,
}

/// The auxiliary masked-LM loss on unlabelled rows, filled into the pattern.
#[derive(Debug, Clone, Copy)]
pub struct MaskedLm<'a> {
    /// Its share w of the loss: (1 - w) cross-entropy + w masked-LM loss.
    pub weight: f32,
    /// Unlabelled rows per micro-batch.
    pub batch: usize,
    /// The unlabelled rows; at least one.
    pub clozes: &'a [Encoded],
    /// Tokens that are never hidden.
    pub special: &'a SpecialTokens,
    /// Entries of the vocabulary, for random tokens.
    pub vocabulary: usize,
}

/// Trains on `clozes` with their `labels`; `after` hears of every update.
pub fn fine_tune(
    session: &mut Session,
    verbalizer: &Verbalizer,
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
        let mut train = |session: &mut Session, weight| {
            train(session, verbalizer, &chosen, &gold, dropout.next_u64(), weight)
        };
        let (Some(lm), Some(unlabelled)) = (training.masked_lm, &mut unlabelled) else {
            return train(session, weight);
        };
        let share = 1.0 - lm.weight;
        let loss = train(session, weight * share);
        let text: Vec<&Sequence> = unlabelled.draw().iter().map(|&row| &lm.clozes[row].sequence).collect();
        let hidden = Hidden::draw(&text, lm.special, lm.vocabulary, &mut hiding);
        share * loss + lm.weight * hidden.train(session, dropout.next_u64(), weight * lm.weight)
    };
    training.fine_tuning.run(session, micro_batch, after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_tokens_are_never_special_and_their_targets_are_the_text() {
        let special = SpecialTokens { cls: 2, sep: 3, pad: 0, mask: 4, unk: 1 };
        let ids: Vec<u32> = std::iter::once(2).chain((0..400).map(|i| 10 + i % 50)).chain([4, 3]).collect();
        let sequence = Sequence { type_ids: vec![0; ids.len()], ids };
        let hidden = Hidden::draw(&[&sequence, &sequence], &special, 60, &mut Rng::new(1));
        assert!((80..160).contains(&hidden.rows.len()), "{}", hidden.rows.len());
        for (&row, &target) in hidden.rows.iter().zip(&hidden.targets) {
            assert_eq!(sequence.ids[row as usize % sequence.ids.len()], target);
            assert!(target >= 10);
        }
    }
}
