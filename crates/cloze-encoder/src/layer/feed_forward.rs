//! GELU over a whole batch, spread over the threads.

use rayon::prelude::*;

use crate::kernel::{Kernels, vector};

const ELEMENTS: usize = 16 * 1024;

/// out = GELU(x).
pub(crate) fn gelu(kernels: Kernels, x: &[f32], out: &mut [f32]) {
    out.par_chunks_mut(ELEMENTS)
        .zip(x.par_chunks(ELEMENTS))
        .for_each(|(out, x)| vector::gelu(kernels, x, out));
}

/// Multiplies `grad` with GELU'(x) and computes `value` = GELU(x) again.
pub(crate) fn gelu_backward(kernels: Kernels, x: &[f32], grad: &mut [f32], value: &mut [f32]) {
    grad.par_chunks_mut(ELEMENTS)
        .zip(value.par_chunks_mut(ELEMENTS))
        .zip(x.par_chunks(ELEMENTS))
        .for_each(|((grad, value), x)| vector::gelu_backward(kernels, x, grad, value));
}
