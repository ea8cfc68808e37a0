//! Zero-shot scores of the examples before the task is complete: how likely words are, and how well patterns
//! perform with them.

use cloze_encoder::{Batch, Checkpoint, Device, Mode, Model, Session, Vocab};

use super::choice::{Chosen, Evidence, Vocabulary, choose};
use crate::Result;
use crate::dataset::Data;
use crate::ensemble::soft_labels;
use crate::pvp::encode::{Encoded, PatternEncoder};
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::groups::{SCORING_TOKENS, by_length};
use crate::scoring::scorer::Scorer;
use crate::scoring::scores::{Scores, check_finite};
use crate::task::Task;
use crate::words::likelihood::ratios;

/// How many labelled examples are used in total, and at least per label.
const ROWS: usize = 64;
const OF_LABEL: usize = 3;
/// Number of unlabelled examples that patterns are calibrated with.
const OTHERS: usize = 64;
/// Number of patterns that likelihoods are averaged over.
const PATTERNS: usize = 4;
/// Number of masks whose logits over the whole vocabulary are held in memory at once.
const MASKS: usize = 64;

/// The examples that are used.
pub(crate) struct Rows {
    /// The texts and label indices of the labelled examples.
    labelled: Vec<(Vec<String>, usize)>,
    /// The texts of the others.
    others: Vec<Vec<String>>,
}

impl Rows {
    /// A selection of a task's examples.
    pub(crate) fn of(data: &Data, labels: usize) -> Rows {
        let labelled = data.train.iter().filter_map(|row| Some((row.texts.clone(), row.label?))).collect();
        Rows::some(labelled, labels, data.unlabeled.iter().map(|row| row.texts.clone()).collect())
    }

    /// A selection of the `labelled` examples, as many of each label as possible, and of the `others`, evenly
    /// spaced.
    pub(crate) fn some(labelled: Vec<(Vec<String>, usize)>, labels: usize, others: Vec<Vec<String>>) -> Rows {
        let of_label = (ROWS / labels.max(1)).max(OF_LABEL);
        let mut counts = vec![0; labels];
        let wanted = |(_, label): &(Vec<String>, usize)| {
            counts[*label] += 1;
            counts[*label] <= of_label
        };
        let step = others.len().div_ceil(OTHERS).max(1);
        Rows {
            labelled: labelled.into_iter().filter(wanted).collect(),
            others: others.into_iter().step_by(step).collect(),
        }
    }
}

pub(crate) struct Trial<'a> {
    checkpoint: &'a Checkpoint,
    session: Session,
}

