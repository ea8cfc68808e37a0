//! The buffers and state of a session, independent of the kind of head. This is not generic, so it is
//! compiled only once, in this crate.

use std::io::{self, Read, Write};

use crate::backward::Backward;
use crate::forward::Pass;
use crate::head::{Classifier, Head, MaskedLm, OutputGradient};
use crate::layer::{gather, sized};
use crate::network::Network;
use crate::optimizer::{Training, read_floats, write_floats};
use crate::pass::{Mode, Vocab};
use crate::tape::{Scratch, Tape};
use crate::{AdamW, Batch, Device};

/// Runs passes over a network.
pub(super) struct Engine {
    pub(super) device: Device,
    training: Option<Training>,
    tape: Tape,
    scratch: Scratch,
    /// The mode of the pass on the tape; `None` before the first pass and after backward.
    mode: Option<Mode>,
    /// The number of logits of that pass; `None` if it returned hidden states without a head.
    logits: Option<usize>,
    recompute: bool,
}

impl Engine {
    pub(super) fn new(device: &Device) -> Engine {
        Engine {
            device: device.clone(),
            training: None,
            tape: Tape::default(),
            scratch: Scratch::default(),
            mode: None,
            logits: None,
            recompute: false,
        }
    }

    pub(super) fn set_recompute(&mut self, recompute: bool) {
        self.recompute = recompute;
        self.mode = None;
        if recompute {
            self.tape.layers.truncate(1);
        }
    }

    /// Brings the weights up to date before they are read, see [`Training::apply_pending_decay`].
    pub(super) fn apply_pending_decay(&mut self, network: &mut Network) {
        let (training, values) = (&mut self.training, &mut network.values);
        if let Some(training) = training {
            self.device.run(|| training.apply_pending_decay(values));
        }
    }

    pub(super) fn hidden_states(
        &mut self,
        network: &mut Network,
        batch: &Batch,
        indices: &[u32],
        mode: Mode,
    ) -> &[f32] {
        self.prepare(network, batch, None, mode);
        self.encode(network, batch, indices.iter().copied(), mode);
        &self.tape.states[network.layout.layers.len()][..indices.len() * network.config.hidden_size]
    }

