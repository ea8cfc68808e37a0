//! Running a model: forward, backward, update.

use rayon::prelude::*;

use crate::kernel::vector::{self, Dropout};
use crate::kernel::{Kernels, Mat, MatMut, Start, gemm};
use crate::layer::attention::{self, Attention};
use crate::layer::embedding::{self, Tables};
use crate::layer::linear::{self, Linear};
use crate::layer::norm::{Norm, dropped};
use crate::layer::{feed_forward, sized};
use crate::optimizer::Training;
use crate::parameters::{HeadPlace, LinearPlace, NormPlace};
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
}

impl Session {
    /// A session that owns the model.
    pub fn new(model: Model, device: &Device) -> Session {
        let tape = Tape::default();
        let scratch = Scratch::default();
        Session { device: device.clone(), model, training: None, tape, scratch, mode: None }
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
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

    /// The last hidden states of the tokens `rows` (see [`Batch::row`]), `[rows, hidden]`, without dropout.
    ///
    /// # Panics
    /// If a token, type or position of the batch is outside the model's tables, or a row outside the batch.
    pub fn hidden_states(&mut self, batch: &Batch, rows: &[u32]) -> &[f32] {
        self.settle();
        self.encode(batch, rows, Mode::Predict);
        let hidden = self.model.config.hidden_size;
        self.mode = None;
        &self.tape.states[self.model.config.num_hidden_layers][..rows.len() * hidden]
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
        self.encode(batch, rows, mode);
        let Session { device, model, tape, scratch, .. } = self;
        device.run(|| mask_forward(device.kernels(), model, tape, scratch, columns));
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
        let rows: Vec<u32> = (0..batch.len()).map(|i| batch.row(i, 0)).collect();
        self.encode(batch, &rows, mode);
        let Session { device, model, tape, .. } = self;
        device.run(|| class_forward(device.kernels(), model, tape, mode));
        let labels = model.config.labels.len();
        &mut self.tape.head.logits[..batch.len() * labels]
    }

    /// Adds the gradients of the last training pass, given the gradient of its logits.
    ///
    /// # Panics
    /// If there was no training pass since the last call, or the gradient has another size than its logits.
    pub fn backward(&mut self, dlogits: &[f32]) {
        let Some(Mode::Train { .. }) = self.mode else {
            panic!("backward follows a forward pass in training")
        };
        let Session { device, model, training, tape, scratch, mode, .. } = self;
        let Some(training) = training else { unreachable!("a training pass made room for gradients") };
        let mode = mode.take().unwrap_or(Mode::Predict);
        let pass = Backward { kernels: device.kernels(), model, grads: &mut training.grads, scratch, mode };
        device.run(|| pass.run(tape, dlogits));
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
        device.run(|| training.update(device.kernels(), &model.layout, &mut model.values, adamw))
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
        let type_size = config.type_vocab_size;
        assert!(batch.types.iter().all(|t| usize::from(*t) < type_size), "types are below {type_size}");
        let longest = config.max_position_embeddings;
        assert!(batch.spans.iter().all(|s| s.len <= longest), "sequences have at most {longest} tokens");
        if mode == Mode::Predict {
            return self.settle();
        }
        let Session { device, model, training, .. } = self;
        let training = training.get_or_insert_with(|| Training::new(&model.layout, model.config.hidden_size));
        training.wake(&batch.ids, &mut model.values);
        match columns {
            Some(Columns::Only(ids)) => training.wake(ids, &mut model.values),
            Some(Columns::All) => device.run(|| training.wake_all(&mut model.values)),
            None => {}
        }
    }

    fn encode(&mut self, batch: &Batch, rows: &[u32], mode: Mode) {
        let Session { device, model, tape, scratch, .. } = self;
        tape.batch.copy_from(batch);
        tape.rows.clear();
        tape.rows.extend_from_slice(rows);
        let config = &model.config;
        let sets = if mode == Mode::Predict { 1 } else { config.num_hidden_layers };
        if tape.layers.len() < sets {
            tape.layers.resize_with(sets, Default::default);
        }
        tape.states.resize_with(config.num_hidden_layers + 1, Default::default);
        device.run(|| encode(device.kernels(), model, tape, scratch, mode));
        self.mode = Some(mode);
    }
}

/// The place of a dropout within one pass; with the seed it selects a stream of its own.
#[derive(Clone, Copy)]
enum Site {
    Embedding,
    Attention(usize),
    AttentionOutput(usize),
    Output(usize),
    Pooled,
}

fn dropout(mode: Mode, rate: f32, site: Site) -> Option<Dropout> {
    let Mode::Train { dropout_seed } = mode else { return None };
    if rate <= 0.0 {
        return None;
    }
    let site = match site {
        Site::Embedding => 0,
        Site::Pooled => 1,
        Site::Attention(layer) => 4 * layer as u64 + 4,
        Site::AttentionOutput(layer) => 4 * layer as u64 + 5,
        Site::Output(layer) => 4 * layer as u64 + 6,
    };
    let key = crate::Random::stream(dropout_seed, &[site]).next_u64() as u32;
    let threshold = (rate * (1 << 24) as f32) as u32;
    Some(Dropout { key, threshold, scale: 1.0 / (1.0 - rate) })
}

impl Model {
    fn linear(&self, place: &LinearPlace) -> Linear<'_> {
        Linear { weight: &self.values[place.weight.clone()], bias: &self.values[place.bias.clone()] }
    }

