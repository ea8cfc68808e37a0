//! The pretrained model, which reads every text once.

use cloze_encoder::{Batch, Device, Mode, Session, Tokenizer};

use super::features::{Features, Prior};
use crate::inspect::Kind;
use crate::pattern::Pattern;
use crate::pvp::encode::PatternEncoder;
use crate::scoring::groups::{SCORING_TOKENS, by_length};
use crate::scoring::scores::check_finite;
use crate::task::Spacing;
use crate::words::choice::name_tokens;
use crate::{Error, Model, Result};

/// The most tokens of a text that are read.
const LENGTH: usize = 128;

/// How many patterns read a text.
const PATTERNS: usize = 2;

/// Patterns for texts in these columns that suit what the labels are called, as a drafted task would try them
/// first: one with the mask behind the text, one with the mask in front. `questions` is the share of texts
/// that end with a question mark.
pub fn patterns(columns: &[String], labels: &[String], questions: f64) -> Vec<String> {
    let kind = Kind::of(columns.len(), labels.iter().map(String::as_str), questions);
    kind.patterns(columns).into_iter().take(PATTERNS).collect()
}

/// Reads texts with a pretrained model and a few patterns.
pub struct Extractor {
    session: Session,
    tokenizer: Tokenizer,
    patterns: Vec<Pattern>,
    columns: Vec<String>,
    length: usize,
}

impl Extractor {
    /// An extractor for texts in `columns`, which the `patterns` name.
    ///
    /// # Errors
    /// When the model is no masked language model; when there is no pattern, or one is none or names another
    /// column.
    pub fn new(model: &Model, patterns: &[String], columns: &[String], device: &Device) -> Result<Extractor> {
        let checkpoint = model.checkpoint();
        let parse = |text: &String| {
            let pattern = text.parse::<Pattern>().ok();
            let fits = |pattern: &Pattern| pattern.fields().all(|field| columns.contains(&field.name));
            pattern.filter(fits).ok_or_else(|| {
                Error::usage(
                    format!("`{text}` is no pattern for these columns"),
                    "name columns as `{column}`, and the word that is looked for as `{mask}`",
                )
            })
        };
        let patterns: Vec<Pattern> = patterns.iter().map(parse).collect::<Result<_>>()?;
        if patterns.is_empty() {
            return Err(Error::usage("there is no pattern to read texts with", "give at least one"));
        }
        Ok(Extractor {
            session: Session::new(cloze_encoder::Model::masked_lm(checkpoint)?, &device.bf16()),
            tokenizer: checkpoint.tokenizer.clone(),
            length: LENGTH.min(checkpoint.config.max_length()),
            patterns,
            columns: columns.to_vec(),
        })
    }

    /// Room for what it reads.
    pub fn features(&mut self) -> Features {
        Features::new(self.views(), self.hidden())
    }

    /// Number of views of a text: one for each pattern, and the mean of the hidden states.
    fn views(&self) -> usize {
        self.patterns.len() + 1
    }

    fn hidden(&mut self) -> usize {
        self.session.model().config().hidden_size
    }

