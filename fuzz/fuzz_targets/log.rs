//! Any bytes are the lines of a label log that can be gone through, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    cloze_label::fuzzing::log(bytes);
});
