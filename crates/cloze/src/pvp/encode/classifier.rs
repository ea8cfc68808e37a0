//! Encodes examples for the final classifier, without a pattern.

use std::ops::Range;

use cloze_encoder::{Sequence, Tokenizer, truncate_pair};

/// What a token of a classifier's input stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The index of the text.
    pub(crate) text: usize,
    /// The bytes there, without white space before them.
    pub(crate) bytes: Range<usize>,
}

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
        let mut a = self.tokenizer.tokenize(first.as_ref());
        let mut b = self.tokenizer.tokenize(&joined(others));
        let cut = self.truncate(&mut a, &mut b, pair);
        (self.tokenizer.assemble(&a, pair.then_some(&b)), cut)
    }

    /// The same sequence with the origin of every token; special tokens have none.
    pub(crate) fn encode_with_origins<T: AsRef<str>>(&self, texts: &[T]) -> (Sequence, Vec<Option<Origin>>) {
        let (first, others) =
            texts.split_first().map_or(("", &[][..]), |(first, others)| (first.as_ref(), others));
        let pair = !others.is_empty();
        let mut a = self.tokenizer.tokenize_with_spans(first);
        let mut b = self.tokenizer.tokenize_with_spans(&joined(others));
        self.truncate(&mut a, &mut b, pair);
        let ids = |tokens: &[(u32, Range<usize>)]| tokens.iter().map(|(id, _)| *id).collect::<Vec<_>>();
        let (ids_a, ids_b) = (ids(&a), ids(&b));
        let sequence = self.tokenizer.assemble(&ids_a, pair.then_some(&ids_b));
        let mut origins = vec![None; sequence.len()];
        for (origin, (_, bytes)) in origins[1..].iter_mut().zip(a) {
            *origin = Some(Origin { text: 0, bytes });
        }
        // Of a pair, the last token closes the second segment.
        let start = sequence.len() - 1 - b.len();
        let (mut text, mut begins) = (1, 0);
        for (origin, (_, bytes)) in origins[start..].iter_mut().zip(b) {
            while others.get(text - 1).is_some_and(|other| bytes.start > begins + other.as_ref().len()) {
                begins += others[text - 1].as_ref().len() + 1;
                text += 1;
            }
            *origin = Some(Origin {
                text,
                bytes: bytes.start.saturating_sub(begins)..bytes.end.saturating_sub(begins),
            });
        }
        (sequence, origins)
    }

    /// Truncates the segments, given by their ids or by anything else that there is for each token. Returns the
    /// number of truncated tokens.
    fn truncate<T>(&self, a: &mut Vec<T>, b: &mut Vec<T>, pair: bool) -> usize {
        let before = a.len() + b.len();
        truncate_pair(a, b, self.max_length.saturating_sub(self.tokenizer.special_count(pair)));
        before - a.len() - b.len()
    }
}

/// The second segment.
fn joined<T: AsRef<str>>(others: &[T]) -> String {
    others.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(" ")
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

    #[test]
    fn every_token_is_found_in_its_text() {
        let tokenizer = tokenizer();
        let encoder = ClassifierEncoder::new(&tokenizer, 10);
        let origins = |texts: &[&str]| -> String {
            let (sequence, origins) = encoder.encode_with_origins(texts);
            assert_eq!(sequence, encoder.encode(texts).0);
            let shown = origins.into_iter().map(|origin| match origin {
                Some(Origin { text, bytes }) => format!("{text}:{}", &texts[text][bytes]),
                None => "-".to_owned(),
            });
            shown.collect::<Vec<_>>().join(" ")
        };
        assert_eq!(origins(&["the  sun"]), "- 0:the 0:sun -");
        assert_eq!(origins(&["the", "", "sun and", "the"]), "- 0:the - 2:sun 2:and 3:the -");
        assert_eq!(
            origins(&["sun the the", "the sun and", "sun sun"]),
            "- 0:sun 0:the 0:the - 1:the 1:sun 1:and 2:sun -"
        );
        assert_eq!(origins(&[""]), "- -");
    }
}
