//! Writes rows to a file or standard output, with new columns after the old ones.

mod delimited;
mod object;
mod parquet;

use std::io::{BufWriter, Write};

use serde_json::Value;

use super::columns::Columns;
use super::format::Format;
use super::quoting::Quoting;
use super::row::Row;
use crate::error::list;
use crate::{Error, Result};

/// A new column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Added {
    pub(crate) name: String,
    pub(crate) kind: Kind,
}

/// What a new column has, for formats with types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A text.
    Text,
    /// Several texts.
    Texts,
    /// A number.
    Number,
}

#[cfg(test)]
impl Added {
    /// A column for values like `value`.
    pub(super) fn like(name: &str, value: &Value) -> Added {
        let kind = match value {
            Value::Number(_) => Kind::Number,
            Value::Array(_) => Kind::Texts,
            _ => Kind::Text,
        };
        Added { name: name.to_owned(), kind }
    }
}

/// Writes rows of a [`Reader`](super::Reader) with new columns at the end.
pub(crate) struct Writer<W: Write + Send> {
    name: String,
    columns: Columns,
    added: Vec<Added>,
    lines: Lines<W>,
}

enum Lines<W: Write + Send> {
    Csv { lines: Box<csv::Writer<W>>, separator: u8, quoting: Quoting },
    Jsonl { lines: BufWriter<W>, end: &'static [u8] },
    Parquet(Box<parquet::Batches<W>>),
}

impl<W: Write + Send> Writer<W> {
    /// Starts writing to `output`, which errors refer to as `name`: first `columns`, then the columns
    /// `added`. A byte order mark and carriage returns are kept if the input has them; semicolons are kept
    /// from CSV to CSV, and the quoting is kept if the format stays the same. The encoding is UTF-8. Types are
    /// kept from Parquet to Parquet.
    ///
    /// # Errors
    /// When a new column has the name of an existing one, or writing fails.
    pub(crate) fn new(
        name: &str,
        mut output: W,
        format: Format,
        columns: &Columns,
        added: &[Added],
    ) -> Result<Writer<W>> {
        if let Some(taken) = added.iter().find(|added| columns.find(&added.name).is_some()) {
            return Err(Error::usage(
                format!("the input already has a column `{}`, which cloze would add", taken.name),
                "rename it in the input",
            ));
        }
        let dialect = columns.dialect;
        let same = format == dialect.format;
        if dialect.mark && (same || matches!(format, Format::Csv | Format::Tsv)) {
            output.write_all(b"\xef\xbb\xbf").map_err(|source| Error::io("write", name, source))?;
        }
        let names = columns.names().iter().chain(added.iter().map(|added| &added.name));
        let lines = match format {
            Format::Csv | Format::Tsv => {
                let separator = if format == Format::Tsv { b'\t' } else { dialect.separator };
                let quoting = if same { dialect.quoting } else { Quoting::Double };
                let header = delimited::header(names.clone(), separator, quoting)
                    .map_err(|error| error.at(name, columns.place()))?;
                let end = if dialect.crlf { "\r\n" } else { "\n" };
                write!(output, "{header}{end}").map_err(|source| Error::io("write", name, source))?;
                let lines = csv::WriterBuilder::new()
                    .delimiter(separator)
                    .terminator(match dialect.crlf {
                        true => csv::Terminator::CRLF,
                        false => csv::Terminator::Any(b'\n'),
                    })
                    .quote_style(match quoting {
                        Quoting::Double => csv::QuoteStyle::Necessary,
                        // The values are escaped before they get here.
                        Quoting::Backslash | Quoting::None => csv::QuoteStyle::Never,
                    })
                    .flexible(true)
                    .from_writer(output);
                Lines::Csv { lines: Box::new(lines), separator, quoting }
            }
            Format::Jsonl => {
                let end: &[u8] = if dialect.crlf { b"}\r\n" } else { b"}\n" };
                Lines::Jsonl { lines: BufWriter::new(output), end }
            }
            Format::Parquet => {
                let batches = parquet::Batches::new(output, columns, added);
                Lines::Parquet(Box::new(batches.map_err(|source| Error::io("write", name, source))?))
            }
        };
        Ok(Writer { name: name.to_owned(), columns: columns.clone(), added: added.to_owned(), lines })
    }

