//! The register tile for AMX: 32 x 32, in four accumulators of 16 x 16, each of which takes 32 bfloat16
//! products at a time. The remaining four tile registers hold two blocks of A, 16 rows x 32 steps, and two of
//! B, 16 pairs of steps x 16 columns. Panels consist of such blocks of 1 KiB, one after the other: two for
//! the first 32 steps, two for the next, and so on.
//!
//! Intel, "Intel 64 and IA-32 Architectures Software Developer's Manual", volume 1, chapter 18.

use crate::kernel::matrix::Mat;
use crate::kernel::tile::{Tile, TileStart};

pub(in crate::kernel) struct TileAmx;

/// Whether the processor has the instructions and the operating system lets this process use them.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
pub(in crate::kernel) fn available() -> bool {
    static AVAILABLE: std::sync::LazyLock<bool> = std::sync::LazyLock::new(imp::permitted);
    *AVAILABLE
}

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
pub(in crate::kernel) fn available() -> bool {
    false
}

#[cfg(target_arch = "x86_64")]
mod imp {
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::mem::MaybeUninit;

    use super::super::avx512::imp::mask;
    use super::super::bf16::imp::{Order, block};
    use crate::kernel::matrix::Mat;
    use crate::kernel::tile::TileStart;

    /// Words of a block: 16 rows of 64 bytes.
    const BLOCK: usize = 256;

