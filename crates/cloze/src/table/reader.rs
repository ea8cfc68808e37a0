//! Rows from a file or standard input, one at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;

use super::input::Input;
use super::{Columns, Format, Object, Row, Table, separator};
use crate::error::list;
use crate::{Error, Place, Result};

/// Reads rows one at a time. After an error the rest of the file is not read.
pub struct Reader {
    columns: Columns,
    format: Format,
    lines: Lines,
    done: bool,
}

enum Lines {
    Csv { records: Box<csv::Reader<Input>>, line: u64 },
    Jsonl { text: BufReader<Box<dyn Read + Send>>, line: u64, first: Option<Row> },
}

impl Reader {
    /// Opens a file. The format is the one given, or what its extension says, or what its first line looks like.
    ///
    /// # Errors
    /// When it cannot be read, is empty or not UTF-8, or two columns have the same name.
    pub fn open(path: &Path, format: Option<Format>) -> Result<Reader> {
        let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
        Reader::new(&path.display().to_string(), file, format.or_else(|| Format::of_path(path)))
    }

    /// Reads from standard input.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn stdin(format: Option<Format>) -> Result<Reader> {
        Reader::new("standard input", io::stdin(), format)
    }

    /// Reads from anything, which errors call `name`.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(name: &str, mut input: impl Read + Send + 'static, format: Option<Format>) -> Result<Reader> {
        let file: Arc<str> = name.into();
        let head = first_line(&mut input).map_err(|source| Error::io("read", name, source))?;
        if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
            return Err(not_utf8(Place::file(name), "it looks like UTF-16"));
        }
        let bom = if head.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        let line = head[bom..].trim_ascii_start().split(|&byte| byte == b'\n').next().unwrap_or_default();
        let (format, separator) = (format.unwrap_or_else(|| Format::sniff(line)), separator(line));
        let mut start = Cursor::new(head);
        start.set_position(bom as u64);
        let input: Box<dyn Read + Send> = Box::new(start.chain(input));
        match format {
            Format::Csv => Reader::csv(file, input, format, separator),
            Format::Tsv => Reader::csv(file, input, format, b'\t'),
            Format::Jsonl => Reader::jsonl(file, input),
        }
    }

    fn csv(file: Arc<str>, input: Box<dyn Read + Send>, format: Format, separator: u8) -> Result<Reader> {
        let mut records = csv::ReaderBuilder::new()
            .delimiter(separator)
            .flexible(true)
            .has_headers(false)
            .from_reader(Input::new(input, separator));
        let mut header = csv::ByteRecord::new();
        if !records.read_byte_record(&mut header).map_err(|error| csv_error(&file, error))? {
            return Err(empty(&file));
        }
        unclosed(&file, records.get_ref())?;
        let names = texts(&header, &Place::file(&*file))?;
        let names = names.iter().map(|name| name.trim().to_owned()).collect();
        let separator = if format == Format::Tsv { b',' } else { separator };
        let columns = unique(&file, names, separator)?;
        Ok(Reader { columns, format, lines: Lines::Csv { records: Box::new(records), line: 1 }, done: false })
    }

    fn jsonl(file: Arc<str>, input: Box<dyn Read + Send>) -> Result<Reader> {
        let (mut text, mut line) = (BufReader::new(input), 0);
        let Some((place, members, object)) = next_object(&mut text, &mut line, &file)? else {
            return Err(empty(&file));
        };
        let columns = unique(&file, members.0.iter().map(|(name, _)| name.clone()).collect(), b',').map_err(
            |error| match error {
                Error::Data { problem, remedy, .. } => Error::data(place.clone(), problem, remedy),
                other => other,
            },
        )?;
        let first = Some(json_row(&columns, line, members, object));
        Ok(Reader { columns, format: Format::Jsonl, lines: Lines::Jsonl { text, line, first }, done: false })
    }

    /// The columns.
    pub fn columns(&self) -> &Columns {
        &self.columns
    }

    /// The format that is read.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Reads all the rows.
    ///
    /// # Errors
    /// The first unreadable row's.
    pub fn into_table(mut self) -> Result<Table> {
        let rows = self.by_ref().collect::<Result<_>>()?;
        Ok(Table { columns: self.columns, rows })
    }

    fn read_row(&mut self) -> Result<Option<Row>> {
        let file = &self.columns.file;
        match &mut self.lines {
            Lines::Csv { records, line: next } => {
                let mut record = csv::ByteRecord::new();
                if !records.read_byte_record(&mut record).map_err(|error| csv_error(file, error))? {
                    return Ok(None);
                }
                unclosed(file, records.get_ref())?;
                let breaks = record.as_slice().iter().filter(|&&byte| byte == b'\n').count() as u64;
                let end = records.position().byte();
                let line = records.get_mut().last_line(end, next) - breaks;
                let place = Place::file(&**file).line(line);
                let expected = self.columns.names.len();
                if record.len() != expected {
                    let fields =
                        |count| if count == 1 { "1 field".into() } else { format!("{count} fields") };
                    let remedy = if breaks > 0 {
                        format!(
                            "the row goes on to line {}: is a quote opened and never closed?",
                            line + breaks
                        )
                    } else {
                        let separator = match (self.format, self.columns.separator) {
                            (Format::Tsv, _) => "tab",
                            (_, b';') => "semicolon",
                            _ => "comma",
                        };
                        format!("put fields that contain a {separator} in double quotes, or complete the row")
                    };
                    let problem =
                        format!("the row has {}, the header has {}", fields(record.len()), fields(expected));
                    return Err(Error::data(place, problem, remedy));
                }
                let values = texts(&record, &place)?;
                Ok(Some(Row { file: Arc::clone(file), line, values, object: None }))
            }
            Lines::Jsonl { text, line, first } => {
                if let Some(row) = first.take() {
                    return Ok(Some(row));
                }
                let Some((_, members, object)) = next_object(text, line, file)? else { return Ok(None) };
                Ok(Some(json_row(&self.columns, *line, members, object)))
            }
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Result<Row>> {
        if self.done {
            return None;
        }
        let row = self.read_row().transpose();
        self.done = !matches!(row, Some(Ok(_)));
        row
    }
}

/// The beginning of the input up to the end of the first line that is not blank, or the first mebibyte of it.
fn first_line(input: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        match input.read(&mut chunk) {
            Ok(0) => return Ok(head),
            Ok(read) => head.extend_from_slice(&chunk[..read]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        }
        if head.trim_ascii_start().contains(&b'\n') || head.len() > 1 << 20 {
            return Ok(head);
        }
    }
}

fn empty(file: &str) -> Error {
    Error::data(Place::file(file), "the file is empty", "it needs a header line and rows below it")
}

fn not_utf8(place: Place, found: &str) -> Error {
    Error::data(
        place,
        format!("the text is not UTF-8: {found}"),
        "save the file as UTF-8, for example with `iconv -f WINDOWS-1252 -t UTF-8`",
    )
}

fn csv_error(file: &str, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::io("read", file, source),
        other => Error::data(Place::file(file), format!("{other:?}"), "check that the file is CSV"),
    }
}

