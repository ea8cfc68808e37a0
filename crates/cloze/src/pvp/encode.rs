//! From a row to the encoder's input: patterns filled, cut to length and framed by special tokens.
//!
//! When an input is too long, tokens are taken away one at a time: from the first segment if it has strictly more
//! tokens that may be cut than the second, else from the second; and there from the end of the last field that has
//! any left. Literals, the mask and `{field!}` are never cut. This is the rule of the reference implementation of PET.

use std::borrow::Cow;
use std::sync::Arc;

use cloze_encoder::{Rng, Sequence, Tokenizer, truncate_pair};

use crate::pattern::{Field, Part, Pattern};
use crate::pvp::verbalizer::{Candidates, Verbalizer};
use crate::task::{Example, Spacing, Task};
use crate::{Error, Result};

/// Masks beyond the text's tokens when a row is scored: there is always one for the end of the text.
pub const SURPLUS: usize = 1;

/// In training there are up to so many, so that the number of masks does not tell where the text ends.
const MOST_SURPLUS: usize = 3;

/// Masks beyond the text's tokens of a row to learn from.
pub fn surplus(random: &mut Rng) -> usize {
    random.gen_range(0..MOST_SURPLUS + 1)
}

/// A filled pattern as the encoder takes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Encoded {
    /// The tokens.
    pub sequence: Sequence,
    /// The position of the first mask in `sequence`.
    pub mask: usize,
    /// Masks that follow each other from there: as many as the longest of the labels' words has tokens.
    pub masks: usize,
    /// The labels' words for this row, unless each is one token and the same for all rows.
    pub candidates: Option<Arc<Candidates>>,
    /// The text that the model is to write, where masks are filled freely.
    pub wanted: Option<Arc<str>>,
    /// What had to be cut, field by field; empty if all of the row is there.
    pub cut: Vec<Cut>,
    /// What the frozen layers of a model make of `sequence`, `[tokens, hidden]`, where training has noted it.
    pub lower: Option<Arc<[f32]>>,
}

impl Encoded {
    /// How many tokens had to be cut.
    pub fn removed(&self) -> usize {
        self.cut.iter().map(|cut| cut.tokens).sum()
    }
}

/// A field that was cut.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Cut {
    /// The column's name.
    pub field: String,
    /// How many of its tokens are missing.
    pub tokens: usize,
}

/// A piece of a filled pattern.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Piece {
    /// Where it comes from.
    #[serde(flatten)]
    pub kind: PieceKind,
    /// Its text; empty for the mask and the separator.
    pub text: String,
}

/// Where a piece of a filled pattern comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PieceKind {
    /// The pattern's own text.
    Literal,
    /// The row's text.
    Field,
    /// The row's text that does not fit.
    Cut {
        /// How many tokens it is.
        tokens: usize,
    },
    /// The blank.
    Mask,
    /// The end of the first segment.
    Sep,
}

/// A row whose text cannot be shortened enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooLong {
    /// Tokens that are there even if everything that may be cut is.
    pub least: usize,
    /// Tokens that are allowed.
    pub max_length: usize,
}

/// Encodes rows with one pattern of a task.
#[derive(Debug, Clone)]
pub struct PatternEncoder<'a> {
    tokenizer: &'a Tokenizer,
    pattern: &'a Pattern,
    /// For every field of the pattern its place among the texts of a row.
    columns: Vec<usize>,
    /// The names of a row's texts.
    fields: Vec<String>,
    /// What the masks are for; without it there is one.
    verbalizer: Option<&'a Verbalizer>,
    spacing: Spacing,
    max_length: usize,
    /// Whether other text stands in front.
    after_text: bool,
}

impl<'a> PatternEncoder<'a> {
    /// An encoder for rows whose texts are those of [`Task::fields`].
    ///
    /// # Panics
    /// If the task has no such pattern.
    pub fn of_task(task: &'a Task, pattern: usize, tokenizer: &'a Tokenizer) -> Self {
        let fields = task.fields();
        PatternEncoder::new(
            tokenizer,
            &task.patterns[pattern],
            &fields,
            task.spacing,
            task.options.max_length,
        )
    }

