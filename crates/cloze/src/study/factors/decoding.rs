//! The order in which the tokens of multi-token words are filled in, before training and after it.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::pvp::verbalizer::Verbalizer;
use crate::study::level::{Level, Reading};
use crate::task;

const ORDERS: [(&str, task::Decoding); 3] = [
    ("max-first", task::Decoding::MaxFirst),
    ("left-to-right", task::Decoding::LeftToRight),
    ("parallel", task::Decoding::Parallel),
];

pub(super) struct Decoding;

impl Definition for Decoding {
    fn question(&self) -> &'static str {
        "In which order should words of several tokens be filled in, and does training help?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if has_one_token_words(base)? {
            return Ok(Levels::none("every word is one token"));
        }
        let level = |what: &str, reading, (name, order)| {
            let level =
                Level::changed(format!("{what}, {name}"), move |task, _| task.options.decoding = order);
            level.titled(name).read(reading)
        };
        // The classifier reads no masks, so that it would show the differences only at second hand.
        let untrained = ORDERS.map(|order| level("pretrained model", Reading::Pretrained, order));
        let trained = ORDERS.map(|order| level("trained ensemble", Reading::Ensemble, order));
        Ok(untrained.into_iter().chain(trained).collect())
    }

    /// Compares the orders with each other, before training and after it, and every order with itself.
    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        let orders = settings / 2;
        let all = (1..settings).flat_map(|newer| (0..newer).map(move |older| (newer, older)));
        all.filter(|(newer, older)| newer / orders == older / orders || newer - older == orders).collect()
    }
}

fn has_one_token_words(base: &Base) -> Result<bool> {
    for pattern in 0..base.task.patterns.len() {
        if !Verbalizer::new(&base.task, pattern, &base.models[0].checkpoint().tokenizer)?.is_one_token() {
            return Ok(false);
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_thing_differs_between_what_is_compared() {
        let within = [(1, 0), (2, 0), (2, 1), (4, 3), (5, 3), (5, 4)];
        let across = [(3, 0), (4, 1), (5, 2)];
        let mut pairs = Decoding.pairs(6);
        pairs.sort_unstable();
        let mut expected: Vec<_> = within.into_iter().chain(across).collect();
        expected.sort_unstable();
        assert_eq!(pairs, expected);
    }
}
