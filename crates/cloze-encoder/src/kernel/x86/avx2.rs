//! The register tile for AVX2 with FMA: 6 x 16, in 12 accumulators of 8 lanes.

use crate::kernel::matrix::Mat;
use crate::kernel::tile::{Tile, TileStart};

pub(in crate::kernel) struct Tile256;

#[cfg(target_arch = "x86_64")]
mod imp {
    use std::arch::x86_64::*;

    use crate::kernel::tile::TileStart;

    /// `R` rows and up to 16 columns.
    ///
    /// # Safety
    /// See `Tile::tile`.
    #[target_feature(enable = "avx2,fma")]
    pub(super) unsafe fn tile<const R: usize>(
        cols: usize,
        a: &[f32],
        b: &[f32],
        c: *mut f32,
        stride: usize,
        start: TileStart,
    ) {
        let mut sum = [[_mm256_setzero_ps(); 2]; R];
        for (a, b) in a.as_chunks::<6>().0.iter().zip(b.as_chunks::<16>().0) {
            // SAFETY: a step of B has 16 elements.
            let (b0, b1) = unsafe { (_mm256_loadu_ps(b.as_ptr()), _mm256_loadu_ps(b.as_ptr().add(8))) };
            for (s, x) in sum.iter_mut().zip(a) {
                let x = _mm256_broadcast_ss(x);
                s[0] = _mm256_fmadd_ps(x, b0, s[0]);
                s[1] = _mm256_fmadd_ps(x, b1, s[1]);
            }
        }
        for (i, s) in sum.iter().enumerate() {
            let row = c.wrapping_add(i * stride);
            if cols == 16 {
                // SAFETY: C and the bias have `R` x 16 elements.
                unsafe {
                    let add = match start {
                        TileStart::Zero => [_mm256_setzero_ps(); 2],
                        TileStart::Accumulate => [_mm256_loadu_ps(row), _mm256_loadu_ps(row.add(8))],
                        TileStart::Bias(bias) => [_mm256_loadu_ps(bias), _mm256_loadu_ps(bias.add(8))],
                    };
                    _mm256_storeu_ps(row, _mm256_add_ps(s[0], add[0]));
                    _mm256_storeu_ps(row.add(8), _mm256_add_ps(s[1], add[1]));
                }
            } else {
                let mut values = [0.0f32; 16];
                // SAFETY: `values` has 16 elements; C and the bias have `R` x `cols`.
                unsafe {
                    _mm256_storeu_ps(values.as_mut_ptr(), s[0]);
                    _mm256_storeu_ps(values.as_mut_ptr().add(8), s[1]);
                    crate::kernel::portable::finish(&values[..cols], row, start);
                }
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Tile for Tile256 {
    type Word = f32;
    const ROWS: usize = 6;
    const COLS: usize = 16;

    unsafe fn pack_a(lanes: Mat, dst: &mut [f32]) {
        crate::kernel::portable::pack::<6>(lanes, dst);
    }

    unsafe fn pack_b(lanes: Mat, dst: &mut [f32]) {
        crate::kernel::portable::pack::<16>(lanes, dst);
    }

    unsafe fn tile(
        rows: usize,
        cols: usize,
        a: &[f32],
        b: &[f32],
        c: *mut f32,
        stride: usize,
        start: TileStart,
    ) {
        // SAFETY: the caller keeps the contract of `Tile::tile`.
        unsafe { crate::kernel::tile::by_rows!(rows, imp::tile, (cols, a, b, c, stride, start), 1 2 3 4 5 6) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
crate::kernel::tile::unavailable!(Tile256);
