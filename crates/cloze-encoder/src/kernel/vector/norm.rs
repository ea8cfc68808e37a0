//! LayerNorm over a row, forward and backward.

use super::{dot, sum};
use crate::kernel::Kernels;

vectorised! {
    /// out = LayerNorm(x + residual) for one row; `normed` receives the row before gamma and beta. Returns 1
    /// / standard deviation. `x` is overwritten.
    fn norm(
        x: &mut [f32],
        residual: &[f32],
        gamma: &[f32],
        beta: &[f32],
        epsilon: f32,
        normed: &mut [f32],
        out: &mut [f32],
    ) -> f32 {
        let n = x.len();
        for (x, r) in x.iter_mut().zip(residual) {
            *x += r;
        }
        let mean = sum(x) / n as f32;
        for x in x.iter_mut() {
            *x -= mean;
        }
        let rstd = 1.0 / (dot(x, x) / n as f32 + epsilon).sqrt();
        let (gamma, beta, normed, out) = (&gamma[..n], &beta[..n], &mut normed[..n], &mut out[..n]);
        for i in 0..n {
            normed[i] = x[i] * rstd;
            out[i] = normed[i] * gamma[i] + beta[i];
        }
        rstd
    }

    /// Backward through LayerNorm for one row: overwrites `dx`, and adds to the gradients of gamma and beta.
    fn norm_backward(
        dy: &[f32],
        normed: &[f32],
        gamma: &[f32],
        rstd: f32,
        dx: &mut [f32],
        dgamma: &mut [f32],
        dbeta: &mut [f32],
    ) {
        let n = dy.len();
        let (normed, gamma, dx) = (&normed[..n], &gamma[..n], &mut dx[..n]);
        let (dgamma, dbeta) = (&mut dgamma[..n], &mut dbeta[..n]);
        for i in 0..n {
            dx[i] = dy[i] * gamma[i];
            dgamma[i] += dy[i] * normed[i];
            dbeta[i] += dy[i];
        }
        let mean = sum(dx) / n as f32;
        let along = dot(dx, normed) / n as f32;
        for i in 0..n {
            dx[i] = rstd * (dx[i] - mean - normed[i] * along);
        }
    }
}
