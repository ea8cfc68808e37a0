//! Writes records of CSV and TSV, with the quotes that a reader needs.

use std::io::{self, Write};

use serde_json::Value;

use crate::table::quoting::Quoting;
use crate::{Error, Place};

/// The operating system's own error: a closed pipe is not a failure.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => source,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// The text of a value in CSV.
pub(super) fn cell(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Why a record cannot be written.
pub(super) enum Unwritten {
    Csv(csv::Error),
    /// Without quotes this value would be read as several values or rows.
    NeedsQuotes(String),
    /// A value holds a zero byte, which readers refuse.
    ZeroByte,
}

impl Unwritten {
    /// The error for a value at `place` in the output called `name`.
    pub(super) fn at(self, name: &str, place: Place) -> Error {
        match self {
            Unwritten::Csv(error) => Error::io("write", name, io_error(error)),
            Unwritten::ZeroByte => Error::data(
                place,
                "there is a zero byte in the text",
                "remove it, or write JSON Lines with `--to jsonl`",
            ),
            Unwritten::NeedsQuotes(value) => Error::data(
                place,
                format!("`{}` cannot be written without quotes, and the file has none", value.escape_debug()),
                "write another format, for example with `--to jsonl`",
            ),
        }
    }
}

/// The column names as the first line. Names with characters that could be taken for a separator are quoted,
/// because readers detect the separator from this line.
pub(super) fn header<'n>(
    names: impl Iterator<Item = &'n String>,
    separator: u8,
    quoting: Quoting,
) -> Result<String, Unwritten> {
    let mut fields = Vec::new();
    for name in names {
        let unclear =
            name.contains([',', ';', '\t', '\n', '\r', '"']) || name.contains(char::from(separator));
        // Alone on its line, such a name would not be read as a header.
        let unclear = unclear || name.is_empty() || name.to_lowercase().starts_with("sep=");
        fields.push(match quoting {
            Quoting::Double | Quoting::Backslash if unclear => {
                let name =
                    if quoting == Quoting::Backslash { name.replace('\\', "\\\\") } else { name.clone() };
                format!("\"{}\"", name.replace('"', "\"\""))
            }
            Quoting::None if name.contains([char::from(separator), '\n', '\r']) => {
                return Err(Unwritten::NeedsQuotes(name.clone()));
            }
            _ => name.clone(),
        });
    }
    match fields.as_slice() {
        [name] if name.is_empty() => Err(Unwritten::NeedsQuotes(name.clone())),
        _ => Ok(fields.join(&char::from(separator).to_string())),
    }
}

/// Writes the values of a record and ends its line.
pub(super) fn record<'v, W: Write>(
    lines: &mut csv::Writer<W>,
    separator: u8,
    quoting: Quoting,
    values: impl Iterator<Item = &'v str>,
) -> Result<(), Unwritten> {
    let breaks = |value: &str| value.bytes().any(|byte| byte == separator || byte == b'\n' || byte == b'\r');
    let mut values = values.peekable();
    let mut is_first = true;
    while let Some(value) = values.next() {
        // An empty line is not a row.
        let alone = is_first && values.peek().is_none();
        is_first = false;
        let written = match quoting {
            _ if value.contains('\0') => return Err(Unwritten::ZeroByte),
            Quoting::Double => lines.write_field(value),
            Quoting::None if breaks(value) || (alone && value.is_empty()) => {
                return Err(Unwritten::NeedsQuotes(value.to_owned()));
            }
            Quoting::Backslash if breaks(value) || value.is_empty() || value.starts_with('"') => {
                let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
                lines.write_field(format!("\"{escaped}\""))
            }
            Quoting::None | Quoting::Backslash => lines.write_field(value),
        };
        written.map_err(Unwritten::Csv)?;
    }
    lines.write_record(None::<&[u8]>).map_err(Unwritten::Csv)
}
