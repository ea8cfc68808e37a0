//! The `unsafe` code of the kernels under AddressSanitizer, which notices every access outside of an allocation. It needs a nightly compiler.

use std::path::Path;

use crate::command::{exists, program, succeeds};
use crate::fuzz::host;

/// The tests that use kernels: their own, those of the layers above, and those that compare with the plain encoder.
const TESTS: &[&str] = &["kernel", "layer", "plain"];

/// Builds the encoder anew for that, and runs the tests.
pub(crate) fn run(root: &Path) -> Result<(), String> {
    if !exists("rustup") {
        return Err("there is no `rustup` to run a nightly compiler with".into());
    }
    let host = host(root).ok_or("the compiler does not say what it runs on")?;
    let install = ["toolchain", "install", "nightly", "--profile", "minimal", "--no-self-update"];
    let has_nightly = program(root, "rustup").args(["run", "nightly", "rustc", "--version"]).output();
    if !has_nightly.is_ok_and(|found| found.status.success())
        && !succeeds(program(root, "rustup").args(install))
    {
        return Err("there is no nightly compiler, and it cannot be installed".into());
    }
    let mut tests = program(root, "rustup");
    // A target of its own, so that build scripts and macros are not instrumented.
    tests.args(["run", "nightly", "cargo", "test", "--package", "cloze-encoder", "--lib", "--target", &host]);
    tests.args(["--target-dir", "target/sanitize", "--"]).args(TESTS);
    // What runs this chose its compiler by these.
    for name in ["CARGO", "RUSTC", "RUSTUP_TOOLCHAIN"] {
        tests.env_remove(name);
    }
    let passed = succeeds(tests.env("RUSTFLAGS", "-Zsanitizer=address"));
    if passed { Ok(()) } else { Err(String::new()) }
}
