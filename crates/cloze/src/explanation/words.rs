//! The words of a text, and a text without one of them.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;

use crate::pvp::encode::{ClassifierEncoder, Origin};

/// The position of a word in the texts of an example.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Position {
    /// The index of the text.
    pub(crate) text: usize,
    /// Its bytes there.
    pub(crate) bytes: Range<usize>,
    /// Its characters (Unicode scalar values) there.
    pub(crate) characters: Range<usize>,
}

/// The words of the text at an index: those of Unicode's annex 29, and what is between them without white space,
/// such as `!!!` or `:)`. Every character that is not white space belongs to one word, and no word has white space.
pub(crate) fn words(text: usize, value: &str) -> Vec<Position> {
    let mut words: Vec<Position> = Vec::new();
    let mut characters = 0;
    let mut ends_with_marks = false;
    for (start, part) in value.split_word_bound_indices() {
        let first = characters;
        characters += part.chars().count();
        let word = part.trim_start();
        if word.is_empty() {
            continue;
        }
        let start = start + part.len() - word.len();
        let end = start + word.len();
        let is_marks = !word.contains(char::is_alphanumeric);
        match words.last_mut() {
            Some(last) if ends_with_marks && is_marks && last.bytes.end == start => {
                last.bytes.end = end;
                last.characters.end = characters;
            }
            _ => {
                let first = first + part.chars().count() - word.chars().count();
                words.push(Position { text, bytes: start..end, characters: first..characters });
            }
        }
        ends_with_marks = is_marks;
    }
    words
}

/// The text without a word, and without the white space before it if nothing else would separate what is left.
pub(crate) fn without(value: &str, word: &Range<usize>) -> String {
    let (before, after) = (&value[..word.start], &value[word.end..]);
    let is_last_in_group = after.is_empty() || after.starts_with(char::is_whitespace);
    let kept = if is_last_in_group { before.trim_end() } else { before };
    let after = if kept.is_empty() { after.trim_start() } else { after };
    format!("{kept}{after}")
}

/// The index of the word that every token belongs to: the first that goes on after the token's beginning, since a
/// token may stand for parts of two words, or otherwise the last of its text.
pub(crate) fn owners(origins: &[Option<Origin>], words: &[Position]) -> Vec<Option<usize>> {
    let owner = |origin: &Origin| {
        let of_text = || words.iter().enumerate().filter(|(_, word)| word.text == origin.text);
        let goes_on = of_text().find(|(_, word)| word.bytes.end > origin.bytes.start);
        goes_on.or_else(|| of_text().next_back()).map(|(index, _)| index)
    };
    origins.iter().map(|origin| origin.as_ref().and_then(owner)).collect()
}

/// Whether a classifier's input has a token of each of the words.
pub(crate) fn is_read(encoder: &ClassifierEncoder, texts: &[String], words: &[Position]) -> Vec<bool> {
    let mut is_read = vec![false; words.len()];
    let (_, origins) = encoder.encode_with_origins(texts);
    owners(&origins, words).into_iter().flatten().for_each(|word| is_read[word] = true);
    is_read
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> Vec<&str> {
        words(0, text).into_iter().map(|word| &text[word.bytes]).collect()
    }

    #[test]
    fn words_are_whole_and_marks_between_them_are_words_too() {
        assert_eq!(
            shown("I can't pay 3.50, really!!! :)"),
            ["I", "can't", "pay", "3.50", ",", "really", "!!!", ":)"]
        );
        assert_eq!(shown("well-known\tno‑one"), ["well", "-", "known", "no", "‑", "one"]);
        assert_eq!(shown("great🙂🙂!"), ["great", "🙂🙂!"]);
        assert_eq!(shown("日本"), ["日", "本"]);
        assert!(shown(" \n ").is_empty());
        let found = words(2, "é schön");
        assert_eq!(found[1], Position { text: 2, bytes: 3..9, characters: 2..7 });
    }

    #[test]
    fn a_text_without_a_word_has_no_hole() {
        let left = |text: &str| -> Vec<String> {
            words(0, text).iter().map(|word| without(text, &word.bytes)).collect()
        };
        assert_eq!(left("a fine day"), ["fine day", "a day", "a fine"]);
        assert_eq!(left("good, very"), [", very", "good very", "good,"]);
        assert_eq!(left(" one "), [""]);
    }

    #[test]
    fn a_token_belongs_to_the_word_that_it_begins_in() {
        let found = words(0, "can't, I");
        let origin = |bytes| Some(Origin { text: 0, bytes });
        let origins = [
            None,
            origin(0..3),
            origin(4..6),
            origin(7..8),
            origin(8..8),
            Some(Origin { text: 1, bytes: 0..1 }),
        ];
        assert_eq!(owners(&origins, &found), [None, Some(0), Some(0), Some(2), Some(2), None]);
    }

    proptest! {
        #[test]
        fn every_character_but_white_space_belongs_to_one_word(text in "[a-z éö日🙂!.,'\t\u{301}-]{0,24}") {
            let found = words(0, &text);
            let characters: Vec<char> = text.chars().collect();
            let mut next = 0;
            for word in &found {
                let shown: String = characters[word.characters.clone()].iter().collect();
                prop_assert_eq!(&shown, &text[word.bytes.clone()]);
                prop_assert!(!shown.is_empty() && !shown.contains(char::is_whitespace));
                prop_assert!(text[next..word.bytes.start].trim().is_empty());
                next = word.bytes.end;
            }
            prop_assert!(text[next..].trim().is_empty());
        }
    }
}
