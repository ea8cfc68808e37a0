//! Rows from a file or standard input, one at a time.

use std::fs::File;
use std::io::{Cursor, Read, Seek};
use std::path::Path;
use std::sync::Arc;

use ::parquet::file::reader::ChunkReader;

use super::columns::Columns;
use super::decode;
use super::delimited::Records;
use super::format::{Format, unpacked};
use super::header::Beginning;
use super::json::Objects;
use super::options::ReadOptions;
use super::parquet::Batches;
use super::row::Row;
use super::signature;
use crate::{Error, Place, Result};

/// Reads rows one at a time. After an error, the rest of the file is not read.
pub struct Reader {
    columns: Columns,
    format: Format,
    lines: Lines,
    done: bool,
}

enum Lines {
    Delimited(Box<Records>),
    Json(Objects),
    Parquet(Box<Batches>),
}

impl Reader {
    /// Opens a file, which may be compressed with gzip or zstd unless it is Parquet. Options that are not set are derived from
    /// its extension and first line.
    ///
    /// # Errors
    /// When it cannot be read, is empty ([`Hint::EmptyFile`](crate::Hint::EmptyFile)), is not text in its encoding, or has two columns of the same
    /// name.
    pub fn open(path: &Path, options: ReadOptions) -> Result<Reader> {
        let failed = |source| Error::io("read", path, source);
        let mut file = File::open(path).map_err(failed)?;
        let name = path.display().to_string();
        let promised = Format::of_path(path);
        // Parquet is read from its end, so a pipe cannot hold it.
        if unpacked(path).is_none() && file.metadata().map_err(failed)?.is_file() {
            let mut head = Vec::new();
            (&mut file).take(signature::PARQUET.len() as u64).read_to_end(&mut head).map_err(failed)?;
            file.rewind().map_err(failed)?;
            if head == signature::PARQUET || options.format.or(promised) == Some(Format::Parquet) {
                return Reader::parquet(&name, file, options);
            }
        }
        Reader::named(&name, file, options, promised)
    }

    /// Opens a row group of a Parquet file, counted from 0, as if it were the whole file; rows keep their numbers in errors.
    ///
    /// # Errors
    /// When it cannot be read, is no Parquet file, or has no such row group.
    pub fn open_row_group(path: &Path, group: usize, options: ReadOptions) -> Result<Reader> {
        let file = File::open(path).map_err(|source| Error::io("read", path, source))?;
        Reader::of_parquet(&path.display().to_string(), file, options, Some(group))
    }

    /// Reads the Parquet file `input`, which errors refer to as `name`.
    ///
    /// # Errors
    /// When it is no Parquet file, or has columns that cannot be read.
    pub(crate) fn parquet(
        name: &str,
        input: impl ChunkReader + 'static,
        options: ReadOptions,
    ) -> Result<Reader> {
        Reader::of_parquet(name, input, options, None)
    }

    fn of_parquet(
        name: &str,
        input: impl ChunkReader + 'static,
        options: ReadOptions,
        group: Option<usize>,
    ) -> Result<Reader> {
        let (columns, batches) = Batches::open(&name.into(), input, options, group)?;
        Ok(Reader { columns, format: Format::Parquet, lines: Lines::Parquet(Box::new(batches)), done: false })
    }

    /// Reads from any input; errors refer to it as `name`.
    ///
    /// # Errors
    /// As [`Reader::open`].
    pub fn new(name: &str, input: impl Read + Send + 'static, options: ReadOptions) -> Result<Reader> {
        Reader::named(name, input, options, None)
    }

