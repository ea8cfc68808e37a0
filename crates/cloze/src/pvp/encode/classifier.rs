//! Encodes examples for the final classifier, without a pattern.

use cloze_encoder::{Sequence, Tokenizer, truncate_pair};

/// Encodes examples for a classifier, without a pattern.
///
/// A single text is the only segment. With several texts, the first is the first segment, and the others,
/// joined by spaces, are the second; the longer segment is truncated first.
#[derive(Debug, Clone)]
pub(crate) struct ClassifierEncoder<'a> {
    tokenizer: &'a Tokenizer,
    max_length: usize,
}

impl<'a> ClassifierEncoder<'a> {
    /// An encoder for sequences of at most `max_length` tokens.
    pub(crate) fn new(tokenizer: &'a Tokenizer, max_length: usize) -> Self {
        ClassifierEncoder { tokenizer, max_length }
    }

    /// Encodes the texts of an example, those of [`Task::fields`](crate::Task::fields) in order. Also returns
    /// the number of truncated tokens.
    pub(crate) fn encode<T: AsRef<str>>(&self, texts: &[T]) -> (Sequence, usize) {
        let Some((first, others)) = texts.split_first() else {
            return (self.tokenizer.assemble(&[], None), 0);
        };
        let pair = !others.is_empty();
        let budget = self.max_length.saturating_sub(self.tokenizer.special_count(pair));
        let mut a = self.tokenizer.tokenize(first.as_ref());
        let others: Vec<&str> = others.iter().map(AsRef::as_ref).collect();
        let mut b = self.tokenizer.tokenize(&others.join(" "));
        let before = a.len() + b.len();
        truncate_pair(&mut a, &mut b, budget);
        let cut = before - a.len() - b.len();
        (self.tokenizer.assemble(&a, pair.then_some(&b)), cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pvp::verbalizer::tests::tokenizer;

    #[test]
    fn a_classifier_reads_the_first_field_and_the_others_joined() {
        let tokenizer = tokenizer();
        let encoder = ClassifierEncoder::new(&tokenizer, 10);
        let tokens = |texts: &[&str]| {
            let (sequence, cut) = encoder.encode(texts);
            let tokens: Vec<String> = sequence.ids.iter().map(|&id| tokenizer.token(id).unwrap()).collect();
            (tokens.join(" "), cut)
        };
        assert_eq!(tokens(&["the sun"]), ("[CLS] the sun [SEP]".into(), 0));
        assert_eq!(tokens(&["the", "sun", "and"]), ("[CLS] the [SEP] sun and [SEP]".into(), 0));
        assert_eq!(tokens(&["", "sun"]), ("[CLS] [SEP] sun [SEP]".into(), 0));
        assert_eq!(
            tokens(&["the the the the the", "sun sun sun"]),
            ("[CLS] the the the the [SEP] sun sun sun [SEP]".into(), 1)
        );
        assert_eq!(tokens(&[&"sun ".repeat(10_000)]).1, 9_992);
    }
}
