//! Records of CSV and TSV: their values, and errors where the end of a value is ambiguous.

use std::io::{Cursor, Read};
use std::sync::Arc;

use super::columns::{Columns, Dialect};
use super::decode::{not_utf8, read_error};
use super::header::{Beginning, empty, unique};
use super::input::{Fault, FaultKind, Input};
use super::options::ReadOptions;
use super::quoting::Quoting;
use super::row::Row;
use crate::error::Unit;
use crate::error::counted;
use crate::{Error, Place, Result};

/// The records below the header.
pub(super) struct Records {
    records: csv::Reader<Input>,
    line: u64,
}

impl Records {
    /// The columns named in the header of `file`, and the records below it. `input` is the rest of the file
    /// after the head in `beginning`.
    ///
    /// # Errors
    /// When the file is empty, the header cannot be read, or two columns have the same name.
    pub(super) fn open(
        file: &Arc<str>,
        beginning: Beginning,
        input: Box<dyn Read + Send>,
    ) -> Result<(Columns, Records)> {
        let Beginning { dialect, header, line: first, ending, head } = beginning;
        let input = Box::new(Cursor::new(head).chain(input));
        let input = Input::new(input, dialect.between, dialect.options.quoting, &header, ending, first);
        let mut records = csv::ReaderBuilder::new()
            .delimiter(dialect.between)
            .quoting(dialect.quoting != Quoting::None)
            .escape((dialect.quoting == Quoting::Backslash).then_some(b'\\'))
            .flexible(true)
            .has_headers(false)
            .from_reader(input);
        let mut header = csv::ByteRecord::new();
        if !records.read_byte_record(&mut header).map_err(|error| csv_error(file, error))? {
            return Err(empty(file));
        }
        unclear(file, &records, dialect.options)?;
        let names = texts(&header, &Place::file(&**file).line(first), dialect.options)?;
        // A file may have two byte order marks if two programs each added one.
        let around = |c: char| c.is_whitespace() || c == '\u{feff}';
        let names = names.iter().map(|name| name.trim_matches(around).to_owned()).collect();
        let columns = unique(file, names, dialect, Some(first))?;
        Ok((columns, Records { records, line: first }))
    }

    /// The next row, if there is one.
    ///
    /// # Errors
    /// When it cannot be read, or the number of its values differs from the number of `columns`.
    pub(super) fn next(&mut self, columns: &Columns) -> Result<Option<Row>> {
        let Records { records, line: next } = self;
        let file = &columns.file;
        let mut record = csv::ByteRecord::new();
        let read = records.read_byte_record(&mut record).map_err(|error| csv_error(file, error))?;
        unclear(file, records, columns.dialect.options)?;
        if !read {
            return Ok(None);
        }
        let ending = records.get_ref().ending();
        let breaks = record.as_slice().iter().filter(|&&byte| byte == ending).count() as u64;
        let end = records.position().byte();
        let line = records.get_mut().last_line(end, next) - breaks;
        let place = Place::file(&**file).line(line);
        if record.len() != columns.names.len() {
            return Err(ragged(columns, &record, place, line + breaks));
        }
        let values = texts(&record, &place, columns.dialect.options)?;
        Ok(Some(Row { file: Arc::clone(file), line, unit: Unit::Line, values, object: None, cells: None }))
    }
}

fn csv_error(file: &str, error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(source) => read_error(file, source),
        other => Error::data(Place::file(file), format!("{other:?}"), "check that the file is CSV"),
    }
}