    /// An encoder for rows whose texts are those of `fields`, for sequences of at most `max_length` tokens.
    ///
    /// # Panics
    /// If the pattern uses a field that is not among `fields`.
    pub fn new(
        tokenizer: &'a Tokenizer,
        pattern: &'a Pattern,
        fields: &[String],
        spacing: Spacing,
        max_length: usize,
    ) -> Self {
        let column = |field: &Field| fields.iter().position(|name| *name == field.name);
        let columns =
            pattern.fields().map(|field| column(field).expect("every field of the pattern is given"));
        let (columns, fields) = (columns.collect(), fields.to_vec());
        let (verbalizer, after_text) = (None, false);
        PatternEncoder { tokenizer, pattern, columns, fields, verbalizer, spacing, max_length, after_text }
    }

    /// The same with as many masks as the words of `verbalizer` need.
    #[must_use]
    pub fn asking_for(self, verbalizer: &'a Verbalizer) -> Self {
        PatternEncoder { verbalizer: Some(verbalizer), ..self }
    }

    /// The same for filled patterns that other text and a blank will stand in front of.
    #[must_use]
    pub fn after_text(self) -> Self {
        PatternEncoder { after_text: true, ..self }
    }

    /// Encodes all rows.
    ///
    /// # Errors
    /// The first row that cannot be shortened enough.
    pub fn encode_all(&self, examples: &[Example]) -> Result<Vec<Encoded>> {
        self.encode_each(examples, || SURPLUS)
    }

    /// Encodes rows to learn from: where masks are filled freely, with a random number of them.
    ///
    /// # Errors
    /// As [`PatternEncoder::encode_all`].
    pub fn encode_to_learn(&self, examples: &[Example], random: &mut Rng) -> Result<Vec<Encoded>> {
        self.encode_each(examples, || surplus(random))
    }

    fn encode_each(&self, examples: &[Example], mut surplus: impl FnMut() -> usize) -> Result<Vec<Encoded>> {
        examples.iter().map(|example| self.encode_placed(example, surplus())).collect()
    }

    /// Encodes a row that stands somewhere.
    ///
    /// # Errors
    /// When it cannot be shortened enough.
    pub fn encode_example(&self, example: &Example) -> Result<Encoded> {
        self.encode_placed(example, SURPLUS)
    }

    fn encode_placed(&self, example: &Example, surplus: usize) -> Result<Encoded> {
        let encoded = self.encode_with(&example.texts, &example.choices, surplus);
        encoded.map_err(|long| self.too_long(long, example.place.clone()))
    }

    /// The error about a row at `place` that cannot be shortened enough.
    pub fn too_long(&self, long: TooLong, place: crate::Place) -> Error {
        let whole: Vec<&str> =
            self.pattern.fields().filter(|field| field.whole).map(|field| field.name.as_str()).collect();
        let remedy = match whole.as_slice() {
            [] => "raise `max_length`, or write a shorter pattern".to_owned(),
            [first, ..] => format!(
                "raise `max_length`, or write `{{{first}}}` instead of `{{{first}!}}` so that it may be cut"
            ),
        };
        let problem = format!(
            "the pattern `{}` needs at least {} tokens for this row, and `max_length` is {}",
            self.pattern, long.least, long.max_length
        );
        Error::data(place, problem, remedy)
    }

    /// Encodes a row, given the text of every field.
    ///
    /// # Errors
    /// When the text cannot be shortened enough.
    pub fn encode<T: AsRef<str>>(&self, texts: &[T]) -> std::result::Result<Encoded, TooLong> {
        self.encode_with(texts, &[], SURPLUS)
    }

