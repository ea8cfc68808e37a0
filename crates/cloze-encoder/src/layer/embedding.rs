//! Word, position and type embeddings.

use rayon::prelude::*;

use crate::Batch;
use crate::kernel::{Kernels, vector};

/// Number of rows that one thread processes at a time.
const ROWS: usize = 64;

/// The three tables, `[entries, size]` each. The type table is empty if segments are not distinguished.
#[derive(Clone, Copy)]
pub(crate) struct Tables<T> {
    pub(crate) words: T,
    pub(crate) positions: T,
    pub(crate) types: T,
}

/// Entries whose embeddings are not trained as inputs: PyTorch's embedding layer skips its `padding_idx`.
#[derive(Clone, Copy)]
pub(crate) struct Padding {
    pub(crate) word: u32,
    pub(crate) position: Option<u32>,
}

/// The type of a segment as an entry of a table: a table with one entry does not distinguish segments.
fn kind(segment: u8, entries: usize) -> usize {
    if entries > 1 { segment.into() } else { 0 }
}

/// The sum of the three embeddings of every token, `[tokens, size]`; those of words are from the batch if it has
/// them.
pub(crate) fn forward(
    kernels: Kernels,
    batch: &Batch,
    positions: &[u32],
    tables: Tables<&[f32]>,
    size: usize,
    out: &mut [f32],
) {
    let entry = |table: &'static str, values: &[f32], i: usize| {
        debug_assert!((i + 1) * size <= values.len(), "{table} {i}");
        i * size..(i + 1) * size
    };
    out.par_chunks_mut(ROWS * size).enumerate().for_each(|(block, out)| {
        for (token, row) in (block * ROWS..).zip(out.chunks_exact_mut(size)) {
            let Tables { words, positions: places, types } = tables;
            row.copy_from_slice(match batch.words.is_empty() {
                true => &words[entry("word", words, batch.ids[token] as usize)],
                false => &batch.words[entry("given", &batch.words, token)],
            });
            vector::add(kernels, row, &places[entry("position", places, positions[token] as usize)]);
            if !types.is_empty() {
                let kind = kind(batch.types[token], types.len() / size);
                vector::add(kernels, row, &types[entry("type", types, kind)]);
            }
        }
    });
}

/// Adds the gradient of every token, `[tokens, size]`, to the rows of the tables it came from.
pub(crate) fn backward(
    kernels: Kernels,
    batch: &Batch,
    positions: &[u32],
    grad: &[f32],
    tables: Tables<&mut [f32]>,
    size: usize,
    padding: Padding,
) {
    let Tables { words, positions: places, types } = tables;
    for (token, grad) in grad.chunks_exact(size).enumerate() {
        let add = |table: &mut [f32], entry: usize| {
            vector::add(kernels, &mut table[entry * size..(entry + 1) * size], grad);
        };
        if batch.ids[token] != padding.word {
            add(words, batch.ids[token] as usize);
        }
        if Some(positions[token]) != padding.position {
            add(places, positions[token] as usize);
        }
        if !types.is_empty() {
            add(types, kind(batch.types[token], types.len() / size));
        }
    }
}
