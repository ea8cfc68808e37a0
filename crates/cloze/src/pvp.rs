//! Patterns and verbalizers: an example as a question with a blank, and the words that may fill it.

pub(crate) mod encode;
pub(crate) mod priming;
pub(crate) mod verbalizer;
