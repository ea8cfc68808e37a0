//! A word for every label.

use std::collections::HashMap;

use cloze_encoder::Tokenizer;

/// A label's word, or why it has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Word {
    /// The label's name, or what is known to stand for it.
    Sure(String),
    /// A part of the name, or a word of several tokens.
    Guess(String),
    /// The name stands for another label already: this one.
    Taken(String),
    /// The vocabulary does not know the name.
    Unknown,
}

/// What stands for labels that say it otherwise.
const KNOWN: [(&str, &str); 7] = [
    ("positive", "good"),
    ("negative", "bad"),
    ("pos", "good"),
    ("neg", "bad"),
    ("neutral", "okay"),
    ("entailment", "yes"),
    ("contradiction", "no"),
];

/// Words for labels, no two the same tokens.
pub(super) struct Words<'t> {
    tokenizer: &'t Tokenizer,
    /// The tokens that stand for labels, with the labels.
    taken: HashMap<Vec<u32>, String>,
}

impl<'t> Words<'t> {
    pub(super) fn new(tokenizer: &'t Tokenizer) -> Words<'t> {
        Words { tokenizer, taken: HashMap::new() }
    }

    /// The word for a label: its name, or the first of the name's parts that is one token.
    pub(super) fn choose(&mut self, label: &str) -> Word {
        let lower = label.trim().to_lowercase();
        let whole = spaced(label);
        let mut candidates: Vec<(String, bool)> = Vec::new();
        let known = KNOWN.iter().filter(|(name, _)| *name == lower);
        candidates.extend(known.map(|(_, word)| (word.to_string(), true)));
        let says_something = lower.chars().any(char::is_alphabetic);
        candidates.push((whole.clone(), says_something));
        let parts = || {
            whole.split(' ').filter(|part| part.chars().count() > 2 && !["and", "the", "not"].contains(part))
        };
        candidates.extend(parts().map(|part| (part.to_owned(), false)));
        candidates.extend(parts().filter_map(|part| Some((part.strip_suffix('s')?.to_owned(), false))));
        for (word, sure) in candidates {
            // The mask stands after a blank in some of the patterns and begins the text in others.
            let one = self.tokens(&word).filter(|tokens| {
                tokens.len() == 1
                    && self.tokenizer.tokenize(&word).len() == 1
                    && !self.taken.contains_key(tokens)
            });
            if let Some(tokens) = one {
                self.taken.insert(tokens, label.to_owned());
                return if sure { Word::Sure(word) } else { Word::Guess(word) };
            }
        }
        // A word of several tokens.
        let word = if whole.is_empty() { lower } else { whole }.replace(['{', '}'], "");
        match self.tokens(&word) {
            None => Word::Unknown,
            Some(tokens) => match self.taken.get(&tokens) {
                Some(other) => Word::Taken(other.clone()),
                None => {
                    self.taken.insert(tokens, label.to_owned());
                    Word::Guess(word)
                }
            },
        }
    }

    /// The tokens of a word; none if the vocabulary does not know them.
    fn tokens(&self, word: &str) -> Option<Vec<u32>> {
        let tokens = self.tokenizer.tokenize(&self.tokenizer.after_blank(word));
        (!tokens.is_empty() && !tokens.contains(&self.tokenizer.special().unk)).then_some(tokens)
    }
}

/// A label's name as words: `credit_cards` and `CreditCards` become `credit cards`.
pub(super) fn spaced(name: &str) -> String {
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
