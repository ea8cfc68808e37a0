//! Dropout, residual connection and LayerNorm in one pass over the rows.

use rayon::prelude::*;

use crate::kernel::Kernels;
use crate::kernel::vector::{self, Dropout};
use crate::layer::sized;

/// Number of rows that one thread processes at a time. Sums over rows are split at these boundaries, so the
/// number affects the result.
const ROWS: usize = 64;

/// The values that backward needs: the normalised rows `[rows, size]` before gamma and beta, and 1 / standard
/// deviation.
#[derive(Default)]
pub(crate) struct NormTape {
    pub(crate) normed: Vec<f32>,
    pub(crate) rstd: Vec<f32>,
}

/// Gamma (the weight) and beta (the bias) of a LayerNorm, `[size]` each.
#[derive(Clone, Copy)]
pub(crate) struct Norm<'a> {
    pub(crate) gamma: &'a [f32],
    pub(crate) bias: &'a [f32],
    pub(crate) epsilon: f32,
}

impl Norm<'_> {
    /// out = LayerNorm(dropout(x) + residual), `[rows, size]`; `x` is overwritten.
    pub(crate) fn forward(
        &self,
        kernels: Kernels,
        x: &mut [f32],
        residual: Option<&[f32]>,
        dropout: Option<Dropout>,
        tape: &mut NormTape,
        out: &mut [f32],
    ) {
        let size = self.gamma.len();
        let rows = x.len() / size;
        let normed = sized(&mut tape.normed, rows * size);
        let rstd = sized(&mut tape.rstd, rows);
        x.par_chunks_mut(ROWS * size)
            .zip(out.par_chunks_mut(ROWS * size))
            .zip(normed.par_chunks_mut(ROWS * size))
            .zip(rstd.par_chunks_mut(ROWS))
            .enumerate()
            .for_each(|(block, (((x, out), normed), rstd))| {
                let lines = x.chunks_exact_mut(size).zip(out.chunks_exact_mut(size));
                let lines = lines.zip(normed.chunks_exact_mut(size)).zip(rstd);
                for (i, (((x, out), normed), rstd)) in lines.enumerate() {
                    let first = (block * ROWS + i) * size;
                    if let Some(dropout) = dropout {
                        vector::dropout(kernels, x, dropout, first as u32);
                    }
                    let residual = residual.map_or(&[][..], |r| &r[first..first + size]);
                    *rstd =
                        vector::norm(kernels, x, residual, self.gamma, self.bias, self.epsilon, normed, out);
                }
            });
    }

    /// Computes `dx`, the gradient of the normalised sum, from `dy`, `[rows, size]` each; adds the gradients
    /// of gamma and beta to `weights`, if they are wanted. `partial` is scratch.
    pub(crate) fn backward(
        &self,
        kernels: Kernels,
        dy: &[f32],
        tape: &NormTape,
        dx: &mut [f32],
        weights: Option<(&mut [f32], &mut [f32])>,
        partial: &mut Vec<f32>,
    ) {
        let size = self.gamma.len();
        let blocks = (dy.len() / size).div_ceil(ROWS);
        let partial = sized(partial, blocks * 2 * size);
        partial.fill(0.0);
        dy.par_chunks(ROWS * size)
            .zip(dx.par_chunks_mut(ROWS * size))
            .zip(partial.par_chunks_mut(2 * size))
            .enumerate()
            .for_each(|(block, ((dy, dx), partial))| {
                let (dgamma, dbias) = partial.split_at_mut(size);
                for (i, (dy, dx)) in dy.chunks_exact(size).zip(dx.chunks_exact_mut(size)).enumerate() {
                    let row = block * ROWS + i;
                    let normed = &tape.normed[row * size..(row + 1) * size];
                    vector::norm_backward(kernels, dy, normed, self.gamma, tape.rstd[row], dx, dgamma, dbias);
                }
            });
        let Some((dgamma, dbias)) = weights else { return };
        for part in partial.chunks_exact(2 * size) {
            vector::add(kernels, dgamma, &part[..size]);
            vector::add(kernels, dbias, &part[size..]);
        }
    }
}

/// out = dropout(x), `[rows, size]`.
pub(crate) fn dropped(kernels: Kernels, x: &[f32], dropout: Dropout, out: &mut [f32]) {
    const ELEMENTS: usize = 16 * 1024;
    out.par_chunks_mut(ELEMENTS).zip(x.par_chunks(ELEMENTS)).enumerate().for_each(|(i, (out, x))| {
        out.copy_from_slice(x);
        vector::dropout(kernels, out, dropout, (i * ELEMENTS) as u32);
    });
}
