//! Several sequences concatenated without padding.

use crate::{Config, Sequence};

/// A ragged batch: the tokens of all sequences, one after the other.
///
/// A token is addressed by its *index* in that concatenation, which [`Batch::index`] computes.
#[derive(Debug, Default, Clone)]
pub struct Batch {
    pub(crate) ids: Vec<u32>,
    pub(crate) types: Vec<u8>,
    pub(crate) spans: Vec<Span>,
    /// The output of the frozen layers, `[tokens, hidden]`, if known.
    pub(crate) lower: Vec<f32>,
    /// The word embeddings, `[tokens, embedding]`, if they are not those of the ids.
    pub(crate) words: Vec<f32>,
}

/// The position of one sequence in the batch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    /// The index of its first token.
    pub(crate) start: usize,
    /// The number of its tokens.
    pub(crate) len: usize,
    /// How many of its first tokens can be attended to.
    pub(crate) visible: usize,
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Batch {
        Batch::default()
    }

    /// Adds a sequence.
    ///
    /// # Panics
    /// If it is empty, or does not have one type id per token.
    pub fn push(&mut self, sequence: &Sequence) {
        self.push_padded(sequence, sequence.ids.len());
    }

    /// Adds a sequence whose tokens from `visible` on are padding: they are computed, but nothing attends to
    /// them. cloze itself never pads; this exists to reproduce systems that do.
    ///
    /// # Panics
    /// If nothing is visible, or it does not have one type id per token.
    pub fn push_padded(&mut self, sequence: &Sequence, visible: usize) {
        let len = sequence.ids.len();
        assert!((1..=len).contains(&visible), "a sequence has a visible token");
        assert_eq!(len, sequence.type_ids.len(), "every token has a type");
        self.spans.push(Span { start: self.ids.len(), len, visible });
        self.ids.extend_from_slice(&sequence.ids);
        self.types.extend_from_slice(&sequence.type_ids);
    }

    /// Adds a sequence together with the output of the frozen layers for it, so that it is not recomputed:
    /// [`crate::Session::lower_states`] of this sequence, `[tokens, hidden]`. Either all sequences of a batch
    /// must have it, or none.
    ///
    /// # Panics
    /// As [`Batch::push`].
    pub fn push_with_lower(&mut self, sequence: &Sequence, states: &[f32]) {
        self.push(sequence);
        self.lower.extend_from_slice(states);
    }

    /// Adds a sequence whose tokens have these word embeddings, `[tokens, embedding]`, instead of those that the
    /// model has for its ids, see [`crate::Session::word_embeddings`]. Positions and types follow from the
    /// sequence as usual. Either all sequences of a batch must have them, or none.
    ///
    /// # Panics
    /// As [`Batch::push`].
    pub fn push_with_words(&mut self, sequence: &Sequence, words: &[f32]) {
        self.push(sequence);
        self.words.extend_from_slice(words);
    }

    /// Removes all sequences but keeps the memory.
    pub fn clear(&mut self) {
        self.ids.clear();
        self.types.clear();
        self.spans.clear();
        self.lower.clear();
        self.words.clear();
    }

    /// The number of sequences.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are no sequences.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The total number of tokens.
    pub fn tokens(&self) -> usize {
        self.ids.len()
    }

    /// The index of the token at `position` of `sequence`.
    ///
    /// # Panics
    /// If there is no such sequence or position.
    pub fn index(&self, sequence: usize, position: usize) -> u32 {
        let span = self.spans[sequence];
        assert!(position < span.len, "position {position} of a sequence of {} tokens", span.len);
        (span.start + position) as u32
    }

    /// The position of every token, as an index into the position embeddings.
    pub(crate) fn positions(&self, config: &Config, out: &mut Vec<u32>) {
        let (first, padding) = (config.first_position() as u32, config.padding_position());
        out.clear();
        for span in &self.spans {
            let ids = &self.ids[span.start..span.start + span.len];
            match padding {
                None => out.extend((0..span.len as u32).map(|i| first + i)),
                // Padding is not counted if it has a position of its own.
                Some(padding) => out.extend(ids.iter().scan(first, |next, id| {
                    let here = if *id == config.pad_token_id { padding } else { *next };
                    *next += u32::from(*id != config.pad_token_id);
                    Some(here)
                })),
            }
        }
    }

    pub(crate) fn copy_from(&mut self, other: &Batch) {
        self.ids.clone_from(&other.ids);
        self.types.clone_from(&other.types);
        self.spans.clone_from(&other.spans);
        self.lower.clone_from(&other.lower);
        self.words.clone_from(&other.words);
    }
}
