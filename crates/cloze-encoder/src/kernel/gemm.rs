//! Matrix products: packing, blocking, threads. The innermost tiles are in the files of the instruction sets.
//!
//! The algorithm is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication"
//! (2008): a block of A is packed into panels that stay in the second-level cache, panels of columns of B are
//! packed as well, and a register tile runs over both. Every thread computes a part of C and packs what it
//! needs for it. Every element of C is summed along k in a fixed order, whatever the number of threads and
//! wherever the matrix is split.

use std::cell::RefCell;

use super::matrix::{Mat, MatMut};
use super::tile::{Tile, TileStart};
use super::x86::{amx, avx2, avx512, bf16};
use super::{Kernels, portable};

/// The initial value that a product is added to.
#[derive(Clone, Copy)]
pub(crate) enum Start<'a> {
    /// Zero: C is overwritten.
    Zero,
    /// The contents of C.
    Accumulate,
    /// A bias: a row that is added to every row of the product. C is overwritten.
    Bias(&'a [f32]),
}

impl<'a> Start<'a> {
    /// The start for the first `cols` columns, and for the others.
    fn split(self, cols: usize) -> (Start<'a>, Start<'a>) {
        match self {
            Start::Bias(bias) => (Start::Bias(&bias[..cols]), Start::Bias(&bias[cols..])),
            other => (other, other),
        }
    }
}

/// Rows of A that are packed at once; a multiple of every tile's rows.
const BLOCK_ROWS: usize = 1152;
/// Columns of B that are packed at once; a multiple of every tile's columns.
const BLOCK_COLS: usize = 128;
/// Products smaller than this many multiplications are not worth a second thread.
const PARALLEL_FROM: usize = 64 * 1024;

/// A cache line, so that packed panels are aligned.
#[repr(C, align(64))]
#[derive(Clone, Copy)]
struct Line([u32; 16]);

/// Memory for packed panels that grows but never shrinks.
#[derive(Default)]
struct Room(Vec<Line>);

impl Room {
    fn room<T: Tile>(&mut self, words: usize) -> &mut [T::Word] {
        const { assert!(size_of::<T::Word>() == 4) };
        let needed = words.div_ceil(16);
        if self.0.len() < needed {
            self.0.resize(needed, Line([0; 16]));
        }
        // SAFETY: the lines hold at least `words` initialised words, and both kinds of words (`f32`, `u32`) take any bits.
        unsafe { std::slice::from_raw_parts_mut(self.0.as_mut_ptr().cast(), words) }
    }
}

/// The memory that a thread packs into.
#[derive(Default)]
struct Panels {
    a: Room,
    b: Room,
}

thread_local! {
    static PANELS: RefCell<Panels> = RefCell::default();
}

/// Products smaller than this many multiplications use float32 in every set, because bfloat16 tiles would be
/// mostly empty. Measured with attention heads of 32 elements: from 32 tokens, their products take half the
/// time with AMX; below that, they take longer.
const BF16_FROM: usize = 32 * 32 * 32;

/// Where the number of rows must not matter, the size of B from which on bfloat16 is used: below it a tile has few columns, or few steps.
const BF16_FROM_B: usize = 32 * 32;

/// C = A B, or C += A B, or C = A B + bias: on all threads of the current rayon pool.
pub(crate) fn gemm(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start) {
    parallel(for_size(kernels, &a, &c), a, b, c, start);
}

/// The same with a set that depends on B alone, so that no bit of a row of C depends on how many rows there are.
pub(crate) fn gemm_by_row(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start) {
    parallel(unless(b.rows * b.cols < BF16_FROM_B, kernels), a, b, c, start);
}

fn parallel(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start) {
    let threads = if c.rows * c.cols * a.cols < PARALLEL_FROM { 1 } else { rayon::current_num_threads() };
    with_set(kernels, a, b, c, start, threads);
}

/// The same on the calling thread only.
pub(crate) fn gemm_serial(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start) {
    with_set(for_size(kernels, &a, &c), a, b, c, start, 1);
}

/// The set for a product; depends only on its shape.
fn for_size(kernels: Kernels, a: &Mat, c: &MatMut) -> Kernels {
    unless(c.rows * c.cols * a.cols < BF16_FROM, kernels)
}

/// The set, or the one in float32 for a product that is small.
fn unless(small: bool, kernels: Kernels) -> Kernels {
    if small && kernels.is_bf16() { Kernels::Avx512 } else { kernels }
}

