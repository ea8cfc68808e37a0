//! Rows of text in and out: CSV, TSV and JSON Lines, from files, globs of files or standard input.
//!
//! A [`Reader`] gives one row at a time and a [`Writer`] repeats a row's columns with new ones beside them, so a file
//! of any size passes through in little memory. CSV and TSV need a header line and follow RFC 4180 (quotes, doubled
//! quotes, line breaks within quotes). CSV may have semicolons in the place of commas, as spreadsheets write it where
//! the comma is the decimal sign: the header tells. In JSON Lines every line is an object; the first one names the
//! columns, and a value passes through to a JSON Lines output byte for byte.
//!
//! Rows in are rows out, or there is an error that names the line: quotes that leave it unclear where a value ends, bytes that
//! are not of the encoding and files that are no text are refused, never guessed at.

mod decode;
mod files;
mod input;
mod json;
mod options;
mod reader;
mod record;
mod signature;
pub mod submission;
mod writer;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

pub use files::expand;
pub use options::{Encoding, Quoting, ReadOptions};
pub use reader::Reader;
pub use record::Record;
pub(crate) use record::{Records, check_texts};
pub use submission::Submission;
pub use writer::Writer;

use crate::error::{list, nearest};
use crate::{Error, Place, Result};

/// How rows are written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Values separated by commas, or by semicolons where the header is.
    Csv,
    /// Values separated by tabs, quoted like CSV.
    Tsv,
    /// One JSON object per line.
    Jsonl,
}

impl Format {
    /// The format that a file's extension promises.
    /// That of a packed file is the one before `.gz` or `.zst`.
    pub fn of_path(path: &Path) -> Option<Format> {
        let extension = path.extension()?.to_str()?.to_ascii_lowercase();
        match extension.as_str() {
            "gz" | "gzip" | "zst" | "zstd" => Format::of_path(Path::new(path.file_stem()?)),
            extension => extension.parse().ok(),
        }
    }

    /// The format that the first line of a file looks like.
    pub(crate) fn sniff(first_line: &[u8], quoting: Quoting) -> Format {
        let count = |byte| count(first_line, byte, quoting);
        if first_line.trim_ascii_start().first() == Some(&b'{') {
            Format::Jsonl
        } else if count(b'\t') > count(b',').max(count(b';')) {
            Format::Tsv
        } else {
            Format::Csv
        }
    }
}

/// How often `byte` stands in a line outside quotes.
fn count(line: &[u8], byte: u8, quoting: Quoting) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    let outside = |&&found: &&u8| {
        quoted ^= found == b'"' && !escaped && quoting != Quoting::None;
        escaped = quoted && found == b'\\' && !escaped && quoting == Quoting::Backslash;
        found == byte && !quoted
    };
    line.iter().filter(outside).count()
}

/// Whether a header has what separates the values of CSV.
fn has_commas(header: &[u8], quoting: Quoting) -> bool {
    count(header, b',', quoting) + count(header, b';', quoting) > 0
}

/// What stands between the values of CSV with this header.
fn separator(header: &[u8], quoting: Quoting) -> u8 {
    if count(header, b';', quoting) > count(header, b',', quoting) { b';' } else { b',' }
}

impl FromStr for Format {
    type Err = String;

    /// Reads a format's name or extension.
    fn from_str(name: &str) -> std::result::Result<Format, String> {
        match name {
            "csv" => Ok(Format::Csv),
            "tsv" | "tab" => Ok(Format::Tsv),
            "jsonl" | "ndjson" | "json" => Ok(Format::Jsonl),
            _ => Err(format!("`{name}` is not a format: use `csv`, `tsv` or `jsonl`")),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Jsonl => "jsonl",
        })
    }
}

/// A file's name as a word that a shell reads; standard input has none.
fn shell_word(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "-_./+:@%,=".contains(c);
    match name {
        "standard input" => "FILE".to_owned(),
        name if !name.is_empty() && !name.starts_with('-') && name.chars().all(plain) => name.to_owned(),
        // A dash would begin an option.
        name if name.starts_with('-') => shell_word(&format!("./{name}")),
        name => format!("'{}'", name.replace('\'', "'\\''")),
    }
}