    /// The same for a row with these `choices` of its own, and with so many masks beyond the text's tokens where masks are filled freely.
    ///
    /// # Errors
    /// As [`PatternEncoder::encode`].
    pub fn encode_with<T: AsRef<str>>(
        &self,
        texts: &[T],
        choices: &[String],
        surplus: usize,
    ) -> std::result::Result<Encoded, TooLong> {
        let column = |name: &str| {
            let place = self.fields.iter().position(|field| field == name);
            place.and_then(|place| texts.get(place)).map_or("", AsRef::as_ref)
        };
        let candidates =
            self.verbalizer.and_then(|verbalizer| verbalizer.candidates(self.tokenizer, choices, column));
        let wanted = self.verbalizer.and_then(|verbalizer| verbalizer.wanted(column));
        let surplus = if wanted.is_some() { surplus } else { 0 };
        let masks = candidates.as_ref().map_or(1, |candidates| candidates.longest()) + surplus;
        let blank = vec![self.tokenizer.special().mask; masks];
        let (mut a, mut b) = match self.spacing {
            Spacing::Text => self.running_text(texts, &blank),
            Spacing::Parts => self.separate_parts(texts, &blank),
        };
        let pair = self.pattern.is_pair();
        let lengths = |runs: &[Run]| runs.iter().map(Run::length).collect::<Vec<_>>();
        let (mut len_a, mut len_b) = (lengths(&a), lengths(&b));
        shorten(&mut len_a, &mut len_b, self.tokenizer.special_count(pair), self.max_length)?;

        let mut cut: Vec<Cut> = Vec::new();
        for (run, length) in a.iter_mut().zip(&len_a).chain(b.iter_mut().zip(&len_b)) {
            let tokens = run.ids.len() - length.tokens;
            run.ids.truncate(length.tokens);
            if let (Some(field), true) = (run.field, tokens > 0) {
                match cut.iter_mut().find(|cut| cut.field == field.name) {
                    Some(known) => known.tokens += tokens,
                    None => cut.push(Cut { field: field.name.clone(), tokens }),
                }
            }
        }
        let flat = |runs: &[Run]| runs.iter().flat_map(|run| run.ids.iter().copied()).collect::<Vec<_>>();
        let (a, b) = (flat(&a), flat(&b));
        let mut sequence = self.tokenizer.assemble(&a, pair.then_some(&b));
        if !self.tokenizer.is_word_piece() {
            // The reference implementation feeds type ids to BERT only, and so to ALBERT none.
            sequence.type_ids.fill(0);
        }
        let is_mask = |id: &u32| *id == self.tokenizer.special().mask;
        let mask =
            sequence.ids.iter().position(is_mask).expect("a pattern has a mask, and masks are never cut");
        Ok(Encoded { sequence, mask, masks, candidates, wanted, cut, lower: None })
    }

