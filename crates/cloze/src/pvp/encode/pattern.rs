//! Fills patterns, truncates them and adds special tokens.

use cloze_encoder::{Rng, Tokenizer};

use super::truncate::{Length, TooLong, shorten};
use super::{Cut, Encoded, SURPLUS, surplus};
use crate::dataset::Example;
use crate::pattern::{Field, Part, Pattern};
use crate::pvp::verbalizer::Verbalizer;
use crate::task::{Spacing, Task};
use crate::{Error, Result};

/// Fills a task's pattern with examples and tokenises the result.
#[derive(Debug, Clone)]
pub(crate) struct PatternEncoder<'a> {
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) pattern: &'a Pattern,
    /// For every field of the pattern, its index among the texts of an example.
    pub(super) columns: Vec<usize>,
    /// The names of an example's texts.
    fields: Vec<String>,
    /// The verbalizer whose words replace the masks; without one, there is a single mask.
    verbalizer: Option<&'a Verbalizer>,
    pub(super) spacing: Spacing,
    max_length: usize,
    /// Whether the pattern follows other text.
    after_text: bool,
}

impl<'a> PatternEncoder<'a> {
    /// An encoder for examples with the texts of [`Task::fields`].
    ///
    /// # Panics
    /// If the task has no such pattern.
    pub(crate) fn of_task(task: &'a Task, pattern: usize, tokenizer: &'a Tokenizer) -> Self {
        let fields = task.fields();
        PatternEncoder::new(
            tokenizer,
            &task.patterns[pattern],
            &fields,
            task.spacing,
            task.options.max_length,
        )
    }

