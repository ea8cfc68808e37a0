//! y = x W^T + b.

use rayon::prelude::*;

use crate::kernel::{Kernels, Mat, MatMut, Start, gemm, gemm_by_row, vector};

/// Weights `[outputs, inputs]` and bias `[outputs]` of a linear layer.
#[derive(Clone, Copy)]
pub(crate) struct Linear<'a> {
    pub(crate) weight: &'a [f32],
    pub(crate) bias: &'a [f32],
}

impl Linear<'_> {
    fn matrix(&self) -> Mat<'_> {
        Mat::new(self.weight, self.bias.len(), self.weight.len() / self.bias.len())
    }

    /// `x` `[rows, inputs]` to `y` `[rows, outputs]`. A row's result does not depend on the rows beside it.
    pub(crate) fn forward(&self, kernels: Kernels, x: &[f32], y: &mut [f32]) {
        let weight = self.matrix();
        let rows = x.len() / weight.cols;
        let y = MatMut::new(y, rows, weight.rows);
        gemm_by_row(kernels, Mat::new(x, rows, weight.cols), weight.transpose(), y, Start::Bias(self.bias));
    }

    /// The gradient of the input, `dx` `[rows, inputs]`, from `dy` `[rows, outputs]`.
    pub(crate) fn backward_input(&self, kernels: Kernels, dy: &[f32], dx: &mut [f32], start: Start) {
        let weight = self.matrix();
        let rows = dy.len() / weight.rows;
        let dx = MatMut::new(dx, rows, weight.cols);
        gemm(kernels, Mat::new(dy, rows, weight.rows), weight, dx, start);
    }
}

/// Adds the gradients of weight and bias, given the input `x` `[rows, inputs]` and `dy` `[rows, outputs]`.
pub(crate) fn backward_weights(kernels: Kernels, dy: &[f32], x: &[f32], dw: &mut [f32], db: &mut [f32]) {
    let outputs = db.len();
    let (rows, inputs) = (dy.len() / outputs, dw.len() / outputs);
    let dw = MatMut::new(dw, outputs, inputs);
    gemm(kernels, Mat::new(dy, rows, outputs).transpose(), Mat::new(x, rows, inputs), dw, Start::Accumulate);
    add_columns(kernels, dy, db);
}

/// Adds the sum of every column of `dy` `[rows, outputs]` to `db`.
pub(crate) fn add_columns(kernels: Kernels, dy: &[f32], db: &mut [f32]) {
    const COLUMNS: usize = 128;
    let outputs = db.len();
    db.par_chunks_mut(COLUMNS).enumerate().for_each(|(i, sums)| {
        let first = i * COLUMNS;
        for row in dy.chunks_exact(outputs) {
            vector::add(kernels, sums, &row[first..first + sums.len()]);
        }
    });
}
