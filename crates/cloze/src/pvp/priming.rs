//! Priming: labelled examples in front of the one to classify, without training (Brown et al. 2020, "Language
//! Models are Few-Shot Learners").
//!
//! A labelled example is a filled pattern with a word of its label in place of the mask. As in the reference
//! implementation of PET, the labelled examples and the filled pattern of the one to classify form a single
//! segment, with special tokens only around the whole. The reference rejects inputs that are too long; here,
//! as many labelled examples are added as fit into the model's positions.

use std::collections::BTreeMap;

use cloze_encoder::{Checkpoint, Rng, Tokenizer};
use serde::{Deserialize, Serialize};

use crate::Result;
use crate::dataset::Example;
use crate::error::counted;
use crate::pvp::encode::{Encoded, PatternEncoder};
use crate::pvp::verbalizer::Verbalizer;
use crate::task::Task;

/// Separates the random stream for drawing examples from all others with the same seed.
const PURPOSE: u64 = 0x0F10;

/// The number of labelled examples put in front of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Demonstrations {
    /// The number requested, as far as available.
    pub wanted: usize,
    /// The smallest number in front of any example.
    pub least: usize,
    /// The largest number in front of any example.
    pub most: usize,
}

impl Demonstrations {
    /// A note for the user if some did not fit.
    pub(crate) fn note(&self) -> Option<String> {
        let what = format!("in front of a row to classify there is room for {self}");
        (self.least < self.wanted).then_some(what)
    }

    /// The combination of both.
    #[must_use]
    pub(crate) fn and(self, other: Demonstrations) -> Demonstrations {
        Demonstrations {
            wanted: self.wanted.max(other.wanted),
            least: self.least.min(other.least),
            most: self.most.max(other.most),
        }
    }
}

/// `2 examples`, `3 of 8 examples`, `3 to 5 of 8 examples`.
impl std::fmt::Display for Demonstrations {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        let wanted = counted(self.wanted, "example");
        match *self {
            Demonstrations { wanted: all, least, .. } if least == all => write!(f, "{wanted}"),
            Demonstrations { least, most, .. } if least == most => write!(f, "{least} of {wanted}"),
            Demonstrations { least, most, .. } => write!(f, "{least} to {most} of {wanted}"),
        }
    }
}

/// At most `count` labelled examples, in the order in which they are used: drawn with `seed` in rounds, each
/// with one example of every label that has any left. Small samples are therefore balanced, and a smaller
/// sample is the beginning of a larger one.
pub(crate) fn draw(labelled: &[Example], count: usize, seed: u64) -> Vec<&Example> {
    let mut random = Rng::stream(seed, &[PURPOSE]);
    let mut left: BTreeMap<usize, Vec<&Example>> = BTreeMap::new();
    for example in labelled {
        if let Some(label) = example.label {
            left.entry(label).or_default().push(example);
        }
    }
    left.values_mut().for_each(|rows| random.shuffle(rows));
    let mut drawn = Vec::new();
    loop {
        let mut round: Vec<&Example> = left.values_mut().filter_map(Vec::pop).collect();
        if round.is_empty() || drawn.len() >= count {
            drawn.truncate(count);
            return drawn;
        }
        random.shuffle(&mut round);
        drawn.append(&mut round);
    }
}

/// Puts labelled examples in front of others.
#[derive(Debug, Clone)]
pub(crate) struct Primer<'a> {
    tokenizer: &'a Tokenizer,
    /// Encodes an example with nothing in front.
    alone: PatternEncoder<'a>,
    /// Encodes an example that follows others.
    following: PatternEncoder<'a>,
    /// The tokens of the labelled examples, in order.
    examples: Vec<Vec<u32>>,
    /// The maximum number of tokens that the model accepts.
    positions: usize,
}

