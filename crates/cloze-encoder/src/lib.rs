//! Masked language models that can be trained, on an ordinary CPU.

mod error;
mod tokenizer;

pub use error::{Error, Result};
pub use tokenizer::{Sequence, SpecialTokens, Tokenizer, truncate_pair};
