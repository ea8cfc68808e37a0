//! Rows of text in and out: CSV, TSV and JSON Lines, from files, globs of files or standard input.
//!
//! A [`Reader`] gives one row at a time and a `Writer` repeats a row's columns with new ones beside them, so a file
//! of any size passes through in little memory. CSV and TSV need a header line and follow RFC 4180 (quotes, doubled
//! quotes, line breaks within quotes). CSV may have semicolons instead of commas, as spreadsheets write it where the
//! comma is the decimal sign: the header decides. In JSON Lines every line is an object; the first one names the
//! columns, and a value passes through to a JSON Lines output byte for byte.
//!
//! Rows in are rows out, or an error names the line: quotes that leave it unclear where a value ends, bytes that are invalid in
//! the encoding and files that are not text are refused; nothing is guessed.

mod columns;
mod decode;
mod delimited;
pub(crate) mod encoding;
mod files;
pub(crate) mod format;
mod header;
mod input;
mod json;
pub(crate) mod options;
pub(crate) mod quoting;
pub(crate) mod reader;
pub(crate) mod record;
mod row;
mod shell;
mod signature;
pub(crate) mod submission;
#[cfg(test)]
mod tests;
mod writer;

pub(crate) use self::{
    format::Format, options::ReadOptions, quoting::Quoting, reader::Reader, record::Record,
};
pub(crate) use columns::Columns;
pub(crate) use files::expand;
pub(crate) use reader::Table;
pub(crate) use record::{Records, check_texts};
pub(crate) use row::Row;
pub(crate) use writer::Writer;
