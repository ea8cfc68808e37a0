//! The scores of labels at a pattern's mask, and the loss that training takes of them.
//!
//! Follows Schick and Schütze (2021), section 3: the score of a label is the model's raw logit of the label's word at the
//! mask (the mean over its words if it has several), and training minimises the cross-entropy of the softmax over the
//! labels' scores.

use std::sync::Arc;

use cloze_encoder::{Batch, Mode, Sequence, Session, Vocab, loss};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::groups::by_length;
use crate::scoring::scores::{Scores, check_finite};
use crate::scoring::{free_text, multi_token};

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
        let logits = session.mask_logits(&batch, &masks, Vocab::Subset(columns), Mode::Predict);
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
    let logits = session.mask_logits(&batch, &masks, Vocab::Subset(columns), Mode::Train { dropout_seed });
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
        masks.push(batch.index(index, cloze.mask));
    }
}

/// Adds a sequence to a batch, with what the frozen layers make of it if that is known.
pub(crate) fn push(batch: &mut Batch, sequence: &Sequence, lower: Option<&Arc<[f32]>>) {
    match lower {
        Some(states) => batch.push_with_lower(sequence, states),
        None => batch.push(sequence),
    }
}
