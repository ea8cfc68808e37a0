//! Activations over a whole batch, spread over the threads.

use rayon::prelude::*;

use crate::family::Activation;
use crate::kernel::{Kernels, vector};

const ELEMENTS: usize = 16 * 1024;

/// out = f(x).
pub(crate) fn forward(kernels: Kernels, activation: Activation, x: &[f32], out: &mut [f32]) {
    let pass = match activation {
        Activation::Gelu => vector::gelu,
        Activation::GeluTanh => vector::gelu_tanh,
        Activation::Relu => vector::relu,
        Activation::Tanh => vector::tanh,
    };
    out.par_chunks_mut(ELEMENTS).zip(x.par_chunks(ELEMENTS)).for_each(|(out, x)| pass(kernels, x, out));
}

/// Multiplies `grad` by f'(x) and recomputes `value` = f(x), so that forward need not keep it.
pub(crate) fn backward(
    kernels: Kernels,
    activation: Activation,
    x: &[f32],
    grad: &mut [f32],
    value: &mut [f32],
) {
    let pass = match activation {
        Activation::Gelu => vector::gelu_backward,
        Activation::GeluTanh => vector::gelu_tanh_backward,
        Activation::Relu => vector::relu_backward,
        Activation::Tanh => vector::tanh_backward,
    };
    grad.par_chunks_mut(ELEMENTS)
        .zip(value.par_chunks_mut(ELEMENTS))
        .zip(x.par_chunks(ELEMENTS))
        .for_each(|((grad, value), x)| pass(kernels, x, grad, value));
}
