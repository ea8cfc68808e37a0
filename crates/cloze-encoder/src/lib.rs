//! Masked language models that can be fine-tuned on an ordinary CPU.
//!
//! The crate reads BERT, RoBERTa, XLM-RoBERTa, ALBERT, DistilBERT and ELECTRA from a Hugging Face directory,
//! runs them forward and backward, updates them with AdamW, and saves them in a format that transformers can
//! read. It has no automatic differentiation and no tensor type: there is a single encoder, whose layers have
//! hand-written forward and backward passes.
//!
//! # Scores at a mask
//!
//! A [`Checkpoint`] is the contents of a model directory. A [`Model`] is its weights with a head, and a
//! [`Session`] runs a model. A [`Batch`] holds sequences concatenated without padding, and a mask is
//! identified by the index of its token in the batch.
//!
//! ```
//! use std::path::Path;
//!
//! use cloze_encoder::{AdamW, Batch, Checkpoint, Device, Mode, Model, Session, Vocab, loss};
//!
//! # fn main() -> cloze_encoder::Result<()> {
//! # let directory = Path::new("../../fixtures/encoder/bert");
//! let checkpoint = Checkpoint::open(directory)?;
//! let tokenizer = &checkpoint.tokenizer;
//!
//! // "It was [MASK] ." between [CLS] and [SEP].
//! let before = tokenizer.tokenize("It was");
//! let ids = [before.as_slice(), &[tokenizer.special().mask], &tokenizer.tokenize(".")].concat();
//! let mut batch = Batch::new();
//! batch.push(&tokenizer.assemble(&ids, None));
//! let masks = [batch.index(0, 1 + before.len())];
//!
//! // Only the requested words are computed.
//! let words = ["good", "old"].map(|word| tokenizer.id(word).expect("the vocabulary has it"));
//! let device = Device::all_cores();
//! let mut session = Session::new(Model::masked_lm(&checkpoint)?, &device);
//! let logits = session.mask_logits(&batch, &masks, Vocab::Subset(&words), Mode::Predict);
//! let before = logits[0] - logits[1];
//!
//! // One training step towards the first word.
//! let train = Mode::Train { dropout_seed: 0 };
//! let logits = session.mask_logits(&batch, &masks, Vocab::Subset(&words), train);
//! loss::cross_entropy(&device, logits, &[0], 1.0);
//! session.backward_in_place();
//! session.update(&AdamW { learning_rate: 1e-3, ..AdamW::default() });
//!
//! let logits = session.mask_logits(&batch, &masks, Vocab::Subset(&words), Mode::Predict);
//! assert!(logits[0] - logits[1] > before);
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! - Two kinds of heads, as types: [`MaskedLm`] scores words at masks, [`Classifier`] scores labels. Calling
//!   a session method that its model's head does not support does not compile.
//! - Hidden states, and backward from them ([`Session::hidden_states`], [`Session::backward_states`]), for
//!   sentence embeddings and contrastive training.
//! - Frozen lower layers whose output can be computed once ([`Model::freeze`], [`Session::lower_states`]),
//!   and recomputation instead of stored activations ([`Session::set_recompute`]).
//! - Losses with their gradients ([`loss`]), the linear learning-rate schedule ([`schedule`]), and a random
//!   number generator whose output never changes ([`Rng`]).
//! - Kernels for AVX-512, AVX2 and plain Rust, chosen at run time, and matrix products in bfloat16 on request
//!   ([`Kernels`], [`Device::bf16`]).
//!
//! The crate has no Cargo features.
//!
//! # Safety
//!
//! Files are checked before anything is computed from them: a damaged or malicious file causes an [`Error`],
//! never a panic, and the pickles in `pytorch_model.bin` are read without executing anything. `unsafe` code
//! is denied outside the kernels, where it is needed for processor-specific instructions and for matrix views
//! that several threads fill at once.
//!
//! # Threads
//!
//! A [`Device`] is a thread pool; sessions on clones of a device share it. Every sum has a fixed order, so
//! results are bitwise identical for any number of threads. A session belongs to one thread at a time,
//! because it reuses its buffers from pass to pass.

#![deny(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod backward;
mod batch;
mod checkpoint;
mod config;
mod device;
mod error;
mod family;
mod forward;
mod head;
#[allow(unsafe_code, reason = "instructions of certain processors, and disjoint views of matrices")]
mod kernel;
mod layer;
pub mod loss;
mod model;
mod network;
mod optimizer;
mod parameters;
mod pass;
#[cfg(test)]
mod plain;
mod rng;
pub mod schedule;
mod session;
mod tape;
mod tokenizer;
mod weights;

pub use batch::Batch;
pub use checkpoint::Checkpoint;
pub use config::Config;
pub use device::{Device, product};
pub use error::{Error, Result};
pub use family::{Activation, Family};
pub use head::{Classifier, Head, MaskedLm};
pub use kernel::Kernels;
pub use model::Model;
pub use optimizer::AdamW;
pub use pass::{Mode, Vocab};
pub use rng::Rng;
pub use session::Session;
pub use tokenizer::{Sequence, SpecialTokens, Tokenizer, truncate_pair};
#[doc(hidden)]
pub use weights::{Floats, tensors};
