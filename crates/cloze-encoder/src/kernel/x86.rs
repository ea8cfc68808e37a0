//! The register tiles for instruction sets of x86-64. On other processors they are there in name, and never chosen.

pub(super) mod amx;
pub(super) mod avx2;
pub(super) mod avx512;
pub(super) mod bf16;
