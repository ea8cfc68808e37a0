//! A pattern and its verbalizer on a masked language model: scores, losses, training.
//!
//! Follows Schick and Schütze (2021), section 3: the score of a label is the model's raw logit of the label's word at the
//! mask (the mean over its words if it has several), and training minimises the cross-entropy of the softmax over the
//! labels' scores, optionally beside a masked-LM loss that keeps the model from forgetting.

use cloze_encoder::{Batch, Columns, Mode, Random, Sequence, Session, SpecialTokens, loss};

use crate::Result;
use crate::batches::by_length;
use crate::scores::Scores;

/// A pattern filled with a row: token ids and the place of the mask among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cloze {
    /// The tokens with special tokens.
    pub sequence: Sequence,
    /// Position of the mask.
    pub mask: usize,
}

/// The token ids of every label's words, as columns of the masked-LM head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelWords {
    columns: Vec<u32>,
    /// Label of every column.
    label: Vec<usize>,
    /// Number of columns of every label.
    counts: Vec<usize>,
}

impl LabelWords {
    /// `words[label]` are the ids of a label's words; every label has at least one.
    pub fn new(words: &[Vec<u32>]) -> Self {
        assert!(words.iter().all(|words| !words.is_empty()), "every label has a word");
        LabelWords {
            columns: words.concat(),
            label: words
                .iter()
                .enumerate()
                .flat_map(|(label, ids)| std::iter::repeat_n(label, ids.len()))
                .collect(),
            counts: words.iter().map(Vec::len).collect(),
        }
    }

    /// Number of labels.
    pub fn labels(&self) -> usize {
        self.counts.len()
    }

    /// Means over each label's columns: `[rows, columns]` to `[rows, labels]`.
    fn scores(&self, logits: &[f32]) -> Vec<f32> {
        let mut scores = vec![0.0; logits.len() / self.columns.len() * self.labels()];
        for (logits, scores) in
            logits.chunks_exact(self.columns.len()).zip(scores.chunks_exact_mut(self.labels()))
        {
            for (logit, &label) in logits.iter().zip(&self.label) {
                scores[label] += logit;
            }
            for (score, &count) in scores.iter_mut().zip(&self.counts) {
                *score /= count as f32;
            }
        }
        scores
    }

    /// The gradient of the logits from that of the scores.
    fn backward(&self, dscores: &[f32], dlogits: &mut [f32]) {
        let rows = dscores.chunks_exact(self.labels()).zip(dlogits.chunks_exact_mut(self.columns.len()));
        for (dscores, dlogits) in rows {
            for (dlogit, &label) in dlogits.iter_mut().zip(&self.label) {
                *dlogit = dscores[label] / self.counts[label] as f32;
            }
        }
    }

    /// Label scores of `clozes` in their order, computed in groups of at most `budget` tokens. `progress` hears how many
    /// rows are done.
    pub fn score(
        &self,
        session: &mut Session,
        clozes: &[Cloze],
        budget: usize,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Scores> {
        let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.ids.len()).collect();
        let mut scores = Scores::zeros(clozes.len(), self.labels());
        let (mut batch, mut masks, mut done) = (Batch::new(), Vec::new(), 0);
        for group in by_length(&lengths, budget) {
            fill(&mut batch, &mut masks, group.iter().map(|&row| &clozes[row]));
            let logits = session.mask_logits(&batch, &masks, Columns::Only(&self.columns), Mode::Predict);
            for (&row, found) in group.iter().zip(self.scores(logits).chunks_exact(self.labels())) {
                scores.row_mut(row).copy_from_slice(found);
            }
            done += group.len();
            progress(done)?;
        }
        Ok(scores)
    }

    /// One micro-batch: the mean cross-entropy of `labels` (one per cloze); adds `weight` times its gradient.
    pub fn train(
        &self,
        session: &mut Session,
        clozes: &[&Cloze],
        labels: &[u32],
        dropout_seed: u64,
        weight: f32,
    ) -> f32 {
        let (mut batch, mut masks) = (Batch::new(), Vec::new());
        fill(&mut batch, &mut masks, clozes.iter().copied());
        let columns = Columns::Only(&self.columns);
        let device = session.device().clone();
        let logits = session.mask_logits(&batch, &masks, columns, Mode::Train { dropout_seed });
        let mut scores = self.scores(logits);
        let loss = loss::cross_entropy(&device, &mut scores, labels, weight);
        self.backward(&scores, logits);
        session.backward_in_place();
        loss
    }
}

fn fill<'c>(batch: &mut Batch, masks: &mut Vec<u32>, clozes: impl Iterator<Item = &'c Cloze>) {
    batch.clear();
    masks.clear();
    for (index, cloze) in clozes.enumerate() {
        batch.push(&cloze.sequence);
        masks.push(batch.row(index, cloze.mask));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_with_several_words_scores_their_mean() {
        let words = LabelWords::new(&[vec![4, 5], vec![9]]);
        assert_eq!(words.scores(&[1.0, 3.0, 7.0, 0.0, 1.0, 2.0]), [2.0, 7.0, 0.5, 2.0]);
        let mut dlogits = [0.0; 3];
        words.backward(&[1.0, -1.0], &mut dlogits);
        assert_eq!(dlogits, [0.5, 0.5, -1.0]);
    }

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
