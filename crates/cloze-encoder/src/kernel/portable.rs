//! The register tile in plain Rust: 4 x 8. The other sets are tested against it.

use super::gemm::{Tile, TileStart};

pub(super) struct TilePlain;

/// Packs panels element by element; shared by the sets that have no faster way.
///
/// # Safety
/// See `Tile::pack`.
pub(super) unsafe fn pack<const W: usize>(
    src: *const f32,
    lane_stride: usize,
    step_stride: usize,
    lanes: usize,
    depth: usize,
    dst: *mut f32,
) {
    // SAFETY: `dst` has room for the lanes rounded up to whole panels.
    let dst = unsafe { std::slice::from_raw_parts_mut(dst, depth * lanes.next_multiple_of(W)) };
    for (panel, dst) in dst.chunks_exact_mut(W * depth).enumerate() {
        let first = panel * W;
        for (step, out) in dst.chunks_exact_mut(W).enumerate() {
            let (here, missing) = out.split_at_mut((lanes - first).min(W));
            for (lane, value) in here.iter_mut().enumerate() {
                // SAFETY: only lanes that exist are read.
                *value = unsafe { *src.add((first + lane) * lane_stride + step * step_stride) };
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
    const ROWS: usize = 4;
    const COLS: usize = 8;

    unsafe fn pack<const W: usize>(
        src: *const f32,
        lane_stride: usize,
        step_stride: usize,
        lanes: usize,
        depth: usize,
        dst: *mut f32,
    ) {
        // SAFETY: the caller keeps the contract of `Tile::pack`.
        unsafe { pack::<W>(src, lane_stride, step_stride, lanes, depth, dst) }
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
        // SAFETY: the panels hold `depth` steps of 4 and 8 elements.
        let (a, b) =
            unsafe { (std::slice::from_raw_parts(a, depth * 4), std::slice::from_raw_parts(b, depth * 8)) };
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