impl<'a> Primer<'a> {
    /// Primes a pattern of `task`, encoded for the words of `verbalizer`, with `examples` in this order.
    ///
    /// # Errors
    /// When an example cannot be truncated enough.
    ///
    /// # Panics
    /// If the task has no such pattern.
    pub(crate) fn of_task(
        task: &'a Task,
        pattern: usize,
        checkpoint: &'a Checkpoint,
        verbalizer: &'a Verbalizer,
        examples: &[&Example],
    ) -> Result<Primer<'a>> {
        let (tokenizer, positions) = (&checkpoint.tokenizer, checkpoint.config.max_length());
        let encoder = PatternEncoder::of_task(task, pattern, tokenizer).asking_for(verbalizer);
        Primer::new(tokenizer, encoder, verbalizer, examples, positions)
    }

    /// The same for any encoder and a model that accepts `positions` tokens.
    ///
    /// # Errors
    /// When an example cannot be truncated enough.
    pub(crate) fn new(
        tokenizer: &'a Tokenizer,
        encoder: PatternEncoder<'a>,
        verbalizer: &Verbalizer,
        examples: &[&Example],
        positions: usize,
    ) -> Result<Primer<'a>> {
        let following = encoder.clone().after_text();
        let mut primer = Primer { tokenizer, alone: encoder, following, examples: Vec::new(), positions };
        for example in examples {
            let Some(label) = example.label else { continue };
            let encoder = if primer.examples.is_empty() { &primer.alone } else { &primer.following };
            let cloze = encoder.encode_example(example)?;
            let word = match &cloze.candidates {
                Some(candidates) => candidates.0[label].first(),
                None => verbalizer.words()[label].first().map(|word| &word.tokens),
            };
            // A label that means anything else has no word to put there.
            let Some(word) = word else { continue };
            let (mut tokens, mask) = primer.one_segment(&cloze);
            tokens.splice(mask..mask + cloze.masks, word.iter().copied());
            primer.examples.push(tokens);
        }
        Ok(primer)
    }

    /// Encodes all examples with as many labelled ones in front of each as fit, and reports their number.
    ///
    /// # Errors
    /// The first example that cannot be truncated enough.
    pub(crate) fn encode_all(&self, rows: &[Example]) -> Result<(Vec<Encoded>, Demonstrations)> {
        let wanted = self.examples.len();
        let mut examples = Demonstrations { wanted, least: wanted, most: 0 };
        let mut clozes = Vec::with_capacity(rows.len());
        for row in rows {
            let (cloze, used) = self.encode(row)?;
            examples = examples.and(Demonstrations { wanted, least: used, most: used });
            clozes.push(cloze);
        }
        Ok((clozes, examples))
    }

    /// Encodes an example with as many of the first labelled examples in front as fit, and returns their
    /// number. The example itself is truncated to the task's `max_length` as usual, but no further.
    ///
    /// # Errors
    /// When the example cannot be truncated enough.
    pub(crate) fn encode(&self, row: &Example) -> Result<(Encoded, usize)> {
        let cloze = self.following.encode_example(row)?;
        let (question, mask) = self.one_segment(&cloze);
        let mut room = self.positions.saturating_sub(self.tokenizer.special_count(false) + question.len());
        let fits = |example: &&Vec<u32>| {
            let left = room.checked_sub(example.len());
            room = left.unwrap_or(room);
            left.is_some()
        };
        let prefix: Vec<&Vec<u32>> = self.examples.iter().take_while(fits).collect();
        if prefix.is_empty() {
            return Ok((self.alone.encode_example(row)?, 0));
        }
        let used = prefix.len();
        let mut tokens: Vec<u32> = prefix.into_iter().flatten().copied().collect();
        // After the single special token at the start of every sequence.
        let mask = 1 + tokens.len() + mask;
        tokens.extend(question);
        let sequence = self.tokenizer.assemble(&tokens, None);
        Ok((Encoded { sequence, mask, ..cloze }, used))
    }

    /// The tokens of a filled pattern without the special tokens around its segments, and the position of its
    /// mask among them.
    fn one_segment(&self, cloze: &Encoded) -> (Vec<u32>, usize) {
        let special = self.tokenizer.special();
        // Text is never tokenised into one of these, see `Tokenizer::tokenize`.
        let is_text = |id: &&u32| **id != special.cls && **id != special.sep;
        let ids = &cloze.sequence.ids;
        let before = ids[..cloze.mask].iter().filter(is_text).count();
        (ids.iter().filter(is_text).copied().collect(), before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use crate::pvp::verbalizer::leading_space;
    use crate::pvp::verbalizer::tests::{tokenizer, tokenizer_of};
    use crate::task::{Label, Spacing};

    fn row(a: &str, b: &str, label: Option<usize>) -> Example {
        Example {
            texts: vec![a.into(), b.into()],
            label,
            accepted: Vec::new(),
            choices: Vec::new(),
            group: None,
            place: Place::file("d.csv"),
        }
    }

    /// A primed example as tokens, its encoding, and the number of labelled examples in front.
    fn primed(
        tokenizer: &Tokenizer,
        (pattern, words): (&str, &[&str]),
        examples: &[Example],
        question: &Example,
        (max_length, positions): (usize, usize),
    ) -> (String, Encoded, usize) {
        let pattern = pattern.parse().unwrap();
        let labels: Vec<Label> = words
            .iter()
            .map(|word| Label { name: word.to_string(), words: vec![word.to_string()] })
            .collect();
        let space = leading_space(&pattern, Spacing::Text);
        let verbalizer = Verbalizer::of_labels(&labels, tokenizer, space).unwrap();
        let fields = ["a", "b"].map(String::from);
        let encoder = PatternEncoder::new(tokenizer, &pattern, &fields, Spacing::Text, max_length);
        let encoder = encoder.asking_for(&verbalizer);
        let examples: Vec<&Example> = examples.iter().collect();
        let primer = Primer::new(tokenizer, encoder, &verbalizer, &examples, positions).unwrap();
        let (cloze, used) = primer.encode(question).unwrap();
        let tokens: Vec<String> = cloze.sequence.ids.iter().map(|&id| tokenizer.token(id).unwrap()).collect();
        (tokens.join(" "), cloze, used)
    }

    #[test]
    fn filled_patterns_stand_in_front_as_one_segment() {
        let asked = ("{a}? {sep}{mask}, {b}", &["yes", "no"][..]);
        let examples = [row("The sun", "a house", Some(0)), row("a house", "the sun.", Some(1))];
        let question = row("the house", "of the sun", None);
        let (tokens, cloze, used) = primed(&tokenizer(), asked, &examples, &question, (32, 64));
        assert_eq!(
            tokens,
            "[CLS] the sun ? yes , a house a house ? no , the sun . the house ? [MASK] , of the sun [SEP]"
        );
        assert_eq!((used, cloze.mask, cloze.masks), (2, 19, 1));
        assert!(cloze.sequence.type_ids.iter().all(|&id| id == 0));
        assert_eq!(cloze.sequence.type_ids.len(), cloze.sequence.ids.len());
        let (tokens, cloze, used) = primed(&tokenizer(), asked, &[], &question, (32, 64));
        assert_eq!((tokens.as_str(), used), ("[CLS] the house ? [SEP] [MASK] , of the sun [SEP]", 0));
        assert_eq!(cloze.sequence.type_ids[5..], [1; 6]);
    }

    #[test]
    fn an_example_has_all_tokens_of_its_word() {
        let tokenizer = tokenizer();
        let asked = ("{a}: {mask}.", &["yes", "nerve fibre"][..]);
        let examples = [row("sun", "", Some(1)), row("house", "", Some(0))];
        let (tokens, cloze, _) = primed(&tokenizer, asked, &examples, &row("the", "", None), (32, 64));
        let word: Vec<String> =
            tokenizer.tokenize("nerve fibre").into_iter().map(|id| tokenizer.token(id).unwrap()).collect();
        let masks = ["[MASK]"; 6].join(" ");
        assert_eq!(word.len(), 6);
        assert_eq!(tokens, format!("[CLS] sun : {} . house : yes . the : {masks} . [SEP]", word.join(" ")));
        assert_eq!((cloze.mask, cloze.masks), (1 + 9 + 4 + 2, 6));
        assert_eq!(cloze.candidates.unwrap().longest(), 6);
    }

    #[test]
    fn an_example_takes_its_word_from_its_own_columns() {
        let asked = ("{a}: {mask}.", &["{b}", "not {b}"][..]);
        let examples = [row("sun", "the house", Some(1)), row("house", "and", Some(0))];
        let (tokens, cloze, _) = primed(&tokenizer(), asked, &examples, &row("the", "sun", None), (32, 64));
        assert_eq!(tokens, "[CLS] sun : not the house . house : and . the : [MASK] [MASK] . [SEP]");
        assert_eq!(cloze.candidates.unwrap().0[0], [[tokenizer().id("sun").unwrap()]]);
    }

    #[test]
    fn a_blank_stands_between_examples_where_blanks_belong_to_words() {
        let asked = ("{b}{a} is {mask}.", &["a", "The"][..]);
        let examples = [row("a", "", Some(0)), row("a", "", Some(1))];
        let (tokens, ..) = primed(&tokenizer_of("roberta"), asked, &examples, &row("a", "", None), (32, 64));
        assert_eq!(tokens, "<s> a Ġis Ġa . Ġa Ġis ĠThe . Ġa Ġis <mask> . </s>");
        let (tokens, ..) = primed(&tokenizer_of("albert"), asked, &examples, &row("a", "", None), (32, 64));
        assert_eq!(tokens, "[CLS] ▁a ▁is ▁a ▁. ▁a ▁is ▁the ▁. ▁a ▁is [MASK] ▁. [SEP]");
    }

    #[test]
    fn a_long_row_has_fewer_examples_in_front_and_is_not_cut_for_them() {
        let (tokenizer, max_length) = (tokenizer(), 30);
        let asked = ("{a} is {mask}. {b}", &["yes", "no"][..]);
        // 6, 8 and 5 tokens.
        let examples =
            [row("the sun", "", Some(0)), row("the house", "of the", Some(1)), row("sun", "", Some(0))];
        let mut seen = Vec::new();
        for length in 1..50 {
            let question = row(&"sun ".repeat(length), "house", None);
            let (_, alone, _) = primed(&tokenizer, asked, &[], &question, (max_length, 40));
            let (_, cloze, used) = primed(&tokenizer, asked, &examples, &question, (max_length, 40));
            let in_front: usize = [5, 7, 4][..used].iter().sum();
            assert_eq!(cloze.sequence.len(), alone.sequence.len() + in_front);
            assert_eq!(cloze.sequence.ids[1 + in_front..], alone.sequence.ids[1..]);
            assert_eq!((cloze.mask, &cloze.cut), (alone.mask + in_front, &alone.cut));
            assert!(cloze.sequence.len() <= 40);
            let next = [5, 7, 4].get(used).copied().unwrap_or(40);
            assert!(cloze.sequence.len() + next > 40, "another example would have fitted");
            seen.push(used);
        }
        seen.dedup();
        assert_eq!(seen, [3, 2, 1]);
        let question = row(&"sun ".repeat(100), "house", None);
        let (_, alone, _) = primed(&tokenizer, asked, &[], &question, (40, 40));
        let (_, cloze, used) = primed(&tokenizer, asked, &examples, &question, (40, 40));
        assert_eq!((cloze, used), (alone, 0));
    }

    #[test]
    fn examples_are_drawn_in_balanced_rounds_that_follow_from_the_seed() {
        let labels = [0, 0, 1, 2, 0, 0, 1, 0];
        let mut rows: Vec<Example> =
            labels.iter().enumerate().map(|(n, label)| row(&n.to_string(), "", Some(*label))).collect();
        rows.push(row("nobody has labelled this", "", None));
        let all = draw(&rows, usize::MAX, 5);
        let of = |range: std::ops::Range<usize>| {
            let mut labels: Vec<usize> = all[range].iter().filter_map(|row| row.label).collect();
            labels.sort_unstable();
            labels
        };
        assert_eq!((of(0..3), of(3..5), of(5..8)), (vec![0, 1, 2], vec![0, 1], vec![0, 0, 0]));
        let mut texts: Vec<&str> = all.iter().map(|row| row.texts[0].as_str()).collect();
        texts.sort_unstable();
        assert_eq!(texts, ["0", "1", "2", "3", "4", "5", "6", "7"]);
        for count in 0..8 {
            assert_eq!(draw(&rows, count, 5), all[..count]);
        }
        assert!((6..12).all(|seed| draw(&rows, usize::MAX, seed) != all));
    }

    #[test]
    fn examples_that_did_not_fit_are_told() {
        let examples = |least, most| Demonstrations { wanted: 8, least, most };
        assert_eq!(examples(8, 8).note(), None);
        let both = examples(5, 5).and(examples(3, 3));
        assert_eq!(
            both.note().unwrap(),
            "in front of a row to classify there is room for 3 to 5 of 8 examples"
        );
        assert_eq!(examples(3, 3).to_string(), "3 of 8 examples");
        assert_eq!(Demonstrations { wanted: 1, least: 1, most: 1 }.to_string(), "1 example");
    }
}
