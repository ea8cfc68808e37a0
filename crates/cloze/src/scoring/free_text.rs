//! Freely filled masks: an example has one label if the model writes the text that represents it, and the
//! other label if it writes anything else.
//!
//! Follows the treatment of WSC by Schick and Schütze (2021), "It's not just size that matters", and in the
//! reference implementation of PET: training predicts the text followed by padding, only on examples that
//! have the label; scoring fills every mask with the most likely token, most confident first, and compares
//! the result using the rule of T5 (Raffel et al., 2020).

use cloze_encoder::{Batch, Mode, Session, Tokenizer, Vocab, loss};

use crate::Result;
use crate::pvp::encode::Encoded;
use crate::scoring::decoding::{PartlyFilled, predict};
use crate::scoring::groups::by_length;
use crate::scoring::scores::{Scores, best};
use crate::task::Decoding;

/// Scores two labels, one of which is a text that the model has to write.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FreeText<'v> {
    /// The label that has the text.
    pub(crate) label: usize,
    /// Decodes the tokens that the model writes.
    pub(crate) tokenizer: &'v Tokenizer,
    /// The order in which masks are filled.
    pub(crate) decoding: Decoding,
}

impl FreeText<'_> {
    /// Label scores of `clozes`, in order: if the model writes the example's text, 1 for `label` and 0 for
    /// the other label; otherwise the reverse.
    ///
    /// # Errors
    /// When `progress` fails.
    ///
    /// # Panics
    /// If a cloze has no text to compare with.
    pub(crate) fn score(
        self,
        session: &mut Session,
        clozes: &[Encoded],
        budget: usize,
        progress: impl FnMut(usize) -> Result<()>,
    ) -> Result<Scores> {
        let FreeText { label, tokenizer, decoding } = self;
        let mut scores = Scores::zeros(clozes.len(), 2);
        for (row, filled) in fill(session, clozes, decoding, budget, progress)?.iter().enumerate() {
            let wanted =
                clozes[row].wanted.as_deref().expect("a row whose masks are filled freely has a text");
            let found = matches(&tokenizer.decode(&filled.tokens), wanted);
            scores.row_mut(row)[if found { label } else { 1 - label }] = 1.0;
        }
        Ok(scores)
    }

    /// Trains on a micro-batch of examples that have `label`: the loss is the mean cross-entropy over all
    /// their masks of the text's tokens and the padding after them, all predicted at once. Adds `weight`
    /// times its gradient.
    ///
    /// # Panics
    /// If a cloze has no candidates.
    pub(crate) fn train(
        self,
        session: &mut Session,
        clozes: &[&Encoded],
        dropout_seed: u64,
        weight: f32,
    ) -> f32 {
        let FreeText { label, tokenizer, .. } = self;
        let pad = tokenizer.special().pad;
        let mut batch = Batch::new();
        let mut rows = Vec::new();
        let mut targets = Vec::new();
        for (place, cloze) in clozes.iter().enumerate() {
            batch.push(&cloze.sequence);
            rows.extend((cloze.mask..cloze.mask + cloze.masks).map(|mask| batch.index(place, mask)));
            let candidates = cloze.candidates.as_deref().expect("words of several tokens come with the row");
            let text = candidates.0[label].iter().flatten().copied();
            targets.extend(text.chain(std::iter::repeat(pad)).take(cloze.masks));
        }
        let device = session.device().clone();
        let logits = session.mask_logits(&batch, &rows, Vocab::All, Mode::Train { dropout_seed });
        let loss = loss::cross_entropy(&device, logits, &targets, weight);
        session.backward_in_place();
        loss
    }
}

/// The text that a model has written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    /// The tokens, one per mask.
    pub(crate) tokens: Vec<u32>,
    /// The masks, counted from 0, that were filled in each pass, in order.
    pub(crate) order: Vec<Vec<usize>>,
}