impl<'a> Trial<'a> {
    pub(crate) fn new(checkpoint: &'a Checkpoint, device: &Device) -> Result<Trial<'a>> {
        Ok(Trial { checkpoint, session: Session::new(Model::masked_lm(checkpoint)?, device) })
    }

    /// The likelihood ratios of all words for every label, `[labels, vocabulary]`, over the labelled examples
    /// and the first patterns.
    fn ratios(&mut self, task: &Task, rows: &Rows, labels: usize) -> Result<Vec<Vec<f64>>> {
        let gold: Vec<usize> = rows.labelled.iter().map(|(_, label)| *label).collect();
        let mut sums: Vec<Vec<f64>> = vec![vec![0.0; self.checkpoint.tokenizer.vocab_size()]; labels];
        let patterns = task.patterns.len().min(PATTERNS);
        for pattern in 0..patterns {
            let encoder = PatternEncoder::of_task(task, pattern, &self.checkpoint.tokenizer);
            let clozes = clozes(&encoder, rows.labelled.iter().map(|(texts, _)| texts));
            let logits = self.logits(&clozes)?;
            for (sums, found) in sums.iter_mut().zip(ratios(&logits, &gold, labels)) {
                sums.iter_mut().zip(found).for_each(|(sum, ratio)| *sum += ratio / patterns as f64);
            }
        }
        Ok(sums)
    }

    /// Words for labels with these names and descriptions, based on the examples of `task` and the model.
    pub(crate) fn words(
        &mut self,
        task: &Task,
        rows: &Rows,
        labels: &[(&str, Option<&str>)],
    ) -> Result<Vec<Chosen>> {
        let ratios = self.ratios(task, rows, labels.len())?;
        let checkpoint = self.checkpoint;
        let device = self.session.device().clone();
        let evidence = Evidence {
            ratios: &ratios,
            embeddings: self.session.model().word_embeddings(),
            width: checkpoint.config.embedding_size,
            device: &device,
        };
        let tokenizer = &checkpoint.tokenizer;
        Ok(choose(labels, tokenizer, &Vocabulary::new(tokenizer), &evidence))
    }

    /// How well every pattern of the task performs with calibration: the mean log-probability of the correct
    /// labels of the labelled examples. Also, for every label, how often all patterns together give it a
    /// higher probability for an example of that label than for an example of another label.
    pub(crate) fn marks(&mut self, task: &Task, rows: &Rows) -> Result<(Vec<f64>, Vec<f64>)> {
        let gold: Vec<usize> = rows.labelled.iter().map(|(_, label)| *label).collect();
        let mut marks = Vec::new();
        let mut together: Option<Scores> = None;
        for pattern in 0..task.patterns.len() {
            let verbalizer = Verbalizer::new(task, pattern, &self.checkpoint.tokenizer)?;
            let encoder =
                PatternEncoder::of_task(task, pattern, &self.checkpoint.tokenizer).asking_for(&verbalizer);
            let labelled = clozes(&encoder, rows.labelled.iter().map(|(texts, _)| texts));
            let others = clozes(&encoder, rows.others.iter());
            let scorer = Scorer::new(&verbalizer);
            let mut scores =
                |clozes: &[Encoded]| scorer.score(&mut self.session, clozes, SCORING_TOKENS, |_| Ok(()));
            let mut found = scores(&labelled)?;
            let others = scores(&others)?;
            let means = if others.is_empty() { found.means() } else { others.means() };
            for row in 0..found.len() {
                found.row_mut(row).iter_mut().zip(&means).for_each(|(score, mean)| *score -= *mean as f32);
            }
            let right = |(row, label): (&[f32], &usize)| soft_labels(row, 1.0)[*label].max(1e-9).ln();
            marks.push(found.iter().zip(&gold).map(right).sum::<f64>() / gold.len().max(1) as f64);
            match &mut together {
                None => together = Some(found),
                Some(sum) => (0..sum.len()).for_each(|row| {
                    sum.row_mut(row).iter_mut().zip(found.row(row)).for_each(|(sum, score)| *sum += score);
                }),
            }
        }
        let probabilities: Vec<Vec<f64>> = together
            .iter()
            .flat_map(Scores::iter)
            .map(|scores| soft_labels(scores, task.patterns.len() as f64))
            .collect();
        let apart = (0..task.labels.len()).map(|label| apart(&probabilities, &gold, label)).collect();
        Ok((marks, apart))
    }

    /// The logits over the whole vocabulary at every mask, `[clozes, vocabulary]`.
    fn logits(&mut self, clozes: &[Encoded]) -> Result<Vec<f32>> {
        let words = self.checkpoint.config.vocab_size;
        let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.len()).collect();
        let mut all = vec![0.0; clozes.len() * words];
        for group in by_length(&lengths, SCORING_TOKENS).iter().flat_map(|group| group.chunks(MASKS)) {
            let mut batch = Batch::new();
            let mut masks = Vec::new();
            for (place, &row) in group.iter().enumerate() {
                batch.push(&clozes[row].sequence);
                masks.push(batch.index(place, clozes[row].mask));
            }
            let logits = self.session.mask_logits(&batch, &masks, Vocab::All, Mode::Predict);
            check_finite(logits)?;
            for (&row, logits) in group.iter().zip(logits.chunks_exact(words)) {
                all[row * words..][..words].copy_from_slice(logits);
            }
        }
        Ok(all)
    }
}

/// The encoded cloze questions of the examples. Every field of these patterns may be truncated, so any
/// example fits.
fn clozes<'t>(encoder: &PatternEncoder, rows: impl Iterator<Item = &'t Vec<String>>) -> Vec<Encoded> {
    rows.filter_map(|texts| encoder.encode(texts).ok()).collect()
}

/// Among all pairs of an example of `label` and an example of another label, how often the first has the
/// higher probability for `label`; one half if there are no such pairs.
fn apart(probabilities: &[Vec<f64>], gold: &[usize], label: usize) -> f64 {
    let of = |wanted: bool| {
        probabilities
            .iter()
            .zip(gold)
            .filter(move |(_, gold)| (**gold == label) == wanted)
            .map(move |(row, _)| row[label])
    };
    let mut won = 0.0;
    let mut pairs = 0.0;
    for own in of(true) {
        for other in of(false) {
            pairs += 1.0;
            won += if own > other {
                1.0
            } else if own == other {
                0.5
            } else {
                0.0
            };
        }
    }
    if pairs > 0.0 { won / pairs } else { 0.5 }
}