    /// Writes a row with the values of the added columns. The values of a JSON Lines row are kept exactly as
    /// written.
    ///
    /// # Errors
    /// When writing fails, or the row is a JSON object with keys that the first object did not have and that
    /// the output has no column for.
    ///
    /// # Panics
    /// If the number of values differs from the number of added columns.
    pub(crate) fn write(&mut self, row: &Row, values: &[Value]) -> Result<()> {
        assert_eq!(values.len(), self.added.len(), "one value for every added column");
        let unlisted = row.object.as_ref().map_or(&[][..], |object| &object.unlisted);
        if let Lines::Csv { .. } | Lines::Parquet(_) = self.lines
            && !unlisted.is_empty()
        {
            return Err(Error::data(
                row.place(),
                format!("the object has {}, which the first object does not have", list(unlisted)),
                "write JSON Lines instead, or give all objects the same keys",
            ));
        }
        if let Some(taken) = unlisted.iter().find(|name| self.added.iter().any(|added| added.name == **name))
        {
            return Err(Error::data(
                row.place(),
                format!("the object already has `{taken}`, which cloze would add"),
                "rename it in the input",
            ));
        }
        match &mut self.lines {
            Lines::Csv { lines, separator, quoting } => {
                let added: Vec<String> = values.iter().map(delimited::cell).collect();
                let fields = row.values.iter().chain(&added).map(String::as_str);
                delimited::record(lines, *separator, *quoting, fields)
                    .map_err(|error| error.at(&self.name, row.place()))
            }
            Lines::Jsonl { lines, end } => object::write(lines, end, &self.columns, row, &self.added, values)
                .map_err(|source| Error::io("write", &self.name, source)),
            Lines::Parquet(batches) => {
                batches.write(row, values).map_err(|source| Error::io("write", &self.name, source))
            }
        }
    }

    /// Flushes everything written so far to the output, except that Parquet is written a row group at a time.
    ///
    /// # Errors
    /// When writing fails.
    pub(crate) fn flush(&mut self) -> Result<()> {
        let flushed = match &mut self.lines {
            Lines::Csv { lines, .. } => lines.flush(),
            Lines::Jsonl { lines, .. } => lines.flush(),
            Lines::Parquet(batches) => batches.encode(),
        };
        flushed.map_err(|source| Error::io("write", &self.name, source))
    }

    /// Flushes and returns the output.
    ///
    /// # Errors
    /// When writing fails.
    pub(crate) fn finish(mut self) -> Result<W> {
        self.flush()?;
        let inner = match self.lines {
            Lines::Csv { lines, .. } => lines.into_inner().map_err(|error| error.into_error()),
            Lines::Jsonl { lines, .. } => lines.into_inner().map_err(|error| error.into_error()),
            Lines::Parquet(batches) => batches.finish(),
        };
        inner.map_err(|source| Error::io("write", &self.name, source))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::*;
    use crate::table::{ReadOptions, Reader, Table};

    fn read(text: &[u8], format: Option<Format>) -> Table {
        Reader::new("t", Cursor::new(text.to_vec()), ReadOptions::from(format)).unwrap().into_table().unwrap()
    }

    fn write(table: &Table, format: Format, added: &[(&str, Value)]) -> Result<Vec<u8>> {
        let (added, values): (Vec<Added>, Vec<Value>) =
            added.iter().map(|(name, value)| (Added::like(name, value), value.clone())).unzip();
        let mut writer = Writer::new("out", Vec::new(), format, &table.columns, &added)?;
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

    /// A file with these rows, as another program may have written it.
    fn written(rows: &[Vec<String>], dialect: (Format, char, Quoting, &str), mark: bool) -> Vec<u8> {
        let (format, separator, quoting, end) = dialect;
        let field = |value: &String| match (format, quoting) {
            (Format::Jsonl, _) => unreachable!(),
            (_, Quoting::None) => value.clone(),
            (_, Quoting::Double) => format!("\"{}\"", value.replace('"', "\"\"")),
            (_, Quoting::Backslash) => format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\"")),
        };
        let mut text = if mark { "\u{feff}".to_owned() } else { String::new() };
        for row in rows {
            text += &row.iter().map(field).collect::<Vec<_>>().join(&separator.to_string());
            text += end;
        }
        text.into_bytes()
    }

