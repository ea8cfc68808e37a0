//! Chooses words for labels from the meaning of their names and from the examples.
//!
//! Candidates are the parts of a label's name, their synonyms in the lexicon, and the words closest to them
//! among the model's word embeddings; if a name says nothing, all words. Every candidate has a *meaning*: 1
//! for the name itself, and less the further it is from the name. Candidates that the pretrained model also
//! finds more likely in the label's examples than in others, according to [`crate::words::likelihood`], come
//! first.

use cloze_encoder::{Device, Tokenizer, product};

use super::lexicon::also_called;

/// Maximum number of words per label.
const MOST: usize = 4;
/// Weight of a full meaning relative to a likelihood ratio.
const MEANING: f64 = 10.0;
/// The same if the label's own words are less likely in its examples than in others.
const CONTRADICTED: f64 = 3.0;
/// Meaning of a part of the name that the lexicon replaces with other words.
const ABBREVIATED: f64 = 0.8;
/// Meaning of a word that is as close as possible to a part of the name without being one.
const NEAR: f64 = 0.7;

/// The share of the best word's score that further words need.
const ENOUGH: f64 = 0.5;

/// Parts of names that carry no meaning.
const EMPTY: [&str; 41] = [
    "of", "or", "to", "on", "by", "in", "up", "my", "at", "an", "as", "is", "it", "be", "do", "if", "no",
    "via", "not", "get", "getting", "you", "your", "how", "what", "why", "who", "when", "where", "can",
    "other", "misc", "general", "alt", "type", "class", "label", "category", "showing", "unable", "using",
];

/// Words that cannot stand for a label, whatever the examples say.
const COMMON: [&str; 60] = [
    "the", "and", "for", "with", "from", "that", "this", "are", "was", "were", "been", "being", "has",
    "have", "had", "you", "your", "his", "her", "its", "our", "their", "they", "them", "she", "him", "who",
    "what", "which", "when", "where", "how", "why", "not", "but", "all", "any", "some", "more", "most",
    "than", "then", "there", "here", "will", "would", "can", "could", "may", "might", "shall", "should",
    "must", "does", "did", "just", "only", "also", "into", "about",
];

/// Whether a part of a name carries meaning of its own.
fn says_something(part: &str) -> bool {
    part.chars().filter(|c| c.is_alphabetic()).count() > 1
        && !EMPTY.contains(&part)
        && !COMMON.contains(&part)
}

/// The words of a vocabulary that can stand for a label.
pub(crate) struct Vocabulary {
    /// The token and the text of every word.
    words: Vec<(u32, String)>,
}

/// The words chosen for a label, and how certain they are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Chosen {
    /// The best word first; empty if no word can stand for the label.
    pub(crate) words: Vec<String>,
    /// Whether the label's name or one of its synonyms is among them.
    pub(crate) sure: bool,
}

impl Vocabulary {
    pub(crate) fn new(tokenizer: &Tokenizer) -> Vocabulary {
        let word = |token: u32| {
            let text = tokenizer.text(token)?;
            let is_word = text.chars().count() > 2 && text.chars().all(char::is_alphabetic);
            (is_word && text.to_lowercase() == text && !COMMON.contains(&text.as_str()))
                .then_some((token, text))
        };
        Vocabulary { words: (0..tokenizer.vocab_size() as u32).filter_map(word).collect() }
    }
}

/// The token of a word that is a single token, both after a space, as in some patterns, and at the start of a
/// text, as in others.
pub(crate) fn one(tokenizer: &Tokenizer, word: &str) -> Option<u32> {
    let tokens = tokenizer.tokenize(&tokenizer.after_space(word));
    match tokens.as_slice() {
        [token] if *token != tokenizer.special().unk && tokenizer.tokenize(word).len() == 1 => Some(*token),
        _ => None,
    }
}

/// The meaning of a label's name.
struct Meaning {
    /// Words with their weight, from 0 to 1.
    words: Vec<(String, f64)>,
}

