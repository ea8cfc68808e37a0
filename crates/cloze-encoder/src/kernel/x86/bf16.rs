//! The register tile for AVX512-BF16: 12 x 32, in 24 accumulators of 16 lanes, each of which takes two
//! bfloat16 products at a time. Packing converts to bfloat16, rounding to nearest, ties to even.

use crate::kernel::matrix::Mat;
use crate::kernel::tile::{Tile, TileStart};

pub(in crate::kernel) struct TileBf16;

/// Whether these instructions are faster for products than float32.
#[cfg(target_arch = "x86_64")]
pub(in crate::kernel) fn is_fast() -> bool {
    use std::arch::x86_64::__cpuid;
    #[allow(unused_unsafe, reason = "the function was unsafe before Rust 1.93")]
    // SAFETY: every x86-64 processor has CPUID.
    let vendor = unsafe { __cpuid(0) };
    [vendor.ebx, vendor.edx, vendor.ecx].map(u32::to_le_bytes).as_flattened() == b"AuthenticAMD"
}

#[cfg(not(target_arch = "x86_64"))]
pub(in crate::kernel) fn is_fast() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
pub(super) mod imp {
    use std::arch::x86_64::*;

    use super::super::avx512::imp::{mask, store, transpose};
    use crate::kernel::matrix::Mat;
    use crate::kernel::tile::TileStart;

    /// The layout of a block of 16 lanes x 32 steps in 16 vectors of bfloat16 pairs.
    #[derive(Clone, Copy, PartialEq)]
    pub(in crate::kernel) enum Order {
        /// Vector i is lane i with its 16 pairs of steps.
        Lanes,
        /// Vector i is the i-th pair of steps of the 16 lanes.
        Pairs,
    }

    type Block = [__m512; 16];

    /// Number of rows in memory to prefetch before packing: the hardware does not predict strides of
    /// kilobytes.
    const AHEAD: usize = 32;