    /// The filled pattern piece by piece, for people to read, with what had to be cut as pieces of its own. Where
    /// parts are tokenised on their own, blanks are shown between them.
    pub fn show<T: AsRef<str>>(&self, texts: &[T], cut: &[Cut]) -> Vec<Piece> {
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
        // The last field is cut first, so the pieces are made from the end.
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

    /// The tokens of both segments, where every part is tokenised on its own, as after a blank, and empty ones are dropped.
    fn separate_parts<T: AsRef<str>>(&self, texts: &[T], blank: &[u32]) -> (Vec<Run<'a>>, Vec<Run<'a>>) {
        let tokenize = |text: &str| self.tokenizer.tokenize(&self.tokenizer.after_space(text));
        let mut segments = Segments::default();
        let mut columns = self.columns.iter();
        let mut one_part = String::new();
        // Whether the part being joined began with the mask, so that no blank stands before its text.
        let mut after_mask = false;
        let parts = self.pattern.parts();
        for (place, (part, joined)) in parts.iter().zip(self.joined()).enumerate() {
            match part {
                Part::Sep => segments.second = true,
                Part::Mask => {
                    // Mask tokens take the blank on their left.
                    segments.push(tokenize(std::mem::take(&mut one_part).trim_end()), None);
                    segments.push(blank.to_vec(), None);
                    after_mask = joined;
                }
                Part::Literal(text) if !joined => segments.push(tokenize(text), None),
                Part::Field(field) if !joined => {
                    let text = value(&mut columns, texts);
                    let cuttable = (!field.whole).then_some(field);
                    segments.push(tokenize(&field.apply(text)), cuttable);
                }
                Part::Literal(text) => one_part.push_str(text),
                Part::Field(field) => one_part.push_str(&field.apply(value(&mut columns, texts))),
                Part::Join => continue,
            }
            if joined && *part != Part::Mask && parts.get(place + 1) != Some(&Part::Join) {
                let text = std::mem::take(&mut one_part);
                let tokens = if after_mask { self.tokenizer.tokenize(&text) } else { tokenize(&text) };
                segments.push(tokens, None);
                after_mask = false;
            }
        }
        (segments.a, segments.b)
    }

    /// For every part of the pattern whether it is joined to another, which is of no interest in running text.
    fn joined(&self) -> Vec<bool> {
        let parts = self.pattern.parts();
        let join = |place: Option<usize>| place.and_then(|place| parts.get(place)) == Some(&Part::Join);
        let joined = |place: usize| join(place.checked_sub(1)) || join(Some(place + 1));
        (0..parts.len()).map(|place| self.spacing == Spacing::Parts && joined(place)).collect()
    }

    /// The tokens of both segments as running text, interrupted by the mask only. A token belongs to a field if all
    /// of its letters do; one that a literal and a field share is never cut.
    fn running_text<T: AsRef<str>>(&self, texts: &[T], blank: &[u32]) -> (Vec<Run<'a>>, Vec<Run<'a>>) {
        let mut segments = Segments::default();
        let mut columns = self.columns.iter();
        let mut text = String::new();
        let mut fields: Vec<(std::ops::Range<usize>, &Field)> = Vec::new();
        for part in self.pattern.parts() {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Join => {}
                Part::Field(field) => {
                    let start = text.len();
                    text.push_str(&field.apply(value(&mut columns, texts)));
                    if !field.whole {
                        fields.push((start..text.len(), field));
                    }
                }
                Part::Mask | Part::Sep => {
                    if *part == Part::Mask {
                        // A blank before the mask belongs to the word that fills it, see `verbalizer::leading_space`.
                        text.truncate(text.trim_end().len());
                    }
                    self.push_text(&mut segments, &mut text, &mut fields);
                    if *part == Part::Sep {
                        segments.second = true;
                    } else {
                        segments.push(blank.to_vec(), None);
                    }
                }
            }
        }
        self.push_text(&mut segments, &mut text, &mut fields);
        (segments.a, segments.b)
    }

    /// Tokenises a stretch of running text and sorts its tokens by the fields they belong to.
    fn push_text(
        &self,
        segments: &mut Segments<'a>,
        text: &mut String,
        fields: &mut Vec<(std::ops::Range<usize>, &'a Field)>,
    ) {
        if self.after_text && segments.a.is_empty() && segments.b.is_empty() {
            let blank = self.tokenizer.after_space(text).len() - text.len();
            text.insert_str(0, &" "[..blank]);
            for (range, _) in fields.iter_mut() {
                *range = range.start + blank..range.end + blank;
            }
        }
        if fields.is_empty() {
            segments.push(self.tokenizer.tokenize(text), None);
        } else {
            let mut place = 0;
            let mut run: Option<(usize, Vec<u32>)> = None;
            for (id, span) in self.tokenizer.tokenize_with_spans(text) {
                while place < fields.len() && fields[place].0.end <= span.start {
                    place += 1;
                }
                let inside = fields
                    .get(place)
                    .is_some_and(|(field, _)| field.start <= span.start && span.end <= field.end);
                let owner = if inside { place } else { usize::MAX };
                match &mut run {
                    Some((last, ids)) if *last == owner => ids.push(id),
                    _ => {
                        if let Some((last, ids)) = run.replace((owner, vec![id])) {
                            segments.push(ids, fields.get(last).map(|(_, field)| *field));
                        }
                    }
                }
            }
            if let Some((last, ids)) = run {
                segments.push(ids, fields.get(last).map(|(_, field)| *field));
            }
        }
        text.clear();
        fields.clear();
    }
}

fn value<'t, T: AsRef<str>>(columns: &mut std::slice::Iter<'_, usize>, texts: &'t [T]) -> &'t str {
    // There is one column for every field of the pattern, see `PatternEncoder::new`.
    columns.next().and_then(|&column| texts.get(column)).map_or("", AsRef::as_ref)
}

/// Neighbouring tokens that are cut, or not cut, together.
#[derive(Debug)]
struct Run<'a> {
    ids: Vec<u32>,
    /// The field that they may be cut from.
    field: Option<&'a Field>,
}

