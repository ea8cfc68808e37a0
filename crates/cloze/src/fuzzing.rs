//! What fuzz targets try on code that is not public. No part of the library's promise.

use std::io::Cursor;

use bytes::Bytes;

use crate::table::{Format, ReadOptions, Reader, Table, Writer};

/// More rows than fit into an input of text.
const ROWS: usize = 1 << 16;

/// Whether bytes are rows. If they are, every row is as wide as the header, and rows that can be written are read again as they were.
///
/// # Panics
/// When that is not so.
pub fn table(bytes: &[u8], options: ReadOptions) -> bool {
    // Text may begin like Parquet, and what is written has its format from what was read.
    let read = |parquet: bool, bytes: &[u8], options: ReadOptions| match parquet {
        true => Reader::parquet("data", Bytes::copy_from_slice(bytes), options),
        false => Reader::new("data", Cursor::new(bytes.to_vec()), options),
    };
    let Ok(mut reader) = read(bytes.starts_with(b"PAR1"), bytes, options) else { return false };
    let (width, format) = (reader.columns().len(), reader.format());
    // A few bytes of Parquet can mean any number of nulls.
    let columns = reader.header().clone();
    let Ok(rows) = reader.rows().take(ROWS).collect() else { return false };
    let table = Table { columns, rows };
    assert!(table.rows.iter().all(|row| row.values().len() == width));
    let Ok(written) = written(&table, format) else { return true };
    // What is written is UTF-8, and what quotes mean in it is known.
    let again = ReadOptions {
        format: Some(format),
        quoting: Some(options.quoting.unwrap_or_default()),
        encoding: None,
        of_task: false,
    };
    if format == Format::Jsonl && table.rows.is_empty() {
        return true;
    }
    let again = read(format == Format::Parquet, &written, again)
        .and_then(Reader::into_table)
        .expect("what was written can be read");
    let values = |table: &Table| table.rows.iter().map(|row| row.values().to_vec()).collect::<Vec<_>>();
    assert_eq!(values(&again), values(&table));
    true
}

fn written(table: &Table, format: Format) -> crate::Result<Vec<u8>> {
    let mut writer = Writer::new("out", Vec::new(), format, &table.columns, &[])?;
    table.rows.iter().try_for_each(|row| writer.write(row, &[]))?;
    Ok(writer.finish().expect("writing to memory does not fail"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_told_from_other_bytes() {
        assert!(table(b"text,label\n\"a\nb\",yes\n", ReadOptions::default()));
        assert!(table(b"{\"text\": \"a\"}\n", ReadOptions::from(Format::Jsonl)));
        assert!(!table(b"text,label\na,b,c\n", ReadOptions::from(Format::Csv)));
        let parquet =
            std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/tables/types.parquet"));
        assert!(table(&parquet.unwrap(), ReadOptions::default()));
        assert!(table(b" PAR1  m\n x\n", ReadOptions::from(Format::Csv)));
        assert!(!table(b"PAR1\x15 and something else PAR1", ReadOptions::default()));
    }
}