    /// Rounds 16 lanes from `first` and 32 steps from `step` to bfloat16; elements outside the view are zero.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    pub(in crate::kernel) fn block(view: Mat, first: usize, step: usize, order: Order) -> Block {
        let (mut rows, found) = if view.row_stride == 1 {
            (pairs(view, first, step), Order::Pairs)
        } else if view.col_stride == 1 {
            (lanes(view, first, step), Order::Lanes)
        } else {
            let mut copy = [0.0f32; 16 * 32];
            for lane in first..view.rows.min(first + 16) {
                for i in step..view.cols.min(step + 32) {
                    // SAFETY: there are such a lane and step.
                    copy[(lane - first) * 32 + i - step] = unsafe { view.at(lane, i) };
                }
            }
            (lanes(Mat::new(&copy, 16, 32), 0, 0), Order::Lanes)
        };
        if found != order {
            transpose(&mut rows);
        }
        rows
    }

    /// A block whose lanes are adjacent in memory, as pairs of steps.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn pairs(view: Mat, first: usize, step: usize) -> Block {
        const PLACES: [u16; 32] = {
            let mut places = [0; 32];
            let mut i = 0;
            while i < 32 {
                places[i] = (i / 2 + 16 * (i % 2)) as u16;
                i += 1;
            }
            places
        };
        // SAFETY: there are 32 places in 64 bytes.
        let places = unsafe { _mm512_loadu_si512(PLACES.as_ptr().cast()) };
        let wanted = mask(view.rows.saturating_sub(first));
        let load = |step: usize| {
            let wanted = if step < view.cols { wanted } else { 0 };
            let from = view.ptr.wrapping_add(first + step * view.col_stride);
            _mm_prefetch::<_MM_HINT_T0>(from.wrapping_add(AHEAD * view.col_stride).cast());
            // SAFETY: lanes that are not there, and a step that is not, are masked.
            unsafe { _mm512_maskz_loadu_ps(wanted, from) }
        };
        let mut rows = [_mm512_setzero_ps(); 16];
        for (pair, row) in rows.iter_mut().enumerate() {
            let both = _mm512_cvtne2ps_pbh(load(step + 2 * pair + 1), load(step + 2 * pair));
            // SAFETY: two kinds of vectors of 64 bytes.
            let both: __m512i = unsafe { std::mem::transmute(both) };
            *row = _mm512_castsi512_ps(_mm512_permutexvar_epi16(places, both));
        }
        rows
    }

    /// A block whose steps are adjacent in memory, lane by lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    fn lanes(view: Mat, first: usize, step: usize) -> Block {
        let steps = view.cols.saturating_sub(step);
        let (low, high) = (mask(steps), mask(steps.saturating_sub(16)));
        let mut rows = [_mm512_setzero_ps(); 16];
        for (lane, row) in rows.iter_mut().enumerate() {
            let lane = first + lane;
            let (low, high) = if lane < view.rows { (low, high) } else { (0, 0) };
            let from = view.ptr.wrapping_add(lane * view.row_stride + step);
            let ahead = from.wrapping_add(AHEAD * view.row_stride);
            _mm_prefetch::<_MM_HINT_T0>(ahead.cast());
            _mm_prefetch::<_MM_HINT_T0>(ahead.wrapping_add(16).cast());
            // SAFETY: steps that are not there, and a lane that is not, are masked.
            *row = unsafe {
                let near = _mm512_maskz_loadu_ps(low, from);
                let far = _mm512_maskz_loadu_ps(high, from.wrapping_add(16));
                // Two kinds of vectors of 64 bytes.
                std::mem::transmute::<__m512bh, __m512>(_mm512_cvtne2ps_pbh(far, near))
            };
        }
        rows
    }

    /// Packs panels of `W` lanes, `dst[panel][pair][W]`.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    pub(super) fn pack<const W: usize>(view: Mat, dst: &mut [u32]) {
        let pairs = view.cols.div_ceil(2);
        for (panel, dst) in dst.chunks_exact_mut(W * pairs).enumerate() {
            for half in (0..W).step_by(16) {
                let width = (W - half).min(16);
                for step in (0..view.cols).step_by(32) {
                    let rows = block(view, panel * W + half, step, Order::Pairs);
                    for (row, dst) in rows.iter().zip(dst[step / 2 * W..].chunks_exact_mut(W)) {
                        let dst = &mut dst[half..half + width];
                        // SAFETY: `dst` has `width` words; the others are masked.
                        unsafe { _mm512_mask_storeu_ps(dst.as_mut_ptr().cast(), mask(width), *row) };
                    }
                }
            }
        }
    }

    /// `R` rows and up to 32 columns.
    ///
    /// # Safety
    /// See `Tile::tile`.
    #[target_feature(enable = "avx512f,avx512bf16")]
    pub(super) unsafe fn tile<const R: usize>(
        cols: usize,
        a: &[u32],
        b: &[u32],
        c: *mut f32,
        stride: usize,
        start: TileStart,
    ) {
        let mut sum = [[_mm512_setzero_ps(); 2]; R];
        for (a, b) in a.as_chunks::<12>().0.iter().zip(b.as_chunks::<32>().0) {
            // SAFETY: a pair of steps of B has 32 words.
            let (b0, b1): (__m512bh, __m512bh) = unsafe { (load(b.as_ptr()), load(b.as_ptr().add(16))) };
            for (s, x) in sum.iter_mut().zip(a) {
                // SAFETY: two kinds of vectors of 64 bytes.
                let x: __m512bh = unsafe { std::mem::transmute(_mm512_set1_epi32(*x as i32)) };
                s[0] = _mm512_dpbf16_ps(s[0], x, b0);
                s[1] = _mm512_dpbf16_ps(s[1], x, b1);
            }
        }
        for (i, s) in sum.iter().enumerate() {
            // SAFETY: by the contract of this function.
            unsafe { store(s[0], s[1], cols, c.wrapping_add(i * stride), start) };
        }
    }

    /// # Safety
    /// 16 words can be read.
    #[inline]
    #[target_feature(enable = "avx512f,avx512bf16")]
    unsafe fn load(words: *const u32) -> __m512bh {
        // SAFETY: by the contract of this function; two kinds of vectors of 64 bytes.
        unsafe { std::mem::transmute(_mm512_loadu_si512(words.cast())) }
    }
}

#[cfg(target_arch = "x86_64")]
impl Tile for TileBf16 {
    type Word = u32;
    const ROWS: usize = 12;
    const COLS: usize = 32;
    const DEPTH: usize = 512;

    fn words(depth: usize) -> usize {
        depth.div_ceil(2)
    }

    unsafe fn pack_a(lanes: Mat, dst: &mut [u32]) {
        // SAFETY: the processor has the instructions, by the contract of `Tile`.
        unsafe { imp::pack::<12>(lanes, dst) }
    }

    unsafe fn pack_b(lanes: Mat, dst: &mut [u32]) {
        // SAFETY: as above.
        unsafe { imp::pack::<32>(lanes, dst) }
    }

    unsafe fn tile(
        rows: usize,
        cols: usize,
        a: &[u32],
        b: &[u32],
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
crate::kernel::tile::unavailable!(TileBf16);