    /// As [`Reader::new`], for a file whose name indicates a format.
    fn named(
        name: &str,
        input: impl Read + Send + 'static,
        options: ReadOptions,
        promised: Option<Format>,
    ) -> Result<Reader> {
        if options.format.or(promised) == Some(Format::Parquet) {
            return Err(Error::data(
                Place::file(name),
                "Parquet cannot be read from here",
                signature::PARQUET_REMEDY,
            ));
        }
        let file: Arc<str> = name.into();
        let mut text = decode::open(name, input, options)?;
        let beginning = Beginning::read(name, &mut text, options, promised)?;
        let format = beginning.dialect.format;
        let (columns, lines) = match format {
            Format::Jsonl => {
                let input = Cursor::new(beginning.head).chain(text.input);
                let (columns, objects) = Objects::open(&file, beginning.dialect, Box::new(input))?;
                (columns, Lines::Json(objects))
            }
            // Parquet was refused above.
            Format::Csv | Format::Tsv | Format::Parquet => {
                let (columns, records) = Records::open(&file, beginning, text.input)?;
                (columns, Lines::Delimited(Box::new(records)))
            }
        };
        Ok(Reader { columns, format, lines, done: false })
    }

    /// Marks the rows as coming from a program rather than a file.
    pub(super) fn in_memory(mut self) -> Reader {
        self.columns.in_memory = true;
        self
    }

    /// The names of the columns in order.
    pub fn columns(&self) -> &[String] {
        self.columns.names()
    }

    /// The columns.
    pub(crate) fn header(&self) -> &Columns {
        &self.columns
    }

    /// The format of the input.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The number of rows in each row group of the file; `None` if it is not Parquet.
    pub fn row_groups(&self) -> Option<Vec<u64>> {
        match &self.lines {
            Lines::Parquet(batches) => Some(batches.group_rows()),
            Lines::Delimited(_) | Lines::Json(_) => None,
        }
    }

    /// The same columns without any rows.
    #[must_use]
    pub fn without_rows(self) -> Reader {
        Reader { done: true, ..self }
    }

    /// Reads all the rows.
    ///
    /// # Errors
    /// The error of the first row that cannot be read.
    pub(crate) fn into_table(mut self) -> Result<Table> {
        // Nothing writes these rows with their types.
        let rows = self.rows().map(|row| Ok(Row { cells: None, ..row? })).collect::<Result<_>>()?;
        Ok(Table { columns: self.columns, rows })
    }

    /// The rows that have not been read yet.
    pub(crate) fn rows(&mut self) -> impl Iterator<Item = Result<Row>> {
        std::iter::from_fn(|| {
            if self.done {
                return None;
            }
            let row = self.read_row().transpose();
            self.done = !matches!(row, Some(Ok(_)));
            row
        })
    }

    fn read_row(&mut self) -> Result<Option<Row>> {
        match &mut self.lines {
            Lines::Delimited(records) => records.next(&self.columns),
            Lines::Json(objects) => objects.next(&self.columns),
            Lines::Parquet(batches) => batches.next(&self.columns),
        }
    }
}

/// Yields the values of each row, in the order of the columns.
impl Iterator for Reader {
    type Item = Result<Vec<String>>;

    fn next(&mut self) -> Option<Result<Vec<String>>> {
        let row = self.rows().next()?;
        Some(row.map(|row| row.values))
    }
}

/// A whole file in memory.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    /// Its columns.
    pub columns: Columns,
    /// Its rows, each with a value for every column.
    pub rows: Vec<Row>,
}