impl Meaning {
    /// The meaning of a label's name: the description first, then the name, its parts, and their synonyms.
    fn of(name: &str, description: Option<&str>) -> Meaning {
        let mut words: Vec<(String, f64)> = Vec::new();
        let mut add = |word: &str, weight: f64| match words.iter_mut().find(|(known, _)| known == word) {
            Some((_, known)) => *known = known.max(weight),
            None => words.push((word.to_owned(), weight)),
        };
        if let Some(description) = description {
            spaced(description)
                .split(' ')
                .filter(|word| says_something(word))
                .for_each(|word| add(word, 1.0));
        }
        let whole = spaced(name);
        let parts: Vec<&str> = whole.split(' ').filter(|part| says_something(part)).collect();
        let said = also_called(&whole.replace(' ', "_"));
        said.iter().for_each(|word| add(word, 1.0));
        // Single letters and numbers can name labels, but carry no meaning.
        if !whole.contains(' ') && whole.chars().filter(|c| c.is_alphabetic()).count() > 1 {
            add(&whole, if said.is_empty() || said.contains(&whole.as_str()) { 1.0 } else { ABBREVIATED });
        }
        for part in parts.iter().filter(|_| said.is_empty()) {
            let called = also_called(part);
            add(part, if called.is_empty() || called.contains(part) { 1.0 } else { ABBREVIATED });
            called.iter().for_each(|word| add(word, 1.0));
            if let (true, Some(singular)) =
                (called.is_empty(), part.strip_suffix('s').filter(|word| word.len() > 2))
            {
                add(singular, ABBREVIATED);
            }
        }
        Meaning { words }
    }
}

/// The tokens of a label's name and description, and of their synonyms, without anything that rows say: those with the most meaning, at most
/// [`MOST`]; empty if the vocabulary has none of them.
pub(crate) fn name_tokens(tokenizer: &Tokenizer, name: &str, description: Option<&str>) -> Vec<u32> {
    let mut words = Meaning::of(name, description).words;
    words.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    let mut tokens = Vec::new();
    for token in words.iter().filter_map(|(word, _)| one(tokenizer, word)) {
        if !tokens.contains(&token) && tokens.len() < MOST {
            tokens.push(token);
        }
    }
    tokens
}

/// What the examples and the embeddings say about a vocabulary's tokens.
#[derive(Clone, Copy)]
pub(crate) struct Evidence<'a> {
    /// Likelihood ratios `[labels, tokens]`.
    pub(crate) ratios: &'a [Vec<f64>],
    /// The tokens' embeddings `[tokens, width]`.
    pub(crate) embeddings: &'a [f32],
    pub(crate) width: usize,
    /// The device that computes.
    pub(crate) device: &'a Device,
}

