//! Masked language models that can be trained, on an ordinary CPU.

mod batch;
mod checkpoint;
mod config;
mod device;
mod error;
mod kernel;
mod layer;
pub mod loss;
mod model;
mod optimizer;
mod parameters;
mod random;
pub mod schedule;
mod session;
mod tape;
mod tokenizer;

pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use device::Device;
pub use error::{Error, Result};
pub use kernel::Kernels;
pub use model::Model;
pub use optimizer::AdamW;
pub use random::Random;
pub use session::{Columns, Mode, Session};
pub use tokenizer::{Sequence, SpecialTokens, Tokenizer, truncate_pair};
