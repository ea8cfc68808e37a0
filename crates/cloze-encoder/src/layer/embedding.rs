//! Word, position and type embeddings.

use rayon::prelude::*;

use crate::Batch;
use crate::kernel::{Kernels, vector};

/// The three tables, `[entries, hidden]` each.
#[derive(Clone, Copy)]
pub(crate) struct Tables<T> {
    pub(crate) words: T,
    pub(crate) positions: T,
    pub(crate) types: T,
}

/// The sum of the three embeddings of every token, `[tokens, hidden]`.
pub(crate) fn forward(
    kernels: Kernels,
    batch: &Batch,
    tables: Tables<&[f32]>,
    hidden: usize,
    out: &mut [f32],
) {
    let mut rest = out;
    let mut sequences = Vec::with_capacity(batch.spans.len());
    for span in &batch.spans {
        let (rows, more) = rest.split_at_mut(span.len * hidden);
        sequences.push((*span, rows));
        rest = more;
    }
    sequences.into_par_iter().for_each(|(span, rows)| {
        for (position, row) in rows.chunks_exact_mut(hidden).enumerate() {
            let token = span.start + position;
            let entry = |table: &'_ [f32], i: usize| -> std::ops::Range<usize> {
                debug_assert!((i + 1) * hidden <= table.len());
                i * hidden..(i + 1) * hidden
            };
            row.copy_from_slice(&tables.words[entry(tables.words, batch.ids[token] as usize)]);
            vector::add(kernels, row, &tables.positions[entry(tables.positions, position)]);
            vector::add(kernels, row, &tables.types[entry(tables.types, batch.types[token].into())]);
        }
    });
}

/// Adds the gradient of every token, `[tokens, hidden]`, to the rows of the tables it came from. The word embedding of
/// the token `padding` gets none: PyTorch's embedding layer (`padding_idx`), with which BERT was made, skips it.
pub(crate) fn backward(
    kernels: Kernels,
    batch: &Batch,
    grad: &[f32],
    tables: Tables<&mut [f32]>,
    hidden: usize,
    padding: u32,
) {
    let Tables { words, positions, types } = tables;
    for span in &batch.spans {
        for position in 0..span.len {
            let token = span.start + position;
            let grad = &grad[token * hidden..(token + 1) * hidden];
            let add = |table: &mut [f32], entry: usize| {
                vector::add(kernels, &mut table[entry * hidden..(entry + 1) * hidden], grad);
            };
            if batch.ids[token] != padding {
                add(words, batch.ids[token] as usize);
            }
            add(positions, position);
            add(types, batch.types[token].into());
        }
    }
}
