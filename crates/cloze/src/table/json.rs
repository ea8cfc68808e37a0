//! Lines that are JSON objects.

use std::collections::HashSet;
use std::io::BufRead;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::decode::read_error;
use super::reader::not_utf8;
use super::{Columns, Object, Row};
use crate::{Error, Place, Result};

/// The next line that is not blank, read as an object, and its text. `line` becomes its number.
pub(super) fn next(text: &mut impl BufRead, line: &mut u64, file: &str) -> Result<Option<(Members, String)>> {
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
        not_utf8(place.clone(), error.as_bytes()[at], error.as_bytes())
    })?;
    match serde_json::from_str::<Members>(&object) {
        Ok(members) => match members.twice() {
            None => Ok(Some((members, object))),
            Some(name) => Err(Error::data(
                place,
                format!("the key `{name}` is there twice"),
                "remove one, or give it another name",
            )),
        },
        Err(error) => {
            let (problem, remedy) = explain(&object, &error);
            Err(Error::data(place, problem, remedy))
        }
    }
}

/// Why a line is no object, and what to do about that.
fn explain(line: &str, error: &serde_json::Error) -> (String, &'static str) {
    // The line of the file is named already, and in it there is but one.
    let reason = error.to_string();
    let reason = match reason.split_once(" at line ") {
        Some((reason, _)) => format!("not a JSON object: {reason} at character {}", error.column()),
        None => format!("not a JSON object: {reason}"),
    };
    // A number is refused at the character behind its sign.
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
            format!("JSON has no NaN and no infinity, as at character {}", error.column()),
            "write `null` in its place; pandas does so with `to_json(FILE, orient=\"records\", lines=True)`",
        ),
        Some(b'{') if holds(&["None", "True", "False"]) => (
            reason,
            "write `null`, `true` and `false`, in Python with `json.dumps(row)` instead of `str(row)`",
        ),
        Some(b'{') if error.is_eof() => (
            "the line ends before its object does".into(),
            "close the object with `}` on its line: every line is an object by itself",
        ),
        Some(b'{') if reason.contains("trailing characters") => {
            (reason, "write one object per line: begin a new line after each `}`")
        }
        Some(b'{') => {
            (reason, "correct the line; text stands in double quotes, and commas between the members")
        }
        _ => (
            "not a JSON object".into(),
            "write one object per line, `{\"text\": \"…\"}`; if the file is CSV or TSV, name it `.csv` or `.tsv`",
        ),
    }
}

/// The members of an object in the order of the text, with their values as they are written.
pub(super) struct Members(Vec<(String, Box<RawValue>)>);

impl Members {
    pub(super) fn names(&self) -> Vec<String> {
        self.0.iter().map(|(name, _)| name.clone()).collect()
    }

    /// A name that is there twice.
    fn twice(&self) -> Option<&str> {
        let mut known = HashSet::with_capacity(self.0.len());
        self.0.iter().map(|(name, _)| name.as_str()).find(|name| !known.insert(*name))
    }
}

/// A value as text: a string without its quotes, nothing for `null`, numbers digit for digit, and all else as JSON without blanks.
fn text(value: &RawValue) -> String {
    let written = value.get();
    match written.as_bytes().first() {
        // What was parsed as a value is one.
        Some(b'"') => serde_json::from_str(written).unwrap_or_default(),
        Some(b'n') => String::new(),
        Some(b'[' | b'{') => without_blanks(written),
        _ => written.to_owned(),
    }
}

/// JSON without the white space between its parts.
fn without_blanks(json: &str) -> String {
    let (mut quoted, mut escaped) = (false, false);
    let keep = |c: &char| {
        let keep = quoted || !c.is_ascii_whitespace();
        quoted ^= *c == '"' && !escaped;
        escaped = quoted && *c == '\\' && !escaped;
        keep
    };
    json.chars().filter(keep).collect()
}

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

pub(super) fn row(columns: &Columns, line: u64, members: Members, object: String) -> Row {
    let mut values = vec![None; columns.names().len()];
    let mut unlisted = Vec::new();
    for (name, value) in members.0 {
        match columns.find(&name) {
            Some(column) => values[column] = Some(text(&value)),
            None => unlisted.push(name),
        }
    }
    let absent = (0..values.len()).filter(|&column| values[column].is_none()).collect();
    let values = values.into_iter().map(Option::unwrap_or_default).collect();
    Row {
        file: Arc::clone(&columns.file),
        line,
        values,
        object: Some(Object { text: object, unlisted, absent }),
    }
}
