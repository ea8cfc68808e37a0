//! Which tokens begin a word, as far as the vocabulary marks it.

use super::decode::byte;
use super::{Tokenizer, Vocabulary};

impl Tokenizer {
    /// For every id below `size` whether its token begins a word; special tokens and ids without a token do. None if nothing in the
    /// vocabulary tells words apart.
    ///
    /// WordPiece marks the tokens that go on (`##ing`), SentencePiece those that begin (`▁the`). In byte-level vocabularies a token begins
    /// a word if it begins with white space or punctuation. The first token of a text begins a word, whatever is said here.
    pub fn word_starts(&self, size: usize) -> Option<Vec<bool>> {
        let mut marked = false;
        let mut starts = vec![true; size];
        for (id, starts) in starts.iter_mut().enumerate() {
            let id = id as u32;
            let Some(token) = self.token(id).filter(|_| !self.special.all().contains(&id)) else { continue };
            let has_mark = match &self.vocabulary {
                Vocabulary::WordPiece { continuation } => token.starts_with(continuation.as_str()),
                Vocabulary::ByteLevel => {
                    let first = token.chars().next().and_then(byte);
                    first.is_some_and(|byte| byte.is_ascii_whitespace())
                }
                Vocabulary::Unigram { .. } => token.starts_with('▁'),
            };
            marked |= has_mark;
            *starts = match &self.vocabulary {
                Vocabulary::WordPiece { .. } => !has_mark,
                Vocabulary::ByteLevel => {
                    has_mark || token.starts_with(|first: char| first.is_ascii_punctuation())
                }
                Vocabulary::Unigram { .. } => has_mark,
            };
        }
        marked.then_some(starts)
    }
}
