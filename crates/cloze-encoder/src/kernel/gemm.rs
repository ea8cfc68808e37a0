//! Matrix products: packing, blocking, threads. The innermost tiles are in the files of the instruction sets.
//!
//! The scheme is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008): a
//! block of B is packed into panels that stay in the second-level cache, blocks of A are packed beside it, and
//! a register tile runs over both. Every element of C is summed along k in one fixed order, whatever the
//! number of threads and wherever the matrix is cut.

use std::cell::RefCell;

use super::matrix::{Mat, MatMut};
use super::{Kernels, avx2, avx512, portable};

/// What a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Nothing: C is overwritten.
    Zero,
    /// What C holds.
    Accumulate,
    /// A row that is added to every row of the product: a bias. C is overwritten.
    Bias(&'a [f32]),
}

/// How a tile begins: [`Start`] without its lifetime, for the kernels.
#[derive(Clone, Copy)]
pub(super) enum TileStart {
    Zero,
    Accumulate,
    Bias(*const f32),
}

/// A register tile of one instruction set.
pub(super) trait Tile {
    /// Rows of a full tile.
    const ROWS: usize;
    /// Columns of a full tile.
    const COLS: usize;

    /// Packs `lanes` lanes of `depth` steps into panels of `W` lanes, `dst[panel][step][W]`, filling the missing
    /// lanes of the last panel with zeros. Element (lane, step) is read at `lane * lane_stride + step *
    /// step_stride`.
    ///
    /// # Safety
    /// All those elements of `src` can be read, `dst` has room for `depth` steps of `lanes` rounded up to a
    /// multiple of `W`, and the processor has the instructions of this set.
    unsafe fn pack<const W: usize>(
        src: *const f32,
        lane_stride: usize,
        step_stride: usize,
        lanes: usize,
        depth: usize,
        dst: *mut f32,
    );

    /// Computes `rows` x `cols` elements of C from a packed panel of A (`[depth][ROWS]`) and of B
    /// (`[depth][COLS]`).
    ///
    /// # Safety
    /// The panels hold `depth` steps, C and the bias have room for `rows` x `cols`, and the processor has the
    /// instructions of this set.
    #[expect(clippy::too_many_arguments, reason = "the inputs of a product")]
    unsafe fn tile(
        rows: usize,
        cols: usize,
        depth: usize,
        a: *const f32,
        b: *const f32,
        c: *mut f32,
        stride: usize,
        start: TileStart,
    );
}

/// Steps of k that are packed at once: a panel of B, 32 x 256 x 4 bytes, fits the first-level cache.
const DEPTH: usize = 256;
/// Rows of A that are packed at once; a multiple of every tile's rows. They stay in the second-level cache.
const BLOCK_ROWS: usize = 1200;
/// Columns of B that are packed at once; a multiple of every tile's columns.
const BLOCK_COLS: usize = 128;
/// Products smaller than this many multiplications are not worth a second thread.
const PARALLEL_FROM: usize = 64 * 1024;

/// A cache line, so that packed panels are aligned.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([f32; 16]);

#[derive(Default)]
struct Panels {
    a: Vec<Line>,
    b: Vec<Line>,
}

thread_local! {
    static PANELS: RefCell<Panels> = RefCell::default();
}

fn room(lines: &mut Vec<Line>, elements: usize) -> *mut f32 {
    let needed = elements.div_ceil(16);
    if lines.len() < needed {
        lines.resize(needed, Line([0.0; 16]));
    }
    lines.as_mut_ptr().cast()
}

/// C = A B, or C += A B, or C = A B + bias: on all threads of the current rayon pool.
pub(crate) fn gemm(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start) {
    let threads = rayon::current_num_threads();
    split(kernels, a, b, c, start, threads);
}

