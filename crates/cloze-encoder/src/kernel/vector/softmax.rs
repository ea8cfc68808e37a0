//! Softmax over a row, and the cross-entropy computed from it.

use super::{dot, exp, max, reduce, sum};
use crate::kernel::Kernels;

vectorised! {
    /// row = softmax(scale * row) over the first `visible` elements; the others become 0.
    fn softmax(row: &mut [f32], visible: usize, scale: f32) {
        let (row, hidden) = row.split_at_mut(visible);
        hidden.fill(0.0);
        let top = max(row) * scale;
        for x in row.iter_mut() {
            *x = exp(*x * scale - top);
        }
        let norm = 1.0 / sum(row);
        for x in row.iter_mut() {
            *x *= norm;
        }
    }

    /// Backward through softmax: `grad` becomes the gradient of the scores before scaling.
    fn softmax_backward(p: &[f32], grad: &mut [f32], scale: f32) {
        let mean = dot(p, grad);
        for (p, g) in p.iter().zip(grad) {
            *g = p * (*g - mean) * scale;
        }
    }

    /// Turns a row of logits into the gradient of `weight` times its cross-entropy with class `target`, and
    /// returns that cross-entropy (unweighted).
    fn cross_entropy_row(row: &mut [f32], target: usize, weight: f32) -> f32 {
        let top = max(row);
        let chosen = row[target] - top;
        for x in row.iter_mut() {
            *x = exp(*x - top);
        }
        let total = sum(row);
        let factor = weight / total;
        for x in row.iter_mut() {
            *x *= factor;
        }
        row[target] -= weight;
        total.ln() - chosen
    }

    /// The logarithm of the sum of e^x.
    fn log_sum_exp(row: &[f32]) -> f32 {
        let top = max(row);
        let mut lanes = [0.0; 16];
        let (chunks, rest) = row.as_chunks::<16>();
        for chunk in chunks {
            for (l, x) in lanes.iter_mut().zip(chunk) {
                *l += exp(*x - top);
            }
        }
        for (l, x) in lanes.iter_mut().zip(rest) {
            *l += exp(*x - top);
        }
        reduce(lanes).ln() + top
    }

    /// row = scale * e^(row - norm).
    fn scaled_softmax(row: &mut [f32], norm: f32, scale: f32) {
        for x in row.iter_mut() {
            *x = scale * exp(*x - norm);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_sums_to_one_and_hides_what_is_not_visible() {
        for n in [1, 5, 16, 37] {
            let mut row: Vec<f32> = (0..n + 3).map(|i| (i as f32 * 0.7).sin() * 30.0).collect();
            softmax(Kernels::detect(), &mut row, n, 2.0);
            assert!((row[..n].iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert_eq!(row[n..], [0.0; 3]);
        }
    }
}