impl Run<'_> {
    fn length(&self) -> Length {
        Length { tokens: self.ids.len(), shortenable: self.field.is_some() }
    }
}

#[derive(Debug, Default)]
struct Segments<'a> {
    a: Vec<Run<'a>>,
    b: Vec<Run<'a>>,
    second: bool,
}

impl<'a> Segments<'a> {
    fn push(&mut self, ids: Vec<u32>, field: Option<&'a Field>) {
        let segment = if self.second { &mut self.b } else { &mut self.a };
        segment.push(Run { ids, field });
    }
}

/// The length of a part of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Length {
    /// Its tokens.
    pub tokens: usize,
    /// Whether it may be cut.
    pub shortenable: bool,
}

/// Shortens the parts of two segments until they fit into `max_length` together with `special` special tokens.
///
/// # Errors
/// When what may not be cut is too long already.
pub fn shorten(
    a: &mut [Length],
    b: &mut [Length],
    special: usize,
    max_length: usize,
) -> std::result::Result<(), TooLong> {
    let total = |parts: &[Length]| parts.iter().map(|part| part.tokens).sum::<usize>();
    let spare = |parts: &[Length]| {
        parts.iter().filter(|part| part.shortenable).map(|part| part.tokens).sum::<usize>()
    };
    let length = total(a) + total(b) + special;
    let excess = length.saturating_sub(max_length);
    let (mut spare_a, mut spare_b) = (spare(a), spare(b));
    if excess > spare_a + spare_b {
        return Err(TooLong { least: length - spare_a - spare_b, max_length });
    }
    for _ in 0..excess {
        if spare_a > spare_b { spare_a -= 1 } else { spare_b -= 1 }
    }
    keep(a, spare_a);
    keep(b, spare_b);
    Ok(())
}

/// Cuts parts from the end until `spare` tokens that may be cut are left.
fn keep(parts: &mut [Length], mut spare: usize) {
    for part in parts.iter_mut().filter(|part| part.shortenable) {
        part.tokens = part.tokens.min(spare);
        spare -= part.tokens;
    }
}

/// Encodes rows for a classifier, without a pattern.
///
/// With one field the text is the only segment. With several, the first is the first segment and the others, joined by
/// blanks, are the second; the longer segment is cut first.
#[derive(Debug, Clone)]
pub struct ClassifierEncoder<'a> {
    tokenizer: &'a Tokenizer,
    max_length: usize,
}

impl<'a> ClassifierEncoder<'a> {
    /// An encoder for sequences of at most `max_length` tokens.
    pub fn new(tokenizer: &'a Tokenizer, max_length: usize) -> Self {
        ClassifierEncoder { tokenizer, max_length }
    }

