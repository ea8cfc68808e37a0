//! The backward pass: from the gradient of the logits to the gradients of all weights, or only to that of the input.

use rayon::prelude::*;

use crate::forward::{Pass, Site};
use crate::head::{Classifier, MaskedLm, OutputGradient};
use crate::kernel::{Mat, MatMut, Start, gemm, vector};
use crate::layer::embedding::{self, Padding, Tables};
use crate::layer::norm::{NormTape, dropped};
use crate::layer::{activation, linear, scatter, sized};
use crate::parameters::{LinearRanges, NormRanges};
use crate::tape::{LayerTape, Scratch, Tape};

/// One backward pass over the tape.
pub(crate) struct Backward<'a> {
    pub(crate) pass: Pass<'a>,
    /// Where the gradients of the weights are added; none if only that of the input is wanted.
    pub(crate) grads: Option<&'a mut [f32]>,
    pub(crate) scratch: &'a mut Scratch,
}

impl Backward<'_> {
    pub(crate) fn run(mut self, tape: &mut Tape, output: OutputGradient) {
        let mut state = std::mem::take(&mut self.scratch.grads[0]);
        match output {
            OutputGradient::MaskLogits(head, dlogits) => self.mask_head(head, tape, dlogits, &mut state),
            OutputGradient::ClassLogits(head, dlogits) => self.class_head(head, tape, dlogits, &mut state),
            OutputGradient::States(dstates) => {
                let wanted = tape.indices.len() * self.pass.network.config.hidden_size;
                assert_eq!(dstates.len(), wanted, "a gradient for every state");
                sized(&mut state, wanted).copy_from_slice(dstates);
            }
        }
        let frozen = self.pass.frozen();
        for i in (frozen..self.pass.network.layout.layers.len()).rev() {
            let slot = self.pass.layer_tape(i);
            let mut kept = std::mem::take(&mut tape.layers[slot]);
            if self.pass.recompute {
                self.recompute(tape, i, &mut kept);
            }
            self.layer(tape, i, &kept, &mut state);
            tape.layers[slot] = kept;
        }
        if frozen == 0 {
            self.embeddings(tape, &mut state);
        }
        self.scratch.grads[0] = state;
    }

    /// Recomputes the inside of a layer from its input on the tape.
    fn recompute(&mut self, tape: &Tape, i: usize, kept: &mut LayerTape) {
        let hidden = self.pass.network.config.hidden_size;
        let last = i + 1 == self.pass.network.layout.layers.len();
        let indices = last.then_some(tape.indices.as_slice());
        let wanted = indices.map_or(tape.batch.tokens(), <[u32]>::len);
        let mut out = std::mem::take(&mut self.scratch.grads[1]);
        let state = &tape.states[i][..tape.batch.tokens() * hidden];
        let (spans, to) = (&tape.batch.spans, sized(&mut out, wanted * hidden));
        self.pass.layer(i, spans, indices, state, true, kept, to, self.scratch);
        self.scratch.grads[1] = out;
    }

    fn linear_weights(&mut self, ranges: &LinearRanges, dy: &[f32], x: &[f32]) {
        let Some(grads) = self.grads.as_deref_mut() else { return };
        let (dw, db) = two(grads, &ranges.weight, &ranges.bias);
        linear::backward_weights(self.pass.kernels, dy, x, dw, db);
    }

    /// Sets `dstate` to the gradient of the last hidden states, `[indices, hidden]`.
    fn mask_head(&mut self, head: &MaskedLm, tape: &Tape, dlogits: &[f32], dstate: &mut Vec<f32>) {
        let Pass { kernels, network, .. } = self.pass;
        let MaskedLm { dense, norm, decoder, bias } = head;
        assert_eq!(dlogits.len() % tape.indices.len(), 0, "a gradient for every logit");
        let (hidden, size, rows) =
            (network.config.hidden_size, network.config.embedding_size, tape.indices.len());
        let columns = dlogits.len() / rows;
        // The word embeddings are frozen with the lowest layers.
        let trains_decoder = network.frozen == 0 || !network.config.tied;
        let decoded = &tape.head.decoded[..rows * size];
        let [mut ddecoded, mut dtransformed] = [1, 2].map(|i| std::mem::take(&mut self.scratch.grads[i]));
        let (dd, dt) = (sized(&mut ddecoded, rows * size), sized(&mut dtransformed, rows * size));

        let dy = Mat::new(dlogits, rows, columns);
        if tape.head.subset.is_empty() {
            let weights = Mat::new(&network.values[decoder.clone()], columns, size);
            gemm(kernels, dy, weights, MatMut::new(dd, rows, size), Start::Zero);
            match self.grads.as_deref_mut() {
                Some(grads) if trains_decoder => {
                    let (dw, db) = two(grads, decoder, bias);
                    linear::backward_weights(kernels, dlogits, decoded, dw, db);
                }
                Some(grads) => linear::add_columns(kernels, dlogits, &mut grads[bias.clone()]),
                None => {}
            }
        } else {
            let ids = &tape.head.subset;
            assert_eq!(ids.len(), columns, "a gradient for every logit");
            let weights = Mat::new(&tape.head.subset_weights[..columns * size], columns, size);
            gemm(kernels, dy, weights, MatMut::new(dd, rows, size), Start::Zero);
            if let Some(grads) = self.grads.as_deref_mut() {
                let dw = sized(&mut self.scratch.partial, columns * (size + 1));
                dw.fill(0.0);
                let (dw, db) = dw.split_at_mut(columns * size);
                linear::backward_weights(kernels, dlogits, decoded, dw, db);
                if trains_decoder {
                    scatter(kernels, dw, ids, size, &mut grads[decoder.clone()]);
                }
                scatter(kernels, db, ids, 1, &mut grads[bias.clone()]);
            }
        }

        self.norm_backward(norm, dd, &tape.head.norm, dt);
        let transformed = &tape.head.transformed[..rows * size];
        activation::backward(kernels, network.config.mask_activation(), transformed, dt, dd);
        let state = &tape.states[network.layout.layers.len()][..rows * hidden];
        self.linear_weights(dense, dt, state);
        let dstate = sized(dstate, rows * hidden);
        self.pass.linear(dense).backward_input(kernels, dt, dstate, Start::Zero);
        self.scratch.grads[1] = ddecoded;
        self.scratch.grads[2] = dtransformed;
    }

    fn class_head(&mut self, head: &Classifier, tape: &Tape, dlogits: &[f32], dstate: &mut Vec<f32>) {
        let Pass { kernels, network, .. } = self.pass;
        let Classifier { dense, output } = head;
        assert_eq!(dlogits.len() % tape.indices.len(), 0, "a gradient for every logit");
        let (hidden, rows) = (network.config.hidden_size, tape.indices.len());
        self.linear_weights(output, dlogits, &tape.head.decoded[..rows * hidden]);
        let [mut dtransformed, mut activated] = [1, 2].map(|i| std::mem::take(&mut self.scratch.grads[i]));
        let (dt, activated_again) =
            (sized(&mut dtransformed, rows * hidden), sized(&mut activated, rows * hidden));
        self.pass.linear(output).backward_input(kernels, dlogits, dt, Start::Zero);
        if let Some(dropout) = self.pass.dropout(Site::Head) {
            vector::dropout(kernels, dt, dropout, 0);
        }
        let transformed = &tape.head.transformed[..rows * hidden];
        let function = network.config.family.class_head.activation;
        activation::backward(kernels, function, transformed, dt, activated_again);
        let input_dropout = self.pass.dropout(Site::HeadInput);
        let input = match input_dropout {
            None => &tape.states[network.layout.layers.len()],
            Some(_) => &tape.head.input,
        };
        self.linear_weights(dense, dt, &input[..rows * hidden]);
        let dstate = sized(dstate, rows * hidden);
        self.pass.linear(dense).backward_input(kernels, dt, dstate, Start::Zero);
        if let Some(dropout) = input_dropout {
            vector::dropout(kernels, dstate, dropout, 0);
        }
        self.scratch.grads[1] = dtransformed;
        self.scratch.grads[2] = activated;
    }

    /// Turns the gradient of a layer's output into that of its input.
    fn layer(&mut self, tape: &Tape, i: usize, kept: &LayerTape, dstate: &mut Vec<f32>) {
        let Pass { kernels, network, .. } = self.pass;
        let ranges = &network.layout.layers[i];
        let (hidden, intermediate) = (network.config.hidden_size, network.config.intermediate_size);
        let tokens = tape.batch.tokens();
        let last = i + 1 == network.layout.layers.len();
        let rows = if last { tape.indices.len() } else { tokens };
        let [mut dsum, mut ddropped] = [1, 2].map(|i| std::mem::take(&mut self.scratch.grads[i]));
        let [mut dwide, mut activated] = [0, 1].map(|i| std::mem::take(&mut self.scratch.wide[i]));

        // Feed-forward block: dstate -> dsum (residual) -> dattended, which overwrites dsum.
        {
            let dsum = sized(&mut dsum, rows * hidden);
            self.norm_backward(&ranges.output_norm, &dstate[..rows * hidden], &kept.output_norm, dsum);
            let dy = match self.pass.dropout(Site::Output(i)) {
                None => &*dsum,
                Some(dropout) => {
                    let copy = sized(&mut ddropped, rows * hidden);
                    dropped(kernels, dsum, dropout, copy);
                    copy
                }
            };
            let dintermediate = sized(&mut dwide, rows * intermediate);
            self.pass.linear(&ranges.down).backward_input(kernels, dy, dintermediate, Start::Zero);
            let activated = sized(&mut activated, rows * intermediate);
            let before = &kept.intermediate[..rows * intermediate];
            activation::backward(kernels, network.config.activation, before, dintermediate, activated);
            self.linear_weights(&ranges.down, dy, activated);
            self.linear_weights(&ranges.up, dintermediate, &kept.attended[..rows * hidden]);
            self.pass.linear(&ranges.up).backward_input(kernels, dintermediate, dsum, Start::Accumulate);
        }

        // Attention block: dsum -> dstate (residual) and dcontext, which overwrites dsum.
        {
            let dattended = &mut dsum[..rows * hidden];
            let dinput = sized(dstate, rows * hidden);
            self.norm_backward(&ranges.attention_norm, dattended, &kept.attention_norm, dinput);
            let dy = match self.pass.dropout(Site::AttentionOutput(i)) {
                None => &*dinput,
                Some(dropout) => {
                    let copy = sized(&mut ddropped, rows * hidden);
                    dropped(kernels, dinput, dropout, copy);
                    copy
                }
            };
            self.linear_weights(&ranges.attention_output, dy, &kept.context[..rows * hidden]);
            self.pass.linear(&ranges.attention_output).backward_input(kernels, dy, dattended, Start::Zero);
        }
        if last {
            for d in [&mut *dstate, &mut dsum] {
                let spread = sized(&mut ddropped, tokens * hidden);
                spread.fill(0.0);
                scatter(kernels, &d[..rows * hidden], &tape.indices, hidden, spread);
                std::mem::swap(d, &mut ddropped);
            }
        }
        let mut dqkv = std::mem::take(&mut self.scratch.dqkv);
        {
            let dqkv = sized(&mut dqkv, tokens * 3 * hidden);
            let dcontext = &dsum[..tokens * hidden];
            let qkv = &kept.qkv[..tokens * 3 * hidden];
            self.pass.attention(i).backward(&tape.batch.spans, qkv, &kept.weights, dcontext, dqkv);
            self.linear_weights(&ranges.qkv, dqkv, &tape.states[i][..tokens * hidden]);
            // Nothing below the frozen layers needs a gradient.
            if self.pass.frozen() == 0 || i > self.pass.frozen() {
                let dinput = sized(dstate, tokens * hidden);
                self.pass.linear(&ranges.qkv).backward_input(kernels, dqkv, dinput, Start::Accumulate);
            }
        }
        self.scratch.dqkv = dqkv;
        self.scratch.grads[1] = dsum;
        self.scratch.grads[2] = ddropped;
        self.scratch.wide = [dwide, activated];
    }

    fn norm_backward(&mut self, ranges: &NormRanges, dy: &[f32], tape: &NormTape, dx: &mut [f32]) {
        let weights = self.grads.as_deref_mut().map(|grads| two(grads, &ranges.gamma, &ranges.bias));
        let partial = &mut self.scratch.partial;
        self.pass.norm(ranges).backward(self.pass.kernels, dy, tape, dx, weights, partial);
    }

    /// Turns the gradient of the first layer's input into that of the embeddings, which is left in the third buffer
    /// for gradients.
    fn embeddings(&mut self, tape: &Tape, dstate: &mut Vec<f32>) {
        let Pass { kernels, network, .. } = self.pass;
        let (config, layout) = (&network.config, &network.layout);
        let (size, tokens) = (config.embedding_size, tape.batch.tokens());
        let [mut dembedded, mut dsum] = [1, 2].map(|i| std::mem::take(&mut self.scratch.grads[i]));
        if let Some(projection) = &layout.projection {
            let dprojected = &dstate[..tokens * config.hidden_size];
            self.linear_weights(projection, dprojected, &tape.embedded[..tokens * size]);
            let dembedded = sized(&mut dembedded, tokens * size);
            self.pass.linear(projection).backward_input(kernels, dprojected, dembedded, Start::Zero);
        } else {
            std::mem::swap(&mut dembedded, dstate);
        }
        let grad = &mut dembedded[..tokens * size];
        if let Some(dropout) = self.pass.dropout(Site::Embedding) {
            let block = 64 * size;
            grad.par_chunks_mut(block).enumerate().for_each(|(i, d)| {
                vector::dropout(kernels, d, dropout, (i * block) as u32);
            });
        }
        let sum = sized(&mut dsum, tokens * size);
        self.norm_backward(&layout.norm, grad, &tape.embedding, sum);
        if let Some(grads) = self.grads.as_deref_mut() {
            let (words, rest) = grads.split_at_mut(layout.words.end);
            let (positions, rest) = rest.split_at_mut(layout.positions.len());
            let types = &mut rest[..layout.types.len()];
            let tables = Tables { words, positions, types };
            let padding = Padding { word: config.pad_token_id, position: config.padding_position() };
            embedding::backward(kernels, &tape.batch, &tape.positions, sum, tables, size, padding);
        }
        self.scratch.grads[1] = dembedded;
        self.scratch.grads[2] = dsum;
    }
}

/// Two tensors, the second of which comes after the first.
fn two<'g>(
    grads: &'g mut [f32],
    first: &std::ops::Range<usize>,
    second: &std::ops::Range<usize>,
) -> (&'g mut [f32], &'g mut [f32]) {
    let (left, right) = grads.split_at_mut(second.start);
    (&mut left[first.clone()], &mut right[..second.len()])
}