fn with_set(kernels: Kernels, a: Mat, b: Mat, c: MatMut, start: Start, threads: usize) {
    assert_eq!((a.rows, a.cols, b.cols), (c.rows, b.rows, c.cols), "the shapes of a product fit");
    if let Start::Bias(bias) = start {
        assert_eq!(bias.len(), c.cols, "a bias has an element per column");
    }
    debug_assert!(kernels.available());
    match kernels {
        Kernels::AmxBf16 => spread::<amx::TileAmx>(a, b, c, start, threads),
        Kernels::Avx512Bf16 => spread::<bf16::TileBf16>(a, b, c, start, threads),
        Kernels::Avx512 => spread::<avx512::Tile512>(a, b, c, start, threads),
        Kernels::Avx2 => spread::<avx2::Tile256>(a, b, c, start, threads),
        Kernels::Portable => spread::<portable::TilePlain>(a, b, c, start, threads),
    }
}

/// Halves the larger side of C until there is a piece for every thread; each piece is a separate product.
/// Packing some panels twice takes less time than waiting for each other at every block.
fn spread<T: Tile>(a: Mat, b: Mat, c: MatMut, start: Start, threads: usize) {
    if threads <= 1 {
        return PANELS.with_borrow_mut(|panels| blocks::<T>(a, b, c, start, panels));
    }
    let (m, n, k, half) = (c.rows, c.cols, a.cols, threads / 2);
    let cut = |size: usize, unit: usize| (size * half / threads).next_multiple_of(unit).min(size);
    // Splitting rows repeats the packing of B, splitting columns that of A.
    if m >= n {
        let rows = cut(m, T::ROWS);
        let (upper, lower) = c.split_rows(rows);
        rayon::join(
            || spread::<T>(a.block(0, rows, 0, k), b, upper, start, half),
            || spread::<T>(a.block(rows, m - rows, 0, k), b, lower, start, threads - half),
        );
    } else {
        let cols = cut(n, T::COLS);
        let (left, right) = c.split_cols(cols);
        let (start_left, start_right) = start.split(cols);
        rayon::join(
            || spread::<T>(a, b.block(0, k, 0, cols), left, start_left, half),
            || spread::<T>(a, b.block(0, k, cols, n - cols), right, start_right, threads - half),
        );
    }
}

/// Splits A into blocks of rows and steps, and B into blocks of columns, and multiplies them.
fn blocks<T: Tile>(a: Mat, b: Mat, mut c: MatMut, start: Start, panels: &mut Panels) {
    let (m, n, k) = (c.rows, c.cols, a.cols);
    if k == 0 {
        return fill(c, start);
    }
    // Blocks of equal depth: 768 is 3 x 256, 384 is 2 x 192.
    let depth = k.div_ceil(k.div_ceil(T::DEPTH));
    // SAFETY: the set was chosen because the processor has it.
    unsafe { T::begin() };
    for row in (0..m).step_by(BLOCK_ROWS) {
        let rows = BLOCK_ROWS.min(m - row);
        for step in (0..k).step_by(depth) {
            let steps = depth.min(k - step);
            let words = T::words(steps);
            let packed_a = panels.a.room::<T>(rows.next_multiple_of(T::ROWS) * words);
            // SAFETY: as above.
            unsafe { T::pack_a(a.block(row, rows, step, steps), packed_a) };
            let start = if step > 0 { Start::Accumulate } else { start };
            for col in (0..n).step_by(BLOCK_COLS) {
                let cols = BLOCK_COLS.min(n - col);
                let packed_b = panels.b.room::<T>(cols.next_multiple_of(T::COLS) * words);
                // SAFETY: as above.
                unsafe { T::pack_b(b.block(step, steps, col, cols).transpose(), packed_b) };
                tiles::<T>(packed_a, packed_b, words, c.rows_mut(row, rows), col, cols, start);
            }
        }
    }
    // SAFETY: as above.
    unsafe { T::end() };
}

/// Multiplies packed rows of A by packed columns of B into the columns of `c` starting at `col`.
fn tiles<T: Tile>(
    a: &[T::Word],
    b: &[T::Word],
    words: usize,
    c: MatMut,
    col: usize,
    cols: usize,
    start: Start,
) {
    for (j, b) in b.chunks_exact(T::COLS * words).enumerate() {
        let j = j * T::COLS;
        let start = match start {
            Start::Zero => TileStart::Zero,
            Start::Accumulate => TileStart::Accumulate,
            Start::Bias(bias) => TileStart::Bias(bias[col + j..].as_ptr()),
        };
        for (i, a) in a.chunks_exact(T::ROWS * words).enumerate() {
            let i = i * T::ROWS;
            let (rows, cols) = (T::ROWS.min(c.rows - i), T::COLS.min(cols - j));
            let c_at = c.ptr.wrapping_add(i * c.stride + col + j);
            // SAFETY: both panels hold equally many steps; the tile lies inside C, which this view alone may write; the bias
            // has an element per column; the caller has begun and will end.
            unsafe { T::tile(rows, cols, a, b, c_at, c.stride, start) };
        }
    }
}

