//! The register tiles for x86-64 instruction sets. On other architectures they exist only as placeholders and
//! are never chosen.

pub(super) mod amx;
pub(super) mod avx2;
pub(super) mod avx512;
pub(super) mod bf16;
