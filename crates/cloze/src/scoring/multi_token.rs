//! Multi-token label words: as many masks as tokens.
//!
//! Follows section 3 of Schick and Schütze, "It's not just size that matters: small language models are also
//! few-shot learners" (2021). The score of a word of k tokens is the sum of their log-probabilities at k
//! masks, which are filled one after the other, most confident first. In training, all masks are predicted at
//! once, and the right word must beat every wrong one by a margin.

use std::collections::HashMap;

use cloze_encoder::{Batch, Mode, Session, Vocab, loss};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::scoring::decoding::{PartlyFilled, predict};
use crate::scoring::groups::by_length;
use crate::scoring::scores::{Scores, best, check_finite};
use crate::task::{Decoding, Hinge};

/// The margin by which the right word must beat a wrong one, as in the paper.
const MARGIN: f32 = 1.0;

/// Scores labels whose words have several tokens or differ between examples.
#[derive(Debug, Clone, Copy)]
pub(crate) struct MultiToken {
    /// The number of labels.
    pub(crate) labels: usize,
    /// The order in which masks are filled.
    pub(crate) decoding: Decoding,
    /// How training combines the cross-entropies of a word's tokens.
    pub(crate) hinge: Hinge,
}

/// A word whose tokens are being filled in.
#[derive(Debug, Clone)]
struct Filling<'c> {
    /// The example, the label, and the word's share in the label's score.
    row: usize,
    label: usize,
    share: f32,
    tokens: &'c [u32],
}

/// A partly filled input, and the words that it is shared by.
struct State<'c> {
    input: PartlyFilled,
    words: Vec<Filling<'c>>,
}

impl MultiToken {
    /// Label scores of `clozes`, in order: the sum of the log-probabilities of a word's tokens, averaged over
    /// the label's words. At most `budget` tokens are computed at a time; words whose tokens so far are the
    /// same share their computation.
    ///
    /// # Panics
    /// If a cloze has no candidates.
    pub(crate) fn score(
        self,
        session: &mut Session,
        clozes: &[Encoded],
        budget: usize,
        mut progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Scores> {
        let MultiToken { labels, decoding, .. } = self;
        let mut scores = Scores::zeros(clozes.len(), labels);
        // Examples of similar length go through all steps together, so that not all states exist at the same
        // time.
        let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.len()).collect();
        let mut done = 0;
        for (row, cloze) in clozes.iter().enumerate() {
            let words = cloze.candidates.iter().flat_map(|candidates| &candidates.0);
            for (label, _) in words.enumerate().filter(|(_, words)| words.is_empty()) {
                scores.row_mut(row)[label] = f32::NEG_INFINITY;
            }
        }
        for group in by_length(&lengths, 8 * budget) {
            let mut states: Vec<State> = group.iter().flat_map(|row| begin(*row, &clozes[*row])).collect();
            while !states.is_empty() {
                states = step(session, states, decoding, budget, &mut scores)?;
            }
            done += group.len();
            progress(done)?;
        }
        // Labels without words score minus infinity; no other label may.
        for (row, cloze) in clozes.iter().enumerate() {
            let labels = cloze.candidates.iter().flat_map(|candidates| &candidates.0).zip(scores.row(row));
            for (_, score) in labels.filter(|(words, _)| !words.is_empty()) {
                check_finite(std::slice::from_ref(score))?;
            }
        }
        Ok(scores)
    }

    /// Trains on a micro-batch: the loss is the mean over `clozes` of the hinge loss, which is the sum over
    /// the wrong labels of max(0, 1 + S(right) - S(wrong)). S is the cross-entropy of a label's tokens at the
    /// masks, all predicted at once, summed or averaged over the tokens, and averaged over the label's words.
    /// With [`Hinge::Batch`], it is a single such loss in which S is the average over the tokens of all
    /// examples. Adds `weight` times its gradient.
    ///
    /// # Panics
    /// If a cloze has no candidates.
    pub(crate) fn train(
        self,
        session: &mut Session,
        clozes: &[&Encoded],
        labels: &[u32],
        dropout_seed: u64,
        weight: f32,
    ) -> f32 {
        let hinge = self.hinge;
        let mut batch = Batch::new();
        let mut rows = Vec::new();
        let mut starts = Vec::new();
        for (place, cloze) in clozes.iter().enumerate() {
            batch.push(&cloze.sequence);
            starts.push(rows.len());
            rows.extend((cloze.mask..cloze.mask + cloze.masks).map(|mask| batch.index(place, mask)));
        }
        let device = session.device().clone();
        let vocabulary = session.model().config().vocab_size;
        let logits = session.mask_logits(&batch, &rows, Vocab::All, Mode::Train { dropout_seed });
        let norms = loss::log_norms(&device, logits, vocabulary);

        // The derivative of the loss with respect to each token's cross-entropy at each mask.
        let mut targets: Vec<(usize, u32, f32)> = Vec::new();
        let mut loss = 0.0;
        // The number of examples whose cross-entropies are compared together.
        let together = if hinge == Hinge::Batch { clozes.len() } else { 1 };
        let groups = clozes.len().div_ceil(together) as f32;
        for first in (0..clozes.len()).step_by(together) {
            let group = first..(first + together).min(clozes.len());
            let mut slots: Vec<Slot> = Vec::new();
            for row in group {
                let candidates =
                    clozes[row].candidates.as_deref().expect("words of several tokens come with the row");
                let right = labels[row] as usize;
                let wrong = (0..candidates.0.len()).filter(|label| *label != right);
                let there =
                    std::iter::once(right).chain(wrong).filter(|label| !candidates.0[*label].is_empty());
                for (place, label) in there.enumerate() {
                    if slots.len() == place {
                        slots.push(Slot::default());
                    }
                    slots[place].add(&candidates.0[label], starts[row], hinge, |mask, token| {
                        norms[mask] - logits[mask * vocabulary + token as usize]
                    });
                }
            }
            let Some((right, wrong)) = slots.split_first() else { continue };
            let mut weights = vec![0.0f32; slots.len()];
            for (number, wrong) in wrong.iter().enumerate() {
                let miss = MARGIN + right.cost(hinge) - wrong.cost(hinge);
                if miss > 0.0 {
                    loss += miss / groups;
                    weights[0] += 1.0;
                    weights[number + 1] -= 1.0;
                }
            }
            for (slot, factor) in slots.iter().zip(weights) {
                let factor = factor * weight / (groups * slot.divisor(hinge));
                targets
                    .extend(slot.tokens.iter().map(|(mask, token, share)| (*mask, *token, factor * share)));
            }
        }
        loss::weighted_cross_entropy(&device, logits, &norms, &targets);
        session.backward_in_place();
        loss
    }
}

