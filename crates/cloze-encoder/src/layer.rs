//! The parts of the encoder, with hand-written forward and backward passes. Each works on whole ragged
//! batches, `[tokens, size]`.

use crate::kernel::{Kernels, pages, vector};

pub(crate) mod activation;
pub(crate) mod attention;
pub(crate) mod embedding;

pub(crate) mod linear;
pub(crate) mod norm;

/// The first `len` elements of a buffer that grows but never shrinks, so that a warm step allocates nothing.
/// They contain old values.
pub(crate) fn sized(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        *buffer = pages::zeros(len);
    }
    &mut buffer[..len]
}

/// Copies `rows` of `from` `[_, size]`, one after the other.
pub(crate) fn gather(from: &[f32], rows: &[u32], size: usize, to: &mut [f32]) {
    for (row, to) in rows.iter().zip(to.chunks_exact_mut(size)) {
        let start = *row as usize * size;
        to.copy_from_slice(&from[start..start + size]);
    }
}

/// Adds rows to the positions that [`gather`] took them from.
pub(crate) fn scatter(kernels: Kernels, from: &[f32], rows: &[u32], size: usize, to: &mut [f32]) {
    for (row, from) in rows.iter().zip(from.chunks_exact(size)) {
        let start = *row as usize * size;
        vector::add(kernels, &mut to[start..start + size], from);
    }
}