/// Cuts the larger side in two until there is a piece for every thread.
fn split(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start, threads: usize) {
    let (m, n, k) = (c.rows, c.cols, a.cols);
    if threads <= 1 || m * n * k < PARALLEL_FROM {
        return gemm_serial(kernels, a, b, c, start);
    }
    let half = threads / 2;
    let cut = |size: usize, unit: usize| (size * half / threads).div_ceil(unit) * unit;
    // Cutting rows repeats the packing of B, cutting columns that of A: cut the larger side.
    if m >= n {
        let rows = cut(m, 12).min(m);
        let (upper, lower) = c.split_rows(rows);
        rayon::join(
            || split(kernels, a.block(0, rows, 0, k), b, upper, start, half),
            || split(kernels, a.block(rows, m - rows, 0, k), b, lower, start, threads - half),
        );
    } else {
        let cols = cut(n, 32).min(n);
        let (left, right) = c.split_cols(cols);
        let (start_left, start_right) = match start {
            Start::Bias(bias) => (Start::Bias(&bias[..cols]), Start::Bias(&bias[cols..])),
            other => (other, other),
        };
        rayon::join(
            || split(kernels, a, b.block(0, k, 0, cols), left, start_left, half),
            || split(kernels, a, b.block(0, k, cols, n - cols), right, start_right, threads - half),
        );
    }
}

/// The same on the calling thread alone.
pub(crate) fn gemm_serial(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start) {
    assert_eq!((a.rows, a.cols, b.cols), (c.rows, b.rows, c.cols), "the shapes of a product fit");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "a bias has an element per column");
    }
    debug_assert!(kernels.available());
    match kernels {
        Kernels::Avx512 => blocks::<avx512::Tile512>(a, b, c, start),
        Kernels::Avx2 => blocks::<avx2::Tile256>(a, b, c, start),
        Kernels::Portable => blocks::<portable::TilePlain>(a, b, c, start),
    }
}

fn blocks<T: Tile>(a: Mat, b: Mat, c: MatMut, start: Start) {
    let (m, n, k) = (c.rows, c.cols, a.cols);
    if k == 0 {
        return fill(c, start);
    }
    // Blocks of equal depth: 768 is 3 x 256, 384 is 2 x 192.
    let depth = k.div_ceil(k.div_ceil(DEPTH));
    PANELS.with_borrow_mut(|panels| {
        let packed_a = room(&mut panels.a, depth * m.min(BLOCK_ROWS).next_multiple_of(T::ROWS));
        let packed_b = room(&mut panels.b, depth * n.min(BLOCK_COLS).next_multiple_of(T::COLS));
        for row in (0..m).step_by(BLOCK_ROWS) {
            let rows = BLOCK_ROWS.min(m - row);
            for step in (0..k).step_by(depth) {
                let steps = depth.min(k - step);
                pack_rows::<T>(a.block(row, rows, step, steps), packed_a);
                for col in (0..n).step_by(BLOCK_COLS) {
                    let cols = BLOCK_COLS.min(n - col);
                    pack_cols::<T>(b.block(step, steps, col, cols), packed_b);
                    for j in (0..cols).step_by(T::COLS) {
                        let tile_start = match start {
                            _ if step > 0 => TileStart::Accumulate,
                            Start::Zero => TileStart::Zero,
                            Start::Accumulate => TileStart::Accumulate,
                            Start::Bias(bias) => TileStart::Bias(bias[col + j..].as_ptr()),
                        };
                        for i in (0..rows).step_by(T::ROWS) {
                            // SAFETY: the panels were packed above; the tile lies inside C, which this view
                            // alone may write; the bias has an element per column.
                            unsafe {
                                T::tile(
                                    T::ROWS.min(rows - i),
                                    T::COLS.min(cols - j),
                                    steps,
                                    packed_a.add(i * steps),
                                    packed_b.add(j * steps),
                                    c.ptr.add((row + i) * c.stride + col + j),
                                    c.stride,
                                    tile_start,
                                );
                            }
                        }
                    }
                }
            }
        }
    });
}

/// Packs a block of A for tiles of `T`; `dst` has room for it, see [`blocks`].
fn pack_rows<T: Tile>(a: Mat, dst: *mut f32) {
    let pack = match T::ROWS {
        12 => T::pack::<12>,
        6 => T::pack::<6>,
        _ => T::pack::<4>,
    };
    // SAFETY: the view reads inside A, and `dst` has room for its rows rounded up to whole tiles.
    unsafe { pack(a.ptr, a.row_stride, a.col_stride, a.rows, a.cols, dst) }
}

