//! The auxiliary masked-LM loss, which prevents forgetting when a model is fine-tuned with a pattern.
//!
//! Follows Schick and Schütze (2021), section 3: besides the labels' words, the model also predicts masked
//! tokens of unlabelled examples.

use cloze_encoder::{Batch, Mode, Rng, Sequence, Session, SpecialTokens, Vocab, loss};

use crate::pvp::encode::Encoded;

/// The auxiliary masked-LM loss on unlabelled examples, filled into the pattern.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MaskedLm<'a> {
    /// Its share w of the loss: (1 - w) cross-entropy + w masked-LM loss.
    pub(crate) weight: f32,
    /// Unlabelled examples per micro-batch.
    pub(crate) batch: usize,
    /// The unlabelled examples, at least one.
    pub(crate) clozes: &'a [Encoded],
    /// Tokens that are never masked.
    pub(crate) special: &'a SpecialTokens,
    /// Size of the vocabulary, for random tokens.
    pub(crate) vocabulary: usize,
}

/// Text with some tokens masked, for the auxiliary masked-LM loss.
#[derive(Debug, Clone, Default)]
pub(crate) struct MaskedBatch {
    /// The text as input to the model.
    pub(crate) batch: Batch,
    /// The masked tokens' rows in the batch.
    pub(crate) rows: Vec<u32>,
    /// The original tokens.
    pub(crate) targets: Vec<u32>,
}

impl MaskedBatch {
    /// Chooses 15 % of the tokens, independently; of these, 80 % become the mask, 10 % become a random token
    /// and 10 % stay (Devlin et al., 2019). Special tokens are never chosen, including the pattern's own
    /// mask, whose word is unknown. (The reference implementation may choose padding and that mask.)
    pub(crate) fn draw(
        sequences: &[&Sequence],
        special: &SpecialTokens,
        vocabulary: usize,
        random: &mut Rng,
    ) -> Self {
        let mut masked = MaskedBatch::default();
        for (index, &sequence) in sequences.iter().enumerate() {
            let mut edited = sequence.clone();
            let mut chosen = Vec::new();
            for (position, id) in edited.ids.iter_mut().enumerate() {
                let is_special = [special.cls, special.sep, special.pad, special.mask].contains(id);
                if is_special || random.uniform() >= 0.15 {
                    continue;
                }
                chosen.push(position);
                masked.targets.push(*id);
                *id = hidden(*id, special, vocabulary, random);
            }
            masked.batch.push(&edited);
            masked.rows.extend(chosen.iter().map(|&position| masked.batch.index(index, position)));
        }
        masked
    }

    /// Adds a sequence whose tokens at the positions `chosen` are to be predicted: of these 80 % become the mask, 10 % a random token and
    /// 10 % stay.
    pub(crate) fn push(
        &mut self,
        sequence: &Sequence,
        chosen: &[usize],
        special: &SpecialTokens,
        vocabulary: usize,
        random: &mut Rng,
    ) {
        let mut edited = sequence.clone();
        for &position in chosen {
            let id = &mut edited.ids[position];
            self.targets.push(*id);
            *id = hidden(*id, special, vocabulary, random);
        }
        let index = self.batch.len();
        self.batch.push(&edited);
        self.rows.extend(chosen.iter().map(|&position| self.batch.index(index, position)));
    }

    /// The mean cross-entropy of the masked tokens over the whole vocabulary, and how many of them the model gives the highest
    /// score; nothing is trained. 0 if nothing is masked.
    pub(crate) fn measure(&self, session: &mut Session) -> (f32, usize) {
        if self.rows.is_empty() {
            return (0.0, 0);
        }
        let device = session.device().clone();
        let logits = session.mask_logits(&self.batch, &self.rows, Vocab::All, Mode::Predict);
        let columns = logits.len() / self.rows.len();
        let right = logits.chunks_exact(columns).zip(&self.targets).filter(|(row, target)| {
            let best = row[**target as usize];
            // Of equal scores the first counts.
            row.iter().position(|score| *score >= best).is_some_and(|first| first == **target as usize)
        });
        let right = right.count();
        (loss::cross_entropy(&device, logits, &self.targets, 1.0), right)
    }

    /// The mean cross-entropy of the masked tokens over the whole vocabulary; adds `weight` times its
    /// gradient. 0 if no tokens are masked.
    pub(crate) fn train(&self, session: &mut Session, dropout_seed: u64, weight: f32) -> f32 {
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

/// What the model sees in the place of a token that it is to predict.
fn hidden(id: u32, special: &SpecialTokens, vocabulary: usize, random: &mut Rng) -> u32 {
    match random.uniform() {
        draw if draw < 0.8 => special.mask,
        draw if draw < 0.9 => random.gen_range(0..vocabulary) as u32,
        _ => id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masked_tokens_are_never_special_and_their_targets_are_the_text() {
        let special = SpecialTokens { cls: 2, sep: 3, pad: 0, mask: 4, unk: 1 };
        let ids: Vec<u32> = std::iter::once(2).chain((0..400).map(|i| 10 + i % 50)).chain([4, 3]).collect();
        let sequence = Sequence { type_ids: vec![0; ids.len()], ids };
        let masked = MaskedBatch::draw(&[&sequence, &sequence], &special, 60, &mut Rng::new(1));
        assert!((80..160).contains(&masked.rows.len()), "{}", masked.rows.len());
        for (&row, &target) in masked.rows.iter().zip(&masked.targets) {
            assert_eq!(sequence.ids[row as usize % sequence.ids.len()], target);
            assert!(target >= 10);
        }
    }
}
