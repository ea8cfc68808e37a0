//! Rows to a file or standard output, with new columns beside the old ones.

use std::io::{self, BufWriter, Write};

use serde_json::Value;

use super::{Columns, Format, Row};
use crate::error::list;
use crate::{Error, Result};

/// Writes rows of a [`Reader`](super::Reader) with new columns at the end.
pub struct Writer<W: Write> {
    name: String,
    columns: Columns,
    added: Vec<String>,
    lines: Lines<W>,
}

enum Lines<W: Write> {
    Csv(Box<csv::Writer<W>>),
    Jsonl(BufWriter<W>),
}

impl<W: Write> Writer<W> {
    /// Begins to write `columns` and then the columns `added` to `output`, which errors call `name`. CSV made from CSV
    /// with semicolons has semicolons.
    ///
    /// # Errors
    /// When a new column has the name of an old one (see [`Columns::free_name`]), or writing fails.
    pub fn new(
        name: &str,
        output: W,
        format: Format,
        columns: &Columns,
        added: &[String],
    ) -> Result<Writer<W>> {
        if let Some(taken) = added.iter().find(|name| columns.find(name).is_some()) {
            return Err(Error::usage(
                format!("the input has a column `{taken}` already, which is about to be added"),
                "rename it in the input",
            ));
        }
        let lines = match format {
            Format::Csv | Format::Tsv => {
                let separator = if format == Format::Tsv { b'\t' } else { columns.separator };
                let mut lines = csv::WriterBuilder::new().delimiter(separator).from_writer(output);
                let header = columns.names().iter().chain(added);
                lines.write_record(header).map_err(|error| Error::io("write", name, io_error(error)))?;
                Lines::Csv(Box::new(lines))
            }
            Format::Jsonl => Lines::Jsonl(BufWriter::new(output)),
        };
        Ok(Writer { name: name.to_owned(), columns: columns.clone(), added: added.to_owned(), lines })
    }

    /// Writes a row with the values of the added columns. A row of JSON Lines keeps its values as they were written.
    ///
    /// # Errors
    /// When writing fails, or the row is a JSON object with keys that the first object did not have and the output
    /// has no place for them.
    ///
    /// # Panics
    /// If there is not one value for every added column.
    pub fn write(&mut self, row: &Row, values: &[Value]) -> Result<()> {
        assert_eq!(values.len(), self.added.len(), "one value for every added column");
        let unlisted = row.object.as_ref().map_or(&[][..], |object| &object.unlisted);
        if let Lines::Csv(_) = self.lines
            && !unlisted.is_empty()
        {
            return Err(Error::data(
                row.place(),
                format!("the object has {}, which the first object does not have", list(unlisted)),
                "write JSON Lines instead, or give all objects the same keys",
            ));
        }
        if let Some(taken) = unlisted.iter().find(|name| self.added.contains(name)) {
            return Err(Error::data(
                row.place(),
                format!("the object has `{taken}` already, which is about to be added"),
                "rename it in the input",
            ));
        }
        let written = match &mut self.lines {
            Lines::Csv(lines) => write_csv(lines, row, values).map_err(io_error),
            Lines::Jsonl(lines) => write_object(lines, &self.columns, row, &self.added, values),
        };
        written.map_err(|source| Error::io("write", &self.name, source))
    }

    /// Hands everything written so far to the output.
    ///
    /// # Errors
    /// When writing fails.
    pub fn flush(&mut self) -> Result<()> {
        let flushed = match &mut self.lines {
            Lines::Csv(lines) => lines.flush(),
            Lines::Jsonl(lines) => lines.flush(),
        };
        flushed.map_err(|source| Error::io("write", &self.name, source))
    }

    /// Flushes and gives the output back.
    ///
    /// # Errors
    /// When writing fails.
    pub fn finish(mut self) -> Result<W> {
        self.flush()?;
        let inner = match self.lines {
            Lines::Csv(lines) => lines.into_inner().map_err(|error| error.into_error()),
            Lines::Jsonl(lines) => lines.into_inner().map_err(|error| error.into_error()),
        };
        inner.map_err(|source| Error::io("write", &self.name, source))
    }
}

/// The operating system's own answer: whoever reads a pipe may have closed it, which is no failure.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => source,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn write_csv<W: Write>(
    lines: &mut csv::Writer<W>,
    row: &Row,
    values: &[Value],
) -> std::result::Result<(), csv::Error> {
    for value in &row.values {
        lines.write_field(value)?;
    }
    for value in values {
        match value {
            Value::String(text) => lines.write_field(text)?,
            Value::Null => lines.write_field("")?,
            other => lines.write_field(other.to_string())?,
        }
    }
    lines.write_record(None::<&[u8]>)?;
    Ok(())
}

fn write_object(
    lines: &mut impl Write,
    columns: &Columns,
    row: &Row,
    added: &[String],
    values: &[Value],
) -> io::Result<()> {
    let mut separator = "{";
    if let Some(object) = &row.object {
        // The reader took it for an object, so it ends with a brace.
        let members = object.text.strip_suffix('}').unwrap_or(&object.text).trim_end();
        lines.write_all(members.as_bytes())?;
        separator = if members == "{" { "" } else { ", " };
    } else {
        for (name, value) in columns.names().iter().zip(&row.values) {
            write!(lines, "{separator}{}: {}", quoted(name), quoted(value))?;
            separator = ", ";
        }
    }
    for (name, value) in added.iter().zip(values) {
        write!(lines, "{separator}{}: {value}", quoted(name))?;
        separator = ", ";
    }
    if separator == "{" {
        lines.write_all(b"{")?;
    }
    lines.write_all(b"}\n")
}

