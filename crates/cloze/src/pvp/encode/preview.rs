//! Filled patterns for display.

use std::borrow::Cow;

use super::Cut;
use super::pattern::{PatternEncoder, value};
use crate::pattern::Part;
use crate::task::Spacing;

/// A piece of a filled pattern.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Piece {
    /// The origin of the piece.
    #[serde(flatten)]
    pub kind: PieceKind,
    /// Its text; empty for the mask and the separator.
    pub text: String,
}

/// The origin of a piece of a filled pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PieceKind {
    /// The pattern's own text.
    Literal,
    /// Text from the example.
    Field,
    /// Text from the example that does not fit.
    Cut {
        /// The number of its tokens.
        tokens: usize,
    },
    /// The mask.
    Mask,
    /// The end of the first segment.
    Sep,
}

impl PatternEncoder<'_> {
    /// The filled pattern piece by piece for display, with truncated text as separate pieces. If parts are
    /// tokenised separately, they are shown with spaces between them.
    pub(crate) fn show<T: AsRef<str>>(&self, texts: &[T], cut: &[Cut]) -> Vec<Piece> {
        let mut columns = self.columns.iter();
        let values: Vec<Cow<'_, str>> = (self.pattern.parts().iter())
            .map(|part| match part {
                Part::Field(field) => field.apply(value(&mut columns, texts)),
                Part::Literal(text) => text.as_str().into(),
                Part::Mask | Part::Sep | Part::Join => "".into(),
            })
            .collect();
        let mut missing: Vec<(&str, usize)> =
            cut.iter().map(|cut| (cut.field.as_str(), cut.tokens)).collect();
        // The last field is truncated first, so the pieces are built from the end.
        let mut pieces: Vec<Piece> = Vec::new();
        let joined = self.joined();
        for ((part, text), joined) in self.pattern.parts().iter().zip(values).zip(joined).rev() {
            if *part == Part::Join {
                pieces.pop_if(|piece| self.spacing == Spacing::Parts && piece.text == " ");
                continue;
            }
            let (kind, missing) = match part {
                Part::Literal(_) => (PieceKind::Literal, None),
                Part::Mask => (PieceKind::Mask, None),
                Part::Sep => (PieceKind::Sep, None),
                Part::Field(field) if field.whole || joined => (PieceKind::Field, None),
                Part::Join => continue,
                Part::Field(field) => (
                    PieceKind::Field,
                    missing.iter_mut().find(|(name, left)| *name == field.name && *left > 0),
                ),
            };
            let mut end = text.len();
            if let Some((_, missing)) = missing {
                let written = self.tokenizer.after_space(&text);
                let tokens = self.tokenizer.tokenize_with_spans(&written);
                let kept = tokens.len().saturating_sub(*missing);
                let gone = tokens.len() - kept;
                *missing -= gone;
                end = kept.checked_sub(1).map_or(0, |last| tokens[last].1.end);
                end = end.saturating_sub(written.len() - text.len());
                pieces.push(Piece { kind: PieceKind::Cut { tokens: gone }, text: text[end..].to_owned() });
            }
            pieces.push(Piece { kind, text: text[..end].to_owned() });
            if self.spacing == Spacing::Parts {
                pieces.push(Piece { kind: PieceKind::Literal, text: " ".to_owned() });
            }
        }
        if self.spacing == Spacing::Parts {
            pieces.pop();
        }
        pieces
            .retain(|piece| !piece.text.is_empty() || matches!(piece.kind, PieceKind::Mask | PieceKind::Sep));
        pieces.reverse();
        pieces
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pvp::encode::pattern::tests::names;
    use crate::pvp::verbalizer::tests::tokenizer;

    #[test]
    fn what_is_cut_is_shown() {
        let (tokenizer, pattern) = (tokenizer(), "{a}: {b} is {mask}.".parse().unwrap());
        let encoder = PatternEncoder::new(&tokenizer, &pattern, &names(&["a", "b"]), Spacing::Text, 9);
        let texts = ["The sun", "of the sun"];
        let encoded = encoder.encode(&texts).unwrap();
        let pieces = encoder.show(&texts, &encoded.cut);
        let shown: Vec<_> = pieces.iter().map(|piece| (piece.kind, piece.text.as_str())).collect();
        let expected = [
            (PieceKind::Field, "The sun"),
            (PieceKind::Literal, ": "),
            (PieceKind::Field, "of"),
            (PieceKind::Cut { tokens: 2 }, " the sun"),
            (PieceKind::Literal, " is "),
            (PieceKind::Mask, ""),
            (PieceKind::Literal, "."),
        ];
        assert_eq!(shown, expected);
        let encoder = PatternEncoder::new(&tokenizer, &pattern, &names(&["a", "b"]), Spacing::Parts, 64);
        let text: String = encoder.show(&texts, &[]).iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(text, "The sun :  of the sun  is   .");
        let json = serde_json::to_value(&pieces[3]).unwrap();
        assert_eq!(json, serde_json::json!({"kind": "cut", "tokens": 2, "text": " the sun"}));
    }
}