/// The names of the columns of a file, all different. Clones share them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    file: Arc<str>,
    names: Arc<[String]>,
    places: Arc<HashMap<String, usize>>,
    dialect: Dialect,
}

/// How a file is written, as far as its rows do not say it: what is written from it is written likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Dialect {
    format: Format,
    /// What stands between values.
    between: u8,
    /// What stands between them where rows are written as CSV.
    separator: u8,
    quoting: Quoting,
    /// Whether the file begins with a byte order mark.
    mark: bool,
    /// Whether lines end with a carriage return before the line feed.
    crlf: bool,
    /// What the reader was told.
    options: ReadOptions,
}

impl Columns {
    /// Columns of these names, or the first name that is there twice.
    fn new(file: &Arc<str>, names: Vec<String>, dialect: Dialect) -> std::result::Result<Columns, String> {
        let mut places = HashMap::with_capacity(names.len());
        for (place, name) in names.iter().enumerate() {
            if places.insert(name.clone(), place).is_some() {
                return Err(name.clone());
            }
        }
        Ok(Columns { file: Arc::clone(file), names: names.into(), places: places.into(), dialect })
    }

    /// The names in order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Where the column of this name stands.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.places.get(name).copied()
    }

    /// Where the column of this name stands, or an error that lists the columns there are.
    pub fn require(&self, name: &str) -> Result<usize> {
        self.find(name).ok_or_else(|| {
            Error::data(Place::file(&*self.file), format!("there is no column `{name}`"), self.hint(name))
        })
    }

    /// The file they head.
    pub(crate) fn place(&self) -> Place {
        Place::file(&*self.file)
    }

    /// What to do when there is no column `name`.
    pub(crate) fn hint(&self, name: &str) -> String {
        let names = list(self.names.iter());
        match nearest(name, self.names.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`? The columns are {names}"),
            None if self.names.len() == 1 && self.names[0].contains(['\t', '|', ';', ',']) => {
                format!(
                    "the file seems to have one column, {names}; if its values are separated by something else than a comma or a \
                         semicolon, begin it with a line `sep=|` that says by what"
                )
            }
            None if self.dialect.format == Format::Jsonl => {
                format!(
                    "the columns are {names}, the keys of the first object; add the key to it, with `null` if need be"
                )
            }
            None => format!("the columns are {names}; if these are not names, add a header line to the file"),
        }
    }

    /// Columns with other names, all different, for rows made of this file's.
    pub(crate) fn renamed(&self, names: &[String]) -> Columns {
        let places: HashMap<String, usize> =
            names.iter().enumerate().map(|(place, name)| (name.clone(), place)).collect();
        Columns { names: names.into(), places: places.into(), ..self.clone() }
    }

    /// `wanted`, with a number where there is a column of that name already, or among the `others` that are to be added.
    pub fn free_name(&self, wanted: &str, others: &[String]) -> String {
        let numbered = (2..).map(|number| format!("{wanted}_{number}"));
        // The chain is endless and the columns are not.
        let mut names = std::iter::once(wanted.to_owned()).chain(numbered);
        names.find(|name| !self.places.contains_key(name) && !others.contains(name)).unwrap_or_default()
    }
}

/// A row of a file.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    file: Arc<str>,
    line: u64,
    values: Vec<String>,
    object: Option<Object>,
}

/// What a row of JSON Lines holds beside its columns' text.
#[derive(Debug, Clone, PartialEq)]
struct Object {
    /// The object as it was written.
    text: String,
    /// Keys that are no columns, because the first object did not have them.
    unlisted: Vec<String>,
    /// Columns whose key it lacks.
    absent: Vec<usize>,
}

impl Row {
    /// The text of a column; empty where a JSON object lacks the key or has `null`.
    ///
    /// # Panics
    /// If `column` is not less than the number of columns of the reader it came from.
    pub fn value(&self, column: usize) -> &str {
        &self.values[column]
    }

    /// The text of all columns.
    pub fn values(&self) -> &[String] {
        &self.values
    }

    /// Checks that the row has a column whose text is asked for. That a JSON object lacks a key is no mistake, but if it has others that
    /// no object before had, its own may be misspelt.
    pub(crate) fn check_key(&self, column: usize, name: &str) -> Result<()> {
        let Some(Object { unlisted, absent, .. }) = &self.object else { return Ok(()) };
        if unlisted.is_empty() || !absent.contains(&column) {
            return Ok(());
        }
        let remedy = match nearest(name, unlisted.iter().map(String::as_str)) {
            Some(near) => format!(
                "is `{near}` meant to be `{name}`? If the row has no such text, write `\"{name}\": null`"
            ),
            None => format!("add it, or write `\"{name}\": null` if the row has no such text"),
        };
        let problem = format!(
            "the object has no `{name}`, but {}, which the first object does not have",
            list(unlisted)
        );
        Err(Error::data(self.place(), problem, remedy))
    }

    /// A row at the same place with these values and nothing else.
    pub(crate) fn with_values(&self, values: Vec<String>) -> Row {
        Row { file: Arc::clone(&self.file), line: self.line, values, object: None }
    }

    /// Its first line in the file, counted from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// The file and line it came from.
    pub fn place(&self) -> Place {
        Place::file(&*self.file).line(self.line)
    }
}