    fn norm(&self, place: &NormPlace) -> Norm<'_> {
        Norm {
            gain: &self.values[place.gain.clone()],
            bias: &self.values[place.bias.clone()],
            epsilon: self.config.layer_norm_eps,
        }
    }

    fn attention(&self, kernels: Kernels, mode: Mode, layer: usize) -> Attention {
        Attention {
            kernels,
            heads: self.config.num_attention_heads,
            size: self.config.head_size(),
            dropout: dropout(mode, self.config.attention_dropout, Site::Attention(layer)),
        }
    }
}

/// Embeddings and all layers. The last layer computes only the rows on the tape after its attention.
fn encode(kernels: Kernels, model: &Model, tape: &mut Tape, scratch: &mut Scratch, mode: Mode) {
    let Tape { batch, rows, embedding, states, layers, .. } = tape;
    let (config, layout) = (&model.config, &model.layout);
    let (tokens, hidden, inner) = (batch.tokens(), config.hidden_size, config.intermediate_size);
    let rate = config.hidden_dropout;
    let keep = mode != Mode::Predict;
    let Scratch { narrow: [narrow, other, ..], wide: [wide, _], .. } = scratch;

    let tables = Tables {
        words: &model.values[layout.words.clone()],
        positions: &model.values[layout.positions.clone()],
        types: &model.values[layout.types.clone()],
    };
    let sum = sized(narrow, tokens * hidden);
    embedding::forward(kernels, batch, tables, hidden, sum);
    let first = sized(&mut states[0], tokens * hidden);
    model.norm(&layout.norm).forward(kernels, sum, None, None, embedding, first);
    if let Some(dropout) = dropout(mode, rate, Site::Embedding) {
        sum.copy_from_slice(first);
        dropped(kernels, sum, dropout, first);
    }

    for (i, place) in layout.layers.iter().enumerate() {
        // Prediction keeps nothing: all layers share one set of buffers, and a state replaces the one before.
        let tape = &mut layers[if keep { i } else { 0 }];
        let last = i + 1 == layout.layers.len();
        let from = if keep { i } else { 0 };
        let to = if keep || last { i + 1 } else { 0 };
        let state = &states[from][..tokens * hidden];

        let qkv = sized(&mut tape.qkv, tokens * 3 * hidden);
        model.linear(&place.qkv).forward(kernels, state, qkv);
        let attention = model.attention(kernels, mode, i);
        let kept = if keep { attention::weights_len(&batch.spans, attention.heads) } else { 0 };
        let weights = sized(&mut tape.weights, kept);
        let wanted = if last { rows.len() } else { tokens };
        let (context, input): (&[f32], &[f32]) = if last {
            let all = sized(narrow, tokens * hidden);
            attention.forward(&batch.spans, qkv, weights, all);
            let (context, input) = (sized(&mut tape.context, wanted * hidden), sized(other, wanted * hidden));
            gather(all, rows, hidden, context);
            gather(state, rows, hidden, input);
            (context, input)
        } else {
            let context = sized(&mut tape.context, tokens * hidden);
            attention.forward(&batch.spans, qkv, weights, context);
            (context, state)
        };

        let sum = sized(narrow, wanted * hidden);
        model.linear(&place.attention_output).forward(kernels, context, sum);
        let attended = sized(&mut tape.attended, wanted * hidden);
        let drop = dropout(mode, rate, Site::AttentionOutput(i));
        let norm = model.norm(&place.attention_norm);
        norm.forward(kernels, sum, Some(input), drop, &mut tape.attention_norm, attended);

        let up = sized(&mut tape.inner, wanted * inner);
        model.linear(&place.up).forward(kernels, attended, up);
        let activated = sized(wide, wanted * inner);
        feed_forward::gelu(kernels, up, activated);
        model.linear(&place.down).forward(kernels, activated, sum);
        let out = sized(&mut states[to], wanted * hidden);
        let drop = dropout(mode, rate, Site::Output(i));
        let norm = model.norm(&place.output_norm);
        norm.forward(kernels, sum, Some(attended), drop, &mut tape.output_norm, out);
    }
}

