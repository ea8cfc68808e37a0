//! Masked language models that can be trained, on an ordinary CPU.

mod backward;
mod batch;
mod checkpoint;
mod config;
mod device;
mod error;
mod family;
mod forward;
mod kernel;
mod layer;
pub mod loss;
mod model;
mod optimizer;
mod parameters;
#[cfg(test)]
mod plain;
mod random;
pub mod schedule;
mod session;
mod tape;
mod tokenizer;
mod weights;

pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use device::Device;
pub use error::{Error, Result};
pub use family::{Activation, Family};
pub use kernel::Kernels;
pub use model::Model;
pub use optimizer::AdamW;
pub use random::Random;
pub use session::{Columns, Mode, Session};
pub use tokenizer::{Sequence, SpecialTokens, Tokenizer, truncate_pair};

/// The matrix product alone, for measurements: `c` `[m, n]` = `a` `[m, k]` times the transpose of `b` `[n, k]`.
#[doc(hidden)]
pub fn product(device: &Device, m: usize, n: usize, k: usize, a: &[f32], b: &[f32], c: &mut [f32]) {
    use kernel::{Mat, MatMut, Start, gemm};
    let (a, b, c) = (Mat::new(a, m, k), Mat::new(b, n, k).t(), MatMut::new(c, m, n));
    device.run(|| gemm(device.kernels(), a, b, c, Start::Zero));
}

/// A tensor's name, as lookups use it, shape and elements: for tests and fuzzing.
#[doc(hidden)]
pub type Floats = (String, Vec<usize>, Vec<f32>);

/// All float tensors of a file of weights, for tests and fuzzing.
///
/// # Errors
/// As [`Checkpoint::open`].
#[doc(hidden)]
pub fn tensors(file: &str, bytes: Vec<u8>) -> Result<Vec<Floats>> {
    Ok(weights::Weights::from_bytes(file, bytes.into())?.floats())
}
