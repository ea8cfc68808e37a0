//! Matrix products and vector passes, chosen at run time. These are the only modules with `unsafe` code.
//!
//! All sets of kernels are compiled into every binary, and the fastest one that the processor supports is
//! chosen when a [`Device`](crate::Device) is created:
//!
//! | set | instructions | products in | tile of a product |
//! | --- | --- | --- | --- |
//! | [`Kernels::AmxBf16`] | AMX TILE and BF16, AVX512-BF16 | bfloat16 | 32 x 32 |
//! | [`Kernels::Avx512Bf16`] | AVX-512 F, BW, DQ, VL, BF16 | bfloat16 | 12 x 32 |
//! | [`Kernels::Avx512`] | AVX-512 F, BW, DQ, VL | float32 | 12 x 32 |
//! | [`Kernels::Avx2`] | AVX2, FMA | float32 | 6 x 16 |
//! | [`Kernels::Portable`] | whatever the target has | float32 | 4 x 8 |
//!
//! The bfloat16 sets round the factors to eight significant bits while packing them; sums, and everything
//! that is stored, stay in float32. They are used only on request.
//!
//! Products add in the same order whatever the number of threads, so results do not depend on it. The last
//! bits of a product differ between the sets, because tiles fuse multiplications and additions where they
//! can.

mod gemm;
mod matrix;
pub(crate) mod pages;
mod portable;
mod tile;
pub(crate) mod vector;
mod x86;

pub(crate) use gemm::{Start, gemm, gemm_by_row, gemm_serial};
pub(crate) use matrix::{Mat, MatMut};
use x86::{amx, bf16};

/// A set of compute kernels for a [`Device`](crate::Device).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kernels {
    /// Any processor: plain Rust, as wide as the compilation target allows.
    Portable,
    /// x86-64 with AVX2 and FMA.
    Avx2,
    /// x86-64 with AVX-512 F, BW, DQ and VL.
    Avx512,
    /// The same with AVX512-BF16: products of bfloat16, summed in float32.
    Avx512Bf16,
    /// The same with AMX: products of bfloat16, summed in float32.
    AmxBf16,
}

impl Kernels {
    /// The float32 sets, from slowest to fastest.
    pub const ALL: [Kernels; 3] = [Kernels::Portable, Kernels::Avx2, Kernels::Avx512];

    /// The bfloat16 sets, from slowest to fastest.
    pub const BF16: [Kernels; 2] = [Kernels::Avx512Bf16, Kernels::AmxBf16];

    /// The fastest float32 set that this processor can run.
    pub fn detect() -> Kernels {
        *Kernels::ALL.iter().rev().find(|k| k.available()).unwrap_or(&Kernels::Portable)
    }

    /// The bfloat16 set that is faster than float32 on this processor, if there is one.
    ///
    /// AVX512-BF16 is used only on AMD processors: on Intel processors, its instruction runs at half the
    /// rate, so there is no gain.
    pub(crate) fn detect_bf16() -> Option<Kernels> {
        [Kernels::AmxBf16, Kernels::Avx512Bf16]
            .into_iter()
            .find(|k| k.available() && (*k == Kernels::AmxBf16 || bf16::is_fast()))
    }

    /// Whether products are in bfloat16.
    pub fn is_bf16(self) -> bool {
        Kernels::BF16.contains(&self)
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
            #[cfg(target_arch = "x86_64")]
            Kernels::Avx512Bf16 => {
                Kernels::Avx512.available() && std::arch::is_x86_feature_detected!("avx512bf16")
            }
            #[cfg(target_arch = "x86_64")]
            Kernels::AmxBf16 => Kernels::Avx512Bf16.available() && amx::available(),
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The name used in results and on the command line: `portable`, `avx2`, `avx512`, `avx512-bf16` or `amx-bf16`.
    pub fn name(self) -> &'static str {
        match self {
            Kernels::Portable => "portable",
            Kernels::Avx2 => "avx2",
            Kernels::Avx512 => "avx512",
            Kernels::Avx512Bf16 => "avx512-bf16",
            Kernels::AmxBf16 => "amx-bf16",
        }
    }
}

impl std::str::FromStr for Kernels {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        Kernels::ALL.into_iter().chain(Kernels::BF16).find(|k| k.name() == name).ok_or_else(|| {
            format!("`{name}` is no set of kernels: use portable, avx2, avx512, avx512-bf16 or amx-bf16")
        })
    }
}
