//! The register tile for AVX-512: 12 x 32, in 24 accumulators of 16 lanes.

use super::gemm::{Tile, TileStart};

pub(super) struct Tile512;

#[cfg(target_arch = "x86_64")]
mod imp {
    use std::arch::x86_64::*;

    use super::super::gemm::TileStart;

    fn mask(lanes: usize) -> __mmask16 {
        if lanes >= 16 { 0xffff } else { (1 << lanes) - 1 }
    }

    /// Transposes 16 x 16 elements held in 16 registers.
    #[inline]
    #[target_feature(enable = "avx512f")]
    fn transpose(r: &mut [__m512; 16]) {
        let mut t = [_mm512_setzero_ps(); 16];
        for i in 0..8 {
            t[2 * i] = _mm512_unpacklo_ps(r[2 * i], r[2 * i + 1]);
            t[2 * i + 1] = _mm512_unpackhi_ps(r[2 * i], r[2 * i + 1]);
        }
        let wide = |x| _mm512_castps_pd(x);
        for i in 0..4 {
            let (a, b, c, d) = (wide(t[4 * i]), wide(t[4 * i + 1]), wide(t[4 * i + 2]), wide(t[4 * i + 3]));
            r[4 * i] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
            r[4 * i + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
            r[4 * i + 2] = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
            r[4 * i + 3] = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
        }
        for i in 0..4 {
            t[i] = _mm512_shuffle_f32x4::<0x88>(r[i], r[4 + i]);
            t[4 + i] = _mm512_shuffle_f32x4::<0xdd>(r[i], r[4 + i]);
            t[8 + i] = _mm512_shuffle_f32x4::<0x88>(r[8 + i], r[12 + i]);
            t[12 + i] = _mm512_shuffle_f32x4::<0xdd>(r[8 + i], r[12 + i]);
        }
        for i in 0..4 {
            r[i] = _mm512_shuffle_f32x4::<0x88>(t[i], t[8 + i]);
            r[8 + i] = _mm512_shuffle_f32x4::<0xdd>(t[i], t[8 + i]);
            r[4 + i] = _mm512_shuffle_f32x4::<0x88>(t[4 + i], t[12 + i]);
            r[12 + i] = _mm512_shuffle_f32x4::<0xdd>(t[4 + i], t[12 + i]);
        }
    }

    /// # Safety
    /// See `Tile::pack`.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) unsafe fn pack<const W: usize>(
        src: *const f32,
        lane_stride: usize,
        step_stride: usize,
        lanes: usize,
        depth: usize,
        dst: *mut f32,
    ) {
        if lane_stride == 1 {
            // Steps outside: whole rows of memory are read one after the other.
            for step in 0..depth {
                for first in (0..lanes).step_by(W) {
                    for half in (0..W).step_by(16) {
                        let (width, have) = (W - half, lanes.saturating_sub(first + half));
                        let from = src.wrapping_add(first + half + step * step_stride);
                        // SAFETY: masked lanes are not read; the rest lie inside (contract of `pack`), and
                        // `dst` has room for whole panels.
                        unsafe {
                            let row = _mm512_maskz_loadu_ps(mask(have.min(width)), from);
                            let to = dst.add(first * depth + step * W + half);
                            _mm512_mask_storeu_ps(to, mask(width), row);
                        }
                    }
                }
            }
            return;
        }
        if step_stride != 1 {
            // SAFETY: the same contract.
            return unsafe {
                super::super::portable::pack::<W>(src, lane_stride, step_stride, lanes, depth, dst)
            };
        }
        for first in (0..lanes).step_by(W) {
            for half in (0..W).step_by(16) {
                let width = mask(W - half);
                let have = lanes.saturating_sub(first + half).min(W - half).min(16);
                let from = src.wrapping_add((first + half) * lane_stride);
                for step in (0..depth).step_by(16) {
                    let mut block = [_mm512_setzero_ps(); 16];
                    let steps = (depth - step).min(16);
                    for (lane, row) in block.iter_mut().enumerate().take(have) {
                        // SAFETY: as above; steps beyond `depth` are masked.
                        *row = unsafe {
                            _mm512_maskz_loadu_ps(mask(steps), from.wrapping_add(lane * lane_stride + step))
                        };
                    }
                    transpose(&mut block);
                    for (i, row) in block.iter().enumerate().take(steps) {
                        // SAFETY: as above.
                        unsafe {
                            let to = dst.add(first * depth + (step + i) * W + half);
                            _mm512_mask_storeu_ps(to, width, *row);
                        }
                    }
                }
            }
        }
    }

    /// `R` rows and up to 32 columns.
    ///
    /// # Safety
    /// See `Tile::tile`.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn tile<const R: usize>(
        cols: usize,
        depth: usize,
        mut a: *const f32,
        mut b: *const f32,
        c: *mut f32,
        stride: usize,
        start: TileStart,
    ) {
        let (low, high) = (mask(cols), mask(cols.saturating_sub(16)));
        let mut sum = [[_mm512_setzero_ps(); 2]; R];
        for i in 0..R {
            let row = c.wrapping_add(i * stride);
            _mm_prefetch::<_MM_HINT_T0>(row.cast());
            _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(16).cast());
        }
        for _ in 0..depth {
            // SAFETY: the panels hold `depth` steps of 12 and 32 elements.
            unsafe {
                let (b0, b1) = (_mm512_load_ps(b), _mm512_load_ps(b.add(16)));
                for (i, s) in sum.iter_mut().enumerate() {
                    let x = _mm512_set1_ps(*a.add(i));
                    s[0] = _mm512_fmadd_ps(x, b0, s[0]);
                    s[1] = _mm512_fmadd_ps(x, b1, s[1]);
                }
                a = a.add(12);
                b = b.add(32);
            }
        }
        for (i, s) in sum.iter().enumerate() {
            let row = c.wrapping_add(i * stride);
            // SAFETY: C and the bias have `R` x `cols` elements; the others are masked.
            unsafe {
                let (left, right) = match start {
                    TileStart::Zero => (s[0], s[1]),
                    TileStart::Accumulate => (
                        _mm512_add_ps(s[0], _mm512_maskz_loadu_ps(low, row)),
                        _mm512_add_ps(s[1], _mm512_maskz_loadu_ps(high, row.wrapping_add(16))),
                    ),
                    TileStart::Bias(bias) => (
                        _mm512_add_ps(s[0], _mm512_maskz_loadu_ps(low, bias)),
                        _mm512_add_ps(s[1], _mm512_maskz_loadu_ps(high, bias.wrapping_add(16))),
                    ),
                };
                _mm512_mask_storeu_ps(row, low, left);
                _mm512_mask_storeu_ps(row.wrapping_add(16), high, right);
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Tile for Tile512 {
    const ROWS: usize = 12;
    const COLS: usize = 32;

    unsafe fn pack<const W: usize>(
        src: *const f32,
        lane_stride: usize,
        step_stride: usize,
        lanes: usize,
        depth: usize,
        dst: *mut f32,
    ) {
        // SAFETY: the caller keeps the contract of `Tile::pack`.
        unsafe { imp::pack::<W>(src, lane_stride, step_stride, lanes, depth, dst) }
    }

    unsafe fn tile(
        rows: usize,
        cols: usize,
        depth: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        stride: usize,
        start: TileStart,
    ) {
        // SAFETY: the caller keeps the contract of `Tile::tile`.
        unsafe {
            super::by_rows!(rows, imp::tile, (cols, depth, a, b, c, stride, start), 1 2 3 4 5 6 7 8 9 10 11 12)
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
super::unavailable!(Tile512, 12, 32);
