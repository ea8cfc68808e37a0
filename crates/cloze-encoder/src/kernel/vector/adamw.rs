//! The optimizer's update.

use crate::kernel::Kernels;

/// The constants of one AdamW update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamStep {
    /// Clipping factor, which the gradient is first multiplied by.
    pub(crate) clip: f32,
    /// Learning rate divided by the bias correction of the first moment.
    pub(crate) rate: f32,
    /// 1 - learning rate x weight decay.
    pub(crate) keep: f32,
    pub(crate) beta1: f32,
    pub(crate) beta2: f32,
    /// 1 / sqrt(bias correction of the second moment).
    pub(crate) correct2: f32,
    pub(crate) epsilon: f32,
}

vectorised! {
    /// One AdamW update of parameters `p` with gradient `g` and moments `m`, `v`; `g` is cleared.
    ///
    /// Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2019), in PyTorch's order: decay first,
    /// epsilon added to the corrected root.
    fn adamw(p: &mut [f32], g: &mut [f32], m: &mut [f32], v: &mut [f32], step: AdamStep) {
        let n = p.len();
        let (g, m, v) = (&mut g[..n], &mut m[..n], &mut v[..n]);
        for i in 0..n {
            let grad = g[i] * step.clip;
            g[i] = 0.0;
            m[i] = step.beta1 * m[i] + (1.0 - step.beta1) * grad;
            v[i] = step.beta2 * v[i] + (1.0 - step.beta2) * grad * grad;
            p[i] = p[i] * step.keep - step.rate * m[i] / (v[i].sqrt() * step.correct2 + step.epsilon);
        }
    }
}
