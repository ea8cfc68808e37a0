//! Running a model: forward, backward, update.

use crate::backward::{Backward, End};
use crate::forward::Pass;
use crate::optimizer::Training;
use crate::parameters::HeadPlace;
use crate::tape::{Scratch, Tape};
use crate::{AdamW, Batch, Device, Model};

/// Which entries of the vocabulary are wanted from the masked-LM head.
#[derive(Debug, Clone, Copy)]
pub enum Columns<'a> {
    /// All, in the order of their ids.
    All,
    /// Only these, in this order.
    Only(&'a [u32]),
}

/// What a forward pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Prediction: no dropout, nothing kept.
    Predict,
    /// Training: dropout drawn from this seed, and everything kept for [`Session::backward`].
    Train {
        /// Give every forward pass a seed of its own.
        dropout_seed: u64,
    },
}

/// A model at work on a device, with buffers that are used again from pass to pass.
pub struct Session {
    device: Device,
    model: Model,
    training: Option<Training>,
    tape: Tape,
    scratch: Scratch,
    /// The mode of the pass on the tape; none before the first and after backward.
    mode: Option<Mode>,
    /// Whether that pass ended with hidden states, without a head.
    headless: bool,
    recompute: bool,
}

impl Session {
    /// A session that owns the model.
    pub fn new(model: Model, device: &Device) -> Session {
        let tape = Tape::default();
        let scratch = Scratch::default();
        let device = device.clone();
        Session {
            device,
            model,
            training: None,
            tape,
            scratch,
            mode: None,
            headless: false,
            recompute: false,
        }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Whether training keeps only the input of every layer and computes the rest again in [`Session::backward`]: the same
    /// bits, more time, and memory for one layer instead of all. For the next pass forward; without it everything is kept.
    pub fn set_recompute(&mut self, recompute: bool) {
        self.recompute = recompute;
        self.mode = None;
        if recompute {
            self.tape.layers.truncate(1);
        }
    }

    /// The model as it is now.
    pub fn model(&mut self) -> &Model {
        self.settle();
        &self.model
    }

    /// Ends the session and keeps the model.
    pub fn into_model(mut self) -> Model {
        self.settle();
        self.model
    }

    fn settle(&mut self) {
        let (training, values) = (&mut self.training, &mut self.model.values);
        if let Some(training) = training {
            self.device.run(|| training.settle(values));
        }
    }

    /// The last hidden states of the tokens `rows` (see [`Batch::row`]), `[rows, hidden]`.
    ///
    /// # Panics
    /// If a token, type or position of the batch is outside the model's tables, or a row outside the batch.
    pub fn hidden_states(&mut self, batch: &Batch, rows: &[u32], mode: Mode) -> &[f32] {
        self.prepare(batch, None, mode);
        self.encode(batch, rows.iter().copied(), mode);
        self.headless = true;
        &self.tape.states[self.model.layout.layers.len()][..rows.len() * self.model.config.hidden_size]
    }

    /// What the embeddings and the frozen layers make of every token, `[tokens, hidden]`, see [`Model::freeze`]. The same
    /// before and after training.
    ///
    /// # Panics
    /// As [`Session::hidden_states`]; or if nothing is frozen.
    pub fn lower_states(&mut self, batch: &Batch) -> &[f32] {
        assert!(self.model.frozen > 0, "some layers are frozen");
        self.prepare(batch, None, Mode::Predict);
        self.take(batch, [], Mode::Predict);
        self.mode = None;
        let Session { device, model, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), model, mode: Mode::Predict, recompute: *recompute };
        device.run(|| pass.encode_lower(tape, scratch))
    }

