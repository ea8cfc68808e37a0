//! The beginning of a file: its header, and what the header says about how the rest is written.

use std::io::{self, Read};
use std::sync::Arc;

use super::columns::{Columns, Dialect};
use super::decode::{Text, read_error};
use super::encoding::Encoding;
use super::format::{Format, has_commas, separator};
use super::options::ReadOptions;
use super::signature::Foreign;
use crate::error::list;
use crate::{Error, Hint, Place, Result};

/// A file that has been read to the end of its header line or a little beyond.
pub(super) struct Beginning {
    /// How the file is written.
    pub(super) dialect: Dialect,
    /// The header line.
    pub(super) header: Vec<u8>,
    /// The line number at which the rest begins.
    pub(super) line: u64,
    /// The byte that ends each line.
    pub(super) ending: u8,
    /// What has been read so far, without a `sep=…` line.
    pub(super) head: Vec<u8>,
}

impl Beginning {
    /// Reads the beginning of `text`, the file called `name`; `promised` is the format that its name
    /// indicates.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(super) fn read(
        name: &str,
        text: &mut Text,
        options: ReadOptions,
        promised: Option<Format>,
    ) -> Result<Beginning> {
        let mut head = first_line(&mut text.input).map_err(|error| read_error(name, error))?;
        // A line `sep=;` tells spreadsheets the separator used in the lines below it.
        let told = told_separator(&head);
        if told.is_some() {
            let end = head.iter().position(|&byte| byte == b'\n' || byte == b'\r').unwrap_or(head.len());
            let returns = head[end..].starts_with(b"\r\n");
            head.drain(..(end + 1 + usize::from(returns)).min(head.len()));
            let more = first_line(&mut text.input).map_err(|error| read_error(name, error))?;
            head.extend(more);
        }
        let line = header(&head);
        let quoting = options.quoting.unwrap_or_default();
        let looks = Format::sniff(line, quoting);
        let format = match (options.format, told, promised) {
            (Some(format), ..) => format,
            (None, Some(_), _) => Format::Csv,
            // Many programs call any separated values CSV.
            (None, None, Some(Format::Csv)) if looks == Format::Tsv && !has_commas(line, quoting) => looks,
            (None, None, promised) => promised.unwrap_or(looks),
        };
        let between = match format {
            Format::Tsv => b'\t',
            _ => told.unwrap_or_else(|| separator(line, quoting)),
        };
        let dialect = Dialect {
            format,
            between,
            // Output has no `sep=…` line, so a separator that readers would not recognise is replaced.
            separator: if between == b';' { b';' } else { b',' },
            quoting,
            mark: text.mark,
            crlf: line.ends_with(b"\r") && head.contains(&b'\n'),
            options,
        };
        // A carriage return alone ends lines if it ends the header.
        let after = line.len() + head.len() - head.trim_ascii_start().len();
        let ending = if head.get(after) == Some(&b'\r') && !line.ends_with(b"\r") { b'\r' } else { b'\n' };
        let header = line.to_vec();
        Ok(Beginning { dialect, header, line: 1 + u64::from(told.is_some()), ending, head })
    }
}

/// The input up to the end of the first non-blank line, or its first mebibyte.
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

/// The first non-blank line, including the carriage return before its line feed.
fn header(head: &[u8]) -> &[u8] {
    let line = head.trim_ascii_start().split(|&byte| byte == b'\n').next().unwrap_or_default();
    match line.iter().position(|&byte| byte == b'\r') {
        // A carriage return alone also ends a line.
        Some(end) if end + 1 < line.len() => &line[..end],
        _ => line,
    }
}

/// The separator named in a `sep=;` line before the header.
fn told_separator(head: &[u8]) -> Option<u8> {
    let line = head.split(|&byte| byte == b'\n' || byte == b'\r').next()?.trim_ascii_end();
    let line = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
    match line {
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'=', separator] if separator.is_ascii_punctuation() => {
            Some(*separator)
        }
        // Trailing white space was trimmed, but a tab there is the separator.
        [b's' | b'S', b'e' | b'E', b'p' | b'P', b'='] if head.get(4) == Some(&b'\t') => Some(b'\t'),
        _ => None,
    }
}

/// The error for a file without a header.
pub(super) fn empty(file: &str) -> Error {
    Error::data(Place::file(file), "the file is empty", "it needs a header line and rows below it")
        .with_hint(Hint::EmptyFile)
}

/// Columns with these names, which must differ and were read at this line, if it has lines. One name may be empty: some tools leave the header of a
/// row-number column empty.
pub(super) fn unique(
    file: &Arc<str>,
    names: Vec<String>,
    dialect: Dialect,
    line: Option<u64>,
) -> Result<Columns> {
    let place = || {
        let file = Place::file(&**file);
        line.map_or(file.clone(), |line| file.line(line))
    };
    let all = list(names.iter().take(50));
    if let [name] = names.as_slice()
        && told_separator(name.as_bytes()).is_some()
    {
        return Err(Error::data(
            place(),
            format!("`{name}` names a separator, but is where the header should be"),
            "put the line with the columns' names there",
        ));
    }
    // Such a name can be read if it is quoted or in UTF-16, but output with that name could not be read
    // again.
    if let Some(Foreign { what, .. }) = names.first().and_then(|name| Foreign::of(name.as_bytes(), file)) {
        let problem = format!("the name of the first column begins as if the file were {what}");
        return Err(Error::data(place(), problem, "give the column another name"));
    }
    if let Some(name) = names.iter().find(|name| name.contains('\0')) {
        return Err(Error::data(
            place(),
            format!("the column name `{}` contains zero bytes", name.escape_debug()),
            format!(
                "give a file of text; UTF-16 without a mark is read with {}",
                dialect.options.say("encoding", Encoding::UTF_16LE)
            ),
        ));
    }
    Columns::new(file, names, dialect).map_err(|name| {
        let what = match name.as_str() {
            "" => "two columns have no name".into(),
            name => format!("two columns are named `{name}`"),
        };
        Error::data(place(), what, format!("rename one; the columns are {all}"))
    })
}