    /// An encoder for examples with the texts of `fields`, which creates sequences of at most `max_length`
    /// tokens.
    ///
    /// # Panics
    /// If the pattern uses a field that is not among `fields`.
    pub(crate) fn new(
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
    pub(crate) fn asking_for(self, verbalizer: &'a Verbalizer) -> Self {
        PatternEncoder { verbalizer: Some(verbalizer), ..self }
    }

    /// The same for patterns that follow other text and a space.
    #[must_use]
    pub(crate) fn after_text(self) -> Self {
        PatternEncoder { after_text: true, ..self }
    }

    /// Encodes examples for scoring.
    ///
    /// # Errors
    /// The first example that is too long even after truncating everything that may be truncated.
    pub(crate) fn encode_all(&self, examples: &[Example]) -> Result<Vec<Encoded>> {
        self.encode_each(examples, || SURPLUS)
    }

    /// Encodes training examples: if masks are filled freely, their number is random.
    ///
    /// # Errors
    /// As [`PatternEncoder::encode_all`].
    pub(crate) fn encode_to_learn(&self, examples: &[Example], random: &mut Rng) -> Result<Vec<Encoded>> {
        self.encode_each(examples, || surplus(random))
    }

    fn encode_each(&self, examples: &[Example], mut surplus: impl FnMut() -> usize) -> Result<Vec<Encoded>> {
        examples.iter().map(|example| self.encode_with_surplus(example, surplus())).collect()
    }

    /// Encodes an example for scoring.
    ///
    /// # Errors
    /// When it is too long even after truncating everything that may be truncated; the error names its line.
    pub(crate) fn encode_example(&self, example: &Example) -> Result<Encoded> {
        self.encode_with_surplus(example, SURPLUS)
    }

    /// Encodes texts that are no example of a task.
    ///
    /// # Errors
    /// When they are too long even after truncating everything that may be truncated.
    pub(crate) fn encode_texts(&self, texts: &[&str]) -> Result<Encoded> {
        let place = || crate::Place::file("the texts").in_memory();
        self.encode_with(texts, &[], SURPLUS).map_err(|long| self.too_long(long, place()))
    }

    fn encode_with_surplus(&self, example: &Example, surplus: usize) -> Result<Encoded> {
        let encoded = self.encode_with(&example.texts, &example.choices, surplus);
        encoded.map_err(|long| self.too_long(long, example.place.clone()))
    }

    /// The error for an example at `place` that is too long.
    fn too_long(&self, long: TooLong, place: crate::Place) -> Error {
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

    /// Encodes an example, given the text of every field.
    ///
    /// # Errors
    /// When it is too long even after truncating everything that may be truncated.
    pub(crate) fn encode<T: AsRef<str>>(&self, texts: &[T]) -> std::result::Result<Encoded, TooLong> {
        self.encode_with(texts, &[], SURPLUS)
    }

    /// The same for an example with its own `choices`. If masks are filled freely, there are `surplus` more
    /// than the text has tokens.
    ///
    /// # Errors
    /// As [`PatternEncoder::encode`].
    pub(crate) fn encode_with<T: AsRef<str>>(
        &self,
        texts: &[T],
        choices: &[String],
        surplus: usize,
    ) -> std::result::Result<Encoded, TooLong> {
        let column = |name: &str| {
            let index = self.fields.iter().position(|field| field == name);
            index.and_then(|index| texts.get(index)).map_or("", AsRef::as_ref)
        };
        let candidates =
            self.verbalizer.and_then(|verbalizer| verbalizer.candidates(self.tokenizer, choices, column));
        let wanted = self.verbalizer.and_then(|verbalizer| verbalizer.wanted(column));
        let surplus = if wanted.is_some() { surplus } else { 0 };
        let masks = candidates.as_ref().map_or(1, |candidates| candidates.longest()) + surplus;
        let mask = vec![self.tokenizer.special().mask; masks];
        let (mut a, mut b) = match self.spacing {
            Spacing::Text => self.running_text(texts, &mask),
            Spacing::Parts => self.separate_parts(texts, &mask),
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
            // The reference implementation passes type ids only to BERT, so ALBERT gets none.
            sequence.type_ids.fill(0);
        }
        let is_mask = |id: &u32| *id == self.tokenizer.special().mask;
        let mask =
            sequence.ids.iter().position(is_mask).expect("a pattern has a mask, and masks are never cut");
        Ok(Encoded { sequence, mask, masks, candidates, wanted, cut, lower: None })
    }

    /// The tokens of both segments, with every part tokenised separately as if after a space, and empty parts
    /// dropped.
    fn separate_parts<T: AsRef<str>>(&self, texts: &[T], mask: &[u32]) -> (Vec<Run<'a>>, Vec<Run<'a>>) {
        let tokenize = |text: &str| self.tokenizer.tokenize(&self.tokenizer.after_space(text));
        let mut segments = Segments::default();
        let mut columns = self.columns.iter();
        let mut one_part = String::new();
        // Whether the part being joined began with the mask, so that there is no space before its text.
        let mut after_mask = false;
        let parts = self.pattern.parts();
        for (place, (part, joined)) in parts.iter().zip(self.joined()).enumerate() {
            match part {
                Part::Sep => segments.second = true,
                Part::Mask => {
                    // Mask tokens include the space to their left.
                    segments.push(tokenize(std::mem::take(&mut one_part).trim_end()), None);
                    segments.push(mask.to_vec(), None);
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

    /// For every part of the pattern, whether it is joined to another; never in running text.
    pub(super) fn joined(&self) -> Vec<bool> {
        let parts = self.pattern.parts();
        let join = |place: Option<usize>| place.and_then(|place| parts.get(place)) == Some(&Part::Join);
        let joined = |place: usize| join(place.checked_sub(1)) || join(Some(place + 1));
        (0..parts.len()).map(|place| self.spacing == Spacing::Parts && joined(place)).collect()
    }

    /// The tokens of both segments as running text, interrupted only by the mask. A token belongs to a field
    /// if all of its characters do; a token shared by a literal and a field is never truncated.
    fn running_text<T: AsRef<str>>(&self, texts: &[T], mask: &[u32]) -> (Vec<Run<'a>>, Vec<Run<'a>>) {
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
                        // A space before the mask belongs to the word that fills it, see `verbalizer::leading_space`.
                        text.truncate(text.trim_end().len());
                    }
                    self.push_text(&mut segments, &mut text, &mut fields);
                    if *part == Part::Sep {
                        segments.second = true;
                    } else {
                        segments.push(mask.to_vec(), None);
                    }
                }
            }
        }
        self.push_text(&mut segments, &mut text, &mut fields);
        (segments.a, segments.b)
    }

    /// Tokenises a stretch of running text and assigns its tokens to fields.
    fn push_text(
        &self,
        segments: &mut Segments<'a>,
        text: &mut String,
        fields: &mut Vec<(std::ops::Range<usize>, &'a Field)>,
    ) {
        if self.after_text && segments.a.is_empty() && segments.b.is_empty() {
            let space = self.tokenizer.after_space(text).len() - text.len();
            text.insert_str(0, &" "[..space]);
            for (range, _) in fields.iter_mut() {
                *range = range.start + space..range.end + space;
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

pub(super) fn value<'t, T: AsRef<str>>(columns: &mut std::slice::Iter<'_, usize>, texts: &'t [T]) -> &'t str {
    // There is one column for every field of the pattern, see `PatternEncoder::new`.
    columns.next().and_then(|&column| texts.get(column)).map_or("", AsRef::as_ref)
}

/// Adjacent tokens that are truncated, or not, together.
#[derive(Debug)]
struct Run<'a> {
    ids: Vec<u32>,
    /// The field that they may be truncated from.
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

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::Place;
    use crate::pvp::verbalizer::tests::{tokenizer, tokenizer_of};

    pub(crate) fn names(fields: &[&str]) -> Vec<String> {
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
    fn a_row_that_cannot_be_shortened_is_an_error_with_its_line() {
        let (tokenizer, pattern) = (tokenizer(), "{a!} is {mask} {b}".parse().unwrap());
        let encoder = PatternEncoder::new(&tokenizer, &pattern, &names(&["a", "b"]), Spacing::Text, 8);
        let place = Place::file("d.csv").line(3);
        let long = Example {
            texts: names(&["the sun and the house and the sun", "x"]),
            label: None,
            accepted: Vec::new(),
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
