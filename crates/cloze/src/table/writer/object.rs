//! Writes JSON Lines objects, keeping the original text.

use std::io::{self, Write};

use serde_json::Value;

use crate::table::columns::Columns;
use crate::table::parquet::cell;
use crate::table::row::Row;
use crate::table::writer::Added;

/// Writes a row with the `values` of the columns `added`, and `end`, which closes its object and line.
pub(super) fn write(
    lines: &mut impl Write,
    end: &[u8],
    columns: &Columns,
    row: &Row,
    added: &[Added],
    values: &[Value],
) -> io::Result<()> {
    let mut separator = "{";
    if let Some(object) = &row.object {
        // The reader has parsed it as an object, so it ends with a brace.
        let members = object.text.strip_suffix('}').unwrap_or(&object.text).trim_end();
        lines.write_all(members.as_bytes())?;
        separator = if members == "{" { "" } else { ", " };
    } else if let Some(cells) = &row.cells {
        for (name, array) in columns.names().iter().zip(cells.batch.columns()) {
            // The reader has read this value before.
            let value = cell::value(array, cells.index).map_err(|fault| io::Error::other(fault.problem))?;
            write!(lines, "{separator}{}: {value}", quoted(name))?;
            separator = ", ";
        }
    } else {
        for (name, value) in columns.names().iter().zip(&row.values) {
            write!(lines, "{separator}{}: {}", quoted(name), quoted(value))?;
            separator = ", ";
        }
    }
    for (added, value) in added.iter().zip(values) {
        write!(lines, "{separator}{}: {value}", quoted(&added.name))?;
        separator = ", ";
    }
    if separator == "{" {
        lines.write_all(b"{")?;
    }
    lines.write_all(end)
}

fn quoted(text: &str) -> Value {
    Value::from(text)
}
