//! Converts token ids back to text.

use super::{Tokenizer, Vocabulary};

impl Tokenizer {
    /// The text that a token represents, without the vocabulary's marks, for display. Characters of which a
    /// token contains only some bytes are shown as `\u{fffd}`.
    pub fn text(&self, id: u32) -> Option<String> {
        let token = self.token(id)?;
        if self.is_special(id) {
            return Some(token);
        }
        Some(match &self.vocabulary {
            Vocabulary::WordPiece { continuation } => {
                token.strip_prefix(continuation.as_str()).map_or(token.clone(), str::to_owned)
            }
            Vocabulary::ByteLevel => match token.chars().map(byte).collect::<Option<Vec<u8>>>() {
                Some(bytes) => String::from_utf8_lossy(&bytes).trim().to_owned(),
                None => token,
            },
            Vocabulary::Unigram { .. } => token.replace('▁', " ").trim().to_owned(),
        })
    }

    /// The text of a sequence of tokens, as closely as the vocabulary can restore it; special tokens are left
    /// out.
    pub fn decode(&self, ids: &[u32]) -> String {
        let tokens = ids.iter().filter(|id| !self.is_special(**id)).filter_map(|id| self.token(*id));
        match &self.vocabulary {
            Vocabulary::WordPiece { continuation } => {
                let mut text = String::new();
                for token in tokens {
                    match token.strip_prefix(continuation.as_str()) {
                        Some(rest) => text.push_str(rest),
                        None => {
                            text.push(' ');
                            text.push_str(&token);
                        }
                    }
                }
                text.trim_start().to_owned()
            }
            Vocabulary::ByteLevel => {
                let bytes = tokens.flat_map(|token| token.chars().filter_map(byte).collect::<Vec<u8>>());
                String::from_utf8_lossy(&bytes.collect::<Vec<u8>>()).trim_start().to_owned()
            }
            Vocabulary::Unigram { .. } => {
                tokens.collect::<String>().replace('▁', " ").trim_start().to_owned()
            }
        }
    }
}

/// The byte that a letter represents in byte-level vocabularies: visible characters represent themselves, and
/// the others the remaining bytes, in order from U+0100.
pub(super) fn byte(letter: char) -> Option<u8> {
    let visible = |byte: &u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    match u32::from(letter) {
        code @ 0..256 => Some(code as u8).filter(visible),
        code => (0..=255u8).filter(|byte| !visible(byte)).nth(code as usize - 256),
    }
}
