//! Masked language models that can be trained, on an ordinary CPU.

mod error;

pub use error::{Error, Result};