fn quoted(text: &str) -> Value {
    Value::from(text)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::table::{Reader, Table};

    fn read(text: &[u8], format: Option<Format>) -> Table {
        Reader::new("t", Cursor::new(text.to_vec()), format).unwrap().into_table().unwrap()
    }

    fn write(table: &Table, format: Format, added: &[(&str, Value)]) -> Result<Vec<u8>> {
        let (names, values): (Vec<String>, Vec<Value>) =
            added.iter().map(|(name, value)| (name.to_string(), value.clone())).unzip();
        let mut writer = Writer::new("out", Vec::new(), format, &table.columns, &names)?;
        for row in &table.rows {
            writer.write(row, &values)?;
        }
        writer.finish()
    }

    #[test]
    fn an_object_keeps_its_bytes_and_gains_the_new_keys() {
        let input = b"{ \"id\": 12345678901234567890123, \"x\": 1.50 , \"t\": \"\\u00e9\" }\n{}\n";
        let got =
            write(&read(input, None), Format::Jsonl, &[("label", "a".into()), ("p", 0.5.into())]).unwrap();
        assert_eq!(
            String::from_utf8(got).unwrap(),
            "{ \"id\": 12345678901234567890123, \"x\": 1.50 , \"t\": \"\\u00e9\", \"label\": \"a\", \"p\": 0.5}\n\
             {\"label\": \"a\", \"p\": 0.5}\n"
        );
    }

    #[test]
    fn rows_change_their_format() {
        let table = read(b"text,n\n\"a \"\"b\"\"\",1\n", None);
        let json = write(&table, Format::Jsonl, &[]).unwrap();
        assert_eq!(String::from_utf8(json.clone()).unwrap(), "{\"text\": \"a \\\"b\\\"\", \"n\": \"1\"}\n");
        let tsv = write(&read(&json, None), Format::Tsv, &[("p", 0.25.into())]).unwrap();
        assert_eq!(String::from_utf8(tsv).unwrap(), "text\tn\tp\n\"a \"\"b\"\"\"\t1\t0.25\n");
    }

    #[test]
    fn semicolons_stay_semicolons() {
        let table = read(b"text;n\na, b;\"c; d\"\n", None);
        let csv = write(&table, Format::Csv, &[("label", "x".into())]).unwrap();
        assert_eq!(String::from_utf8(csv).unwrap(), "text;n;label\na, b;\"c; d\";x\n");
        let tsv = write(&table, Format::Tsv, &[]).unwrap();
        let again = write(&read(&tsv, Some(Format::Tsv)), Format::Csv, &[]).unwrap();
        assert_eq!(String::from_utf8(again).unwrap(), "text,n\n\"a, b\",c; d\n");
    }

    #[test]
    fn keys_without_a_place_and_names_taken_twice_are_refused() {
        let table = read(b"{\"a\": 1}\n{\"a\": 2, \"b\": 3}\n", None);
        let error = write(&table, Format::Csv, &[]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`t`, line 2: the object has `b`, which the first object does not have"
        );
        assert!(write(&table, Format::Jsonl, &[("a", 1.into())]).is_err());
        assert!(write(&table, Format::Jsonl, &[("b", 1.into())]).is_err());
        assert!(write(&table, Format::Jsonl, &[("c", 1.into())]).is_ok());
    }

    fn any_table() -> impl Strategy<Value = Vec<Vec<String>>> {
        (1usize..4).prop_flat_map(|columns| {
            let value = prop_oneof!["[a-z\",\t\r\n {}\\[\\]:]{0,6}", "\\PC{0,6}"];
            prop::collection::vec(prop::collection::vec(value, columns), 0..5)
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(
            rows in any_table(), format in prop::sample::select(vec![Format::Csv, Format::Tsv, Format::Jsonl]),
        ) {
            let columns = rows.first().map_or(1, Vec::len);
            let header: Vec<String> = (0..columns).map(|i| format!("column {i}")).collect();
            let mut source = csv::Writer::from_writer(Vec::new());
            source.write_record(&header).unwrap();
            for row in &rows {
                source.write_record(row).unwrap();
            }
            let table = read(&source.into_inner().unwrap(), Some(Format::Csv));
            let got: Vec<&[String]> = table.rows.iter().map(Row::values).collect();
            prop_assert_eq!(&got, &rows);

            let written = write(&table, format, &[]).unwrap();
            if format != Format::Jsonl || !rows.is_empty() {
                let again = read(&written, Some(format));
                let got: Vec<&[String]> = again.rows.iter().map(Row::values).collect();
                prop_assert_eq!(&got, &rows);
                prop_assert_eq!(again.columns.names(), &header[..]);
                prop_assert_eq!(write(&again, format, &[]).unwrap(), written);
            }
        }

        #[test]
        fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            for format in [None, Some(Format::Csv), Some(Format::Tsv), Some(Format::Jsonl)] {
                if let Ok(reader) = Reader::new("t", Cursor::new(bytes.clone()), format) {
                    let _ = reader.into_table();
                }
            }
        }
    }
}
