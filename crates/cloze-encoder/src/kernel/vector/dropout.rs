//! Dropout with masks that are computed rather than stored.

use crate::kernel::Kernels;

/// Determines which elements are dropped with a counter-based generator, so that backward reproduces the mask
/// without storing it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Dropout {
    /// Selects the random stream: one per step, layer and place.
    pub(crate) key: u32,
    /// An element is dropped if its 24-bit number is below this.
    pub(crate) threshold: u32,
    /// The factor for elements that are kept: 1 / (1 - rate).
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

vectorised! {
    /// Multiplies element i of `x` by the factor of element `first + i`.
    fn dropout(x: &mut [f32], dropout: Dropout, first: u32) {
        for (i, x) in x.iter_mut().enumerate() {
            *x *= dropout.factor(first.wrapping_add(i as u32));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
