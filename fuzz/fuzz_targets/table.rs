//! Any bytes are rows of the width of the header, or an error.
#![no_main]

use std::io::Cursor;

use cloze::table::{Format, Reader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for format in [None, Some(Format::Csv), Some(Format::Tsv), Some(Format::Jsonl)] {
        let Ok(reader) = Reader::new("data", Cursor::new(bytes.to_vec()), format) else { continue };
        let width = reader.columns().names().len();
        for row in reader.map_while(Result::ok) {
            assert_eq!(row.values().len(), width);
        }
    }
});