fn gather(from: &[f32], rows: &[u32], size: usize, to: &mut [f32]) {
    for (row, to) in rows.iter().zip(to.chunks_exact_mut(size)) {
        let start = *row as usize * size;
        to.copy_from_slice(&from[start..start + size]);
    }
}

/// Adds rows to where [`gather`] took them from.
fn scatter(kernels: Kernels, from: &[f32], rows: &[u32], size: usize, to: &mut [f32]) {
    for (row, from) in rows.iter().zip(from.chunks_exact(size)) {
        let start = *row as usize * size;
        vector::add(kernels, &mut to[start..start + size], from);
    }
}

/// The masked-LM head: dense, GELU, LayerNorm, then the word embeddings as decoder.
fn mask_forward(kernels: Kernels, model: &Model, tape: &mut Tape, scratch: &mut Scratch, columns: Columns) {
    let HeadPlace::MaskedLm { transform, norm, bias } = &model.layout.head else { return };
    let Tape { rows, states, head, .. } = tape;
    let (hidden, rows) = (model.config.hidden_size, rows.len());
    let state = &states[model.config.num_hidden_layers][..rows * hidden];
    let transformed = sized(&mut head.transformed, rows * hidden);
    model.linear(transform).forward(kernels, state, transformed);
    let activated = sized(&mut scratch.narrow[0], rows * hidden);
    feed_forward::gelu(kernels, transformed, activated);
    let decoded = sized(&mut head.decoded, rows * hidden);
    model.norm(norm).forward(kernels, activated, None, None, &mut head.norm, decoded);

    let (words, biases) = (&model.values[model.layout.words.clone()], &model.values[bias.clone()]);
    head.columns.clear();
    let decoder = match columns {
        Columns::All => Linear { weight: words, bias: biases },
        Columns::Only(ids) => {
            head.columns.extend_from_slice(ids);
            let weight = sized(&mut head.column_weights, ids.len() * hidden);
            gather(words, ids, hidden, weight);
            head.column_biases.clear();
            head.column_biases.extend(ids.iter().map(|id| biases[*id as usize]));
            Linear { weight, bias: &head.column_biases }
        }
    };
    let logits = sized(&mut head.logits, rows * decoder.bias.len());
    decoder.forward(kernels, decoded, logits);
}

