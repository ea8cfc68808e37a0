//! The register tile for AVX-512: 12 x 32, in 24 accumulators of 16 lanes.

use crate::kernel::matrix::Mat;
use crate::kernel::tile::{Tile, TileStart};

pub(in crate::kernel) struct Tile512;

#[cfg(target_arch = "x86_64")]
pub(super) mod imp {
    use std::arch::x86_64::*;

    use crate::kernel::matrix::Mat;
    use crate::kernel::tile::TileStart;

    /// The mask for the first `lanes` of 16 lanes.
    pub(in crate::kernel) fn mask(lanes: usize) -> __mmask16 {
        if lanes >= 16 { 0xffff } else { (1 << lanes) - 1 }
    }

    /// Transposes 16 x 16 elements held in 16 registers.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(in crate::kernel) fn transpose(r: &mut [__m512; 16]) {
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

    /// Number of rows in memory to prefetch before packing: the hardware does not predict strides of
    /// kilobytes.
    const AHEAD: usize = 12;

    /// Packs panels of `W` lanes.
    #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")]
    pub(super) fn pack<const W: usize>(view: Mat, dst: &mut [f32]) {
        let Mat {
            ptr: src, rows: lanes, cols: depth, row_stride: lane_stride, col_stride: step_stride, ..
        } = view;
        assert!(dst.len() >= lanes.next_multiple_of(W) * depth, "the lanes have room");
        if lane_stride != 1 && step_stride != 1 {
            return crate::kernel::portable::pack::<W>(view, dst);
        }
        let dst = dst.as_mut_ptr();
        if lane_stride == 1 {
            // A few panels at a time: enough to read rows of memory by whole cache lines, and few enough that
            // the lines written, whose distance of one panel is a power of two, do not evict each other from
            // the cache.
            for group in (0..lanes).step_by(4 * W) {
                for step in 0..depth {
                    for first in (group..lanes.min(group + 4 * W)).step_by(W) {
                        for half in (0..W).step_by(16) {
                            let (width, have) = (W - half, lanes.saturating_sub(first + half));
                            let from = src.wrapping_add(first + half + step * step_stride);
                            _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD * step_stride).cast());
                            // SAFETY: masked lanes are not read and the rest lie inside the view; `dst` has room
                            // for whole panels.
                            unsafe {
                                let row = _mm512_maskz_loadu_ps(mask(have.min(width)), from);
                                let to = dst.add(first * depth + step * W + half);
                                _mm512_mask_storeu_ps(to, mask(width), row);
                            }
                        }
                    }
                }
            }
            return;
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
                        let from = from.wrapping_add(lane * lane_stride + step);
                        _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(16 * lane_stride).cast());
                        // SAFETY: as above; steps beyond `depth` are masked.
                        *row = unsafe { _mm512_maskz_loadu_ps(mask(steps), from) };
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
        a: &[f32],
        b: &[f32],
        c: *mut f32,
        stride: usize,
        start: TileStart,
    ) {
        let mut sum = [[_mm512_setzero_ps(); 2]; R];
        for i in 0..R {
            let row = c.wrapping_add(i * stride);
            _mm_prefetch::<_MM_HINT_T0>(row.cast());
            _mm_prefetch::<_MM_HINT_T0>(row.wrapping_add(16).cast());
        }
        let mut depth = (a.len() / 12).min(b.len() / 32);
        let (mut a, mut b) = (a.as_ptr(), b.as_ptr());
        while depth > 0 {
            depth -= 1;
            // SAFETY: the panels hold `depth` steps of 12 and 32 elements.
            unsafe {
                let (b0, b1) = (_mm512_loadu_ps(b), _mm512_loadu_ps(b.add(16)));
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
            // SAFETY: by the contract of this function.
            unsafe { store(s[0], s[1], cols, c.wrapping_add(i * stride), start) };
        }
    }

    /// Adds the start to the sums of a row of a tile and stores them.
    ///
    /// # Safety
    /// The row, and the bias if there is one, have `cols` elements.
    #[inline]
    #[target_feature(enable = "avx512f")]
    pub(in crate::kernel) unsafe fn store(
        left: __m512,
        right: __m512,
        cols: usize,
        row: *mut f32,
        start: TileStart,
    ) {
        let (low, high) = (mask(cols), mask(cols.saturating_sub(16)));
        // SAFETY: there are `cols` elements; the others are masked.
        unsafe {
            let from = match start {
                TileStart::Zero => None,
                TileStart::Accumulate => Some(row.cast_const()),
                TileStart::Bias(bias) => Some(bias),
            };
            let (left, right) = match from {
                None => (left, right),
                Some(from) => (
                    _mm512_add_ps(left, _mm512_maskz_loadu_ps(low, from)),
                    _mm512_add_ps(right, _mm512_maskz_loadu_ps(high, from.wrapping_add(16))),
                ),
            };
            _mm512_mask_storeu_ps(row, low, left);
            _mm512_mask_storeu_ps(row.wrapping_add(16), high, right);
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Tile for Tile512 {
    type Word = f32;
    const ROWS: usize = 12;
    const COLS: usize = 32;

    unsafe fn pack_a(lanes: Mat, dst: &mut [f32]) {
        // SAFETY: the processor has the instructions, by the contract of `Tile`.
        unsafe { imp::pack::<12>(lanes, dst) }
    }

    unsafe fn pack_b(lanes: Mat, dst: &mut [f32]) {
        // SAFETY: as above.
        unsafe { imp::pack::<32>(lanes, dst) }
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
        unsafe {
            crate::kernel::tile::by_rows!(rows, imp::tile, (cols, a, b, c, stride, start), 1 2 3 4 5 6 7 8 9 10 11 12)
        }
    }
}

#[cfg(not(target_arch = "x86_64"))]
crate::kernel::tile::unavailable!(Tile512);
