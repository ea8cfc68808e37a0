//! Any bytes are rows of the width of the header, or an error; and rows that were read are written so that they are read again.
#![no_main]

use cloze::fuzzing;
use cloze::{Encoding, Format, Quoting, ReadOptions};
use libfuzzer_sys::fuzz_target;

fuzz_target!(init: {
    // The library turns panics of the crate `parquet` into errors; other panics still end in `abort`.
    std::panic::set_hook(Box::new(|_| {}));
}, |bytes: &[u8]| {
    if bytes.starts_with(b"PAR1") {
        fuzzing::table(bytes, ReadOptions::default());
        return;
    }
    // The first byte chooses what the reader is told of the others.
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let formats = [None, Some(Format::Csv), Some(Format::Tsv), Some(Format::Jsonl)];
    let quoting = [None, Some(Quoting::Double), Some(Quoting::Backslash), Some(Quoting::None)];
    let encodings: [Option<Encoding>; 4] = [None, None, "gb18030".parse().ok(), "windows-1252".parse().ok()];
    let part = |shift: u8| usize::from(choice >> shift & 3);
    let options = ReadOptions {
        format: formats[part(0)],
        quoting: quoting[part(2)],
        encoding: encodings[part(4)],
        of_task: false,
    };
    fuzzing::table(bytes, options);
});
