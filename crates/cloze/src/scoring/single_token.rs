//! Single-token label words: a label's score is a logit at the mask.
//!
//! Follows Schick and Schütze (2021), section 3: the score of a label is the model's raw logit of the label's word at the
//! mask (the mean over its words if it has several), and training minimises the cross-entropy of the softmax over the
//! labels' scores.

use cloze_encoder::{Batch, Mode, Session, Vocab, loss};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::groups::by_length;
use crate::scoring::scores::{Scores, check_finite};

/// Scores labels whose words are single tokens that are the same for all examples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct SingleToken<'v> {
    pub(crate) verbalizer: &'v Verbalizer,
}

impl SingleToken<'_> {
    /// Label scores of `clozes`; see [`Scorer::score`](crate::scoring::scorer::Scorer::score).
    pub(crate) fn score(
        self,
        session: &mut Session,
        clozes: &[Encoded],
        budget: usize,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Scores> {
        let verbalizer = self.verbalizer;
        let columns = verbalizer.columns();
        let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.len()).collect();
        let mut scores = Scores::zeros(clozes.len(), verbalizer.labels());
        let mut batch = Batch::new();
        let mut masks = Vec::new();
        let mut done = 0;
        for group in by_length(&lengths, budget) {
            fill(&mut batch, &mut masks, group.iter().map(|&row| &clozes[row]));
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

    /// Trains on a micro-batch: the loss is the mean cross-entropy of `labels`, one for each cloze; adds
    /// `weight` times its gradient.
    pub(crate) fn train(
        self,
        session: &mut Session,
        clozes: &[&Encoded],
        labels: &[u32],
        dropout_seed: u64,
        weight: f32,
    ) -> f32 {
        let verbalizer = self.verbalizer;
        let columns = verbalizer.columns();
        let count = verbalizer.labels();
        let mut batch = Batch::new();
        let mut masks = Vec::new();
        fill(&mut batch, &mut masks, clozes.iter().copied());
        let device = session.device().clone();
        let logits =
            session.mask_logits(&batch, &masks, Vocab::Subset(columns), Mode::Train { dropout_seed });
        let mut scores = vec![0.0; clozes.len() * count];
        for (scores, logits) in scores.chunks_exact_mut(count).zip(logits.chunks_exact(columns.len())) {
            verbalizer.scores(logits, scores);
        }
        let loss = loss::cross_entropy(&device, &mut scores, labels, weight);
        for (dscores, dlogits) in scores.chunks_exact(count).zip(logits.chunks_exact_mut(columns.len())) {
            verbalizer.backward(dscores, dlogits);
        }
        session.backward_in_place();
        loss
    }
}

fn fill<'c>(batch: &mut Batch, masks: &mut Vec<u32>, clozes: impl Iterator<Item = &'c Encoded>) {
    batch.clear();
    masks.clear();
    for (index, cloze) in clozes.enumerate() {
        match &cloze.lower {
            Some(states) => batch.push_with_lower(&cloze.sequence, states),
            None => batch.push(&cloze.sequence),
        }
        masks.push(batch.index(index, cloze.mask));
    }
}
