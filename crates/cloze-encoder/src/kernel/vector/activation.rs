//! Activation functions, forward and backward.

use super::exp;
use crate::kernel::Kernels;

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

/// The logistic function of 2 √(2/π) (x + 0.044715 x³), by which the GELU approximation multiplies x, and the
/// derivative of its argument.
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

vectorised! {
    /// out = GELU(x), the exact form x Φ(x).
    fn gelu(x: &[f32], out: &mut [f32]) {
        for (x, out) in x.iter().zip(out) {
            *out = x * normal(*x).0;
        }
    }

    /// Backward through GELU: multiplies `grad` by its derivative at `x`, and recomputes `value` = GELU(x),
    /// so that forward need not keep it.
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

    /// Backward through this approximation, as [`gelu_backward`].
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

    /// Backward through ReLU, as [`gelu_backward`].
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

    /// Backward through tanh, as [`gelu_backward`].
    fn tanh_backward(x: &[f32], grad: &mut [f32], value: &mut [f32]) {
        for ((x, grad), value) in x.iter().zip(grad).zip(value) {
            *value = x.tanh();
            *grad *= 1.0 - *value * *value;
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
}