/// Packs a block of B for tiles of `T`; `dst` has room for it, see [`blocks`].
fn pack_cols<T: Tile>(b: Mat, dst: *mut f32) {
    let pack = match T::COLS {
        32 => T::pack::<32>,
        16 => T::pack::<16>,
        _ => T::pack::<8>,
    };
    // SAFETY: the view reads inside B, and `dst` has room for its columns rounded up to whole tiles.
    unsafe { pack(b.ptr, b.col_stride, b.row_stride, b.cols, b.rows, dst) }
}

/// A product along no dimension at all is the start itself.
fn fill(c: MatMut, start: Start) {
    for i in 0..c.rows {
        // SAFETY: row `i` lies inside C, which this view alone may write.
        let row = unsafe { std::slice::from_raw_parts_mut(c.ptr.add(i * c.stride), c.cols) };
        match start {
            Start::Zero => row.fill(0.0),
            Start::Accumulate => {}
            Start::Bias(bias) => row.copy_from_slice(bias),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn numbers(len: usize, seed: u64) -> Vec<f32> {
        let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        (0..len)
            .map(|_| {
                state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
                (state >> 40) as f32 / (1 << 23) as f32 - 1.0
            })
            .collect()
    }

    /// The product in float64, element by element.
    fn plain(a: Mat, b: Mat, start: &[f32]) -> Vec<f32> {
        let at = |m: Mat, i: usize, j: usize| {
            // SAFETY: the indices below stay inside the views.
            f64::from(unsafe { *m.ptr.add(i * m.row_stride + j * m.col_stride) })
        };
        let mut c = Vec::new();
        for i in 0..a.rows {
            for j in 0..b.cols {
                let sum: f64 = (0..a.cols).map(|k| at(a, i, k) * at(b, k, j)).sum();
                c.push((sum + f64::from(start[i * b.cols + j])) as f32);
            }
        }
        c
    }

    fn close(got: &[f32], want: &[f32], k: usize) {
        let tolerance = 1e-6 * (k as f32).sqrt() * 8.0 + 1e-6;
        for (i, (g, w)) in got.iter().zip(want).enumerate() {
            assert!((g - w).abs() <= tolerance, "element {i}: {g} instead of {w}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn every_set_of_kernels_agrees_with_float64(
            m in 1usize..70, n in 1usize..70, k in 0usize..60, transposed in 0u8..4, how in 0u8..3, seed: u64,
        ) {
            let (a, b) = (numbers(m * k, seed), numbers(k * n, !seed));
            let (bias, old) = (numbers(n, seed ^ 1), numbers(m * n, seed ^ 2));
            let a = if transposed & 1 == 0 { Mat::new(&a, m, k) } else { Mat::new(&a, k, m).t() };
            let b = if transposed & 2 == 0 { Mat::new(&b, k, n) } else { Mat::new(&b, n, k).t() };
            let (start, before) = match how {
                0 => (Start::Zero, vec![0.0; m * n]),
                1 => (Start::Accumulate, old.clone()),
                _ => (Start::Bias(&bias), bias.repeat(m)),
            };
            let want = plain(a, b, &before);
            for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
                let mut c = old.clone();
                gemm_serial(kernels, a, b, MatMut::new(&mut c, m, n), start);
                close(&c, &want, k);
            }
        }
    }

    #[test]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        let (m, n, k) = (173, 259, 801);
        let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
        for kernels in Kernels::ALL.into_iter().filter(|k| k.available()) {
            let mut results = Vec::new();
            for threads in [1, 2, 3, 4] {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                let mut c = vec![0.0; m * n];
                pool.install(|| {
                    let c = MatMut::new(&mut c, m, n);
                    gemm(kernels, Mat::new(&a, m, k), Mat::new(&b, n, k).t(), c, Start::Zero);
                });
                results.push(c);
            }
            assert!(results.iter().all(|c| c == &results[0]), "{kernels:?}");
            let want = plain(Mat::new(&a, m, k), Mat::new(&b, n, k).t(), &vec![0.0; m * n]);
            close(&results[0], &want, k);
        }
    }
}