    /// The masked-LM logits of `columns` at the tokens `rows`, `[rows, columns]`.
    ///
    /// # Panics
    /// As [`Session::hidden_states`]; or if the model is a classifier, or a column is no entry of the
    /// vocabulary.
    pub fn mask_logits(&mut self, batch: &Batch, rows: &[u32], columns: Columns, mode: Mode) -> &mut [f32] {
        let HeadPlace::MaskedLm { .. } = self.model.layout.head else {
            panic!("this model has a classification head, not a masked-LM head")
        };
        self.prepare(batch, Some(columns), mode);
        self.encode(batch, rows.iter().copied(), mode);
        let Session { device, model, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), model, mode, recompute: *recompute };
        device.run(|| pass.masked_lm(tape, scratch, columns));
        let wanted = match columns {
            Columns::All => model.config.vocab_size,
            Columns::Only(ids) => ids.len(),
        };
        &mut self.tape.head.logits[..rows.len() * wanted]
    }

    /// The logits of a classifier, `[sequences, labels]`.
    ///
    /// # Panics
    /// As [`Session::hidden_states`]; or if the model is a masked language model.
    pub fn class_logits(&mut self, batch: &Batch, mode: Mode) -> &mut [f32] {
        let HeadPlace::Classifier { .. } = self.model.layout.head else {
            panic!("this model has a masked-LM head, not a classification head")
        };
        self.prepare(batch, None, mode);
        self.encode(batch, (0..batch.len()).map(|i| batch.row(i, 0)), mode);
        let Session { device, model, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), model, mode, recompute: *recompute };
        device.run(|| pass.classifier(tape, scratch));
        let labels = model.config.labels.len();
        &mut self.tape.head.logits[..batch.len() * labels]
    }

    /// What the output layer of a classifier gets to see, `[sequences, hidden]`, without dropout.
    ///
    /// # Panics
    /// As [`Session::class_logits`].
    pub fn class_features(&mut self, batch: &Batch) -> &[f32] {
        self.class_logits(batch, Mode::Predict);
        self.mode = None;
        &self.tape.head.decoded[..batch.len() * self.model.config.hidden_size]
    }

    /// Adds the gradients of the last training pass, given the gradient of its logits.
    ///
    /// # Panics
    /// If there was no training pass with logits since the last call, or the gradient has another size than these.
    pub fn backward(&mut self, dlogits: &[f32]) {
        assert!(!self.headless, "the last pass ended with hidden states");
        self.backward_from(End::Logits(dlogits));
    }

    /// The same where the last training pass was [`Session::hidden_states`], given the gradient of these states, `[rows, hidden]`.
    ///
    /// # Panics
    /// If there was no such pass since the last call, or the gradient has another size than its states.
    pub fn backward_states(&mut self, dstates: &[f32]) {
        assert!(self.headless, "the last pass ended with logits");
        self.backward_from(End::States(dstates));
    }

    fn backward_from(&mut self, end: End) {
        let Some(Mode::Train { .. }) = self.mode else {
            panic!("backward follows a forward pass in training")
        };
        let Session { device, model, training, tape, scratch, mode, recompute, .. } = self;
        let Some(training) = training else { unreachable!("a training pass made room for gradients") };
        let mode = mode.take().unwrap_or(Mode::Predict);
        let pass = Pass { kernels: device.kernels(), model, mode, recompute: *recompute };
        let backward = Backward { pass, grads: &mut training.grads, scratch };
        device.run(|| backward.run(tape, end));
    }

    /// The same for logits that were turned into their gradient where they are.
    ///
    /// # Panics
    /// As [`Session::backward`].
    pub fn backward_in_place(&mut self) {
        let logits = std::mem::take(&mut self.tape.head.logits);
        let len = match &self.model.layout.head {
            HeadPlace::Classifier { output, .. } => self.tape.rows.len() * output.bias.len(),
            HeadPlace::MaskedLm { bias, .. } => {
                let columns = &self.tape.head.columns;
                self.tape.rows.len() * if columns.is_empty() { bias.len() } else { columns.len() }
            }
        };
        self.backward(&logits[..len]);
        self.tape.head.logits = logits;
    }

    /// One AdamW update with the gradients added up since the last one. Returns their 2-norm before clipping.
    ///
    /// # Panics
    /// If nothing was trained yet.
    pub fn update(&mut self, adamw: &AdamW) -> f32 {
        let Session { device, model, training, .. } = self;
        let training = training.as_mut().expect("an update follows backward, as documented");
        let from = model.trained_from();
        device.run(|| training.update(device.kernels(), &model.layout, &mut model.values, from, adamw))
    }

    /// The gradient of a tensor since the last update; none if there is no such tensor or nothing was trained.
    pub fn gradient(&self, name: &str) -> Option<&[f32]> {
        let parameter = self.model.layout.find(name)?;
        Some(&self.training.as_ref()?.grads[parameter.place.clone()])
    }

    /// Checks the batch, and in training makes room for gradients and wakes the word embeddings that will get
    /// one.
    fn prepare(&mut self, batch: &Batch, columns: Option<Columns>, mode: Mode) {
        let config = &self.model.config;
        assert!(!batch.is_empty(), "a batch has a sequence");
        let inside = |id: &u32| (*id as usize) < config.vocab_size;
        assert!(batch.ids.iter().all(inside), "token ids are below {}", config.vocab_size);
        if let Some(Columns::Only(ids)) = columns {
            assert!(ids.iter().all(inside), "columns are below {}", config.vocab_size);
        }
        // A table of one entry, or none, tells no segments apart.
        let lower = batch.lower.len();
        assert!(
            lower == 0 || self.model.frozen > 0 && lower == batch.tokens() * config.hidden_size,
            "what the frozen layers make of a batch is known for all its sequences, or for none"
        );
        let types = config.type_vocab_size;
        assert!(types < 2 || batch.types.iter().all(|t| usize::from(*t) < types), "types are below {types}");
        let longest = config.max_length();
        assert!(batch.spans.iter().all(|s| s.len <= longest), "sequences have at most {longest} tokens");
        if mode == Mode::Predict {
            return self.settle();
        }
        let Session { device, model, training, .. } = self;
        let training =
            training.get_or_insert_with(|| Training::new(&model.layout, model.config.embedding_size));
        if model.frozen > 0 {
            return;
        }
        training.wake(&batch.ids, &mut model.values);
        match columns {
            Some(Columns::Only(ids)) if model.config.tied => training.wake(ids, &mut model.values),
            Some(Columns::All) if model.config.tied => device.run(|| training.wake_all(&mut model.values)),
            _ => {}
        }
    }

    fn encode(&mut self, batch: &Batch, rows: impl Iterator<Item = u32>, mode: Mode) {
        self.take(batch, rows, mode);
        let Session { device, model, tape, scratch, recompute, .. } = self;
        let pass = Pass { kernels: device.kernels(), model, mode, recompute: *recompute };
        device.run(|| pass.encode(tape, scratch));
        self.mode = Some(mode);
        self.headless = false;
    }

    /// Lays a batch on the tape, and makes room for what becomes of it.
    fn take(&mut self, batch: &Batch, rows: impl IntoIterator<Item = u32>, mode: Mode) {
        let Session { device, model, tape, recompute, .. } = self;
        tape.batch.copy_from(batch);
        batch.positions(&model.config, &mut tape.positions);
        tape.rows.clear();
        tape.rows.extend(rows);
        let pass = Pass { kernels: device.kernels(), model, mode, recompute: *recompute };
        if tape.layers.len() < pass.layer_tapes() {
            tape.layers.resize_with(pass.layer_tapes(), Default::default);
        }
        tape.states.resize_with(model.layout.layers.len() + 1, Default::default);
    }
}