/// The error for a file that ends within quotes, if it does.
fn unclosed(file: &str, input: &Input) -> Result<()> {
    let Some(line) = input.unclosed() else { return Ok(()) };
    Err(Error::data(
        Place::file(file).line(line),
        "a quote is opened here and never closed",
        "close it with another `\"`; a `\"` that is part of the text is written twice, and the text put in quotes",
    ))
}

/// The fields of a record as text; `place` is its first line.
fn texts(record: &csv::ByteRecord, place: &Place) -> Result<Vec<String>> {
    let mut breaks = 0;
    let mut values = Vec::with_capacity(record.len());
    for field in record {
        let text = std::str::from_utf8(field).map_err(|error| {
            let before = &field[..error.valid_up_to()];
            let breaks = breaks + before.iter().filter(|&&byte| byte == b'\n').count();
            let line = place.line.unwrap_or(1) + breaks as u64;
            not_utf8(place.clone().line(line), &format!("byte 0x{:02x}", field[error.valid_up_to()]))
        })?;
        breaks += text.matches('\n').count();
        values.push(text.to_owned());
    }
    Ok(values)
}

/// Columns from names that must differ. One may be empty, which is how some tools head the row numbers.
fn unique(file: &Arc<str>, names: Vec<String>, separator: u8) -> Result<Columns> {
    let all = list(names.iter().take(50));
    Columns::new(file, names, separator).map_err(|name| {
        let what = match name.as_str() {
            "" => "two columns have no name".into(),
            name => format!("two columns are called `{name}`"),
        };
        Error::data(Place::file(&**file).line(1), what, format!("rename one; the columns are {all}"))
    })
}

