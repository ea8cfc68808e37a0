//! The order in which the tokens of multi-token words are filled in.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::pvp::verbalizer::Verbalizer;
use crate::study::level::Level;
use crate::task;

pub(super) struct Decoding;

impl Definition for Decoding {
    fn question(&self) -> &'static str {
        "In which order should words of several tokens be filled in?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if has_one_token_words(base)? {
            return Ok(Levels::none("every word is one token"));
        }
        let orders = [
            ("max-first", task::Decoding::MaxFirst),
            ("left-to-right", task::Decoding::LeftToRight),
            ("parallel", task::Decoding::Parallel),
        ];
        let level = |(name, order)| Level::changed(name, move |task, _| task.options.decoding = order);
        Ok(orders.map(level).into_iter().collect())
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