/// A whole file in memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its columns.
    pub columns: Columns,
    /// Its rows, each with a value for every column.
    pub rows: Vec<Row>,
}

impl Table {
    /// Reads a file; what `options` do not say comes from its name and its first bytes.
    pub fn read(path: &Path, options: ReadOptions) -> Result<Table> {
        Reader::open(path, options)?.into_table()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str) -> Table {
        Reader::new("t", std::io::Cursor::new(text.to_owned()), ReadOptions::default())
            .unwrap()
            .into_table()
            .unwrap()
    }

    #[test]
    fn the_format_is_told_by_the_extension_or_the_first_line() {
        assert_eq!(Format::of_path(Path::new("a/b.CSV")), Some(Format::Csv));
        assert_eq!(Format::of_path(Path::new("b.ndjson")), Some(Format::Jsonl));
        assert_eq!(Format::of_path(Path::new("b.tsv.gz")), Some(Format::Tsv));
        assert_eq!(Format::of_path(Path::new("b.txt")), None);
        assert_eq!(Format::sniff(b"a\tb, c\td", Quoting::Double), Format::Tsv);
        assert_eq!(Format::sniff(b" {\"a\": 1}", Quoting::Double), Format::Jsonl);
        assert_eq!(Format::sniff(b"text", Quoting::Double), Format::Csv);
        assert_eq!(Format::sniff(b"a;b\tc;d", Quoting::Double), Format::Csv);
        assert_eq!(Format::sniff(b"\"a\tb\tc\",d", Quoting::Double), Format::Csv);
    }

    #[test]
    fn a_missing_column_is_answered_with_the_nearest_one_or_all() {
        let columns = table("title,body\na,b\n").columns;
        let error = columns.require("titel").unwrap_err();
        assert_eq!(error.to_string(), "`t`: there is no column `titel`");
        assert_eq!(error.remedy().unwrap(), "did you mean `title`? The columns are `title`, `body`");
        assert!(columns.require("xyz").unwrap_err().remedy().unwrap().contains("header line"));
        assert_eq!(columns.require("body").unwrap(), 1);
    }

    #[test]
    fn a_new_column_never_takes_the_name_of_an_old_one() {
        let columns = table("prediction,prediction_2\na,b\n").columns;
        assert_eq!(columns.free_name("score", &[]), "score");
        assert_eq!(columns.free_name("prediction", &[]), "prediction_3");
        assert_eq!(columns.free_name("prediction", &["prediction_3".into()]), "prediction_4");
    }
}