/// The next line that is not blank, read as an object. `line` becomes its number.
fn next_object(
    text: &mut impl BufRead,
    line: &mut u64,
    file: &str,
) -> Result<Option<(Place, Members, String)>> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = text.read_until(b'\n', &mut bytes).map_err(|source| Error::io("read", file, source))?;
        if read == 0 {
            return Ok(None);
        }
        *line += 1;
        if !bytes.trim_ascii().is_empty() {
            break;
        }
    }
    let place = Place::file(file).line(*line);
    let object = String::from_utf8(bytes.trim_ascii().to_vec()).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        not_utf8(place.clone(), &format!("byte 0x{:02x}", error.as_bytes()[at]))
    })?;
    match serde_json::from_str::<Members>(&object) {
        Ok(members) => Ok(Some((place, members, object))),
        Err(error) => {
            let (problem, remedy) = match object.as_bytes()[0] {
                b'{' => (
                    format!("not a JSON object: {error}"),
                    "write one JSON object per line, without line breaks inside",
                ),
                b'[' => (
                    "a JSON array, where one object per line is expected".into(),
                    "write one object per line, for example with `jq -c '.[]'`",
                ),
                _ => ("not a JSON object".into(), "write one JSON object per line, or give the right format"),
            };
            Err(Error::data(place, problem, remedy))
        }
    }
}

/// The members of an object in the order of the text.
struct Members(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Members, D::Error> {
        struct Members_;
        impl<'de> Visitor<'de> for Members_ {
            type Value = Members;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Members, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Members_)
    }
}

