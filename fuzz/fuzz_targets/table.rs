//! Any bytes are rows of the width of the header, or an error; and rows that were read are written so that they are read again.
#![no_main]

use std::io::Cursor;

use cloze::table::{Encoding, Format, Quoting, ReadOptions, Reader, Table, Writer};
use libfuzzer_sys::fuzz_target;

fn read(bytes: &[u8], options: ReadOptions) -> cloze::Result<Table> {
    Reader::new("data", Cursor::new(bytes.to_vec()), options)?.into_table()
}

fn values(table: &Table) -> Vec<&[String]> {
    table.rows.iter().map(|row| row.values()).collect()
}

fuzz_target!(|bytes: &[u8]| {
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
    let Ok(reader) = Reader::new("data", Cursor::new(bytes.to_vec()), options) else { return };
    let (width, format) = (reader.columns().names().len(), reader.format());
    let Ok(table) = reader.into_table() else { return };
    assert!(table.rows.iter().all(|row| row.values().len() == width));

    let Ok(mut writer) = Writer::new("out", Vec::new(), format, &table.columns, &[]) else { return };
    if table.rows.iter().any(|row| writer.write(row, &[]).is_err()) {
        return;
    }
    let written = writer.finish().expect("writing to memory does not fail");
    // What is written is UTF-8, and what quotes mean in it is known.
    let again = ReadOptions {
        format: Some(format),
        quoting: Some(options.quoting.unwrap_or_default()),
        encoding: None,
        of_task: false,
    };
    if format == Format::Jsonl && table.rows.is_empty() {
        return;
    }
    let again = read(&written, again).expect("what was written can be read");
    assert_eq!(values(&again), values(&table));
});
