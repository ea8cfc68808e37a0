//! Any text is a pattern that survives printing, or an error that points into it.
#![no_main]

use cloze::Pattern;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match text.parse::<Pattern>() {
        Ok(pattern) => assert_eq!(pattern.to_string().parse::<Pattern>(), Ok(pattern)),
        Err(error) => assert!(text.get(error.span).is_some()),
    }
});
