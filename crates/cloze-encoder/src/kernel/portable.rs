//! The register tile in plain Rust: 4 x 8. The other sets are tested against it.

use super::matrix::Mat;
use super::tile::{Tile, TileStart};

pub(super) struct TilePlain;

/// Packs panels element by element; shared by the sets without a faster method.
pub(super) fn pack<const W: usize>(lanes: Mat, dst: &mut [f32]) {
    for (panel, dst) in dst.chunks_exact_mut(W * lanes.cols).enumerate() {
        let first = panel * W;
        for (step, out) in dst.chunks_exact_mut(W).enumerate() {
            let (here, missing) = out.split_at_mut((lanes.rows - first).min(W));
            for (lane, value) in here.iter_mut().enumerate() {
                // SAFETY: there are `rows` lanes of `cols` steps.
                *value = unsafe { lanes.at(first + lane, step) };
            }
            missing.fill(0.0);
        }
    }
}

/// Adds the start to one row of sums and stores it.
///
/// # Safety
/// `row`, and the bias if there is one, have as many elements as `sums`.
pub(super) unsafe fn finish(sums: &[f32], row: *mut f32, start: TileStart) {
    for (j, sum) in sums.iter().enumerate() {
        // SAFETY: by the contract of this function.
        unsafe {
            let cell = row.add(j);
            *cell = match start {
                TileStart::Zero => *sum,
                TileStart::Accumulate => *sum + *cell,
                TileStart::Bias(bias) => *sum + *bias.add(j),
            };
        }
    }
}

impl Tile for TilePlain {
    type Word = f32;
    const ROWS: usize = 4;
    const COLS: usize = 8;

    unsafe fn pack_a(lanes: Mat, dst: &mut [f32]) {
        pack::<4>(lanes, dst);
    }

    unsafe fn pack_b(lanes: Mat, dst: &mut [f32]) {
        pack::<8>(lanes, dst);
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
        let mut sum = [[0.0f32; 8]; 4];
        for (a, b) in a.chunks_exact(4).zip(b.chunks_exact(8)) {
            for (s, x) in sum.iter_mut().zip(a) {
                for (s, y) in s.iter_mut().zip(b) {
                    *s += x * y;
                }
            }
        }
        for (i, s) in sum.iter().enumerate().take(rows) {
            // SAFETY: C and the bias have `rows` x `cols` elements.
            unsafe { finish(&s[..cols], c.add(i * stride), start) };
        }
    }
}