/// Fills the masks of `clozes` with the tokens that the model finds most likely, in groups of at most
/// `budget` tokens.
///
/// # Errors
/// When `progress`, which receives the number of examples done, fails.
pub(crate) fn fill(
    session: &mut Session,
    clozes: &[Encoded],
    decoding: Decoding,
    budget: usize,
    mut progress: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<Filled>> {
    let mut filled = vec![Filled::default(); clozes.len()];
    let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.len()).collect();
    let mut done = 0;
    for group in by_length(&lengths, 8 * budget) {
        let begin = |row: &usize| {
            let Encoded { sequence, mask, masks, .. } = &clozes[*row];
            PartlyFilled { sequence: sequence.clone(), first: *mask, masks: (0..*masks).collect() }
        };
        let mut inputs: Vec<PartlyFilled> = group.iter().map(begin).collect();
        while inputs.iter().any(|input| !input.masks.is_empty()) {
            step(session, &group, &mut inputs, decoding, budget, &mut filled)?;
        }
        for (row, input) in group.iter().zip(inputs) {
            filled[*row].tokens = input.sequence.ids[input.first..input.first + clozes[*row].masks].to_vec();
        }
        done += group.len();
        progress(done)?;
    }
    Ok(filled)
}

/// Fills one mask of every input that has any left, or all masks at once if decoding is parallel. The inputs
/// belong to `rows`.
fn step(
    session: &mut Session,
    rows: &[usize],
    inputs: &mut [PartlyFilled],
    decoding: Decoding,
    budget: usize,
    filled: &mut [Filled],
) -> Result<()> {
    let vocabulary = session.model().config().vocab_size;
    let left: Vec<usize> = (0..inputs.len()).filter(|number| !inputs[*number].masks.is_empty()).collect();
    let costs: Vec<usize> = left.iter().map(|number| inputs[*number].cost(budget, vocabulary)).collect();
    let mut batch = Batch::new();
    for group in by_length(&costs, budget) {
        let open = group.iter().map(|place| &inputs[left[*place]]);
        let (logits, norms) = predict(session, &mut batch, open)?;
        let mut masks = logits.chunks_exact(vocabulary).zip(norms);
        for number in group.into_iter().map(|place| left[place]) {
            let input = &mut inputs[number];
            let (tokens, sure): (Vec<usize>, Vec<f32>) = (masks.by_ref().take(input.masks.len()))
                .map(|(logits, norm)| {
                    let token = best(logits);
                    (token, logits[token] - norm)
                })
                .unzip();
            let places = match decoding {
                Decoding::Parallel => 0..tokens.len(),
                Decoding::LeftToRight => 0..1,
                Decoding::MaxFirst => best(&sure)..best(&sure) + 1,
            };
            for place in places.clone() {
                input.sequence.ids[input.first + input.masks[place]] = tokens[place] as u32;
            }
            filled[rows[number]].order.push(input.masks.drain(places).collect());
        }
    }
    Ok(())
}

/// Whether the text `written` by a model matches the `wanted` text: if either contains all words of the
/// other. Words are runs of letters, compared case-insensitively; a text without words matches any other.
pub(crate) fn matches(written: &str, wanted: &str) -> bool {
    let words = |text: &str| -> Vec<String> {
        let words = text.split(|letter: char| !letter.is_alphabetic());
        words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
    };
    let (written, wanted) = (words(written), words(wanted));
    let all_in = |some: &[String], others: &[String]| some.iter().all(|word| others.contains(word));
    all_in(&written, &wanted) || all_in(&wanted, &written)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_if_it_contains_the_other_or_is_contained() {
        for (written, wanted, found) in [
            ("dog", "The dog", true),
            ("the big dog", "dog", true),
            ("the cat", "the dog", false),
            ("", "the dog", true),
            (" .,", "the dog", true),
            ("yes", "42", true),
            ("Émile Zola", "émile", true),
        ] {
            assert_eq!(matches(written, wanted), found, "{written} / {wanted}");
        }
    }
}