    /// Encodes the texts of a row, those of [`Task::fields`] in their order. Also says how many tokens were cut.
    pub fn encode<T: AsRef<str>>(&self, texts: &[T]) -> (Sequence, usize) {
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
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::Place;
    use crate::pvp::verbalizer::tests::{tokenizer, tokenizer_of};

    fn names(fields: &[&str]) -> Vec<String> {
        fields.iter().map(|field| field.to_string()).collect()
    }

    fn encode(pattern: &str, texts: &[&str], spacing: Spacing, max_length: usize) -> (String, Encoded) {
        let (tokenizer, pattern) = (tokenizer(), pattern.parse().unwrap());
        let fields = names(&["a", "b"]);
        let encoded =
            PatternEncoder::new(&tokenizer, &pattern, &fields, spacing, max_length).encode(texts).unwrap();
        let tokens: Vec<String> =
            encoded.sequence.ids.iter().map(|&id| tokenizer.token(id).unwrap()).collect();
        (tokens.join(" "), encoded)
    }

    #[test]
    fn a_pattern_is_filled_and_framed() {
        for spacing in [Spacing::Text, Spacing::Parts] {
            let (tokens, encoded) = encode("{a}? {sep}{mask}, {b}", &["the sun", "A house."], spacing, 32);
            assert_eq!(tokens, "[CLS] the sun ? [SEP] [MASK] , a house . [SEP]");
            assert_eq!(encoded.mask, 5);
            assert_eq!(encoded.sequence.type_ids, [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
            assert_eq!((encoded.cut.len(), encoded.removed()), (0, 0));
        }
    }

    #[test]
    fn running_text_joins_what_stands_together_and_parts_do_not() {
        let (text, _) = encode("{mask} {a}s", &["house", ""], Spacing::Text, 32);
        let (parts, _) = encode("{mask} {a}s", &["house", ""], Spacing::Parts, 32);
        assert_eq!(
            (text.as_str(), parts.as_str()),
            ("[CLS] [MASK] house ##s [SEP]", "[CLS] [MASK] house s [SEP]")
        );
    }

    #[test]
    fn blanks_belong_to_words_where_the_vocabulary_has_them_there() {
        let tokens = |model: &str, spacing| {
            let (tokenizer, pattern) = (tokenizer_of(model), "{a}? {sep}is {mask}, {b}".parse().unwrap());
            let encoder = PatternEncoder::new(&tokenizer, &pattern, &names(&["a", "b"]), spacing, 32);
            let encoded = encoder.encode(&["a", "a."]).unwrap();
            assert!(model == "bert" || encoded.sequence.type_ids.iter().all(|&id| id == 0));
            let token = |&id| tokenizer.token(id).unwrap();
            encoded.sequence.ids.iter().map(token).collect::<Vec<_>>().join(" ")
        };
        let (text, parts) = (tokens("roberta", Spacing::Text), tokens("roberta", Spacing::Parts));
        assert_eq!(text, "<s> a ? Ġ </s> </s> is <mask> , Ġa . </s>");
        assert_eq!(parts, "<s> Ġa Ġ ? Ġ </s> </s> Ġis Ġ <mask> Ġ, Ġ Ġa . </s>");
        let (text, parts) = (tokens("albert", Spacing::Text), tokens("albert", Spacing::Parts));
        assert_eq!(text, "[CLS] ▁a ? [SEP] ▁is [MASK] ▁, ▁a . [SEP]");
        assert_eq!(parts, "[CLS] ▁a ▁ ? [SEP] ▁is [MASK] ▁, ▁a . [SEP]");
    }

    #[test]
    fn the_end_of_the_last_field_is_cut_first() {
        for spacing in [Spacing::Text, Spacing::Parts] {
            let (tokens, encoded) = encode("{a} and {b} is {mask}.", &["the sun", "the house"], spacing, 8);
            assert_eq!(tokens, "[CLS] the sun and is [MASK] . [SEP]");
            assert_eq!(encoded.cut, [Cut { field: "b".into(), tokens: 2 }]);
            let (tokens, encoded) = encode("{a} and {b!} is {mask}.", &["the sun", "the house"], spacing, 9);
            assert_eq!(tokens, "[CLS] the and the house is [MASK] . [SEP]");
            assert_eq!(encoded.cut, [Cut { field: "a".into(), tokens: 1 }]);
        }
    }

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

    #[test]
    fn a_row_that_cannot_be_shortened_is_an_error_with_its_line() {
        let (tokenizer, pattern) = (tokenizer(), "{a!} is {mask} {b}".parse().unwrap());
        let encoder = PatternEncoder::new(&tokenizer, &pattern, &names(&["a", "b"]), Spacing::Text, 8);
        let place = Place::file("d.csv").line(3);
        let long = Example {
            texts: names(&["the sun and the house and the sun", "x"]),
            label: None,
            also: Vec::new(),
            choices: Vec::new(),
            group: None,
            place,
        };
        let error = encoder.encode_all(&[long]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`d.csv`, line 3: the pattern `{a!} is {mask} {b}` needs at least 12 tokens for this row, and `max_length` is 8"
        );
        assert!(error.remedy().unwrap().contains("`{a}` instead of `{a!}`"));
    }

    #[test]
    fn special_tokens_in_a_text_do_not_move_the_mask() {
        let (tokens, encoded) = encode("{a} {mask}", &["[MASK] [SEP]", ""], Spacing::Text, 32);
        assert_eq!(tokens.matches("[MASK]").count(), 1);
        assert_eq!(encoded.mask, encoded.sequence.len() - 2);
        for tokenizer in KINDS.iter() {
            let mask = tokenizer.special().mask;
            let text = tokenizer.token(mask).unwrap();
            for (source, spacing) in [("{a} is {mask}.", Spacing::Text), ("{a}{mask}.{b}", Spacing::Parts)] {
                let (pattern, fields) = (source.parse().unwrap(), names(&["a", "b"]));
                let encoder = PatternEncoder::new(tokenizer, &pattern, &fields, spacing, 64);
                let ids = |a: &str| encoder.encode(&[a, &text]).unwrap();
                let encoded = ids(&format!("{text} or {text}"));
                let masks: Vec<usize> =
                    (0..encoded.sequence.len()).filter(|&at| encoded.sequence.ids[at] == mask).collect();
                assert_eq!(masks, [encoded.mask], "{text} {source}");
            }
        }
    }

    #[test]
    fn texts_of_any_length_are_encoded() {
        let long = "house ".repeat(10_000);
        for spacing in [Spacing::Text, Spacing::Parts] {
            let (_, encoded) = encode("{a} {b} {mask}.", &[&long, ""], spacing, 64);
            assert_eq!((encoded.sequence.len(), encoded.mask, encoded.removed()), (64, 61, 9_940));
            assert_eq!(encode("{a}{b}{mask}", &["", ""], spacing, 8).0, "[CLS] [MASK] [SEP]");
        }
    }

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

    static KINDS: LazyLock<[Tokenizer; 3]> =
        LazyLock::new(|| ["bert", "roberta", "albert"].map(tokenizer_of));

    fn part() -> impl Strategy<Value = String> {
        let fixed = ["{a}", "{b}", "{a!}", "{b|trim}", "{b|strip_punct}", " ", " is ", ".", "s"];
        prop::sample::select(fixed.map(String::from).to_vec())
    }

    proptest! {
        #[test]
        fn cutting_never_drops_the_mask_and_never_exceeds_the_budget(
            before in prop::collection::vec(part(), 0..5), middle in prop::collection::vec(part(), 0..3),
            after in prop::collection::vec(part(), 0..5), pair in any::<bool>(),
            a in "(house |the[.,] |Émile|x ?!){0,12}", b in "(sun |of\n|\\PC){0,12}", max_length in 4usize..40,
            after_text in any::<bool>(),
        ) {
            let sep = if pair { "{sep}" } else { "" };
            let source = format!("{}{{mask}}{}{sep}{}", before.concat(), middle.concat(), after.concat());
            let pattern: Pattern = source.parse().unwrap();
            let spacings = [Spacing::Text, Spacing::Parts];
            for (tokenizer, spacing) in KINDS.iter().flat_map(|kind| spacings.map(|spacing| (kind, spacing))) {
                let encoder = |max_length| {
                    let fields = names(&["a", "b"]);
                    let encoder = PatternEncoder::new(tokenizer, &pattern, &fields, spacing, max_length);
                    if after_text { encoder.after_text() } else { encoder }
                };
                let whole = encoder(10_000).encode(&[&a, &b]).unwrap();
                prop_assert_eq!(whole.removed(), 0);
                match encoder(max_length).encode(&[&a, &b]) {
                    Ok(got) => {
                        prop_assert_eq!(got.sequence.len(), whole.sequence.len().min(max_length));
                        prop_assert_eq!(got.sequence.ids[got.mask], tokenizer.special().mask);
                        prop_assert_eq!(got.sequence.len() + got.removed(), whole.sequence.len());
                    }
                    Err(long) => prop_assert!(long.least > max_length),
                }
            }
        }
    }
}
