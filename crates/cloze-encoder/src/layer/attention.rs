//! Multi-head self-attention within each sequence of a ragged batch.
//!
//! The batch is split recursively into sequences and these into heads, each time into two halves, so that
//! threads share the work without a task list; every (sequence, head) pair writes a separate block.

use std::cell::RefCell;

use crate::batch::Span;
use crate::kernel::vector::{self, Dropout};
use crate::kernel::{Kernels, Mat, MatMut, Start, gemm_serial};
use crate::layer::sized;

/// The shape of the heads and their dropout.
#[derive(Clone, Copy)]
pub(crate) struct Attention {
    pub(crate) kernels: Kernels,
    pub(crate) heads: usize,
    /// Width of a head.
    pub(crate) size: usize,
    pub(crate) dropout: Option<Dropout>,
}

/// Total number of elements in all attention matrices of a batch: the sum of heads x tokens² over the
/// sequences.
pub(crate) fn weights_len(spans: &[Span], heads: usize) -> usize {
    spans.iter().map(|s| heads * s.len * s.len).sum()
}

thread_local! {
    static SCRATCH: RefCell<[Vec<f32>; 2]> = RefCell::default();
}

impl Attention {
    fn hidden(&self) -> usize {
        self.heads * self.size
    }

    fn scale(&self) -> f32 {
        1.0 / (self.size as f32).sqrt()
    }

