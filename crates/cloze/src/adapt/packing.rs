//! Documents laid end to end and cut into sequences of one length.

use cloze_encoder::{Sequence, Tokenizer};

/// Sequences of tokens, each of which is framed by the model's special tokens when it is asked for.
#[derive(Debug, Default)]
pub(super) struct Packed {
    ids: Vec<u32>,
    /// Where in `ids` each sequence ends.
    ends: Vec<usize>,
    /// Documents with at least one token.
    pub(super) documents: usize,
    /// Tokens of the documents; those between documents do not count.
    pub(super) tokens: usize,
}

impl Packed {
    /// How many sequences there are.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    fn content(&self, index: usize) -> &[u32] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start..self.ends[index]]
    }

    /// Sequence `index` with the special tokens around it.
    pub(super) fn sequence(&self, index: usize, tokenizer: &Tokenizer) -> Sequence {
        tokenizer.assemble(self.content(index), None)
    }

    /// A hash of all sequences.
    pub(super) fn hash(&self) -> String {
        let mut hasher = blake3::Hasher::new();
        for id in &self.ids {
            hasher.update(&id.to_le_bytes());
        }
        for end in &self.ends {
            hasher.update(&(*end as u64).to_le_bytes());
        }
        hasher.finalize().to_hex().to_string()
    }
}

/// Fills sequences one after the other.
pub(super) struct Packer {
    packed: Packed,
    /// Tokens of a sequence.
    room: usize,
    separator: u32,
    /// Where the current sequence begins.
    start: usize,
    /// Whether the current document has a token.
    within: bool,
    /// Whether a document stands before the next token in the current sequence.
    between: bool,
}

impl Packer {
    /// Sequences of at most `room` tokens, at least one, with `separator` between documents.
    pub(super) fn new(room: usize, separator: u32) -> Packer {
        assert!(room > 0, "a sequence has tokens");
        Packer { packed: Packed::default(), room, separator, start: 0, within: false, between: false }
    }

    /// Adds tokens of the current document. Where a document ends with a sequence, the end of that separates it from the next.
    pub(super) fn push(&mut self, ids: &[u32]) {
        for &id in ids {
            if std::mem::take(&mut self.between) {
                if self.len() + 1 < self.room {
                    self.packed.ids.push(self.separator);
                } else {
                    self.close();
                }
            }
            if self.len() == self.room {
                self.close();
            }
            self.packed.ids.push(id);
        }
        self.packed.tokens += ids.len();
        self.within |= !ids.is_empty();
    }

    /// Ends the current document; whether it had a token.
    pub(super) fn end_document(&mut self) -> bool {
        let had = std::mem::take(&mut self.within);
        self.packed.documents += usize::from(had);
        self.between |= had;
        had
    }

    /// All sequences; the last one may be shorter.
    pub(super) fn finish(mut self) -> Packed {
        self.close();
        self.packed
    }

    fn len(&self) -> usize {
        self.packed.ids.len() - self.start
    }

    fn close(&mut self) {
        if self.len() > 0 {
            self.start = self.packed.ids.len();
            self.packed.ends.push(self.start);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pack(documents: &[Vec<u32>], room: usize) -> Packed {
        let mut packer = Packer::new(room, 0);
        for document in documents {
            packer.push(document);
            assert_eq!(packer.end_document(), !document.is_empty());
        }
        packer.finish()
    }

    #[test]
    fn separators_stand_between_documents_but_not_at_the_ends_of_sequences() {
        let packed = pack(&[vec![1, 2], vec![3], vec![], vec![4, 5], vec![6, 7, 8, 9, 10]], 5);
        let sequences: Vec<&[u32]> = (0..packed.len()).map(|index| packed.content(index)).collect();
        assert_eq!(sequences, [&[1, 2, 0, 3][..], &[4, 5, 0, 6, 7], &[8, 9, 10]]);
        assert_eq!((packed.documents, packed.tokens), (4, 10));
    }

    proptest! {
        #[test]
        fn no_token_is_lost_and_no_sequence_is_too_long(
            lengths in proptest::collection::vec(0usize..30, 0..20), room in 1usize..12
        ) {
            let mut next = 0;
            let documents: Vec<Vec<u32>> = lengths
                .iter()
                .map(|length| (0..*length).map(|_| { next += 1; next }).collect())
                .collect();
            let packed = pack(&documents, room);
            let all: Vec<u32> = packed.ids.iter().copied().filter(|id| *id != 0).collect();
            prop_assert_eq!(&all, &documents.concat());
            prop_assert_eq!(packed.tokens, all.len());
            for index in 0..packed.len() {
                let content = packed.content(index);
                prop_assert!(!content.is_empty() && content.len() <= room);
                prop_assert!(content[0] != 0 && content[content.len() - 1] != 0);
            }
        }
    }
}