    /// Requests the tile registers, which Linux grants only on request, once per process.
    #[cfg(target_os = "linux")]
    pub(super) fn permitted() -> bool {
        const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
        const XFEATURE_XTILEDATA: libc::c_long = 18;
        const AMX_BF16: u32 = 1 << 22;
        const AMX_TILE: u32 = 1 << 24;
        #[allow(unused_unsafe, reason = "the function was unsafe before Rust 1.93")]
        // SAFETY: every x86-64 processor has CPUID; leaf 7 exists where there is AVX-512, and what does not
        // exist reads as other numbers, not as an error.
        let features = unsafe { __cpuid_count(7, 0) }.edx;
        // SAFETY: this call changes only what the kernel saves of this process when it switches tasks.
        features & AMX_BF16 != 0
            && features & AMX_TILE != 0
            && unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) } == 0
    }

    /// The shapes of the tile registers, as LDTILECFG reads them.
    #[repr(C, align(64))]
    struct Shapes {
        palette: u8,
        start_row: u8,
        reserved: [u8; 14],
        row_bytes: [u16; 16],
        rows: [u8; 16],
    }

    /// All eight registers hold 16 rows of 64 bytes.
    const SHAPES: Shapes = Shapes {
        palette: 1,
        start_row: 0,
        reserved: [0; 14],
        row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
        rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
    };

    /// Configures the tile registers of this thread.
    ///
    /// # Safety
    /// [`super::available`] is true.
    pub(super) unsafe fn begin() {
        // SAFETY: the shapes are valid ones; the tile registers belong to this module alone.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &SHAPES, options(nostack, readonly, preserves_flags),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
        }
    }

    /// Releases the tile registers, so that the system need not save them.
    ///
    /// # Safety
    /// [`super::available`] is true.
    pub(super) unsafe fn end() {
        // SAFETY: the tile registers belong to this module alone.
        unsafe {
            asm!("tilerelease", options(nostack, nomem, preserves_flags),
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _);
        }
    }

    /// Packs panels of 32 lanes, `dst[panel][step / 32][half][16][16]`, with the last two dimensions ordered
    /// by `order`.
    #[target_feature(enable = "avx512f,avx512bw,avx512bf16")]
    pub(super) fn pack(view: Mat, order: Order, dst: &mut [u32]) {
        let depth = view.cols.div_ceil(32);
        for (panel, dst) in dst.chunks_exact_mut(2 * BLOCK * depth).enumerate() {
            for (i, dst) in dst.chunks_exact_mut(BLOCK).enumerate() {
                let rows = block(view, 32 * panel + 16 * (i % 2), 32 * (i / 2), order);
                for (row, dst) in rows.iter().zip(dst.as_chunks_mut::<16>().0) {
                    // SAFETY: a row has 16 words.
                    unsafe { _mm512_storeu_ps(dst.as_mut_ptr().cast(), *row) };
                }
            }
        }
    }

    /// Computes a whole tile: the values at `from`, or zero if that is null, plus the product; stores it at
    /// `c`. Strides are in bytes.
    ///
    /// # Safety
    /// The registers are shaped; 32 x 32 elements can be read at `from` (with any stride, zero too) and written
    /// at `c`; the panels are of equal length.
    unsafe fn multiply(
        a: &[u32],
        b: &[u32],
        from: *const f32,
        from_stride: usize,
        c: *mut f32,
        stride: usize,
    ) {
        debug_assert!(a.len() == b.len() && !a.is_empty() && a.len().is_multiple_of(2 * BLOCK));
        // SAFETY: reads the two panels and what the contract allows, writes the tile.
        unsafe {
            asm!(
                "test {from}, {from}",
                "jz 2f",
                "tileloadd tmm0, [{from} + {from_stride}*1]",
                "tileloadd tmm1, [{from} + {from_stride}*1 + 64]",
                "tileloadd tmm2, [{from_low} + {from_stride}*1]",
                "tileloadd tmm3, [{from_low} + {from_stride}*1 + 64]",
                "jmp 3f",
                "2:",
                "tilezero tmm0",
                "tilezero tmm1",
                "tilezero tmm2",
                "tilezero tmm3",
                "3:",
                "tileloadd tmm6, [{b} + {row}*1]",
                "tileloadd tmm4, [{a} + {row}*1]",
                "tdpbf16ps tmm0, tmm4, tmm6",
                "tileloadd tmm7, [{b} + {row}*1 + 1024]",
                "tdpbf16ps tmm1, tmm4, tmm7",
                "tileloadd tmm5, [{a} + {row}*1 + 1024]",
                "tdpbf16ps tmm2, tmm5, tmm6",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "add {a}, 2048",
                "add {b}, 2048",
                "dec {steps}",
                "jnz 3b",
                "tilestored [{c} + {stride}*1], tmm0",
                "tilestored [{c} + {stride}*1 + 64], tmm1",
                "tilestored [{c_low} + {stride}*1], tmm2",
                "tilestored [{c_low} + {stride}*1 + 64], tmm3",
                a = inout(reg) a.as_ptr() => _,
                b = inout(reg) b.as_ptr() => _,
                steps = inout(reg) a.len() / (2 * BLOCK) => _,
                row = in(reg) 64usize,
                from = in(reg) from,
                from_low = in(reg) from.wrapping_byte_add(16 * from_stride),
                from_stride = in(reg) from_stride,
                c = in(reg) c,
                c_low = in(reg) c.wrapping_byte_add(16 * stride),
                stride = in(reg) stride,
                out("tmm0") _, out("tmm1") _, out("tmm2") _, out("tmm3") _,
                out("tmm4") _, out("tmm5") _, out("tmm6") _, out("tmm7") _,
                options(nostack),
            );
        }
    }

    /// # Safety
    /// See `Tile::tile`.
    #[target_feature(enable = "avx512f")]
    pub(super) unsafe fn tile(
        rows: usize,
        cols: usize,
        a: &[u32],
        b: &[u32],
        c: *mut f32,
        stride: usize,
        start: TileStart,
    ) {
        if (rows, cols) == (32, 32) {
            let (from, from_stride) = match start {
                TileStart::Zero => (std::ptr::null(), 0),
                TileStart::Accumulate => (c.cast_const(), 4 * stride),
                // Every row of the tile starts with the same values: the bias.
                TileStart::Bias(bias) => (bias, 0),
            };
            // SAFETY: by the contract of this function.
            return unsafe { multiply(a, b, from, from_stride, c, 4 * stride) };
        }
        // At the edge, the same computation in the same order, on a copy.
        let mut copy = MaybeUninit::<[[f32; 32]; 32]>::uninit();
        let whole = copy.as_mut_ptr().cast::<f32>();
        let (low, high) = (mask(cols), mask(cols.saturating_sub(16)));
        let from = match start {
            TileStart::Zero => std::ptr::null(),
            TileStart::Accumulate | TileStart::Bias(_) => whole.cast_const(),
        };
        // SAFETY: C and the bias have `rows` x `cols` elements, and other columns are masked; the copy is a whole
        // tile with rows of 128 bytes, all written before they are read.
        unsafe {
            for i in 0..32 {
                let row = match start {
                    TileStart::Zero => break,
                    TileStart::Accumulate => c.wrapping_add(i * stride).cast_const(),
                    TileStart::Bias(bias) => bias,
                };
                let (low, high) = if i < rows { (low, high) } else { (0, 0) };
                _mm512_storeu_ps(whole.add(32 * i), _mm512_maskz_loadu_ps(low, row));
                let right = _mm512_maskz_loadu_ps(high, row.wrapping_add(16));
                _mm512_storeu_ps(whole.add(32 * i + 16), right);
            }
            multiply(a, b, from, 128, whole, 128);
            for i in 0..rows {
                let row = c.wrapping_add(i * stride);
                _mm512_mask_storeu_ps(row, low, _mm512_loadu_ps(whole.add(32 * i)));
                _mm512_mask_storeu_ps(row.wrapping_add(16), high, _mm512_loadu_ps(whole.add(32 * i + 16)));
            }
        }
    }
}

#[cfg(target_arch = "x86_64")]
impl Tile for TileAmx {
    type Word = u32;
    const ROWS: usize = 32;
    const COLS: usize = 32;
    const DEPTH: usize = 512;

    fn words(depth: usize) -> usize {
        depth.next_multiple_of(32) / 2
    }

    unsafe fn begin() {
        // SAFETY: the processor has the instructions, by the contract of `Tile`.
        unsafe { imp::begin() }
    }

    unsafe fn end() {
        // SAFETY: as above.
        unsafe { imp::end() }
    }

    unsafe fn pack_a(lanes: Mat, dst: &mut [u32]) {
        // SAFETY: as above.
        unsafe { imp::pack(lanes, super::bf16::imp::Order::Lanes, dst) }
    }

    unsafe fn pack_b(lanes: Mat, dst: &mut [u32]) {
        // SAFETY: as above.
        unsafe { imp::pack(lanes, super::bf16::imp::Order::Pairs, dst) }
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
        unsafe { imp::tile(rows, cols, a, b, c, stride, start) }
    }
}

#[cfg(not(target_arch = "x86_64"))]
crate::kernel::tile::unavailable!(TileAmx);