    /// Query, key and value of one head, `[len, size]` each, from `qkv` `[tokens, 3 hidden]`.
    fn parts<'a>(&self, qkv: Mat<'a>, span: Span, head: usize) -> [Mat<'a>; 3] {
        [0, 1, 2]
            .map(|part| qkv.block(span.start, span.len, part * self.hidden() + head * self.size, self.size))
    }

    /// Computes the context `[tokens, hidden]`. `weights` stores the attention weights (before dropout) for
    /// backward, or is empty.
    pub(crate) fn forward(&self, spans: &[Span], qkv: &[f32], weights: &mut [f32], context: &mut [f32]) {
        let tokens = context.len() / self.hidden();
        let context = MatMut::new(context, tokens, self.hidden());
        self.forward_sequences(spans, Mat::new(qkv, tokens, 3 * self.hidden()), weights, context, 0);
    }

    fn forward_sequences(
        &self,
        spans: &[Span],
        qkv: Mat,
        weights: &mut [f32],
        context: MatMut,
        first_weight: usize,
    ) {
        match spans {
            [] => {}
            [span] => self.forward_heads(*span, 0..self.heads, qkv, weights, context, first_weight),
            _ => {
                let (left, right) = spans.split_at(spans.len() / 2);
                let (upper, lower) = context.split_rows(left.iter().map(|s| s.len).sum());
                let here = weights_len(left, self.heads);
                let (near, far) = weights.split_at_mut(here.min(weights.len()));
                rayon::join(
                    || self.forward_sequences(left, qkv, near, upper, first_weight),
                    || self.forward_sequences(right, qkv, far, lower, first_weight + here),
                );
            }
        }
    }

    fn forward_heads(
        &self,
        span: Span,
        heads: std::ops::Range<usize>,
        qkv: Mat,
        weights: &mut [f32],
        context: MatMut,
        first_weight: usize,
    ) {
        let square = span.len * span.len;
        if heads.len() > 1 {
            let left = heads.len() / 2;
            let middle = heads.start + left;
            let (near, far) = weights.split_at_mut((left * square).min(weights.len()));
            let (near_context, far_context) = context.split_cols(left * self.size);
            let far_weight = first_weight + left * square;
            rayon::join(
                || self.forward_heads(span, heads.start..middle, qkv, near, near_context, first_weight),
                || self.forward_heads(span, middle..heads.end, qkv, far, far_context, far_weight),
            );
            return;
        }
        let [query, key, value] = self.parts(qkv, span, heads.start);
        SCRATCH.with_borrow_mut(|[scratch, dropped]| {
            let weights = if weights.is_empty() { sized(scratch, square) } else { weights };
            let scores = MatMut::new(weights, span.len, span.len);
            gemm_serial(self.kernels, query, key.transpose(), scores, Start::Zero);
            for row in weights.chunks_exact_mut(span.len) {
                vector::softmax(self.kernels, row, span.visible, self.scale());
            }
            let weights = match self.dropout {
                None => &*weights,
                Some(dropout) => {
                    let copy = sized(dropped, square);
                    copy.copy_from_slice(weights);
                    vector::dropout(self.kernels, copy, dropout, first_weight as u32);
                    copy
                }
            };
            gemm_serial(self.kernels, Mat::new(weights, span.len, span.len), value, context, Start::Zero);
        });
    }

    /// Computes `dqkv` `[tokens, 3 hidden]` from the gradient of the context, `dcontext` `[tokens, hidden]`.
    pub(crate) fn backward(
        &self,
        spans: &[Span],
        qkv: &[f32],
        weights: &[f32],
        dcontext: &[f32],
        dqkv: &mut [f32],
    ) {
        let tokens = dcontext.len() / self.hidden();
        let (dquery, rest) = MatMut::new(dqkv, tokens, 3 * self.hidden()).split_cols(self.hidden());
        let (dkey, dvalue) = rest.split_cols(self.hidden());
        let inputs = Inputs {
            qkv: Mat::new(qkv, tokens, 3 * self.hidden()),
            dcontext: Mat::new(dcontext, tokens, self.hidden()),
            weights,
        };
        self.backward_sequences(spans, &inputs, [dquery, dkey, dvalue], 0);
    }

    fn backward_sequences(&self, spans: &[Span], inputs: &Inputs, out: [MatMut; 3], first_weight: usize) {
        match spans {
            [] => {}
            [span] => self.backward_heads(*span, 0..self.heads, inputs, out, first_weight),
            _ => {
                let (left, right) = spans.split_at(spans.len() / 2);
                let rows = left.iter().map(|s| s.len).sum();
                let (upper, lower) = unzip(out.map(|m| m.split_rows(rows)));
                let here = weights_len(left, self.heads);
                rayon::join(
                    || self.backward_sequences(left, inputs, upper, first_weight),
                    || self.backward_sequences(right, inputs, lower, first_weight + here),
                );
            }
        }
    }

    fn backward_heads(
        &self,
        span: Span,
        heads: std::ops::Range<usize>,
        inputs: &Inputs,
        out: [MatMut; 3],
        first_weight: usize,
    ) {
        let square = span.len * span.len;
        if heads.len() > 1 {
            let left = heads.len() / 2;
            let middle = heads.start + left;
            let (near, far) = unzip(out.map(|m| m.split_cols(left * self.size)));
            rayon::join(
                || self.backward_heads(span, heads.start..middle, inputs, near, first_weight),
                || self.backward_heads(span, middle..heads.end, inputs, far, first_weight + left * square),
            );
            return;
        }
        let head = heads.start;
        let [query, key, value] = self.parts(inputs.qkv, span, head);
        let dcontext = inputs.dcontext.block(span.start, span.len, head * self.size, self.size);
        let weights = &inputs.weights[first_weight..first_weight + square];
        let [dquery, dkey, dvalue] = out;
        let (kernels, len) = (self.kernels, span.len);
        SCRATCH.with_borrow_mut(|[scores, dropped]| {
            let dscores = sized(scores, square);
            gemm_serial(kernels, dcontext, value.transpose(), MatMut::new(dscores, len, len), Start::Zero);
            let used = match self.dropout {
                None => weights,
                Some(dropout) => {
                    let copy = sized(dropped, square);
                    copy.copy_from_slice(weights);
                    vector::dropout(kernels, copy, dropout, first_weight as u32);
                    vector::dropout(kernels, dscores, dropout, first_weight as u32);
                    copy
                }
            };
            gemm_serial(kernels, Mat::new(used, len, len).transpose(), dcontext, dvalue, Start::Zero);
            for (weights, dscores) in weights.chunks_exact(len).zip(dscores.chunks_exact_mut(len)) {
                vector::softmax_backward(kernels, weights, dscores, self.scale());
            }
            let dscores = Mat::new(dscores, len, len);
            gemm_serial(kernels, dscores, key, dquery, Start::Zero);
            gemm_serial(kernels, dscores.transpose(), query, dkey, Start::Zero);
        });
    }
}

/// The inputs of backward, for the whole batch.
struct Inputs<'a> {
    qkv: Mat<'a>,
    dcontext: Mat<'a>,
    weights: &'a [f32],
}

fn unzip<T>(pairs: [(T, T); 3]) -> ([T; 3], [T; 3]) {
    let [(a, x), (b, y), (c, z)] = pairs;
    ([a, b, c], [x, y, z])
}