/// The error for quotes, in the current record or an earlier one, that leave the end of a value ambiguous.
fn unclear(file: &str, records: &csv::Reader<Input>, options: ReadOptions) -> Result<()> {
    // Built only for an error: this function is called for every record.
    let none = || {
        let none = options.say("quoting", Quoting::None.name());
        format!("if quotes are part of the text in this file, say {none}")
    };
    let input = records.get_ref();
    let end = records.position().byte();
    let place = |line| Place::file(file).line(line);
    if let Some(Fault { opened, kind, .. }) = input.fault(end) {
        return Err(match kind {
            FaultKind::Stray { line, next, escaped } => {
                let next = match next {
                    b' '..=b'~' => format!("`{}`", char::from(next)),
                    _ => "more text".into(),
                };
                let other = if line == opened { String::new() } else { format!(" in line {line}") };
                let problem = format!(
                    "a value begins with a quote, and the next quote{other} is followed by {next}, so it is unclear where the \
                     value ends"
                );
                let remedy = match escaped {
                    true => format!(
                        "if backslashes stand before such quotes in this file, say {}",
                        options.say("quoting", Quoting::Backslash.name())
                    ),
                    false => format!("write a quote within quotes twice; {}", none()),
                };
                Error::data(place(opened), problem, remedy)
            }
            FaultKind::Return => Error::data(
                place(opened),
                "there is a carriage return within the line, so it is unclear whether the row ends there",
                "remove it, or put the value that it belongs to in quotes",
            ),
            FaultKind::RowsInQuotes { bare } => {
                let bare = bare.map_or(String::new(), |line| {
                    format!(", and line {line} has a quote that is part of the text")
                });
                Error::data(
                    place(opened),
                    format!(
                        "a value begins with a quote that is closed on a later line, each of these lines could be a row of its \
                         own{bare}"
                    ),
                    format!(
                        "{}; if the value does go over these lines, say `double` instead of `none`",
                        none()
                    ),
                )
            }
        });
    }
    match input.unclosed() {
        None => Ok(()),
        Some(line) => Err(Error::data(
            place(line),
            "a quote is opened here and never closed",
            format!(
                "close it with another `\"`; a `\"` that is part of the text is written twice, and the text put in quotes; {}",
                none()
            ),
        )),
    }
}

/// The error for a record with too few or too many values; `last` is the line of its last value.
fn ragged(columns: &Columns, record: &csv::ByteRecord, place: Place, last: u64) -> Error {
    let fields = |count| counted(count, "field");
    let problem =
        format!("the row has {}, the header has {}", fields(record.len()), fields(columns.names.len()));
    let remedy = match columns.dialect {
        _ if place.line != Some(last) => {
            format!("the row goes on to line {last}: is a quote opened and never closed?")
        }
        Dialect { quoting: Quoting::None, .. } => {
            "complete the row; with `quoting = \"none\"` quotes do not keep a value together".to_owned()
        }
        Dialect { between, .. } => {
            let separator = match between {
                b'\t' => "tab".to_owned(),
                b',' => "comma".to_owned(),
                b';' => "semicolon".to_owned(),
                other => format!("`{}`", char::from(other)),
            };
            format!("put fields that contain a {separator} in double quotes, or complete the row")
        }
    };
    Error::data(place, problem, remedy)
}

/// The fields of a record as text; `place` is its first line.
fn texts(record: &csv::ByteRecord, place: &Place, options: ReadOptions) -> Result<Vec<String>> {
    let mut breaks = 0;
    let mut values = Vec::with_capacity(record.len());
    for field in record {
        let line_of = |end: usize| {
            let before = field[..end].iter().filter(|&&byte| byte == b'\n').count();
            place.clone().line(place.line.unwrap_or(1) + (breaks + before) as u64)
        };
        let text = std::str::from_utf8(field).map_err(|error| {
            let end = error.valid_up_to();
            not_utf8(line_of(end), field[end], record.as_slice(), options)
        })?;
        if let Some(end) = text.find('\0') {
            let remedy = "remove it; if it was assembled from several files, they had different encodings";
            return Err(Error::data(line_of(end), "there is a zero byte in the text", remedy));
        }
        breaks += text.matches('\n').count();
        values.push(text.to_owned());
    }
    Ok(values)
}
