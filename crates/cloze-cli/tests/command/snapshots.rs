//! What the verbs print.

use crate::support::tiny_model;

#[test]
fn the_commands_print_what_their_snapshots_show() {
    trycmd::TestCases::new()
        .env("CLOZE_MODEL", tiny_model().to_string_lossy())
        .env("NO_COLOR", "1")
        .case("tests/cmd/*.trycmd");
}
