//! Chooses an input length and a number of training steps for the data.

use cloze_encoder::Tokenizer;

use crate::task::Options;

/// Bounds of the drafted input length, and the share of examples that should fit.
const SHORTEST: usize = 32;
const LONGEST: usize = 128;
const FITTING: f64 = 0.95;
/// How often training should see each labelled example, and the maximum number of updates.
const TIMES: usize = 20;
const MOST_STEPS: usize = 400;
/// Number of tokens of the patterns besides the text.
const FRAME: usize = 12;

/// The input length, in tokens, that fits nearly all of these examples.
pub(super) fn length<'r>(rows: impl Iterator<Item = &'r Vec<String>>, tokenizer: &Tokenizer) -> usize {
    let rows: Vec<&Vec<String>> = rows.collect();
    let step = rows.len().div_ceil(300).max(1);
    let tokens =
        |texts: &&Vec<String>| texts.iter().map(|text| tokenizer.tokenize(text).len()).sum::<usize>();
    let mut lengths: Vec<usize> = rows.iter().step_by(step).map(tokens).collect();
    lengths.sort_unstable();
    let place = (FITTING * lengths.len() as f64) as usize;
    let most = lengths.get(place.min(lengths.len().saturating_sub(1))).copied().unwrap_or(LONGEST);
    (most + FRAME).next_multiple_of(16).clamp(SHORTEST, LONGEST)
}

/// Training steps for `rows` labelled examples, if the default would show each of them too rarely.
pub(super) fn steps(rows: usize) -> Option<usize> {
    let usual = Options::default();
    let steps = (rows * TIMES / usual.batch_size).next_multiple_of(10).min(MOST_STEPS);
    (steps > usual.steps).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_labelled_rows_get_more_updates_than_few() {
        assert_eq!([24, 40, 231, 5000].map(steps), [None, None, Some(290), Some(400)]);
    }
}
