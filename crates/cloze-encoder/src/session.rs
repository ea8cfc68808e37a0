//! Runs a model: forward, backward, update.

mod engine;

use std::io::{self, Read, Write};

use self::engine::Engine;
use crate::head::{Classifier, Head, MaskedLm, OutputGradient};
use crate::pass::{Mode, Vocab};
use crate::{AdamW, Batch, Device, Model};

/// A model on a device, with buffers that are reused from pass to pass.
///
/// The available operations depend on the head of the model: a masked language model scores words at masks, a
/// [`Classifier`] scores labels.
///
/// ```
/// use cloze_encoder::{Batch, Classifier, Mode, Session, Vocab};
///
/// fn ask(session: &mut Session<Classifier>, batch: &Batch) {
///     session.class_logits(batch, Mode::Predict);
/// }
/// ```
///
/// Calling a method of the other head does not compile:
///
/// ```compile_fail,E0599
/// use cloze_encoder::{Batch, Classifier, Mode, Session, Vocab};
///
/// fn ask(session: &mut Session<Classifier>, batch: &Batch) {
///     session.mask_logits(batch, &[0], Vocab::All, Mode::Predict);
/// }
/// ```
pub struct Session<H: Head = MaskedLm> {
    model: Model<H>,
    engine: Engine,
}

impl Session<MaskedLm> {
    /// The masked-LM logits of the entries `vocab` of the vocabulary at the tokens `indices`, `[indices, entries]`.
    ///
    /// # Panics
    /// As [`Session::hidden_states`]; or if an id of `vocab` is not in the vocabulary.
    pub fn mask_logits(&mut self, batch: &Batch, indices: &[u32], vocab: Vocab, mode: Mode) -> &mut [f32] {
        let Model { network, head } = &mut self.model;
        self.engine.mask_logits(network, head, batch, indices, vocab, mode)
    }

    /// The masked-LM logits of the vocabulary's entries `ids` at hidden states of masks that are known already, `[states, ids]`: the same as those
    /// of [`Session::mask_logits`], without running the layers again.
    ///
    /// # Panics
    /// If `states` is not `[states, hidden]`, or an id is not in the vocabulary.
    pub fn mask_logits_of(&mut self, states: &[f32], ids: &[u32]) -> &[f32] {
        let Model { network, head } = &mut self.model;
        self.engine.mask_logits_of(network, head, states, ids)
    }
}

impl Session<Classifier> {
    /// The logits of a classifier, `[sequences, labels]`.
    ///
    /// # Panics
    /// If a token, type or position of the batch is outside the model's tables.
    pub fn class_logits(&mut self, batch: &Batch, mode: Mode) -> &mut [f32] {
        let Model { network, head } = &mut self.model;
        self.engine.class_logits(network, head, batch, mode)
    }

    /// The input of a classifier's output layer, `[sequences, hidden]`, without dropout.
    ///
    /// # Panics
    /// As [`Session::class_logits`].
    pub fn class_features(&mut self, batch: &Batch) -> &[f32] {
        let Model { network, head } = &mut self.model;
        self.engine.class_features(network, head, batch)
    }
}

impl<H: Head> Session<H> {
    /// A session that owns the model.
    pub fn new(model: Model<H>, device: &Device) -> Session<H> {
        Session { model, engine: Engine::new(device) }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.engine.device
    }

    /// Switches recomputation (gradient checkpointing) on or off, starting with the next forward pass. If it
    /// is on, training keeps only the input of every layer and recomputes the rest in [`Session::backward`]:
    /// bitwise the same results, with more time and less memory.
    pub fn set_recompute(&mut self, recompute: bool) {
        self.engine.set_recompute(recompute);
    }

    /// The model in its current state.
    pub fn model(&mut self) -> &Model<H> {
        self.engine.apply_pending_decay(&mut self.model.network);
        &self.model
    }

    /// Ends the session and returns the model.
    pub fn into_model(mut self) -> Model<H> {
        self.engine.apply_pending_decay(&mut self.model.network);
        self.model
    }

    /// The last hidden states of the tokens `indices` (see [`Batch::index`]), `[indices, hidden]`.
    ///
    /// # Panics
    /// If a token, type or position of the batch is outside the model's tables, or an index is outside the
    /// batch.
    pub fn hidden_states(&mut self, batch: &Batch, indices: &[u32], mode: Mode) -> &[f32] {
        self.engine.hidden_states(&mut self.model.network, batch, indices, mode)
    }

