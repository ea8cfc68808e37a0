//! Vector passes: activations, normalisation, softmax, dropout, optimizer update.
//!
//! Each is written once, in plain Rust that the compiler vectorises, and compiled once per set of kernels.
//! Sums use 16 lanes that are added in a fixed order, so every set gives the same bits.

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

mod activation;
mod adamw;
mod dropout;
mod norm;
mod softmax;

pub(crate) use activation::{
    gelu, gelu_backward, gelu_tanh, gelu_tanh_backward, relu, relu_backward, tanh, tanh_backward,
};
pub(crate) use adamw::{AdamStep, adamw};
pub(crate) use dropout::{Dropout, dropout};
pub(crate) use norm::{norm, norm_backward};
pub(crate) use softmax::{cross_entropy_row, log_sum_exp, scaled_softmax, softmax, softmax_backward};

/// e^x with a relative error below 2e-7 for x in [-87, 88]; outside, the value at the boundary.
///
/// Splits x = n ln 2 + r and sums the Taylor series of e^r to the seventh power, |r| <= ln 2 / 2.
#[inline(always)]
fn exp(x: f32) -> f32 {
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

/// Sums the lanes, always in this order.
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

/// The sum of a row.
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

/// The sum of products.
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

/// The largest element.
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

vectorised! {
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