    #[test]
    fn a_mark_and_carriage_returns_and_quoting_stay() {
        let input = b"\xef\xbb\xbftext;n\r\n\"a; b\";1\r\n";
        let out = write(&read(input, None), Format::Csv, &[("p", "x".into())]).unwrap();
        assert_eq!(out, b"\xef\xbb\xbftext;n;p\r\n\"a; b\";1;x\r\n");
        let json = write(&read(input, None), Format::Jsonl, &[]).unwrap();
        assert_eq!(json, b"{\"text\": \"a; b\", \"n\": \"1\"}\r\n");
        let bare = "text\tteam\n\"The bin\tx\n";
        let options = ReadOptions { quoting: Some(Quoting::None), ..ReadOptions::from(Format::Tsv) };
        let table = Reader::new("t", Cursor::new(bare), options).unwrap().into_table().unwrap();
        assert_eq!(write(&table, Format::Tsv, &[]).unwrap(), bare.as_bytes());
        assert_eq!(write(&table, Format::Csv, &[]).unwrap(), b"text,team\n\"\"\"The bin\",x\n");
        let error = write(&table, Format::Tsv, &[("p", "a\tb".into())]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`t`, line 2: `a\\tb` cannot be written without quotes, and the file has none"
        );
        assert!(error.remedy().unwrap().contains("`--to jsonl`"));
        assert!(write(&table, Format::Jsonl, &[("p", "a\tb".into())]).is_ok());
    }

    /// Whether quotes only enclose values, and are doubled within them.
    fn follows_the_standard(text: &str) -> bool {
        let mut start = true;
        let mut quoted = false;
        let mut closed = false;
        for c in text.chars() {
            match c {
                '"' if closed => (quoted, closed) = (true, false),
                '"' if quoted => (quoted, closed) = (false, true),
                '"' if start => (quoted, start) = (true, false),
                '"' => return false,
                ',' | '\n' if !quoted => (start, closed) = (true, false),
                _ if closed => return false,
                _ => start = start && quoted,
            }
        }
        !quoted
    }