fn json_row(columns: &Columns, line: u64, members: Members, text: String) -> Row {
    let mut values = vec![String::new(); columns.names.len()];
    let mut unlisted = Vec::new();
    for (name, value) in members.0 {
        match columns.find(&name) {
            Some(column) => {
                values[column] = match value {
                    Value::String(text) => text,
                    Value::Null => String::new(),
                    other => other.to_string(),
                }
            }
            None => unlisted.push(name),
        }
    }
    Row { file: Arc::clone(&columns.file), line, values, object: Some(Object { text, unlisted }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: &[u8], format: Option<Format>) -> Result<Vec<(u64, Vec<String>)>> {
        let table = Reader::new("t.csv", Cursor::new(text.to_vec()), format)?.into_table()?;
        Ok(table.rows.into_iter().map(|row| (row.line, row.values)).collect())
    }

    fn refuse(text: &[u8], format: Option<Format>) -> String {
        rows(text, format).unwrap_err().to_string()
    }

    fn values(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn carriage_returns_a_byte_order_mark_and_quotes_are_understood() {
        let text = b"\xef\xbb\xbftext, label\r\n\"a, \"\"b\"\"\r\nc\",x\r\n\r\nd,y\r\n";
        let got = rows(text, None).unwrap();
        assert_eq!(got, [(2, values(&["a, \"b\"\r\nc", "x"])), (5, values(&["d", "y"]))]);
        let reader = Reader::new("t", Cursor::new(text.to_vec()), None).unwrap();
        assert_eq!(reader.columns().names(), ["text", "label"]);
    }

    #[test]
    fn tab_separated_values_are_recognised() {
        let got = rows(b"text\tlabel\na, b\tx\n", None).unwrap();
        assert_eq!(got, [(2, values(&["a, b", "x"]))]);
    }

    #[test]
    fn a_ragged_row_is_an_error_with_its_line_and_both_counts() {
        assert_eq!(
            refuse(b"a,b\n1,2\n\"x\ny\",2\n1,2,3\n", None),
            "`t.csv`, line 5: the row has 3 fields, the header has 2 fields"
        );
        let open = rows(b"a,b\n1,2\n\"3,4\n5,6\n7,\"8\"\n", None).unwrap_err();
        assert!(open.remedy().unwrap().contains("never closed"), "{:?}", open.remedy());
    }

    #[test]
    fn a_quote_that_is_never_closed_is_an_error_where_it_is_opened() {
        for (text, line) in [
            ("a,b\n1,2\n\"3,4\n5,6\n", 3),
            ("a,b\n1,2\n3,\"4\n5,6\n", 3),
            ("text\r\nok\r\n\"not\r\nok\r\n\r\n", 3),
            ("text\n\"a \"\"b\"\"\n\"\nc\n\"\"\"", 5),
            ("\"text\nok\n", 1),
            ("a\tb\n1\t\"2", 2),
        ] {
            let expected = format!("`t.csv`, line {line}: a quote is opened here and never closed");
            assert_eq!(refuse(text.as_bytes(), None), expected, "{text:?}");
        }
        let fine = b"text\nit's 5\" wide\n\"a \"\" b\"\n\"\"\n\"x\"y\" z\n";
        let texts: Vec<String> = rows(fine, None).unwrap().into_iter().map(|(_, row)| row.concat()).collect();
        assert_eq!(texts, ["it's 5\" wide", "a \" b", "", "xy\" z"]);
    }

    #[test]
    fn semicolons_separate_values_where_the_header_has_them() {
        for format in [None, Some(Format::Csv)] {
            let got = rows(b"text;label\r\na, b;x\r\n\"c; d\";y\r\n", format).unwrap();
            assert_eq!(got, [(2, values(&["a, b", "x"])), (3, values(&["c; d", "y"]))]);
        }
        assert_eq!(rows(b"text,label\na; b; c,x\n", None).unwrap(), [(2, values(&["a; b; c", "x"]))]);
        assert_eq!(rows(b"\"a;b;c\",label\n1,x\n", None).unwrap(), [(2, values(&["1", "x"]))]);
        let error = rows(b"text;label\na; b;x\n", None).unwrap_err();
        assert!(error.remedy().unwrap().contains("contain a semicolon"), "{:?}", error.remedy());
    }

    #[test]
    fn a_header_of_a_hundred_thousand_columns_takes_no_time() {
        let header: String = (0..100_000).map(|i| format!("{i},")).collect();
        assert_eq!(rows(header.as_bytes(), None).unwrap(), []);
        assert!(refuse(format!("{header}7,").as_bytes(), None).ends_with("two columns are called `7`"));
    }

    #[test]
    fn text_that_is_not_utf8_is_an_error_with_its_line() {
        assert_eq!(
            refuse(b"a,b\n1,2\n\"x\n\",caf\xe9\n", None),
            "`t.csv`, line 4: the text is not UTF-8: byte 0xe9"
        );
        assert_eq!(refuse(b"\xff\xfea\0", None), "`t.csv`: the text is not UTF-8: it looks like UTF-16");
        assert_eq!(
            refuse(b"{\"a\":1}\n{\"a\":\"\xe9\"}", None),
            "`t.csv`, line 2: the text is not UTF-8: byte 0xe9"
        );
    }

    #[test]
    fn an_empty_file_and_columns_of_the_same_name_are_refused() {
        for text in [&b""[..], b"\xef\xbb\xbf", b"\r\n\n"] {
            assert_eq!(refuse(text, None), "`t.csv`: the file is empty");
            assert_eq!(refuse(text, Some(Format::Jsonl)), "`t.csv`: the file is empty");
        }
        assert_eq!(refuse(b"a,b,a \n", None), "`t.csv`, line 1: two columns are called `a`");
        assert_eq!(
            refuse(b"\n{\"a\":1,\"a\":2}", Some(Format::Jsonl)),
            "`t.csv`, line 2: two columns are called `a`"
        );
        assert_eq!(rows(b",a\n0,x\n", None).unwrap(), [(2, values(&["0", "x"]))]);
        assert!(rows(b"a,b\n", None).unwrap().is_empty());
    }

    #[test]
    fn json_values_become_text_and_missing_ones_are_empty() {
        let got = rows(
            b"{\"a\": \"x\", \"b\": 1.50, \"c\": true}\n\n{\"c\": null, \"a\": [1, {}], \"d\": 2}\n",
            None,
        )
        .unwrap();
        assert_eq!(got, [(1, values(&["x", "1.5", "true"])), (3, values(&["[1,{}]", "", ""]))]);
    }

    #[test]
    fn a_line_that_is_not_an_object_is_refused() {
        assert!(
            refuse(b"{\"a\": 1}\n{\"a\": \n", None).starts_with("`t.csv`, line 2: not a JSON object: EOF")
        );
        assert_eq!(refuse(b"{\"a\": 1}\n3", None), "`t.csv`, line 2: not a JSON object");
        assert!(refuse(b"[{\"a\": 1}]", Some(Format::Jsonl)).contains("a JSON array"));
        assert!(refuse(b"{\"a\": 1} {\"a\": 2}", None).contains("trailing characters"));
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for ending in ["\n", "\r\n"] {
            for last in ["", ending] {
                let text = ["", "a", "x", "", "\"y", "z\"", "", "", "w"].join(ending) + last;
                let lines: Vec<u64> = rows(text.as_bytes(), None).unwrap().iter().map(|row| row.0).collect();
                assert_eq!(lines, [3, 5, 9], "{text:?}");
            }
        }
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut reader = Reader::new("t", Cursor::new(&b"a\n1,2\n3\n"[..]), None).unwrap();
        assert!(reader.next().unwrap().is_err());
        assert!(reader.next().is_none());
    }
}
