//! The command `cloze`.
fn main() {}
