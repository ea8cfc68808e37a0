//! A pattern and its verbalizer on a masked language model: scores, losses, training.
//!
//! Follows Schick and Schütze (2021), section 3: the score of a label is the model's raw logit of the label's word at the
//! mask (the mean over its words if it has several), and training minimises the cross-entropy of the softmax over the
//! labels' scores, optionally beside a masked-LM loss that keeps the model from forgetting.

use cloze_encoder::{Batch, Columns, Mode, Random, Sequence, Session, SpecialTokens, loss};

use crate::batches::{Shuffled, by_length};
use crate::encode::Encoded;
use crate::fine_tuning::{FineTuning, Step, lower_states, push};
use crate::scores::{Scores, check_finite};
use crate::verbalizer::Verbalizer;
use crate::{Result, free_text, multi_token};

/// Label scores of `clozes` in their order, computed in groups of at most `budget` tokens. `progress` hears how many rows
/// are done.
///
/// # Errors
/// When a score is not finite, or `progress` fails.
pub fn score(
    session: &mut Session,
    verbalizer: &Verbalizer,
    clozes: &[Encoded],
    budget: usize,
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<Scores> {
    if let Some((label, tokenizer)) = verbalizer.free_text() {
        let decoding = verbalizer.decoding;
        return free_text::score(session, tokenizer, label, clozes, decoding, budget, progress);
    }
    if !verbalizer.is_one_token() {
        return multi_token::score(
            session,
            verbalizer.labels(),
            clozes,
            verbalizer.decoding,
            budget,
            progress,
        );
    }
    let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.len()).collect();
    let mut scores = Scores::zeros(clozes.len(), verbalizer.labels());
    let (mut batch, mut masks, mut done) = (Batch::new(), Vec::new(), 0);
    for group in by_length(&lengths, budget) {
        fill(&mut batch, &mut masks, group.iter().map(|&row| &clozes[row]));
        let columns = verbalizer.columns();
        let logits = session.mask_logits(&batch, &masks, Columns::Only(columns), Mode::Predict);
        check_finite(logits)?;
        for (&row, logits) in group.iter().zip(logits.chunks_exact(columns.len())) {
            verbalizer.scores(logits, scores.row_mut(row));
        }
        done += group.len();
        progress(done)?;
    }
    Ok(scores)
}

/// One micro-batch: the mean cross-entropy of `labels` (one per cloze), the hinge loss of [`multi_token::train`], or the
/// loss of [`free_text::train`]; adds `weight` times its gradient.
pub fn train(
    session: &mut Session,
    verbalizer: &Verbalizer,
    clozes: &[&Encoded],
    labels: &[u32],
    dropout_seed: u64,
    weight: f32,
) -> f32 {
    if let Some((label, tokenizer)) = verbalizer.free_text() {
        return free_text::train(session, label, tokenizer.special().pad, clozes, dropout_seed, weight);
    }
    if !verbalizer.is_one_token() {
        return multi_token::train(session, clozes, labels, verbalizer.hinge, dropout_seed, weight);
    }
    let (mut batch, mut masks) = (Batch::new(), Vec::new());
    fill(&mut batch, &mut masks, clozes.iter().copied());
    let columns = verbalizer.columns();
    let device = session.device().clone();
    let logits = session.mask_logits(&batch, &masks, Columns::Only(columns), Mode::Train { dropout_seed });
    let mut scores = vec![0.0; clozes.len() * verbalizer.labels()];
    for (scores, logits) in
        scores.chunks_exact_mut(verbalizer.labels()).zip(logits.chunks_exact(columns.len()))
    {
        verbalizer.scores(logits, scores);
    }
    let loss = loss::cross_entropy(&device, &mut scores, labels, weight);
    for (dscores, dlogits) in
        scores.chunks_exact(verbalizer.labels()).zip(logits.chunks_exact_mut(columns.len()))
    {
        verbalizer.backward(dscores, dlogits);
    }
    session.backward_in_place();
    loss
}

fn fill<'c>(batch: &mut Batch, masks: &mut Vec<u32>, clozes: impl Iterator<Item = &'c Encoded>) {
    batch.clear();
    masks.clear();
    for (index, cloze) in clozes.enumerate() {
        push(batch, &cloze.sequence, cloze.lower.as_ref());
        masks.push(batch.row(index, cloze.mask));
    }
}

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
        random: &mut Random,
    ) -> Self {
        let mut hidden = Hidden::default();
        for (index, &sequence) in sequences.iter().enumerate() {
            let mut edited = sequence.clone();
            let mut chosen = Vec::new();
            for (position, id) in edited.ids.iter_mut().enumerate() {
                let is_special = [special.cls, special.sep, special.pad, special.mask].contains(id);
                if is_special || random.unit() >= 0.15 {
                    continue;
                }
                chosen.push(position);
                hidden.targets.push(*id);
                match random.unit() {
                    draw if draw < 0.8 => *id = special.mask,
                    draw if draw < 0.9 => *id = random.below(vocabulary) as u32,
                    _ => {}
                }
            }
            hidden.batch.push(&edited);
            hidden.rows.extend(chosen.iter().map(|&position| hidden.batch.row(index, position)));
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
        let logits = session.mask_logits(&self.batch, &self.rows, Columns::All, Mode::Train { dropout_seed });
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
    let stream = |purpose| Random::stream(training.seed, &[training.stream, purpose]);
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
        let hidden = Hidden::draw(&[&sequence, &sequence], &special, 60, &mut Random::new(1));
        assert!((80..160).contains(&hidden.rows.len()), "{}", hidden.rows.len());
        for (&row, &target) in hidden.rows.iter().zip(&hidden.targets) {
            assert_eq!(sequence.ids[row as usize % sequence.ids.len()], target);
            assert!(target >= 10);
        }
    }
}
