//! Reading and writing rows: CSV, TSV, JSON Lines and Parquet, from files and globs of files, and text also from standard input.
//!
//! A [`Reader`] yields one row at a time and a `Writer` copies its columns and appends new ones, so a file of
//! any size is processed in little memory. CSV and TSV need a header line and follow RFC 4180 (quotes,
//! doubled quotes, line breaks within quotes). CSV may be separated by semicolons instead of commas, as
//! spreadsheets write it in locales with a decimal comma: the header decides. In JSON Lines, every line is an
//! object; the first object names the columns, and values are copied to JSON Lines output byte for byte. The values of Parquet
//! are read as text, and copied to Parquet output with their types.
//!
//! Every input row becomes an output row, or an error names the line. Quotes that leave the end of a value
//! ambiguous, bytes that are invalid in the encoding and files that are not text are rejected; nothing is
//! guessed.

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
pub(crate) mod parquet;
pub(crate) mod plain;
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
    format::{Format, unpacked},
    options::ReadOptions,
    quoting::Quoting,
    reader::Reader,
    record::Record,
};
pub(crate) use columns::Columns;
pub(crate) use files::expand;
pub(crate) use reader::Table;
pub(crate) use record::{Records, check_texts};
pub(crate) use row::Row;
pub(crate) use writer::{Added, Kind, Writer};