    pub(super) fn lower_states(&mut self, network: &mut Network, batch: &Batch) -> &[f32] {
        assert!(network.frozen > 0, "some layers are frozen");
        self.prepare(network, batch, None, Mode::Predict);
        self.take(network, batch, [], Mode::Predict);
        self.mode = None;
        let Engine { device, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), network, mode: Mode::Predict, recompute: *recompute };
        device.run(|| pass.encode_lower(tape, scratch))
    }

    pub(super) fn mask_logits(
        &mut self,
        network: &mut Network,
        head: &MaskedLm,
        batch: &Batch,
        indices: &[u32],
        vocab: Vocab,
        mode: Mode,
    ) -> &mut [f32] {
        self.prepare(network, batch, Some(vocab), mode);
        self.encode(network, batch, indices.iter().copied(), mode);
        let Engine { device, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), network, mode, recompute: *recompute };
        device.run(|| pass.masked_lm(head, tape, scratch, vocab));
        let wanted = match vocab {
            Vocab::All => network.config.vocab_size,
            Vocab::Subset(ids) => ids.len(),
        };
        self.logits(indices.len() * wanted)
    }

    /// See [`crate::Session::mask_logits_of`].
    pub(super) fn mask_logits_of(
        &mut self,
        network: &mut Network,
        head: &MaskedLm,
        states: &[f32],
        ids: &[u32],
    ) -> &[f32] {
        let hidden = network.config.hidden_size;
        assert!(states.len().is_multiple_of(hidden), "states are {hidden} numbers each");
        assert!(ids.iter().all(|id| (*id as usize) < network.config.vocab_size), "ids are in the vocabulary");
        self.apply_pending_decay(network);
        self.mode = None;
        let Engine { device, tape, scratch, recompute, .. } = self;
        let rows = states.len() / hidden;
        tape.indices.clear();
        tape.indices.extend(0..rows as u32);
        let last = network.layout.layers.len();
        tape.states.resize_with(last + 1, Default::default);
        sized(&mut tape.states[last], states.len()).copy_from_slice(states);
        let pass = Pass { kernels: device.kernels(), network, mode: Mode::Predict, recompute: *recompute };
        device.run(|| pass.masked_lm(head, tape, scratch, Vocab::Subset(ids)));
        &tape.head.logits[..rows * ids.len()]
    }

    pub(super) fn class_logits(
        &mut self,
        network: &mut Network,
        head: &Classifier,
        batch: &Batch,
        mode: Mode,
    ) -> &mut [f32] {
        self.prepare(network, batch, None, mode);
        self.encode(network, batch, (0..batch.len()).map(|i| batch.index(i, 0)), mode);
        let Engine { device, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), network, mode, recompute: *recompute };
        device.run(|| pass.classifier(head, tape, scratch));
        self.logits(batch.len() * network.config.labels.len())
    }

    pub(super) fn class_features(
        &mut self,
        network: &mut Network,
        head: &Classifier,
        batch: &Batch,
    ) -> &[f32] {
        self.class_logits(network, head, batch, Mode::Predict);
        self.mode = None;
        &self.tape.head.decoded[..batch.len() * network.config.hidden_size]
    }

    fn logits(&mut self, count: usize) -> &mut [f32] {
        self.logits = Some(count);
        &mut self.tape.head.logits[..count]
    }

    /// Accumulates the gradients of the last training pass.
    pub(super) fn backward(&mut self, network: &Network, output: OutputGradient) {
        let Some(mode @ Mode::Train { .. }) = self.mode.take() else {
            panic!("backward follows a forward pass in training")
        };
        self.check_output(output);
        let Engine { device, training, tape, scratch, recompute, .. } = self;
        let Some(training) = training else { unreachable!("a training pass made room for gradients") };
        let pass = Pass { kernels: device.kernels(), network, mode, recompute: *recompute };
        let backward = Backward { pass, grads: Some(&mut training.grads), scratch };
        device.run(|| backward.run(tape, output));
    }

    /// The gradient of the word embeddings in the last pass for attribution.
    pub(super) fn input_gradient(&mut self, network: &Network, output: OutputGradient) -> &[f32] {
        let Some(mode @ Mode::Attribute) = self.mode.take() else {
            panic!("the gradient of the input follows a forward pass for attribution")
        };
        self.check_output(output);
        let Engine { device, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), network, mode, recompute: *recompute };
        let backward = Backward { pass, grads: None, scratch };
        device.run(|| backward.run(tape, output));
        // Positions and types are added to the words, so the gradient of the sum is also that of the words.
        &self.scratch.grads[2][..self.tape.batch.tokens() * network.config.embedding_size]
    }

    fn check_output(&self, output: OutputGradient) {
        match output {
            OutputGradient::States(_) => {
                assert!(self.logits.is_none(), "the last pass ended with logits");
            }
            OutputGradient::MaskLogits(_, logits) | OutputGradient::ClassLogits(_, logits) => {
                assert!(self.logits.is_some(), "the last pass ended with hidden states");
                assert_eq!(self.logits, Some(logits.len()), "a gradient for every logit");
            }
        }
    }

    /// The same, if the logits on the tape have been overwritten with their gradient.
    pub(super) fn backward_in_place(&mut self, network: &Network, head: &impl Head) {
        let logits = std::mem::take(&mut self.tape.head.logits);
        self.backward(network, head.gradient(&logits[..self.logits.unwrap_or(0)]));
        self.tape.head.logits = logits;
    }

    pub(super) fn update(&mut self, network: &mut Network, adamw: &AdamW) -> f32 {
        let Engine { device, training, .. } = self;
        let training = training.as_mut().expect("an update follows backward, as documented");
        let from = network.trained_from();
        device.run(|| training.update(device.kernels(), &network.layout, &mut network.values, from, adamw))
    }

    /// See [`crate::Session::write_state`].
    pub(super) fn write_state(&self, network: &Network, out: &mut impl Write) -> io::Result<()> {
        write_floats(&network.values, out)?;
        out.write_all(&[u8::from(self.training.is_some())])?;
        self.training.iter().try_for_each(|training| training.write(out))
    }

    /// See [`crate::Session::read_state`].
    pub(super) fn read_state(&mut self, network: &mut Network, input: &mut impl Read) -> io::Result<()> {
        self.mode = None;
        self.training = None;
        read_floats(&mut network.values, input)?;
        let mut trained = [0];
        input.read_exact(&mut trained)?;
        if trained == [1] {
            let mut training = Training::new(&network.layout, network.config.embedding_size);
            training.read(input)?;
            self.training = Some(training);
        }
        Ok(())
    }

    pub(super) fn gradient(&self, network: &Network, name: &str) -> Option<&[f32]> {
        let parameter = network.layout.find(name)?;
        Some(&self.training.as_ref()?.grads[parameter.range.clone()])
    }

    /// See [`crate::Session::word_embeddings`].
    pub(super) fn word_embeddings(&mut self, network: &mut Network, ids: &[u32]) -> Vec<f32> {
        self.apply_pending_decay(network);
        let size = network.config.embedding_size;
        let mut words = vec![0.0; ids.len() * size];
        gather(&network.values[network.layout.words.clone()], ids, size, &mut words);
        words
    }

    /// Checks the batch; in training, also allocates gradients and activates the word embeddings that will
    /// receive one.
    fn prepare(&mut self, network: &mut Network, batch: &Batch, vocab: Option<Vocab>, mode: Mode) {
        let config = &network.config;
        assert!(!batch.is_empty(), "a batch has a sequence");
        let inside = |id: &u32| (*id as usize) < config.vocab_size;
        assert!(batch.ids.iter().all(inside), "token ids are below {}", config.vocab_size);
        if let Some(Vocab::Subset(ids)) = vocab {
            assert!(ids.iter().all(inside), "ids are below {}", config.vocab_size);
        }
        // A table with at most one entry does not distinguish segments.
        let lower = batch.lower.len();
        assert!(
            lower == 0
                || mode != Mode::Attribute
                    && network.frozen > 0
                    && lower == batch.tokens() * config.hidden_size,
            "the output of the frozen layers is known for all its sequences, or for none"
        );
        let types = config.type_vocab_size;
        assert!(types < 2 || batch.types.iter().all(|t| usize::from(*t) < types), "types are below {types}");
        let longest = config.max_length();
        assert!(batch.spans.iter().all(|s| s.len <= longest), "sequences have at most {longest} tokens");
        let words = batch.words.len();
        assert!(
            words == 0 || words == batch.tokens() * config.embedding_size,
            "word embeddings are given for all its sequences, or for none"
        );
        if let Mode::Predict | Mode::Attribute = mode {
            return self.apply_pending_decay(network);
        }
        let Engine { device, training, .. } = self;
        let training =
            training.get_or_insert_with(|| Training::new(&network.layout, network.config.embedding_size));
        if network.frozen > 0 {
            return;
        }
        training.activate(&batch.ids, &mut network.values);
        match vocab {
            Some(Vocab::Subset(ids)) if network.config.tied => training.activate(ids, &mut network.values),
            Some(Vocab::All) if network.config.tied => {
                device.run(|| training.activate_all(&mut network.values))
            }
            _ => {}
        }
    }

    fn encode(&mut self, network: &Network, batch: &Batch, indices: impl Iterator<Item = u32>, mode: Mode) {
        self.take(network, batch, indices, mode);
        let Engine { device, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), network, mode, recompute: *recompute };
        device.run(|| pass.encode(tape, scratch));
        self.mode = Some(mode);
        self.logits = None;
    }

    /// Copies a batch onto the tape, and allocates the outputs of the layers.
    fn take(&mut self, network: &Network, batch: &Batch, indices: impl IntoIterator<Item = u32>, mode: Mode) {
        let Engine { device, tape, recompute, .. } = self;
        tape.batch.copy_from(batch);
        batch.positions(&network.config, &mut tape.positions);
        tape.indices.clear();
        tape.indices.extend(indices);
        let pass = Pass { kernels: device.kernels(), network, mode, recompute: *recompute };
        if tape.layers.len() < pass.layer_tapes() {
            tape.layers.resize_with(pass.layer_tapes(), Default::default);
        }
        tape.states.resize_with(network.layout.layers.len() + 1, Default::default);
    }
}