    /// Reads texts, each given with a value for every column. Returns their views, `[rows, views, hidden]`:
    /// for each pattern the hidden state at the mask, and then the mean of all hidden states.
    ///
    /// # Errors
    /// When a hidden state is not a finite number, or what a pattern may not cut is too long.
    pub fn read<R: AsRef<[T]>, T: AsRef<str>>(&mut self, rows: &[R]) -> Result<Vec<f32>> {
        let (views, hidden) = (self.views(), self.hidden());
        let mut found = vec![0.0; rows.len() * views * hidden];
        let (mut batch, mut tokens) = (Batch::new(), Vec::new());
        for (view, pattern) in self.patterns.iter().enumerate() {
            let encoder =
                PatternEncoder::new(&self.tokenizer, pattern, &self.columns, Spacing::Text, self.length);
            let clozes = rows
                .iter()
                .map(|row| {
                    let texts: Vec<&str> = row.as_ref().iter().map(AsRef::as_ref).collect();
                    encoder.encode_texts(&texts)
                })
                .collect::<Result<Vec<_>>>()?;
            let lengths: Vec<usize> = clozes.iter().map(|cloze| cloze.sequence.len()).collect();
            for group in by_length(&lengths, SCORING_TOKENS) {
                batch.clear();
                tokens.clear();
                for (place, &row) in group.iter().enumerate() {
                    batch.push(&clozes[row].sequence);
                    tokens.extend((0..lengths[row]).map(|token| batch.index(place, token)));
                }
                let states = self.session.hidden_states(&batch, &tokens, Mode::Predict);
                check_finite(states)?;
                let mut first = 0;
                for &row in &group {
                    let own = &states[first * hidden..][..lengths[row] * hidden];
                    let (masks, mean) =
                        found[row * views * hidden..][..views * hidden].split_at_mut((views - 1) * hidden);
                    let mask = &own[clozes[row].mask * hidden..][..hidden];
                    masks[view * hidden..][..hidden].copy_from_slice(mask);
                    let share = 1.0 / (lengths[row] * (views - 1)) as f32;
                    for state in own.chunks_exact(hidden) {
                        mean.iter_mut().zip(state).for_each(|(sum, value)| *sum += value * share);
                    }
                    first += lengths[row];
                }
            }
        }
        Ok(found)
    }

    /// The tokens that stand for each label at the mask, from its name and a description, which may be empty;
    /// `None` if some label has no word that the model knows.
    pub fn words(&self, labels: &[(&str, &str)]) -> Option<Vec<Vec<u32>>> {
        let described = |(name, description): &(&str, &str)| {
            let description = Some(*description).filter(|text| !text.trim().is_empty());
            name_tokens(&self.tokenizer, name, description)
        };
        let words: Vec<Vec<u32>> = labels.iter().map(described).collect();
        words.iter().all(|words| !words.is_empty()).then_some(words)
    }

    /// What the [`Extractor::words`] of the labels say about every row, without running the model again.
    ///
    /// # Errors
    /// When a score is not a finite number.
    pub fn prior(&mut self, features: &Features, words: &[Vec<u32>]) -> Result<Prior> {
        Ok(Prior::new(self.word_scores(features, 0, words)?, words.len()))
    }

    /// Adds the rows that were read after the prior was made with the same words.
    ///
    /// # Errors
    /// As [`Extractor::prior`].
    pub fn extend(&mut self, prior: &mut Prior, features: &Features, words: &[Vec<u32>]) -> Result<()> {
        let scores = self.word_scores(features, prior.len(), words)?;
        prior.extend(scores);
        Ok(())
    }

    /// For every pattern the mean logit of each label's words in the rows from `first` on, `[rows, labels]`.
    fn word_scores(
        &mut self,
        features: &Features,
        first: usize,
        words: &[Vec<u32>],
    ) -> Result<Vec<Vec<f32>>> {
        let ids: Vec<u32> = words.iter().flatten().copied().collect();
        let mut scores = Vec::new();
        for pattern in 0..self.patterns.len() {
            let mut own = Vec::with_capacity((features.len() - first) * words.len());
            let mut from = first;
            while from < features.len() {
                let to = (from + SCORING_TOKENS).min(features.len());
                let logits = self.session.mask_logits_of(&features.states(pattern, from..to), &ids);
                check_finite(logits)?;
                for logits in logits.chunks_exact(ids.len()) {
                    let mut logits = logits;
                    for words in words {
                        let (of_label, others) = logits.split_at(words.len());
                        own.push(of_label.iter().sum::<f32>() / words.len() as f32);
                        logits = others;
                    }
                }
                from = to;
            }
            scores.push(own);
        }
        Ok(scores)
    }
}
