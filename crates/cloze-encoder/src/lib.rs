//! Masked language models that can be fine-tuned on an ordinary CPU.
//!
//! The crate reads BERT, RoBERTa, XLM-RoBERTa, ALBERT, DistilBERT and ELECTRA from a Hugging Face directory, runs them forward and
//! backward, updates them with AdamW, and saves them so that transformers reads them again. It has no automatic differentiation
//! and no tensor type: there is one encoder, whose layers are written by hand in both directions.
//!
//! # Scores at a mask
//!
//! A [`Checkpoint`] is what lies in a directory. A [`Model`] is its weights with a head, and a [`Session`] is a model at work. A
//! [`Batch`] holds sequences end to end, without padding, and a mask is named by the index of its token in the batch.
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
//! // Only the words asked for are computed.
//! let words = ["good", "old"].map(|word| tokenizer.id(word).expect("the vocabulary has it"));
//! let device = Device::all_cores();
//! let mut session = Session::new(Model::masked_lm(&checkpoint)?, &device);
//! let logits = session.mask_logits(&batch, &masks, Vocab::Subset(&words), Mode::Predict);
//! let before = logits[0] - logits[1];
//!
//! // One step of training towards the first word.
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
//! # What there is
//!
//! - Two kinds of head, which are types: [`MaskedLm`] scores words at masks, [`Classifier`] scores labels. Asking a session for what its
//!   model's head cannot do does not compile.
//! - Hidden states, and backward from them ([`Session::hidden_states`], [`Session::backward_states`]), for embeddings of sentences and
//!   contrastive training.
//! - Frozen lower layers whose output can be computed once ([`Model::freeze`], [`Session::lower_states`]), and recomputation in place
//!   of stored activations ([`Session::set_recompute`]).
//! - Losses with their gradients ([`loss`]), the linear learning-rate schedule ([`schedule`]), and a random number generator
//!   whose numbers never change ([`Rng`]).
//! - Kernels for AVX-512, AVX2 and plain Rust, chosen at run time, and products in bfloat16 on request ([`Kernels`], [`Device::bf16`]).
//!
//! The crate has no Cargo features.
//!
//! # Safety
//!
//! Files are checked before anything is computed from them: a damaged or hostile one is an [`Error`], never a panic, and the
//! pickles in `pytorch_model.bin` are read without executing anything. `unsafe` code is denied outside the kernels, where it serves
//! instructions of certain processors and views of a matrix that several threads fill at once.
//!
//! # Threads
//!
//! A [`Device`] is a pool of threads; sessions on clones of a device share it. Every sum has a fixed order, so the number of threads
//! changes no bit of a result. A session belongs to one thread at a time, because its buffers are used again from pass to pass.

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