/// Words for labels with these names and descriptions; no word is shared by two labels.
pub(crate) fn choose(
    names: &[(&str, Option<&str>)],
    tokenizer: &Tokenizer,
    vocabulary: &Vocabulary,
    evidence: &Evidence,
) -> Vec<Chosen> {
    let meanings: Vec<Vec<(u32, f64)>> = names
        .iter()
        .map(|(name, description)| {
            let words = Meaning::of(name, *description).words;
            words.iter().filter_map(|(word, weight)| Some((one(tokenizer, word)?, *weight))).collect()
        })
        .collect();
    // The words of the names, whatever they look like, and those of the vocabulary.
    let mut candidates = vocabulary.words.clone();
    for (token, _) in meanings.iter().flatten() {
        if !candidates.iter().any(|(known, _)| known == token) {
            candidates.push((*token, tokenizer.text(*token).unwrap_or_default()));
        }
    }
    let scores = scores(&meanings, &candidates, evidence);
    // A word belongs to the label for which it has the highest score.
    let mut own: Vec<Vec<usize>> = vec![Vec::new(); names.len()];
    let owner = |candidate: usize| {
        let of = |label: &usize| scores[*label][candidate];
        (0..names.len()).max_by(|a, b| of(a).total_cmp(&of(b)).then(b.cmp(a)))
    };
    for (candidate, owner) in (0..candidates.len()).map(|candidate| (candidate, owner(candidate))) {
        own[owner.unwrap_or(0)].push(candidate);
    }
    let is_word =
        |candidate: &usize| one(tokenizer, &candidates[*candidate].1) == Some(candidates[*candidate].0);
    let ranked = |label: usize, mut some: Vec<usize>| {
        some.sort_by(|a, b| scores[label][*b].total_cmp(&scores[label][*a]).then(a.cmp(b)));
        some
    };
    let mut chosen: Vec<Vec<usize>> = own
        .into_iter()
        .enumerate()
        .map(|(label, own)| ranked(label, own).into_iter().filter(is_word).take(MOST).collect())
        .collect();
    // A label whose candidates all belong to other labels gets the best word that none of them has taken.
    for label in 0..names.len() {
        if chosen[label].is_empty() {
            let free = |word: &usize| !chosen.iter().flatten().any(|taken| taken == word) && is_word(word);
            let word = ranked(label, (0..candidates.len()).collect()).into_iter().find(free);
            chosen[label].extend(word);
        }
    }
    let of_label = |(label, words): (usize, &Vec<usize>)| {
        let is_meant = |word: &usize| meanings[label].iter().any(|(token, _)| *token == candidates[*word].0);
        let best = words.first().map_or(0.0, |word| scores[label][*word]);
        // Words far below the best one say too little about the label, or too much about others.
        let words = words.iter().filter(|word| is_meant(word) || scores[label][**word] > ENOUGH * best);
        let words: Vec<&usize> = words.collect();
        Chosen {
            sure: words.iter().any(|word| is_meant(word)),
            words: words.iter().map(|word| candidates[**word].1.clone()).collect(),
        }
    };
    chosen.iter().enumerate().map(of_label).collect()
}

/// The score of every candidate as a word of every label, `[labels, candidates]`.
fn scores(meanings: &[Vec<(u32, f64)>], candidates: &[(u32, String)], evidence: &Evidence) -> Vec<Vec<f64>> {
    let Evidence { ratios, embeddings, width, device } = *evidence;
    let unit = |token: &u32| {
        let row = &embeddings[*token as usize * width..][..width];
        let norm = row.iter().map(|x| x * x).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
        row.iter().map(move |x| x / norm)
    };
    let words: Vec<f32> = candidates.iter().flat_map(|(token, _)| unit(token)).collect();
    let mut scores = Vec::with_capacity(meanings.len());
    for (meaning, ratios) in meanings.iter().zip(ratios) {
        let meant: Vec<f32> = meaning.iter().flat_map(|(token, _)| unit(token)).collect();
        let mut cosines = vec![0.0; candidates.len() * meaning.len()];
        product(device, candidates.len(), meaning.len(), width, &words, &meant, &mut cosines);
        // If the examples make other words more likely than those of the name, the name means something else
        // in this data.
        let agreement: f64 = meaning.iter().map(|(token, weight)| weight * ratios[*token as usize]).sum();
        let weight = if agreement < 0.0 { CONTRADICTED } else { MEANING };
        let score = |(place, (token, _)): (usize, &(u32, String))| {
            let near = &cosines[place * meaning.len()..][..meaning.len()];
            let near = near.iter().fold(0.0_f64, |best, cosine| best.max(NEAR * f64::from(*cosine)));
            let known = meaning.iter().find(|(known, _)| known == token).map(|(_, weight)| *weight);
            weight * known.unwrap_or(near) + ratios[*token as usize]
        };
        scores.push(candidates.iter().enumerate().map(score).collect());
    }
    scores
}

/// A label's name as words: `credit_cards` and `CreditCards` become `credit cards`.
pub(crate) fn spaced(name: &str) -> String {
    let mut spaced = String::new();
    let mut before = ' ';
    for c in name.chars() {
        if c.is_uppercase() && before.is_lowercase() {
            spaced.push(' ');
        }
        if c.is_alphanumeric() || c == '\'' {
            spaced.extend(c.to_lowercase());
        } else {
            spaced.push(' ');
        }
        before = c;
    }
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}
