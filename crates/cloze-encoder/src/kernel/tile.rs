//! The interface of all register tiles. A tile is the part of a product that stays in registers, computed
//! from packed panels.

use super::matrix::Mat;

/// The initial value of a tile: [`Start`](super::Start) without its lifetime, for the kernels.
#[derive(Clone, Copy)]
pub(in crate::kernel) enum TileStart {
    Zero,
    Accumulate,
    Bias(*const f32),
}

/// A register tile of one instruction set, and the layout of its panels.
///
/// # Safety of all functions
/// They may be called only on a processor that has the instructions of the set.
pub(in crate::kernel) trait Tile {
    /// The unit of a panel: a float32, or a pair of bfloat16.
    type Word: Copy + Send + Sync;
    /// Rows of a full tile.
    const ROWS: usize;
    /// Columns of a full tile.
    const COLS: usize;
    /// Steps of k that are packed at once: a panel of B fits the first-level cache, a block of A the second.
    const DEPTH: usize = 256;

    /// Number of words in a panel for a lane (a row of A or a column of B) of `depth` steps.
    fn words(depth: usize) -> usize {
        depth
    }

    /// Called by a thread before a series of tiles.
    ///
    /// # Safety
    /// See [`Tile`].
    unsafe fn begin() {}

    /// Called after a series of tiles.
    ///
    /// # Safety
    /// See [`Tile`].
    unsafe fn end() {}

    /// Packs rows of A into panels of [`Tile::ROWS`] lanes, and pads the last panel with zeros. `dst` has
    /// exactly the length of the panels.
    ///
    /// # Safety
    /// See [`Tile`].
    unsafe fn pack_a(lanes: Mat, dst: &mut [Self::Word]);

    /// The same for columns of B, which are the rows of `lanes`, in panels of [`Tile::COLS`].
    ///
    /// # Safety
    /// See [`Tile`].
    unsafe fn pack_b(lanes: Mat, dst: &mut [Self::Word]);

    /// Computes `rows` x `cols` elements of C from a packed panel of A and one of B.
    ///
    /// # Safety
    /// C and the bias have room for `rows` x `cols` elements and nothing else accesses them during the call,
    /// the panels were packed by this set from the same number of steps, and the call is between `begin` and
    /// `end`. See also [`Tile`].
    unsafe fn tile(
        rows: usize,
        cols: usize,
        a: &[Self::Word],
        b: &[Self::Word],
        c: *mut f32,
        stride: usize,
        start: TileStart,
    );
}

/// Calls the tile that is compiled for exactly this number of rows.
macro_rules! by_rows {
    ($rows:expr, $module:ident::$tile:ident, $args:tt, $($n:literal)*) => {
        match $rows {
            $($n => $module::$tile::<$n> $args,)*
            other => unreachable!("a tile of {other} rows"),
        }
    };
}
pub(in crate::kernel) use by_rows;

/// A placeholder for a tile whose instructions do not exist on this architecture; it is never chosen.
#[cfg(not(target_arch = "x86_64"))]
macro_rules! unavailable {
    ($name:ident) => {
        impl Tile for $name {
            type Word = f32;
            const ROWS: usize = 1;
            const COLS: usize = 1;
            unsafe fn pack_a(_: Mat, _: &mut [f32]) {
                unreachable!("this processor has no such instructions")
            }
            unsafe fn pack_b(_: Mat, _: &mut [f32]) {
                unreachable!("this processor has no such instructions")
            }
            unsafe fn tile(_: usize, _: usize, _: &[f32], _: &[f32], _: *mut f32, _: usize, _: TileStart) {
                unreachable!("this processor has no such instructions")
            }
        }
    };
}
#[cfg(not(target_arch = "x86_64"))]
pub(in crate::kernel) use unavailable;
