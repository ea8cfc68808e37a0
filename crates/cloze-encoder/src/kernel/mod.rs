//! The only module with `unsafe` code: matrix products and vector passes, chosen at run time.
//!
//! Three sets of kernels are compiled into every binary, and the best one that the processor has is chosen
//! when a [`Device`](crate::Device) is made:
//!
//! | set | instructions | tile of a product |
//! | --- | --- | --- |
//! | [`Kernels::Avx512`] | AVX-512 F, BW, DQ, VL | 12 x 32 |
//! | [`Kernels::Avx2`] | AVX2, FMA | 6 x 16 |
//! | [`Kernels::Portable`] | whatever the target has | 4 x 8 |
//!
//! Products add in the same order whatever the number of threads, so results do not depend on it. Between the
//! sets the last bits of a product differ, because tiles fuse multiplications and additions where they can.

/// Calls the tile that is compiled for just this number of rows.
macro_rules! by_rows {
    ($rows:expr, $module:ident::$tile:ident, $args:tt, $($n:literal)*) => {
        match $rows {
            $($n => $module::$tile::<$n> $args,)*
            other => unreachable!("a tile of {other} rows"),
        }
    };
}
use by_rows;

/// A set of kernels on a processor that cannot have it; never chosen.
#[cfg(not(target_arch = "x86_64"))]
macro_rules! unavailable {
    ($name:ident, $rows:literal, $cols:literal) => {
        impl Tile for $name {
            const ROWS: usize = $rows;
            const COLS: usize = $cols;
            unsafe fn pack<const W: usize>(
                _: *const f32,
                _: usize,
                _: usize,
                _: usize,
                _: usize,
                _: *mut f32,
            ) {
                unreachable!("this processor has no such instructions")
            }
            unsafe fn tile(
                _: usize,
                _: usize,
                _: usize,
                _: *const f32,
                _: *const f32,
                _: *mut f32,
                _: usize,
                _: TileStart,
            ) {
                unreachable!("this processor has no such instructions")
            }
        }
    };
}
#[cfg(not(target_arch = "x86_64"))]
use unavailable;

mod avx2;
mod avx512;
mod gemm;
mod matrix;
mod portable;
pub(crate) mod vector;

pub(crate) use gemm::{Start, gemm, gemm_serial};
pub(crate) use matrix::{Mat, MatMut};

/// A set of compute kernels; see the table in ARCHITECTURE.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernels {
    /// Any processor: plain Rust, as wide as the compilation target allows.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512,
}

impl Kernels {
    /// All sets, from the slowest to the fastest.
    pub const ALL: [Kernels; 3] = [Kernels::Portable, Kernels::Avx2, Kernels::Avx512];

    /// The fastest set that this processor can run.
    pub fn detect() -> Kernels {
        *Kernels::ALL.iter().rev().find(|k| k.available()).unwrap_or(&Kernels::Portable)
    }

    /// Whether this processor can run the set.
    pub fn available(self) -> bool {
        match self {
            Kernels::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx2 => {
                std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
            }
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx512 => {
                Kernels::Avx2.available()
                    && std::arch::is_x86_feature_detected!("avx512f")
                    && std::arch::is_x86_feature_detected!("avx512bw")
                    && std::arch::is_x86_feature_detected!("avx512dq")
                    && std::arch::is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The name used in results and on the command line: `portable`, `avx2` or `avx512`.
    pub fn name(self) -> &'static str {
        match self {
            Kernels::Portable => "portable",
            Kernels::Avx2 => "avx2",
            Kernels::Avx512 => "avx512",
        }
    }
}

impl std::str::FromStr for Kernels {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Kernels::ALL
            .into_iter()
            .find(|k| k.name() == name)
            .ok_or_else(|| format!("`{name}` is no set of kernels: use portable, avx2 or avx512"))
    }
}
