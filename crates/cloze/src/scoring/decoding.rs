//! Decoding: filling the masks of an input one after the other, or all at once.

use cloze_encoder::{Batch, Mode, Sequence, Session, Vocab, loss};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::scoring::scores::check_finite;
use crate::task::Decoding;

/// Maximum number of logits computed at a time: 64 MB.
const LOGITS: usize = 16 << 20;

/// An input with some of its masks filled.
pub(crate) struct PartlyFilled {
    pub(crate) sequence: Sequence,
    /// The position of its first mask.
    pub(crate) first: usize,
    /// The masks that remain, counted from the first.
    pub(crate) masks: Vec<usize>,
}

impl PartlyFilled {
    /// The number of tokens that it counts for when inputs are grouped by a `budget`: the logits of its masks
    /// also take memory.
    pub(crate) fn cost(&self, budget: usize, vocabulary: usize) -> usize {
        let mask = (budget * vocabulary).div_ceil(LOGITS).max(1);
        self.sequence.len().max(self.masks.len() * mask)
    }
}

/// The logits over the whole vocabulary at the masks of some inputs, one after the other,
/// `[masks, vocabulary]`, and the log-sum-exp of every row.
///
/// # Errors
/// When a logit is not finite.
pub(crate) fn predict<'s, 'i>(
    session: &'s mut Session,
    batch: &mut Batch,
    inputs: impl Iterator<Item = &'i PartlyFilled>,
) -> Result<(&'s [f32], Vec<f32>)> {
    let device = session.device().clone();
    let vocabulary = session.model().config().vocab_size;
    batch.clear();
    let mut rows = Vec::new();
    for (place, input) in inputs.enumerate() {
        batch.push(&input.sequence);
        rows.extend(input.masks.iter().map(|mask| batch.index(place, input.first + mask)));
    }
    let logits = session.mask_logits(batch, &rows, Vocab::All, Mode::Predict);
    let norms = loss::log_norms(&device, logits, vocabulary);
    // A non-finite logit also makes the norm of its row non-finite.
    check_finite(&norms)?;
    Ok((logits, norms))
}

/// The maximum number of passes for scoring an example with multi-token words, and the number of masks
/// predicted in total.
pub(crate) fn work(cloze: &Encoded, decoding: Decoding) -> (usize, usize) {
    // One mask after the other, starting with all `masks`.
    let filling = |masks: usize| (masks, masks * (masks + 1) / 2);
    let parallel = decoding == Decoding::Parallel;
    if cloze.wanted.is_some() {
        return if parallel { (1, cloze.masks) } else { filling(cloze.masks) };
    }
    let lengths =
        cloze.candidates.iter().flat_map(|candidates| candidates.words()).map(|(_, word)| word.len());
    let mut seen: Vec<usize> = Vec::new();
    lengths.fold((0, 0), |(passes, masks), length| {
        // Words with the same number of tokens share the first pass.
        let first = if seen.contains(&length) { (0, 0) } else { (1, length) };
        seen.push(length);
        let others = if parallel { (0, 0) } else { filling(length - 1) };
        (passes + first.0 + others.0, masks + first.1 + others.1)
    })
}