/// The initial states of an example: one for each number of tokens that a word has, with as many masks.
fn begin(row: usize, cloze: &Encoded) -> Vec<State<'_>> {
    let candidates = cloze.candidates.as_deref().expect("words of several tokens come with the row");
    let mut states: Vec<State> = Vec::new();
    for (label, tokens) in candidates.words() {
        let share = 1.0 / candidates.0[label].len() as f32;
        let filling = Filling { row, label, share, tokens };
        match states.iter_mut().find(|state| state.input.masks.len() == tokens.len()) {
            Some(state) => state.words.push(filling),
            None => {
                let (mut sequence, surplus) = (cloze.sequence.clone(), cloze.masks - tokens.len());
                sequence.ids.drain(cloze.mask..cloze.mask + surplus);
                sequence.type_ids.drain(cloze.mask..cloze.mask + surplus);
                let input = PartlyFilled { sequence, first: cloze.mask, masks: (0..tokens.len()).collect() };
                states.push(State { input, words: vec![filling] });
            }
        }
    }
    states
}

/// Fills one mask of every word (all of them at once if decoding is parallel), adds the tokens'
/// log-probabilities to the scores, and returns the states that still have masks.
fn step<'c>(
    session: &mut Session,
    states: Vec<State<'c>>,
    decoding: Decoding,
    budget: usize,
    scores: &mut Scores,
) -> Result<Vec<State<'c>>> {
    let vocabulary = session.model().config().vocab_size;
    let costs: Vec<usize> = states.iter().map(|state| state.input.cost(budget, vocabulary)).collect();
    let mut next: Vec<State> = Vec::new();
    // The resulting state for each combination of state, mask and token.
    let mut known: HashMap<(usize, usize, u32), usize> = HashMap::new();
    let mut batch = Batch::new();
    for group in by_length(&costs, budget) {
        let inputs = group.iter().map(|number| &states[*number].input);
        let (logits, norms) = predict(session, &mut batch, inputs)?;
        let mut at = 0;
        for number in group {
            let State { input, words } = &states[number];
            let probability = |place: usize, token: u32| {
                logits[(at + place) * vocabulary + token as usize] - norms[at + place]
            };
            for word in words {
                let gains: Vec<f32> = (input.masks.iter().enumerate())
                    .map(|(place, mask)| probability(place, word.tokens[*mask]))
                    .collect();
                let place = match decoding {
                    Decoding::Parallel => {
                        scores.row_mut(word.row)[word.label] += word.share * gains.iter().sum::<f32>();
                        continue;
                    }
                    Decoding::LeftToRight => 0,
                    Decoding::MaxFirst => best(&gains),
                };
                scores.row_mut(word.row)[word.label] += word.share * gains[place];
                if input.masks.len() == 1 {
                    continue;
                }
                let (mask, token) = (input.masks[place], word.tokens[input.masks[place]]);
                let to = *known.entry((number, mask, token)).or_insert_with(|| {
                    let mut sequence = input.sequence.clone();
                    sequence.ids[input.first + mask] = token;
                    let masks = input.masks.iter().copied().filter(|other| *other != mask).collect();
                    let input = PartlyFilled { sequence, first: input.first, masks };
                    next.push(State { input, words: Vec::new() });
                    next.len() - 1
                });
                next[to].words.push(word.clone());
            }
            at += input.masks.len();
        }
    }
    Ok(next)
}

/// A term compared in the loss: the right label or a wrong one, of one example or of all examples in a batch.
#[derive(Default)]
struct Slot {
    /// Masks with their target tokens, and the weight of each in the sum.
    tokens: Vec<(usize, u32, f32)>,
    sum: f32,
    shares: f32,
}

impl Slot {
    /// Adds the words of an example whose first mask is row `first` of the logits.
    fn add(&mut self, words: &[Vec<u32>], first: usize, hinge: Hinge, cost: impl Fn(usize, u32) -> f32) {
        for word in words {
            let share = match hinge {
                Hinge::Mean => 1.0 / (words.len() * word.len()) as f32,
                Hinge::Sum | Hinge::Batch => 1.0 / words.len() as f32,
            };
            let sum: f32 = word.iter().enumerate().map(|(place, token)| cost(first + place, *token)).sum();
            self.sum += share * sum;
            self.shares += share * word.len() as f32;
            self.tokens.extend(word.iter().enumerate().map(|(place, token)| (first + place, *token, share)));
        }
    }

    /// The divisor of the sum.
    fn divisor(&self, hinge: Hinge) -> f32 {
        if hinge == Hinge::Batch { self.shares } else { 1.0 }
    }

    fn cost(&self, hinge: Hinge) -> f32 {
        self.sum / self.divisor(hinge)
    }
}
