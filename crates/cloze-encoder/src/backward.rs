//! The pass backward: from the gradient of the logits to that of every weight.

use rayon::prelude::*;

use crate::Model;
use crate::forward::{Site, dropout};
use crate::kernel::{Kernels, Mat, MatMut, Start, gemm, vector};
use crate::layer::embedding::{self, Tables};
use crate::layer::norm::{NormTape, dropped};
use crate::layer::{feed_forward, linear, scatter, sized};
use crate::parameters::{HeadPlace, LinearPlace, NormPlace};
use crate::session::Mode;
use crate::tape::{Scratch, Tape};

/// One pass backward over the tape.
pub(crate) struct Backward<'a> {
    pub(crate) kernels: Kernels,
    pub(crate) model: &'a Model,
    pub(crate) grads: &'a mut [f32],
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) mode: Mode,
}

impl Backward<'_> {
    pub(crate) fn run(mut self, tape: &Tape, dlogits: &[f32]) {
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

    fn norm_backward(&mut self, place: &NormPlace, dy: &[f32], tape: &NormTape, dx: &mut [f32]) {
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
