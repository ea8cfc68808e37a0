//! Which tokens a model has to predict: whole words of a text.

use std::ops::Range;

use cloze_encoder::{Rng, Sequence, SpecialTokens, Tokenizer};

/// Tokens of a word at most. What is longer is a sentence in a writing without spaces, or no word of a language.
const LONGEST: usize = 10;

/// Masks whole words, as far as the vocabulary tells where they begin.
pub(super) struct Masking {
    special: SpecialTokens,
    /// For every id whether it begins a word; none where the vocabulary does not say so.
    starts: Option<Vec<bool>>,
}

impl Masking {
    pub(super) fn new(tokenizer: &Tokenizer, vocabulary: usize) -> Masking {
        Masking { special: *tokenizer.special(), starts: tokenizer.word_starts(vocabulary) }
    }

    /// Whether words are known; otherwise every token is taken for one.
    pub(super) fn knows_words(&self) -> bool {
        self.starts.is_some()
    }

    /// The positions of the words of a sequence; special tokens and unknown ones belong to none. Writing without spaces has no marks of
    /// words: there every token counts as one.
    fn words(&self, sequence: &Sequence) -> Vec<Range<usize>> {
        let SpecialTokens { cls, sep, pad, mask, unk } = self.special;
        let mut words: Vec<Range<usize>> = Vec::new();
        for (position, id) in sequence.ids.iter().enumerate() {
            if [cls, sep, pad, mask, unk].contains(id) {
                continue;
            }
            let begins = self.starts.as_ref().is_none_or(|starts| starts.get(*id as usize) != Some(&false));
            match words.last_mut() {
                // A sequence or a document may begin in the middle of a word.
                Some(word) if word.end == position && !begins => word.end += 1,
                _ => words.push(position..position + 1),
            }
        }
        let is_word = |word: &Range<usize>| word.len() <= LONGEST;
        let parts = |word: Range<usize>| match is_word(&word) {
            true => vec![word],
            false => word.map(|position| position..position + 1).collect(),
        };
        words.into_iter().flat_map(parts).collect()
    }

    /// Whether a sequence has a word to predict.
    pub(super) fn has_words(&self, sequence: &Sequence) -> bool {
        !self.words(sequence).is_empty()
    }

    /// Positions to predict, in rising order: whole words in random order, as many as fit into `rate` of the tokens that can be
    /// predicted, and at least one word if there is one.
    pub(super) fn choose(&self, sequence: &Sequence, rate: f64, random: &mut Rng) -> Vec<usize> {
        let mut words = self.words(sequence);
        let tokens: usize = words.iter().map(ExactSizeIterator::len).sum();
        let budget = ((rate * tokens as f64).round() as usize).max(1);
        random.shuffle(&mut words);
        let mut chosen: Vec<usize> = Vec::with_capacity(budget);
        for word in &words {
            if chosen.len() + word.len() <= budget {
                chosen.extend(word.clone());
            }
        }
        if chosen.is_empty() {
            chosen.extend(words.into_iter().next().into_iter().flatten());
        }
        chosen.sort_unstable();
        chosen
    }
}

/// The share of tokens to predict at update `step` (counted from 0) of `steps`: it goes linearly from the first of `rates` to the last.
pub(super) fn rate((first, last): (f64, f64), step: usize, steps: usize) -> f64 {
    first + (last - first) * step as f64 / steps.saturating_sub(1).max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer(family: &str) -> Tokenizer {
        let dir =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder").join(family);
        Tokenizer::open(&dir).unwrap()
    }

    #[test]
    fn the_rate_goes_from_the_first_to_the_last() {
        assert_eq!(rate((0.3, 0.1), 0, 5), 0.3);
        assert!((rate((0.3, 0.1), 2, 5) - 0.2).abs() < 1e-12 && (rate((0.3, 0.1), 4, 5) - 0.1).abs() < 1e-12);
        assert_eq!(rate((0.3, 0.1), 0, 1), 0.3);
    }

    /// Every family's vocabulary cuts words into pieces, and they are masked together.
    #[test]
    fn words_are_masked_whole_in_every_vocabulary() {
        for family in ["bert", "distilbert", "electra", "roberta", "xlm-roberta", "albert"] {
            let tokenizer = tokenizer(family);
            let masking = Masking::new(&tokenizer, tokenizer.vocab_size());
            assert!(masking.knows_words(), "{family}");
            let text =
                " the unbelievable zoologist quarrelled in extraordinary weather about nothing whatever"
                    .repeat(3);
            let sequence = tokenizer.assemble(&tokenizer.tokenize(&text), None);
            let words = masking.words(&sequence);
            assert!(words.iter().any(|word| word.len() > 1), "{family}: {words:?}");
            let whole = text.split_whitespace().count();
            assert!(words.len() <= whole, "{family}: {} words of {whole}", words.len());
            let mut random = Rng::new(3);
            for rate in [0.05, 0.15, 0.4] {
                let chosen = masking.choose(&sequence, rate, &mut random);
                let tokens: usize = words.iter().map(ExactSizeIterator::len).sum();
                assert!(!chosen.is_empty() && chosen.len() <= (rate * tokens as f64).round() as usize + 8);
                for word in &words {
                    let inside = word.clone().filter(|position| chosen.contains(position)).count();
                    assert!(inside == 0 || inside == word.len(), "{family}: {word:?} of {chosen:?}");
                }
            }
        }
    }

    #[test]
    fn writing_without_spaces_is_masked_token_by_token() {
        let special = SpecialTokens { cls: 2, sep: 3, pad: 0, mask: 4, unk: 1 };
        let mut starts = vec![true; 20];
        starts[11..].fill(false);
        let masking = Masking { special, starts: Some(starts) };
        let of = |parts: usize| Sequence {
            ids: [vec![2, 10], vec![11; parts], vec![10, 11, 3]].concat(),
            type_ids: vec![0; parts + 5],
        };
        assert_eq!(masking.words(&of(9)), [1..11, 11..13]);
        assert_eq!(masking.words(&of(10)).len(), 12);
        assert_eq!(masking.choose(&of(40), 0.25, &mut Rng::new(1)).len(), 11);
    }

    #[test]
    fn a_vocabulary_that_marks_no_words_is_masked_token_by_token() {
        let special = SpecialTokens { cls: 2, sep: 3, pad: 0, mask: 4, unk: 1 };
        let masking = Masking { special, starts: None };
        let sequence = Sequence { ids: vec![2, 10, 11, 3, 1, 12, 3], type_ids: vec![0; 7] };
        assert_eq!(masking.words(&sequence), [1..2, 2..3, 5..6]);
        assert_eq!(masking.choose(&sequence, 0.01, &mut Rng::new(1)).len(), 1);
        let nothing = Sequence { ids: vec![2, 3], type_ids: vec![0; 2] };
        assert!(masking.choose(&nothing, 0.5, &mut Rng::new(1)).is_empty());
    }
}