/// The classification head: tanh pooler on the first token, dropout, linear.
fn class_forward(kernels: Kernels, model: &Model, tape: &mut Tape, mode: Mode) {
    let HeadPlace::Classifier { pooler, output } = &model.layout.head else { return };
    let Tape { rows, states, head, .. } = tape;
    let (hidden, rows) = (model.config.hidden_size, rows.len());
    let state = &states[model.config.num_hidden_layers][..rows * hidden];
    let pooled = sized(&mut head.pooled, rows * hidden);
    model.linear(pooler).forward(kernels, state, pooled);
    pooled.iter_mut().for_each(|x| *x = x.tanh());
    let used = sized(&mut head.transformed, rows * hidden);
    match dropout(mode, model.config.hidden_dropout, Site::Pooled) {
        Some(dropout) => dropped(kernels, pooled, dropout, used),
        None => used.copy_from_slice(pooled),
    }
    let logits = sized(&mut head.logits, rows * model.config.labels.len());
    model.linear(output).forward(kernels, used, logits);
}

/// One pass backward over the tape.
struct Backward<'a> {
    kernels: Kernels,
    model: &'a Model,
    grads: &'a mut [f32],
    scratch: &'a mut Scratch,
    mode: Mode,
}

impl Backward<'_> {
    fn run(mut self, tape: &Tape, dlogits: &[f32]) {
        assert_eq!(dlogits.len() % tape.rows.len(), 0, "a gradient for every logit");
        let mut state = std::mem::take(&mut self.scratch.narrow[0]);
        match &self.model.layout.head {
            HeadPlace::MaskedLm { .. } => self.mask_head(tape, dlogits, &mut state),
            HeadPlace::Classifier { .. } => self.class_head(tape, dlogits, &mut state),
        }
        for i in (0..self.model.layout.layers.len()).rev() {
            self.layer(tape, i, &mut state);
        }
        self.embeddings(tape, &mut state);
        self.scratch.narrow[0] = state;
    }

    fn linear_weights(&mut self, place: &LinearPlace, dy: &[f32], x: &[f32]) {
        let (dw, db) = two(self.grads, &place.weight, &place.bias);
        linear::backward_weights(self.kernels, dy, x, dw, db);
    }

    /// `dstate` becomes the gradient of the last hidden states, `[rows, hidden]`.
    fn mask_head(&mut self, tape: &Tape, dlogits: &[f32], dstate: &mut Vec<f32>) {
        let (kernels, model) = (self.kernels, self.model);
        let HeadPlace::MaskedLm { transform, norm, bias } = &model.layout.head else { return };
        let (hidden, rows) = (model.config.hidden_size, tape.rows.len());
        let columns = dlogits.len() / rows;
        let decoded = &tape.head.decoded[..rows * hidden];
        let mut ddecoded = std::mem::take(&mut self.scratch.narrow[1]);
        let mut dtransformed = std::mem::take(&mut self.scratch.narrow[2]);
        let (dd, dt) = (sized(&mut ddecoded, rows * hidden), sized(&mut dtransformed, rows * hidden));

        let words = &model.layout.words;
        let dy = Mat::new(dlogits, rows, columns);
        if tape.head.columns.is_empty() {
            let decoder = Mat::new(&model.values[words.clone()], columns, hidden);
            gemm(kernels, dy, decoder, MatMut::new(dd, rows, hidden), Start::Zero);
            let (dw, db) = two(self.grads, words, bias);
            linear::backward_weights(kernels, dlogits, decoded, dw, db);
        } else {
            let ids = &tape.head.columns;
            assert_eq!(ids.len(), columns, "a gradient for every logit");
            let decoder = Mat::new(&tape.head.column_weights[..columns * hidden], columns, hidden);
            gemm(kernels, dy, decoder, MatMut::new(dd, rows, hidden), Start::Zero);
            let dw = sized(&mut self.scratch.partial, columns * (hidden + 1));
            dw.fill(0.0);
            let (dw, db) = dw.split_at_mut(columns * hidden);
            linear::backward_weights(kernels, dlogits, decoded, dw, db);
            scatter(kernels, dw, ids, hidden, &mut self.grads[words.clone()]);
            scatter(kernels, db, ids, 1, &mut self.grads[bias.clone()]);
        }

        let (dgain, dbias) = two(self.grads, &norm.gain, &norm.bias);
        let partial = &mut self.scratch.partial;
        model.norm(norm).backward(kernels, dd, &tape.head.norm, dt, dgain, dbias, partial);
        feed_forward::gelu_backward(kernels, &tape.head.transformed[..rows * hidden], dt, dd);
        let state = &tape.states[model.config.num_hidden_layers][..rows * hidden];
        self.linear_weights(transform, dt, state);
        let dstate = sized(dstate, rows * hidden);
        model.linear(transform).backward_input(kernels, dt, dstate, Start::Zero);
        self.scratch.narrow[1] = ddecoded;
        self.scratch.narrow[2] = dtransformed;
    }

    fn class_head(&mut self, tape: &Tape, dlogits: &[f32], dstate: &mut Vec<f32>) {
        let (kernels, model) = (self.kernels, self.model);
        let HeadPlace::Classifier { pooler, output } = &model.layout.head else { return };
        let (hidden, rows) = (model.config.hidden_size, tape.rows.len());
        let used = &tape.head.transformed[..rows * hidden];
        self.linear_weights(output, dlogits, used);
        let mut dpooled = std::mem::take(&mut self.scratch.narrow[1]);
        let dp = sized(&mut dpooled, rows * hidden);
        model.linear(output).backward_input(kernels, dlogits, dp, Start::Zero);
        if let Some(dropout) = dropout(self.mode, model.config.hidden_dropout, Site::Pooled) {
            vector::dropout(kernels, dp, dropout, 0);
        }
        for (d, y) in dp.iter_mut().zip(&tape.head.pooled) {
            *d *= 1.0 - y * y;
        }
        let state = &tape.states[model.config.num_hidden_layers][..rows * hidden];
        self.linear_weights(pooler, dp, state);
        let dstate = sized(dstate, rows * hidden);
        model.linear(pooler).backward_input(kernels, dp, dstate, Start::Zero);
        self.scratch.narrow[1] = dpooled;
    }

    /// Turns the gradient of a layer's output into that of its input.
    fn layer(&mut self, tape: &Tape, i: usize, dstate: &mut Vec<f32>) {
        let (kernels, model, mode) = (self.kernels, self.model, self.mode);
        let (place, kept) = (&model.layout.layers[i], &tape.layers[i]);
        let (hidden, inner) = (model.config.hidden_size, model.config.intermediate_size);
        let tokens = tape.batch.tokens();
        let last = i + 1 == model.layout.layers.len();
        let rows = if last { tape.rows.len() } else { tokens };
        let rate = model.config.hidden_dropout;
        let [mut dsum, mut ddropped] = [1, 2].map(|i| std::mem::take(&mut self.scratch.narrow[i]));
        let [mut dwide, mut activated] = [0, 1].map(|i| std::mem::take(&mut self.scratch.wide[i]));

        // Feed-forward block: dstate -> dsum (residual) -> dattended, which takes the place of dsum.
        {
            let dsum = sized(&mut dsum, rows * hidden);
            self.norm_backward(&place.output_norm, &dstate[..rows * hidden], &kept.output_norm, dsum);
            let dy = match dropout(mode, rate, Site::Output(i)) {
                None => &*dsum,
                Some(dropout) => {
                    let copy = sized(&mut ddropped, rows * hidden);
                    dropped(kernels, dsum, dropout, copy);
                    copy
                }
            };
            let dinner = sized(&mut dwide, rows * inner);
            model.linear(&place.down).backward_input(kernels, dy, dinner, Start::Zero);
            let activated = sized(&mut activated, rows * inner);
            feed_forward::gelu_backward(kernels, &kept.inner[..rows * inner], dinner, activated);
            self.linear_weights(&place.down, dy, activated);
            self.linear_weights(&place.up, dinner, &kept.attended[..rows * hidden]);
            model.linear(&place.up).backward_input(kernels, dinner, dsum, Start::Accumulate);
        }

        // Attention block: dsum -> dstate (residual) and dcontext, which takes the place of dsum.
        {
            let dattended = &mut dsum[..rows * hidden];
            let dinput = sized(dstate, rows * hidden);
            self.norm_backward(&place.attention_norm, dattended, &kept.attention_norm, dinput);
            let dy = match dropout(mode, rate, Site::AttentionOutput(i)) {
                None => &*dinput,
                Some(dropout) => {
                    let copy = sized(&mut ddropped, rows * hidden);
                    dropped(kernels, dinput, dropout, copy);
                    copy
                }
            };
            self.linear_weights(&place.attention_output, dy, &kept.context[..rows * hidden]);
            model.linear(&place.attention_output).backward_input(kernels, dy, dattended, Start::Zero);
        }
        if last {
            for d in [&mut *dstate, &mut dsum] {
                let spread = sized(&mut ddropped, tokens * hidden);
                spread.fill(0.0);
                scatter(kernels, &d[..rows * hidden], &tape.rows, hidden, spread);
                std::mem::swap(d, &mut ddropped);
            }
        }
        let mut dqkv = std::mem::take(&mut self.scratch.dqkv);
        {
            let dqkv = sized(&mut dqkv, tokens * 3 * hidden);
            let dcontext = &dsum[..tokens * hidden];
            let attention = model.attention(kernels, mode, i);
            attention.backward(
                &tape.batch.spans,
                &kept.qkv[..tokens * 3 * hidden],
                &kept.weights,
                dcontext,
                dqkv,
            );
            self.linear_weights(&place.qkv, dqkv, &tape.states[i][..tokens * hidden]);
            let dinput = sized(dstate, tokens * hidden);
            model.linear(&place.qkv).backward_input(kernels, dqkv, dinput, Start::Accumulate);
        }
        self.scratch.dqkv = dqkv;
        self.scratch.narrow[1] = dsum;
        self.scratch.narrow[2] = ddropped;
        self.scratch.wide = [dwide, activated];
    }

    fn norm_backward(
        &mut self,
        place: &NormPlace,
        dy: &[f32],
        tape: &crate::layer::norm::NormTape,
        dx: &mut [f32],
    ) {
        let (dgain, dbias) = two(self.grads, &place.gain, &place.bias);
        let partial = &mut self.scratch.partial;
        self.model.norm(place).backward(self.kernels, dy, tape, dx, dgain, dbias, partial);
    }

    fn embeddings(&mut self, tape: &Tape, dstate: &mut [f32]) {
        let (kernels, model) = (self.kernels, self.model);
        let (hidden, tokens) = (model.config.hidden_size, tape.batch.tokens());
        let dstate = &mut dstate[..tokens * hidden];
        if let Some(dropout) = dropout(self.mode, model.config.hidden_dropout, Site::Embedding) {
            let rows = 64 * hidden;
            dstate.par_chunks_mut(rows).enumerate().for_each(|(i, d)| {
                vector::dropout(kernels, d, dropout, (i * rows) as u32);
            });
        }
        let mut dsum = std::mem::take(&mut self.scratch.narrow[1]);
        let sum = sized(&mut dsum, tokens * hidden);
        self.norm_backward(&model.layout.norm, dstate, &tape.embedding, sum);
        let layout = &model.layout;
        let (words, rest) = self.grads.split_at_mut(layout.words.end);
        let (positions, rest) = rest.split_at_mut(layout.positions.len());
        let types = &mut rest[..layout.types.len()];
        let tables = Tables { words, positions, types };
        embedding::backward(kernels, &tape.batch, sum, tables, hidden, model.config.pad_token_id);
        self.scratch.narrow[1] = dsum;
    }
}

/// Two tensors of which the second lies behind the first.
fn two<'g>(
    grads: &'g mut [f32],
    first: &std::ops::Range<usize>,
    second: &std::ops::Range<usize>,
) -> (&'g mut [f32], &'g mut [f32]) {
    let (left, right) = grads.split_at_mut(second.start);
    (&mut left[first.clone()], &mut right[..second.len()])
}