#[cfg(test)]
impl Table {
    /// Reads a file; options that are not set are derived from its name and first bytes.
    pub(crate) fn read(path: &Path, options: ReadOptions) -> Result<Table> {
        Reader::open(path, options)?.into_table()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::quoting::Quoting;

    fn rows(text: &[u8], format: Option<Format>) -> Result<Vec<(u64, Vec<String>)>> {
        read(text, ReadOptions::from(format))
    }

    fn read(text: &[u8], options: ReadOptions) -> Result<Vec<(u64, Vec<String>)>> {
        let table = Reader::new("t.csv", Cursor::new(text.to_vec()), options)?.into_table()?;
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
        let text = b"\xef\xbb\xbftext, label\r\n\"a, \"\"b\"\",\r\nc\",x\r\n\r\nd,y\r\n";
        let got = rows(text, None).unwrap();
        assert_eq!(got, [(2, values(&["a, \"b\",\r\nc", "x"])), (5, values(&["d", "y"]))]);
        let reader = Reader::new("t", Cursor::new(text.to_vec()), ReadOptions::default()).unwrap();
        assert_eq!(reader.columns(), ["text", "label"]);
        let twice = Reader::new("t", Cursor::new("\u{feff}\u{feff}a,b\n"), ReadOptions::default()).unwrap();
        assert_eq!(twice.columns(), ["a", "b"]);
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
        let open = rows(b"a,b\n1,2\n\"3,4\n5,6\",7,8\n", None).unwrap_err();
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
        let fine = b"text\nit's 5\" wide\n\"a \"\" b\"\n\"\"\n";
        let texts: Vec<String> = rows(fine, None).unwrap().into_iter().map(|(_, row)| row.concat()).collect();
        assert_eq!(texts, ["it's 5\" wide", "a \" b", ""]);
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
        assert!(refuse(format!("{header}7,").as_bytes(), None).ends_with("two columns are named `7`"));
    }

    #[test]
    fn text_that_is_not_utf8_is_an_error_with_its_line() {
        assert_eq!(
            refuse(b"a,b\n1,2\n\"x\n\",caf\xe9\n", None),
            "`t.csv`, line 4: the text is not UTF-8: byte 0xe9"
        );
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
        assert_eq!(refuse(b"a,b,a \n", None), "`t.csv`, line 1: two columns are named `a`");
        assert_eq!(
            refuse(b"\n{\"a\":1,\"a\":2}", Some(Format::Jsonl)),
            "`t.csv`, line 2: the key `a` occurs twice"
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
        assert_eq!(got, [(1, values(&["x", "1.50", "true"])), (3, values(&["[1,{}]", "", ""]))]);
    }

    #[test]
    fn a_line_that_is_not_an_object_is_refused() {
        assert!(
            refuse(b"{\"a\": 1}\n{\"a\": \n", None)
                .starts_with("`t.csv`, line 2: the line ends before the object does")
        );
        assert_eq!(refuse(b"{\"a\": 1}\n3", None), "`t.csv`, line 2: not a JSON object");
        assert!(refuse(b"[{\"a\": 1}]", Some(Format::Jsonl)).contains("a JSON array"));
        assert!(refuse(b"{\"a\": 1} {\"a\": 2}", None).contains("trailing characters"));
    }

    #[test]
    fn a_line_that_other_programs_take_for_json_is_explained() {
        for (line, problem, remedy) in [
            ("{\"a\": NaN}", "JSON has no NaN and no infinity", "`null`"),
            ("{\"a\": -Infinity}", "JSON has no NaN and no infinity", "`null`"),
            ("{'a': 1}", "single quotes", "json.dumps"),
            ("{\"a\": None}", "expected value", "json.dumps"),
            ("{\"a\": \"b\"", "the line ends before the object does", "`}`"),
            ("{\"a\": \"b}", "the line ends before the object does", "`}`"),
            ("a,b", "not a JSON object", "`.csv`"),
        ] {
            let text = format!("{{\"a\": 1}}\n{line}\n");
            let error = rows(text.as_bytes(), Some(Format::Jsonl)).unwrap_err();
            let shown = error.to_string();
            assert!(shown.starts_with("`t.csv`, line 2: ") && shown.contains(problem), "{shown}");
            assert_eq!(shown.matches("line").count(), 1 + problem.matches("line").count(), "{shown}");
            assert!(error.remedy().unwrap().contains(remedy), "{:?}", error.remedy());
        }
    }

    fn error(text: &str, options: ReadOptions) -> (String, String) {
        let error = read(text.as_bytes(), options).unwrap_err();
        (error.to_string(), error.remedy().unwrap())
    }

    fn quoting(format: Format, quoting: Quoting) -> ReadOptions {
        ReadOptions { quoting: Some(quoting), ..ReadOptions::from(format) }
    }

    #[test]
    fn text_behind_a_closing_quote_is_an_error_where_the_value_begins() {
        let csv = Format::Csv;
        let tsv = Format::Tsv;
        for (format, text, line) in [
            (csv, "text,team\n\"towed\" my car is,parking\n", 2),
            (csv, "text,team\nok,a\n\"the \"big\" bin\",waste\nx,y\n", 3),
            (csv, "text,team\na,\"b\" \n", 2),
            (csv, "\"te\"xt,team\na,b\n", 1),
            (tsv, "id\ttext\n1\t\"The bin is full\n2\tmy car\n3\tHe said \"no\" to me\n", 2),
            (tsv, "text\tteam\r\n\"The bin is full\twaste\r\nHe wrote \"no\"\tparking\r\n", 2),
        ] {
            let (problem, remedy) = error(text, ReadOptions::from(format));
            let start = format!("`t.csv`, line {line}: a value begins with a quote, and the next quote");
            assert!(problem.starts_with(&start), "{text:?}: {problem}");
            assert!(remedy.contains("`--quoting none`"), "{remedy}");
            let lines = text.lines().count() - 1;
            assert_eq!(
                read(text.as_bytes(), quoting(format, Quoting::None)).unwrap().len(),
                lines,
                "{text:?}"
            );
        }
    }

    #[test]
    fn rows_before_an_unclear_value_are_read() {
        let text = "a,b\n1,2\n\"x\" y,3\n";
        let mut reader = Reader::new("t", Cursor::new(text.as_bytes()), ReadOptions::default()).unwrap();
        assert_eq!(reader.next().unwrap().unwrap(), ["1", "2"]);
        assert!(reader.next().unwrap().is_err() && reader.next().is_none());
    }

    #[test]
    fn a_file_that_can_be_read_in_two_ways_is_refused() {
        let csv = Format::Csv;
        let tsv = Format::Tsv;
        for (format, text, line, rows, lines) in [
            (tsv, "id\ttext\n1\t\"The bin is full\n2\tmy car\n3\tit is 5\"\n4\tlast\n", 2, 2, 4),
            (csv, "id,text\n0,ok\n1,\"bin\n2,car\n3,form\"\n", 3, 2, 4),
            (csv, "id,text\r\n1,\"bin\r\n2,car\"\r\n", 2, 1, 2),
            (csv, "id,text\r1,\"bin\r2,car\"\r", 2, 1, 2),
            (csv, "text\n\"sun\n\nnight\"\nday", 2, 2, 3),
        ] {
            let (problem, remedy) = error(text, ReadOptions::from(format));
            let start =
                format!("`t.csv`, line {line}: a value begins with a quote that is closed on a later line");
            assert!(problem.starts_with(&start), "{text:?}: {problem}");
            assert!(remedy.contains("`--quoting none`") && remedy.contains("`double`"), "{remedy}");
            assert_eq!(
                read(text.as_bytes(), quoting(format, Quoting::Double)).unwrap().len(),
                rows,
                "{text:?}"
            );
            assert_eq!(
                read(text.as_bytes(), quoting(format, Quoting::None)).unwrap().len(),
                lines,
                "{text:?}"
            );
        }
        // A line that is not a row by itself shows that quotes are needed.
        for (text, rows) in [
            ("text,label\n\"Hi Ann,\nyes, please\nBob\",good\n\"sun, moon\",good\n", 2),
            ("text,label\n\"Dear team,\n\nthe bin, the blue one, is full\",waste\nx,y\n", 2),
            ("id,text\n1,\"bin\n2, car\"\n3,\"a, b\"\n", 2),
            ("text,label\n\"the sun, the\nlight\",good\n\"a, b\",x\n", 2),
            ("text\n\"sun\nnight\"\n\"day, and more\"\n", 2),
        ] {
            assert_eq!(super::tests::rows(text.as_bytes(), None).unwrap().len(), rows, "{text:?}");
        }
        // Unless the quoted text looks like values rather than prose.
        for (format, text, line) in [
            (csv, "id,text,label\n1,\"the bin, again\",x\n2,\"my car,y\n3,it is 5\",x\n", 3),
            (csv, "id,text\n1,\"bin\n2,car\"\n3,\"a, b\"\n", 2),
            (csv, "text;label\n\"my car;x\n;\nit is 5\";y\n\"a; b\";x\n", 2),
            (csv, "text, label\n\"my car, x\nit is 5\", y\nsun, y\n", 2),
            (tsv, "text\tlabel\n\"my car\tx\nit is 5\"\ty\n\"a\tb\"\ty\n", 2),
        ] {
            let (problem, _) = error(text, ReadOptions::from(format));
            let start =
                format!("`t.csv`, line {line}: a value begins with a quote that is closed on a later line");
            assert!(problem.starts_with(&start), "{text:?}: {problem}");
        }
        // Or quotes are text elsewhere in the file.
        let text = "text,team\n\"bin, waste\nit is 5\",x\na \"word\",x\n\"a, b\",y\n";
        let (problem, _) = error(text, ReadOptions::from(csv));
        assert!(problem.contains("line 4 has a quote that is part of the text"), "{problem}");
    }

    #[test]
    fn a_carriage_return_or_a_zero_byte_within_a_line_is_an_error_with_the_line() {
        for (text, line, what) in [
            ("text\none\rtwo\nthree\n", 2, "there is a carriage return within the line"),
            ("text,n\na,1\nb\rc,2\n", 3, "there is a carriage return within the line"),
            ("text,n\na,1\n\"b\n\0c\",2\n", 4, "there is a zero byte in the text"),
        ] {
            assert!(
                refuse(text.as_bytes(), None).starts_with(&format!("`t.csv`, line {line}: {what}")),
                "{text:?}"
            );
        }
        // Within quotes it is text.
        assert_eq!(rows(b"text\n\"one\rtwo\"\nthree\n", None).unwrap().len(), 2);
        assert_eq!(
            refuse(b"a,b\r1,2\r3\r", None),
            "`t.csv`, line 3: the row has 1 field, the header has 2 fields"
        );
    }

    #[test]
    fn a_key_that_is_misspelt_or_there_twice_is_an_error_and_a_number_is_what_was_written() {
        let json = Some(Format::Jsonl);
        assert_eq!(
            refuse(b"{\"a\":1}\n{\"a\":1,\"a\":2}\n", json),
            "`t.csv`, line 2: the key `a` occurs twice"
        );
        let text =
            b"{\"a\":12345678901234567890123,\"b\":1e400}\n{\"a\":[1, {\"x y\": \"\\\"a b\"}],\"b\":-0.10}\n";
        let want =
            [values(&["12345678901234567890123", "1e400"]), values(&["[1,{\"x y\":\"\\\"a b\"}]", "-0.10"])];
        assert_eq!(rows(text, json).unwrap().into_iter().map(|(_, row)| row).collect::<Vec<_>>(), want);
        let rows = "{\"text\":\"a\"}\n{\"Text\":\"b\"}\n{}\n";
        let table =
            Reader::new("t", Cursor::new(rows), ReadOptions::default()).unwrap().into_table().unwrap();
        let error = table.rows[1].check_key(0, "text").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`t`, line 2: the object has no `text`, but `Text`, which the first object does not have"
        );
        assert!(error.remedy().unwrap().starts_with("is `Text` meant to be `text`?"));
        assert!(table.rows[0].check_key(0, "text").is_ok() && table.rows[2].check_key(0, "text").is_ok());
    }

    #[test]
    fn tabs_separate_values_in_a_file_that_is_called_csv_too() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text, format) in [
            ("a.csv", "text\tteam\na, b\tx\n", Format::Tsv),
            ("b.csv", "text\tx,team\na,b\n", Format::Csv),
            ("c.csv", "text\na\tb\n", Format::Csv),
        ] {
            std::fs::write(dir.path().join(name), text).unwrap();
            let reader = Reader::open(&dir.path().join(name), ReadOptions::default()).unwrap();
            assert_eq!(reader.format(), format, "{name}");
        }
        let columns =
            Reader::new("t", Cursor::new("id|text\n1|a\n"), ReadOptions::default()).unwrap().header().clone();
        assert!(columns.require("text").unwrap_err().remedy().unwrap().contains("`sep=|`"));
    }

    #[test]
    fn quotes_behind_backslashes_are_read_where_that_is_said() {
        let text = "text,team\n\"\\\"The bin\\\" is full, again\",waste\n\"a\\\\\",b\\c\n";
        let (_, remedy) = error(text, ReadOptions::default());
        assert!(remedy.contains("`--quoting backslash`"), "{remedy}");
        let got = read(text.as_bytes(), quoting(Format::Csv, Quoting::Backslash)).unwrap();
        let want = [["\"The bin\" is full, again", "waste"], ["a\\", "b\\c"]];
        assert_eq!(got.iter().map(|(_, row)| &row[..]).collect::<Vec<_>>(), want);
    }

    #[test]
    fn a_line_that_tells_the_separator_is_no_header() {
        for (text, separator) in [
            ("\u{feff}sep=;\r\ntext;team\r\na, b;x\r\n", ';'),
            ("SEP=,\ntext,team\n\"a, b\",x\n", ','),
            ("sep=|\ntext|team\na, b|x\n", '|'),
            ("\"sep=;\"\ntext;team\na, b;x\n", ';'),
            ("sep=\t\ntext\tteam\na, b\tx\n", '\t'),
        ] {
            assert_eq!(rows(text.as_bytes(), None).unwrap(), [(3, values(&["a, b", "x"]))], "{separator}");
        }
        assert_eq!(rows(b"sep=ab,c\n1,2\n", None).unwrap(), [(2, values(&["1", "2"]))]);
    }

    #[test]
    fn packed_files_and_other_encodings_are_rows_like_any_other() {
        let want = [(2, values(&["Müll", "x"]))];
        let utf16: Vec<u8> =
            "\u{feff}text\tteam\r\nMüll\tx\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(rows(&utf16, None).unwrap(), want);
        let packed = zstd::encode_all("text,team\nMüll,x\n".as_bytes(), 0).unwrap();
        assert_eq!(rows(&packed, None).unwrap(), want);
        let latin = b"text,team\nM\xfcll,x\n";
        let failed = rows(latin, None).unwrap_err();
        let remedy = failed.remedy().unwrap();
        assert!(remedy.contains("`--encoding windows-1252`"), "{remedy}");
        let encoding = Some("windows-1252".parse().unwrap());
        assert_eq!(read(latin, ReadOptions { encoding, ..ReadOptions::default() }).unwrap(), want);
        let gb = b"\xce\xc4\xb1\xbe,\xb2\xbf\xc3\xc5\n\xc0\xac\xbb\xf8\xcd\xb0\xc2\xfa\xc1\xcb,x\n";
        let remedy = rows(gb, None).unwrap_err().remedy().unwrap();
        assert!(remedy.contains("gb"), "{remedy}");
    }

    #[test]
    fn lines_are_counted_whatever_ends_them() {
        for ending in ["\n", "\r\n", "\r"] {
            for last in ["", ending] {
                let text = ["", "a", "x", "", "\"y", "z\"", "", "", "w"].join(ending) + last;
                let read = read(text.as_bytes(), quoting(Format::Csv, Quoting::Double)).unwrap();
                let lines: Vec<u64> = read.iter().map(|row| row.0).collect();
                assert_eq!(lines, [3, 5, 9], "{text:?}");
            }
        }
    }

    #[test]
    fn nothing_is_read_after_an_error() {
        let mut reader = Reader::new("t", Cursor::new(&b"a\n1,2\n3\n"[..]), ReadOptions::default()).unwrap();
        assert!(reader.next().unwrap().is_err());
        assert!(reader.next().is_none());
    }
}
