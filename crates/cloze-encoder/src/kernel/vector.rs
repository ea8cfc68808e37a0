//! Passes over vectors: activations, normalisation, softmax, dropout, the optimizer's update.
//!
//! Each is written once, in plain Rust that the compiler vectorises, and compiled once per set of kernels.
//! Sums run in 16 lanes that are added in a fixed order, so every set gives the same bits.

use super::Kernels;

macro_rules! vectorised {
    ($($(#[$meta:meta])* fn $name:ident($($arg:ident: $ty:ty),* $(,)?) $(-> $ret:ty)? $body:block)*) => {$(
        $(#[$meta])*
        #[allow(clippy::too_many_arguments)]
        pub(crate) fn $name(kernels: Kernels, $($arg: $ty),*) $(-> $ret)? {
            #[allow(clippy::too_many_arguments)]
            #[inline(always)]
            fn body($($arg: $ty),*) $(-> $ret)? $body

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
            fn avx512($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($arg: $ty),*) $(-> $ret)? { body($($arg),*) }

            match kernels {
                // SAFETY: a set is chosen only on a processor that has its instructions.
                #[cfg(target_arch = "x86_64")]
                Kernels::Avx512 | Kernels::Avx512Bf16 | Kernels::AmxBf16 => unsafe { avx512($($arg),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Kernels::Avx2 => unsafe { avx2($($arg),*) },
                _ => body($($arg),*),
            }
        }
    )*};
}

/// e^x with a relative error below 2e-7 for x in [-87, 88]; beyond, the value at the bound.
///
/// Splits x = n ln 2 + r and sums the Taylor series of e^r to the seventh power, |r| <= ln 2 / 2.
#[inline(always)]
pub(crate) fn exp(x: f32) -> f32 {
    /// Adding 1.5 * 2^23 rounds to the nearest integer and leaves it in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    // ln 2 in two parts, the first with trailing zeros so that n * LN2_HIGH is exact.
    const LN2_HIGH: f32 = 0.693_359_4;
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = if x < -87.0 { -87.0 } else { x };
    let x = if x > 88.0 { 88.0 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = (x - n * LN2_HIGH) - n * LN2_LOW;
    let p = 1.0 / 5040.0;
    let p = p * r + 1.0 / 720.0;
    let p = p * r + 1.0 / 120.0;
    let p = p * r + 1.0 / 24.0;
    let p = p * r + 1.0 / 6.0;
    let p = p * r + 0.5;
    let p = p * r * r + r + 1.0;
    p * f32::from_bits(shifted.to_bits().wrapping_add(127) << 23)
}

/// The standard normal distribution function and density at `x`.
///
/// Abramowitz & Stegun, "Handbook of Mathematical Functions", formula 7.1.26 for erf; absolute error 1.5e-7.
#[inline(always)]
fn normal(x: f32) -> (f32, f32) {
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let p = 1.061_405_4;
    let p = p * t - 1.453_152_1;
    let p = p * t + 1.421_413_8;
    let p = p * t - 0.284_496_72;
    let p = p * t + 0.254_829_6;
    let bell = exp(-z * z);
    let tail = 0.5 * p * t * bell;
    let cdf = if x < 0.0 { tail } else { 1.0 - tail };
    const INV_SQRT_2PI: f32 = 0.398_942_3;
    (cdf, INV_SQRT_2PI * bell)
}

/// The logistic function of 2 √(2/π) (x + 0.044715 x³), by which the approximation of GELU multiplies x, and the derivative of
/// its argument.
///
/// Hendrycks & Gimpel, "Gaussian Error Linear Units" (2016): 0.5 (1 + tanh u) = 1 / (1 + e^(-2u)).
#[inline(always)]
fn gelu_gate(x: f32) -> (f32, f32) {
    /// 2 √(2/π).
    const SLOPE: f32 = 1.595_769;
    const CUBIC: f32 = 0.044_715;
    let square = x * x;
    let u = SLOPE * x * (1.0 + CUBIC * square);
    (1.0 / (1.0 + exp(-u)), SLOPE * (1.0 + 3.0 * CUBIC * square))
}

#[inline(always)]
fn reduce(lanes: [f32; 16]) -> f32 {
    let mut v = lanes;
    for half in [8, 4, 2, 1] {
        for i in 0..half {
            v[i] += v[i + half];
        }
    }
    v[0]
}

#[inline(always)]
fn sum(x: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    let (chunks, rest) = x.as_chunks::<16>();
    for chunk in chunks {
        for (l, v) in lanes.iter_mut().zip(chunk) {
            *l += v;
        }
    }
    for (l, v) in lanes.iter_mut().zip(rest) {
        *l += v;
    }
    reduce(lanes)
}

#[inline(always)]
fn dot(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0; 16];
    let ((xs, x_rest), (ys, y_rest)) = (x.as_chunks::<16>(), y.as_chunks::<16>());
    for (x, y) in xs.iter().zip(ys) {
        for i in 0..16 {
            lanes[i] += x[i] * y[i];
        }
    }
    for ((l, x), y) in lanes.iter_mut().zip(x_rest).zip(y_rest) {
        *l += x * y;
    }
    reduce(lanes)
}

#[inline(always)]
fn max(x: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; 16];
    let (chunks, rest) = x.as_chunks::<16>();
    for chunk in chunks {
        for (l, v) in lanes.iter_mut().zip(chunk) {
            *l = if *v > *l { *v } else { *l };
        }
    }
    for (l, v) in lanes.iter_mut().zip(rest) {
        *l = if *v > *l { *v } else { *l };
    }
    lanes.into_iter().fold(f32::NEG_INFINITY, f32::max)
}

/// Which elements are dropped: a counter-based generator, so that backward finds the same ones again without
/// a stored mask.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dropout {
    /// Selects the stream: one per step, layer and place.
    pub(crate) key: u32,
    /// An element is dropped if its 24-bit number is below this.
    pub(crate) threshold: u32,
    /// What kept elements are multiplied with: 1 / (1 - rate).
    pub(crate) scale: f32,
}

impl Dropout {
    /// The factor of element `index`: 0 or the scale.
    ///
    /// The mixing steps are the `lowbias32` function of Wellons, "Prospecting for Hash Functions" (2018).
    #[inline(always)]
    fn factor(self, index: u32) -> f32 {
        let mut h = index.wrapping_mul(0x9E37_79B9).wrapping_add(self.key);
        h ^= h >> 16;
        h = h.wrapping_mul(0x7feb_352d);
        h ^= h >> 15;
        h = h.wrapping_mul(0x846c_a68b);
        h ^= h >> 16;
        if (h >> 8) < self.threshold { 0.0 } else { self.scale }
    }
}

/// The numbers of one AdamW update.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdamStep {
    /// The gradient is multiplied with this first: clipping.
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
    /// out = GELU(x), the exact form x Φ(x).
    fn gelu(x: &[f32], out: &mut [f32]) {
        for (x, out) in x.iter().zip(out) {
            *out = x * normal(*x).0;
        }
    }

    /// Backward through GELU: `grad` is multiplied with its derivative at `x`, and `value` becomes GELU(x)
    /// again, so that forward need not keep it.
    fn gelu_backward(x: &[f32], grad: &mut [f32], value: &mut [f32]) {
        for ((x, grad), value) in x.iter().zip(grad).zip(value) {
            let (cdf, density) = normal(*x);
            *value = x * cdf;
            *grad *= cdf + x * density;
        }
    }

    /// out = x / (1 + e^(-2u)), the approximation of GELU by a hyperbolic tangent.
    fn gelu_tanh(x: &[f32], out: &mut [f32]) {
        for (x, out) in x.iter().zip(out) {
            *out = x * gelu_gate(*x).0;
        }
    }

    /// Backward through it, as [`gelu_backward`].
    fn gelu_tanh_backward(x: &[f32], grad: &mut [f32], value: &mut [f32]) {
        for ((x, grad), value) in x.iter().zip(grad).zip(value) {
            let (gate, slope) = gelu_gate(*x);
            *value = x * gate;
            *grad *= gate + x * gate * (1.0 - gate) * slope;
        }
    }

    /// out = max(x, 0).
    fn relu(x: &[f32], out: &mut [f32]) {
        for (x, out) in x.iter().zip(out) {
            *out = if *x > 0.0 { *x } else { 0.0 };
        }
    }

    /// Backward through it, as [`gelu_backward`].
    fn relu_backward(x: &[f32], grad: &mut [f32], value: &mut [f32]) {
        for ((x, grad), value) in x.iter().zip(grad).zip(value) {
            *value = if *x > 0.0 { *x } else { 0.0 };
            *grad = if *x > 0.0 { *grad } else { 0.0 };
        }
    }

    /// out = tanh(x).
    fn tanh(x: &[f32], out: &mut [f32]) {
        for (x, out) in x.iter().zip(out) {
            *out = x.tanh();
        }
    }

    /// Backward through it, as [`gelu_backward`].
    fn tanh_backward(x: &[f32], grad: &mut [f32], value: &mut [f32]) {
        for ((x, grad), value) in x.iter().zip(grad).zip(value) {
            *value = x.tanh();
            *grad *= 1.0 - *value * *value;
        }
    }

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

    /// Backward through softmax: `grad` becomes the gradient of the scores before the scale.
    fn softmax_backward(p: &[f32], grad: &mut [f32], scale: f32) {
        let mean = dot(p, grad);
        for (p, g) in p.iter().zip(grad) {
            *g = p * (*g - mean) * scale;
        }
    }

    /// Multiplies element i of `x` with the factor of element `first + i`.
    fn dropout(x: &mut [f32], dropout: Dropout, first: u32) {
        for (i, x) in x.iter_mut().enumerate() {
            *x *= dropout.factor(first.wrapping_add(i as u32));
        }
    }

    /// out = LayerNorm(x + residual) for one row; `normed` keeps the row before gain and bias.
    /// Returns 1 / standard deviation. `x` is used up.
    fn norm(
        x: &mut [f32],
        residual: &[f32],
        gain: &[f32],
        bias: &[f32],
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
        let (gain, bias, normed, out) = (&gain[..n], &bias[..n], &mut normed[..n], &mut out[..n]);
        for i in 0..n {
            normed[i] = x[i] * rstd;
            out[i] = normed[i] * gain[i] + bias[i];
        }
        rstd
    }

    /// Backward through LayerNorm for one row: `dx` is overwritten, gain and bias gradients are added to.
    fn norm_backward(
        dy: &[f32],
        normed: &[f32],
        gain: &[f32],
        rstd: f32,
        dx: &mut [f32],
        dgain: &mut [f32],
        dbias: &mut [f32],
    ) {
        let n = dy.len();
        let (normed, gain, dx) = (&normed[..n], &gain[..n], &mut dx[..n]);
        let (dgain, dbias) = (&mut dgain[..n], &mut dbias[..n]);
        for i in 0..n {
            dx[i] = dy[i] * gain[i];
            dgain[i] += dy[i] * normed[i];
            dbias[i] += dy[i];
        }
        let mean = sum(dx) / n as f32;
        let along = dot(dx, normed) / n as f32;
        for i in 0..n {
            dx[i] = rstd * (dx[i] - mean - normed[i] * along);
        }
    }

    /// x += y.
    fn add(x: &mut [f32], y: &[f32]) {
        for (x, y) in x.iter_mut().zip(y) {
            *x += y;
        }
    }

    /// The sum of squares.
    fn sum_of_squares(x: &[f32]) -> f32 {
        dot(x, x)
    }

    /// Turns a row of logits into the gradient of `weight` times its cross-entropy with class `target`, and
    /// returns that cross-entropy (not weighted).
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

    /// One AdamW update of parameters `p` with gradient `g` and moments `m`, `v`; `g` is cleared.
    ///
    /// Loshchilov & Hutter, "Decoupled Weight Decay Regularization" (2019), with PyTorch's order: decay
    /// first, epsilon added to the corrected root.
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Φ(x) in float64 by Simpson's rule.
    fn cdf(x: f64) -> f64 {
        let (n, density) = (2000, |t: f64| (-t * t / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt());
        let h = x / n as f64;
        let inner: f64 = (1..n).map(|i| density(h * i as f64) * if i % 2 == 1 { 4.0 } else { 2.0 }).sum();
        0.5 + h / 3.0 * (density(0.0) + inner + density(x))
    }

    #[test]
    fn exp_is_exact_to_two_ulps() {
        for i in -8700..8800 {
            let x = i as f32 / 100.0;
            let want = f64::from(x).exp();
            let error = (f64::from(exp(x)) - want).abs() / want;
            assert!(error < 2.5e-7, "exp({x}): relative error {error}");
        }
        assert!(exp(f32::NEG_INFINITY) < 1e-37);
    }

    #[test]
    fn gelu_and_its_derivative_follow_the_normal_distribution() {
        for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
            let x: Vec<f32> = (-600..=600).map(|i| i as f32 / 100.0).collect();
            let (mut out, mut value, mut grad) = (vec![0.0; x.len()], vec![0.0; x.len()], vec![1.0; x.len()]);
            gelu(kernels, &x, &mut out);
            gelu_backward(kernels, &x, &mut grad, &mut value);
            assert_eq!(out, value);
            for (i, &x) in x.iter().enumerate() {
                let x = f64::from(x);
                let density = (-x * x / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt();
                assert!((f64::from(out[i]) - x * cdf(x)).abs() < 2e-6, "gelu({x})");
                assert!((f64::from(grad[i]) - cdf(x) - x * density).abs() < 2e-6, "gelu'({x})");
            }
        }
    }

    #[test]
    fn every_activation_has_the_derivative_that_its_values_show() {
        type Forward = fn(Kernels, &[f32], &mut [f32]);
        type Backward = fn(Kernels, &[f32], &mut [f32], &mut [f32]);
        type Exact<'a> = &'a dyn Fn(f64) -> f64;
        // Values far from 0 show whether anything overflows.
        let x: Vec<f32> = (-80..=80).map(|i| (i as f32 + 0.5) / 8.0).chain([-1e4, 1e4]).collect();
        let tanh_form = |x: f64| 0.5 * x * (1.0 + (0.797_884_560_8 * (x + 0.044_715 * x * x * x)).tanh());
        let passes: [(Forward, Backward, Exact); 3] = [
            (gelu_tanh, gelu_tanh_backward, &tanh_form),
            (relu, relu_backward, &|x| x.max(0.0)),
            (super::tanh, tanh_backward, &f64::tanh),
        ];
        for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
            for (forward, backward, exact) in &passes {
                let (mut out, mut value, mut grad) =
                    (vec![0.0; x.len()], vec![0.0; x.len()], vec![2.0; x.len()]);
                forward(kernels, &x, &mut out);
                backward(kernels, &x, &mut grad, &mut value);
                assert_eq!(out, value);
                for (i, x) in x.iter().map(|x| f64::from(*x)).enumerate() {
                    let slope = (exact(x + 1e-5) - exact(x - 1e-5)) / 2e-5;
                    assert!((f64::from(out[i]) - exact(x)).abs() < 2e-6, "f({x}) = {}", out[i]);
                    assert!((f64::from(grad[i]) - 2.0 * slope).abs() < 1e-5, "f'({x}) = {}", grad[i]);
                }
            }
        }
    }

    #[test]
    fn softmax_sums_to_one_and_hides_what_is_not_visible() {
        for n in [1, 5, 16, 37] {
            let mut row: Vec<f32> = (0..n + 3).map(|i| (i as f32 * 0.7).sin() * 30.0).collect();
            softmax(Kernels::detect(), &mut row, n, 2.0);
            assert!((row[..n].iter().sum::<f32>() - 1.0).abs() < 1e-5);
            assert_eq!(row[n..], [0.0; 3]);
        }
    }

    #[test]
    fn dropout_drops_the_share_it_is_asked_for_and_keeps_the_mean() {
        let dropout_rate = 0.1f32;
        let mask = Dropout { key: 7, threshold: (dropout_rate * (1 << 24) as f32) as u32, scale: 1.0 / 0.9 };
        let mut x = vec![1.0; 100_000];
        dropout(Kernels::detect(), &mut x, mask, 0);
        let dropped = x.iter().filter(|x| **x == 0.0).count() as f32 / x.len() as f32;
        assert!((dropped - dropout_rate).abs() < 0.004, "{dropped}");
        let mut again = vec![1.0; 100];
        dropout(Kernels::Portable, &mut again, mask, 1000);
        assert_eq!(again, x[1000..1100]);
    }

    #[test]
    fn every_set_of_kernels_gives_the_same_bits() {
        let x: Vec<f32> = (0..133).map(|i| (i as f32 * 1.3).sin() * 3.0).collect();
        let run = |kernels: Kernels| {
            let (mut y, mut normed, mut out) = (x.clone(), vec![0.0; 133], vec![0.0; 133]);
            let rstd = norm(kernels, &mut y, &x, &x, &x, 1e-12, &mut normed, &mut out);
            let (mut dx, mut dg, mut db) = (vec![0.0; 133], vec![0.0; 133], vec![0.0; 133]);
            norm_backward(kernels, &x, &normed, &x, rstd, &mut dx, &mut dg, &mut db);
            let loss = cross_entropy_row(kernels, &mut out, 3, 0.5);
            (out, dx, dg, db, loss.to_bits())
        };
        for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
            assert_eq!(run(kernels), run(Kernels::Portable), "{kernels:?}");
        }
    }
}