    proptest! {
        #[test]
        fn rows_in_are_rows_out_whatever_quotes_mean(
            rows in prop::collection::vec(prop::collection::vec("[a\" \\\\é;,\t']{0,5}", 3), 0..6),
            quoting in prop::sample::select(vec![Quoting::Double, Quoting::Backslash, Quoting::None]),
            (format, separator) in prop::sample::select(vec![(Format::Csv, ','), (Format::Csv, ';'), (Format::Tsv, '\t')]),
            end in prop::sample::select(vec!["\n", "\r\n"]), mark: bool,
        ) {
            let mut rows = rows;
            for value in rows.iter_mut().flatten().filter(|_| quoting == Quoting::None) {
                value.retain(|letter| letter != separator);
            }
            let header = ["a", "b", "c"].map(str::to_owned).to_vec();
            let all: Vec<Vec<String>> = std::iter::once(header).chain(rows.clone()).collect();
            let file = written(&all, (format, separator, quoting, end), mark);
            let options = ReadOptions { quoting: Some(quoting), ..ReadOptions::from(format) };
            let read = |bytes: Vec<u8>| Reader::new("t", Cursor::new(bytes), options).and_then(Reader::into_table);
            let table = read(file.clone()).unwrap();
            let values = |table: &Table| -> Vec<Vec<String>> { table.rows.iter().map(|row| row.values().to_vec()).collect() };
            prop_assert_eq!(values(&table), rows.clone());
            let out = write(&table, format, &[("p", "x".into())]).unwrap();
            prop_assert_eq!(out.starts_with(b"\xef\xbb\xbf"), mark);
            prop_assert_eq!(out.windows(2).filter(|pair| pair == b"\r\n").count(), if end == "\n" { 0 } else { all.len() });
            let again = values(&read(out).unwrap());
            let want: Vec<Vec<String>> = rows.into_iter().map(|row| [row, vec!["x".to_owned()]].concat()).collect();
            prop_assert_eq!(again, want);
        }

        /// The same rows without specifying the quoting: they are either read completely, or an error names a
        /// line.
        #[test]
        fn rows_in_are_rows_out_or_an_error_names_the_line(
            rows in prop::collection::vec(("[a-c\"]{1,4}", "[a-c\"]{1,4}", "[a-c]{1,2}"), 1..7), tsv: bool,
        ) {
            let (format, separator) = if tsv { (Format::Tsv, '\t') } else { (Format::Csv, ',') };
            let lines: Vec<String> =
                rows.iter().map(|(a, b, c)| format!("{a}{separator}{b}{separator}{c}\n")).collect();
            let text = format!("a{separator}b{separator}c\n{}", lines.concat());
            match Reader::new("t", Cursor::new(text.clone()), ReadOptions::from(format)).and_then(Reader::into_table) {
                Err(error) => prop_assert!(error.to_string().starts_with("`t`, line "), "{}", error),
                Ok(table) if table.rows.len() == rows.len() => {
                    let quoted = |value: &str| value.len() > 1 && value.starts_with('"') && value.ends_with('"');
                    for (row, (a, b, _)) in table.rows.iter().zip(&rows) {
                        for (got, value) in row.values().iter().zip([a, b]) {
                            let is = got == value
                                || (quoted(value) && got.replace('"', "\"\"") == value[1..value.len() - 1]);
                            prop_assert!(is, "{:?} from {:?}", got, value);
                        }
                    }
                }
                // Lines are joined into one value only if the file follows RFC 4180 exactly.
                Ok(_) => prop_assert!(!tsv && follows_the_standard(&text), "{}", text),
            }
        }

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
            // A value with separators and line breaks could be several rows, unless the quoting is specified.
            let read = |text: Vec<u8>, format| {
                let options = ReadOptions { quoting: Some(Quoting::Double), ..ReadOptions::from(format) };
                Reader::new("t", Cursor::new(text), options).unwrap().into_table().unwrap()
            };
            let table = read(source.into_inner().unwrap(), Some(Format::Csv));
            let got: Vec<&[String]> = table.rows.iter().map(Row::values).collect();
            prop_assert_eq!(&got, &rows);

            let written = write(&table, format, &[]).unwrap();
            if format != Format::Jsonl || !rows.is_empty() {
                let again = read(written.clone(), Some(format));
                let got: Vec<&[String]> = again.rows.iter().map(Row::values).collect();
                prop_assert_eq!(&got, &rows);
                prop_assert_eq!(again.columns.names(), &header[..]);
                prop_assert_eq!(write(&again, format, &[]).unwrap(), written);
            }
        }

        #[test]
        fn any_bytes_are_rows_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            for format in [None, Some(Format::Csv), Some(Format::Tsv), Some(Format::Jsonl)] {
                if let Ok(reader) = Reader::new("t", Cursor::new(bytes.clone()), ReadOptions::from(format)) {
                    let _ = reader.into_table();
                }
            }
        }
    }
}