    /// The output of the frozen layers for every token, `[tokens, hidden]`, see [`Model::freeze`]. It does
    /// not change in training.
    ///
    /// # Panics
    /// As [`Session::hidden_states`]; or if nothing is frozen.
    pub fn lower_states(&mut self, batch: &Batch) -> &[f32] {
        self.engine.lower_states(&mut self.model.network, batch)
    }

    /// Accumulates the gradients of the last training pass, given the gradient of its logits.
    ///
    /// # Panics
    /// If there was no training pass with logits since the last call, or the size of the gradient differs
    /// from that of the logits.
    pub fn backward(&mut self, dlogits: &[f32]) {
        self.engine.backward(&self.model.network, self.model.head.gradient(dlogits));
    }

    /// [`Session::backward`] for a training pass run with [`Session::hidden_states`], given the gradient of
    /// these states, `[indices, hidden]`.
    ///
    /// # Panics
    /// If there was no such pass since the last call, or the size of the gradient differs from that of the
    /// states.
    pub fn backward_states(&mut self, dstates: &[f32]) {
        self.engine.backward(&self.model.network, OutputGradient::States(dstates));
    }

    /// [`Session::backward`] if the logits of the last pass have been overwritten with their gradient, as the
    /// losses do.
    ///
    /// # Panics
    /// As [`Session::backward`].
    pub fn backward_in_place(&mut self) {
        let Model { network, head } = &self.model;
        self.engine.backward_in_place(network, head);
    }

    /// The word embeddings of `ids`, `[ids, embedding]`: what the model knows of each token before anything else
    /// is computed. [`Batch::push_with_words`] runs a model on others.
    ///
    /// # Panics
    /// If an id is not in the vocabulary.
    pub fn word_embeddings(&mut self, ids: &[u32]) -> Vec<f32> {
        self.engine.word_embeddings(&mut self.model.network, ids)
    }

    /// The gradient of the word embedding of every token, `[tokens, embedding]`, in the last pass, which was run
    /// in [`Mode::Attribute`], given the gradient of its logits. Gradients of weights are neither computed nor
    /// changed.
    ///
    /// ```
    /// use cloze_encoder::{Batch, Classifier, Mode, Session};
    ///
    /// /// How much the first label's logit changes with each number of each token's word embedding.
    /// fn slopes<'s>(session: &'s mut Session<Classifier>, batch: &Batch) -> &'s [f32] {
    ///     let mut dlogits = vec![0.0; session.class_logits(batch, Mode::Attribute).len()];
    ///     dlogits[0] = 1.0;
    ///     session.input_gradient(&dlogits)
    /// }
    /// ```
    ///
    /// # Panics
    /// If there was no such pass with logits since the last call, or the size of the gradient differs from that of
    /// the logits.
    pub fn input_gradient(&mut self, dlogits: &[f32]) -> &[f32] {
        self.engine.input_gradient(&self.model.network, self.model.head.gradient(dlogits))
    }

    /// Applies one AdamW update with the gradients accumulated since the last one. Returns their 2-norm
    /// before clipping.
    ///
    /// # Panics
    /// If there has been no training pass yet.
    pub fn update(&mut self, adamw: &AdamW) -> f32 {
        self.engine.update(&mut self.model.network, adamw)
    }

    /// Writes the weights and the optimizer's state as they are between two updates, so that [`Session::read_state`] in a session of the same
    /// model goes on with the same bits. The bytes are for the same version of this crate.
    ///
    /// # Errors
    /// When `out` refuses.
    pub fn write_state(&self, out: &mut impl Write) -> io::Result<()> {
        self.engine.write_state(&self.model.network, out)
    }

    /// Reads what [`Session::write_state`] wrote, in the place of this session's weights and state.
    ///
    /// # Errors
    /// When `input` refuses or ends too soon; the session is then in no state to be used.
    pub fn read_state(&mut self, input: &mut impl Read) -> io::Result<()> {
        self.engine.read_state(&mut self.model.network, input)
    }

    /// The gradient of a tensor since the last update; `None` if there is no such tensor or no training pass.
    pub fn gradient(&self, name: &str) -> Option<&[f32]> {
        self.engine.gradient(&self.model.network, name)
    }
}
