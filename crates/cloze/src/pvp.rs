//! Patterns and verbalizers: a row as a question with a blank, and the words that may fill it.

pub mod encode;
pub mod priming;
pub mod verbalizer;
