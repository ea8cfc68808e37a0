//! JSON Lines: one object per line.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::columns::{Columns, Dialect};
use super::decode::{not_utf8, read_error};
use super::header::{empty, unique};
use super::options::ReadOptions;
use super::row::{Object, Row};
use crate::error::Unit;
use crate::{Error, Place, Result};

/// The objects of a file, one per line.
pub(super) struct Objects {
    text: BufReader<Box<dyn Read + Send>>,
    line: u64,
    /// The first object, already read to get the column names.
    first: Option<Row>,
}

impl Objects {
    /// The columns that the first object of `file` names, and its objects. `input` is the whole file.
    ///
    /// # Errors
    /// When the file is empty or the first object cannot be read.
    pub(super) fn open(
        file: &Arc<str>,
        dialect: Dialect,
        input: Box<dyn Read + Send>,
    ) -> Result<(Columns, Objects)> {
        let mut text = BufReader::new(input);
        let mut line = 0;
        let Some((members, object)) = next(&mut text, &mut line, file, dialect.options)? else {
            return Err(empty(file));
        };
        let columns = unique(file, members.names(), dialect, Some(line))?;
        let first = Some(row(&columns, line, members, object));
        Ok((columns, Objects { text, line, first }))
    }

    /// The next row, if there is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn next(&mut self, columns: &Columns) -> Result<Option<Row>> {
        if let Some(row) = self.first.take() {
            return Ok(Some(row));
        }
        let found = next(&mut self.text, &mut self.line, &columns.file, columns.dialect.options)?;
        Ok(found.map(|(members, object)| row(columns, self.line, members, object)))
    }
}

/// The next non-blank line, parsed as an object, and its text. `line` becomes its number.
fn next(
    text: &mut impl BufRead,
    line: &mut u64,
    file: &str,
    options: ReadOptions,
) -> Result<Option<(Members, String)>> {
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = text.read_until(b'\n', &mut bytes).map_err(|error| read_error(file, error))?;
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
        not_utf8(place.clone(), error.as_bytes()[at], error.as_bytes(), options)
    })?;
    match serde_json::from_str::<Parsed>(&object) {
        Ok(parsed) => Ok(Some((parsed.texts(place)?, object))),
        Err(error) => {
            let (problem, remedy) = explain(&object, &error);
            Err(Error::data(place, problem, remedy))
        }
    }
}

/// Why a line is not an object, and the remedy.
fn explain(line: &str, error: &serde_json::Error) -> (String, &'static str) {
    // The error already names the line of the file, and the text given to the parser has only one line.
    let reason = error.to_string();
    let reason = match reason.split_once(" at line ") {
        Some((reason, _)) => format!("not a JSON object: {reason} at character {}", error.column()),
        None => format!("not a JSON object: {reason}"),
    };
    // A number is rejected at the character after its sign.
    let at = |back: usize| line.get(error.column().saturating_sub(back)..).unwrap_or_default();
    let holds = |words: &[&str]| words.iter().any(|word| at(1).starts_with(word) || at(2).starts_with(word));
    match line.as_bytes().first() {
        Some(b'[') => (
            "a JSON array, where one object per line is expected".into(),
            "write one object per line, for example with `jq -c '.[]'`",
        ),
        Some(b'{') if line[1..].trim_start().starts_with('\'') => (
            "single quotes, where JSON has double quotes".into(),
            "write the objects as JSON, in Python with `json.dumps(row)` instead of `str(row)`",
        ),
        Some(b'{') if holds(&["NaN", "Infinity", "-Infinity"]) => (
            format!("JSON has no NaN and no infinity, but there is one at character {}", error.column()),
            "write `null` in its place; pandas does so with `to_json(FILE, orient=\"records\", lines=True)`",
        ),
        Some(b'{') if holds(&["None", "True", "False"]) => (
            reason,
            "write `null`, `true` and `false`, in Python with `json.dumps(row)` instead of `str(row)`",
        ),
        Some(b'{') if error.is_eof() => (
            "the line ends before the object does".into(),
            "close the object with `}` on its line: every line is an object by itself",
        ),
        Some(b'{') if reason.contains("trailing characters") => {
            (reason, "write one object per line: begin a new line after each `}`")
        }
        Some(b'{') => {
            (reason, "correct the line; text must be in double quotes, with commas between the members")
        }
        _ => (
            "not a JSON object".into(),
            "write one object per line, `{\"text\": \"…\"}`; if the file is CSV or TSV, name it `.csv` or `.tsv`",
        ),
    }
}

/// The members of an object in their original order, with their values as text.
struct Members(Vec<(String, String)>);

impl Members {
    fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }
}

/// The members exactly as written.
struct Parsed(Vec<(String, Box<RawValue>)>);

impl Parsed {
    /// The values as text.
    ///
    /// # Errors
    /// When a name occurs twice, or a string is not valid text.
    fn texts(self, place: Place) -> Result<Members> {
        let mut known = HashSet::with_capacity(self.0.len());
        if let Some((name, _)) = self.0.iter().find(|(name, _)| !known.insert(name)) {
            let problem = format!("the key `{name}` occurs twice");
            return Err(Error::data(place, problem, "remove one, or give it another name"));
        }
        let mut members = Vec::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let Some(text) = text(value).filter(|text| !text.contains('\0')) else {
                return Err(Error::data(
                    place.field(name),
                    "the string holds half a character (a lone surrogate such as `\\ud83d`) or a zero byte",
                    "write it without; Python does so with `text.encode(\"utf-8\", \"ignore\").decode()` before `json.dumps`",
                ));
            };
            members.push((name.clone(), text));
        }
        Ok(Members(members))
    }
}

/// A value as text: a string without its quotes, `null` as an empty string, a number digit for digit, and
/// anything else as JSON without white space. `None` if a string contains half a character.
fn text(value: &RawValue) -> Option<String> {
    let written = value.get();
    match written.as_bytes().first() {
        Some(b'"') => serde_json::from_str(written).ok(),
        Some(b'n') => Some(String::new()),
        Some(b'[' | b'{') => Some(without_blanks(written)),
        _ => Some(written.to_owned()),
    }
}

/// JSON without the white space between its parts.
fn without_blanks(json: &str) -> String {
    let mut quoted = false;
    let mut escaped = false;
    let keep = |c: &char| {
        let keep = quoted || !c.is_ascii_whitespace();
        quoted ^= *c == '"' && !escaped;
        escaped = quoted && *c == '\\' && !escaped;
        keep
    };
    json.chars().filter(keep).collect()
}

impl<'de> Deserialize<'de> for Parsed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Parsed, D::Error> {
        struct Members_;
        impl<'de> Visitor<'de> for Members_ {
            type Value = Parsed;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> std::result::Result<Parsed, A::Error> {
                let mut members = Vec::with_capacity(map.size_hint().unwrap_or(0));
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Parsed(members))
            }
        }
        deserializer.deserialize_map(Members_)
    }
}

fn row(columns: &Columns, line: u64, members: Members, object: String) -> Row {
    let mut values = vec![None; columns.names().len()];
    let mut unlisted = Vec::new();
    for (name, value) in members.0 {
        match columns.find(&name) {
            Some(column) => values[column] = Some(value),
            None => unlisted.push(name),
        }
    }
    let absent = (0..values.len()).filter(|&column| values[column].is_none()).collect();
    let values = values.into_iter().map(Option::unwrap_or_default).collect();
    Row {
        file: Arc::clone(&columns.file),
        line,
        unit: Unit::Line,
        values,
        object: Some(Object { text: object, unlisted, absent }),
        cells: None,
    }
}