/// With an inner dimension of zero, the product is just the start.
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

    /// The product in float64, element by element, of the factors as `kernels` round them.
    fn plain(kernels: Kernels, a: Mat, b: Mat, start: &[f32]) -> Vec<f32> {
        let at = |m: Mat, i: usize, j: usize| {
            // SAFETY: the indices below stay inside the views.
            let x = unsafe { m.at(i, j) };
            if kernels.is_bf16() { half::bf16::from_f32(x).to_f64() } else { f64::from(x) }
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

    fn available() -> impl Iterator<Item = Kernels> {
        Kernels::ALL.into_iter().chain(Kernels::BF16).filter(|k| k.available())
    }

    /// Compares all sets with float64. Bit 0 of `transposed` is A, bit 1 is B; `how` chooses the start.
    fn compare(m: usize, n: usize, k: usize, transposed: u8, how: u8, seed: u64) {
        let (a, b) = (numbers(m * k, seed), numbers(k * n, !seed));
        let (bias, old) = (numbers(n, seed ^ 1), numbers(m * n, seed ^ 2));
        let a = if transposed & 1 == 0 { Mat::new(&a, m, k) } else { Mat::new(&a, k, m).transpose() };
        let b = if transposed & 2 == 0 { Mat::new(&b, k, n) } else { Mat::new(&b, n, k).transpose() };
        let (start, before) = match how {
            0 => (Start::Zero, vec![0.0; m * n]),
            1 => (Start::Accumulate, old.clone()),
            _ => (Start::Bias(&bias), bias.repeat(m)),
        };
        for kernels in available() {
            let mut c = old.clone();
            with_set(kernels, a, b, MatMut::new(&mut c, m, n), start, 1);
            close(&c, &plain(kernels, a, b, &before), k);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 64 }))]

        #[test]
        fn every_set_of_kernels_agrees_with_float64(
            m in 1usize..70, n in 1usize..70, k in 0usize..70, transposed in 0u8..4, how in 0u8..3, seed: u64,
        ) {
            compare(m, n, k, transposed, how, seed);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes long")]
    fn products_of_several_blocks_agree_with_float64() {
        for (i, (m, n, k)) in [(40, 150, 1100), (1200, 33, 70), (65, 64, 513)].into_iter().enumerate() {
            for transposed in 0..4 {
                compare(m, n, k, transposed, (i as u8 + transposed) % 3, 7);
            }
        }
    }

    #[test]
    fn an_element_with_two_strides_is_found() {
        let (data, b) = (numbers(40 * 40, 5), numbers(40 * 3, 6));
        let mut every_second = Mat::new(&data, 40, 40).block(0, 20, 0, 20);
        (every_second.row_stride, every_second.col_stride) = (80, 2);
        for kernels in available() {
            let (b, mut c) = (Mat::new(&b[..60], 20, 3), vec![0.0; 60]);
            with_set(kernels, every_second, b, MatMut::new(&mut c, 20, 3), Start::Zero, 1);
            close(&c, &plain(kernels, every_second, b, &[0.0; 60]), 20);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "takes long")]
    fn the_bits_do_not_depend_on_the_number_of_threads() {
        for (m, n, k) in [(173, 259, 801), (700, 40, 530)] {
            let (a, b) = (numbers(m * k, 1), numbers(n * k, 2));
            let (a, b) = (Mat::new(&a, m, k), Mat::new(&b, n, k).transpose());
            let bias = numbers(n, 3);
            for kernels in available() {
                let mut results = Vec::new();
                for threads in [1, 2, 3, 4, 16] {
                    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                    let mut c = vec![0.0; m * n];
                    pool.install(|| gemm(kernels, a, b, MatMut::new(&mut c, m, n), Start::Bias(&bias)));
                    results.push(c);
                }
                assert!(results.iter().all(|c| c == &results[0]), "{kernels:?}");
                close(&results[0], &plain(kernels, a, b, &bias.repeat(m)), k);
            }
        }
    }
}
