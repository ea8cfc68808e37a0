//! The text of a CSV file on its way to the parser, watched for what the parser does not report: the line on
//! which a record ends, and quotes that leave the end of a value ambiguous.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::quoting::Quoting;

/// The input of the CSV parser. The parser's own line count is off by one where lines end in carriage return
/// and line feed, and wrong where blank lines are skipped. The parser also accepts everything it gets: a
/// record that ends inside quotes because the file ends, text after a closing quote, and all rows between a
/// quote at the start of a text and the next quote in the file.
pub(super) struct Input {
    inner: Box<dyn Read + Send>,
    separator: u8,
    /// `None` if it was not specified: quotes are then expected to be doubled, and anything else is a fault.
    quoting: Option<Quoting>,
    /// The byte that ends lines: a line feed (with or without a carriage return before it), or a carriage
    /// return alone.
    ending: u8,
    /// Bytes read so far.
    read: u64,
    /// Line endings that have been read and are beyond the current record.
    breaks: VecDeque<u64>,
    state: State,
    /// The line of the next byte, counted from 1.
    line: u64,
    /// The line on which the last quote was opened.
    opened: u64,
    ended: bool,
    last: u8,
    /// Number of separators in the header, inside or outside quotes.
    header: usize,
    /// Whether the header has spaces after its separators.
    is_spaced: bool,
    lines: Lines,
    fault: Option<Fault>,
    /// A line with a quote inside an unquoted value, which a program that doubles quotes never writes.
    bare: Option<u64>,
    /// The line of the opening quote of the first record that spans several lines, each of which could be a
    /// row.
    rows_in_quotes: Option<u64>,
    /// Whether the file can only be read with quotes: at least one line by itself is not a row.
    needs_quotes: bool,
}

/// The position of the next byte within a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is the first byte.
    Start,
    /// Quotes have no special meaning.
    Plain,
    /// Within quotes.
    Quoted,
    /// After a backslash within quotes.
    Escaped,
    /// After a quote within quotes: either the end of the field or the first half of a doubled quote.
    Closing,
}

impl State {
    fn is_within_quotes(self) -> bool {
        matches!(self, State::Quoted | State::Escaped)
    }
}

/// The lines of the current record, each considered by itself.
#[derive(Debug, Clone, Copy)]
struct Lines {
    /// Separators on this line so far, inside or outside quotes.
    separators: usize,
    /// Complete lines so far.
    whole: usize,
    /// The number of those that have as many separators as the header.
    like_rows: usize,
    /// Whether this line is empty so far.
    is_blank: bool,
    /// Whether a separator within quotes is followed by a space, like a comma in prose.
    prose: bool,
    /// Whether one is followed directly by another character, like a separator between values.
    tight: bool,
}

impl Default for Lines {
    fn default() -> Lines {
        Lines { separators: 0, whole: 0, like_rows: 0, is_blank: true, prose: false, tight: false }
    }
}

/// Quotes that make a record ambiguous.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// The number of bytes after which the fault is detected.
    at: u64,
    /// The line on which the value begins.
    pub(super) opened: u64,
    pub(super) kind: FaultKind,
}

/// The kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// A quote within a quoted value is not doubled: its line, the byte after it, and whether a backslash
    /// precedes it.
    Stray { line: u64, next: u8, escaped: bool },
    /// The value spans several lines, each of which could be a row, and either they look like rows or nothing
    /// in the file shows that they are not. With `bare`, the line of a quote that shows that quotes are text
    /// in this file.
    RowsInQuotes { bare: Option<u64> },
    /// A carriage return occurs alone outside quotes, in a file whose lines end in line feeds.
    Return,
}

impl Input {
    /// Watches `inner`, whose first line has the number `line` and whose header is `header`.
    pub(super) fn new(
        inner: Box<dyn Read + Send>,
        separator: u8,
        quoting: Option<Quoting>,
        header: &[u8],
        ending: u8,
        line: u64,
    ) -> Input {
        Input {
            inner,
            separator,
            quoting,
            header: header.iter().filter(|&&byte| byte == separator).count(),
            is_spaced: header.windows(2).any(|two| two == [separator, b' ']),
            ending,
            read: 0,
            breaks: VecDeque::new(),
            state: State::Start,
            line,
            opened: line,
            ended: false,
            last: 0,
            lines: Lines::default(),
            fault: None,
            bare: None,
            rows_in_quotes: None,
            needs_quotes: false,
        }
    }

    /// The last line of a record that ends before the byte `end`. `line` is the line number at which the
    /// previous record ended, and is updated for this one.
    pub(super) fn last_line(&mut self, end: u64, line: &mut u64) -> u64 {
        let mut last = *line;
        while let Some(&at) = self.breaks.front().filter(|&&at| at < end) {
            self.breaks.pop_front();
            *line += 1;
            last = if at + 1 == end { *line - 1 } else { *line };
        }
        last
    }

    /// What ends lines.
    pub(super) fn ending(&self) -> u8 {
        self.ending
    }

    /// The line of an opening quote that is never closed. It is known only once the end has been read, which
    /// the parser does only for the last record.
    pub(super) fn unclosed(&self) -> Option<u64> {
        (self.ended && self.state.is_within_quotes()).then_some(self.opened)
    }

    /// What is ambiguous in the records that end before the byte `end`.
    pub(super) fn fault(&self, end: u64) -> Option<Fault> {
        self.fault.filter(|fault| fault.at <= end)
    }

    fn watch(&mut self, byte: u8) {
        if self.last == b'\r' && byte != b'\n' && self.ending == b'\n' && self.state == State::Start {
            // The parser ends a record here.
            self.fault_at(self.read, self.line, FaultKind::Return);
        }
        if self.quoting == Some(Quoting::None) {
            self.state = if byte == b'\r' || byte == b'\n' { State::Start } else { State::Plain };
            self.last = byte;
            self.line += u64::from(byte == self.ending);
            return;
        }
        if self.state == State::Quoted && self.last == self.separator && byte != self.separator {
            match byte {
                b' ' | b'\t' => self.lines.prose |= !self.is_spaced,
                b'\r' | b'\n' | b'"' => {}
                _ => self.lines.tight = true,
            }
        }
        let next = match (self.state, byte) {
            (State::Quoted, b'\\') if self.quoting == Some(Quoting::Backslash) => State::Escaped,
            (State::Quoted, b'"') => State::Closing,
            (State::Quoted | State::Escaped, _) => State::Quoted,
            (State::Closing, b'"') => State::Quoted,
            (_, b'\n' | b'\r') => State::Start,
            (_, byte) if byte == self.separator => State::Start,
            (State::Start, b'"') => {
                self.opened = self.line;
                State::Quoted
            }
            (State::Closing, next) => {
                // The parser goes on as if the value were unquoted, so this does the same.
                let kind = FaultKind::Stray { line: self.line, next, escaped: self.last == b'\\' };
                self.fault_at(self.read + 1, self.opened, kind);
                State::Plain
            }
            (State::Plain, b'"') => {
                self.bare.get_or_insert(self.line);
                self.rows_in_text(self.read + 1);
                State::Plain
            }
            _ => State::Plain,
        };
        // After a closing quote, `last` remains the byte before the quote.
        if next != State::Closing {
            self.last = byte;
        }
        match byte {
            byte if byte == self.ending => self.end_line(!next.is_within_quotes()),
            byte => {
                self.lines.separators += usize::from(byte == self.separator);
                self.lines.is_blank &= byte == b'\r' || byte == b'\n';
            }
        }
        self.state = next;
    }

    fn end_line(&mut self, ends_record: bool) {
        let like_row = self.lines.separators == self.header;
        self.needs_quotes |= !like_row && !self.lines.is_blank;
        self.lines.whole += 1;
        self.lines.like_rows += usize::from(like_row);
        (self.lines.separators, self.lines.is_blank) = (0, true);
        self.line += 1;
        if !ends_record {
            return;
        }
        let Lines { whole, like_rows, prose, tight, .. } = std::mem::take(&mut self.lines);
        if whole > 1 && whole == like_rows {
            self.rows_in_quotes.get_or_insert(self.opened);
            self.rows_in_text(self.read);
            if tight && !prose && self.quoting.is_none() {
                self.fault_at(self.read, self.opened, FaultKind::RowsInQuotes { bare: None });
            }
        }
    }

    /// Reports a fault if a quoted value may contain rows and the file uses quotes as text elsewhere.
    fn rows_in_text(&mut self, at: u64) {
        if let (Some(opened), Some(bare), None) = (self.rows_in_quotes, self.bare, self.quoting) {
            self.fault_at(at, opened, FaultKind::RowsInQuotes { bare: Some(bare) });
        }
    }

    /// Reports a fault at the end of a file that can be read in two ways: with values that span several
    /// lines, or with each line as a row. A line whose number of separators differs from the header's settles
    /// it, since only quotes can make it part of a row; nearly every file has one.
    fn end(&mut self) {
        if let (Some(opened), false, None) = (self.rows_in_quotes, self.needs_quotes, self.quoting) {
            self.fault_at(self.read, opened, FaultKind::RowsInQuotes { bare: None });
        }
    }

    fn fault_at(&mut self, at: u64, opened: u64, kind: FaultKind) {
        // Only the first fault is reported.
        self.fault.get_or_insert(Fault { at, opened, kind });
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() && !self.ended {
            self.ended = true;
            // The last line may not be terminated.
            let within = self.state.is_within_quotes();
            if !self.lines.is_blank || self.lines.whole > 0 {
                self.end_line(!within);
            }
            // An unclosed quote has an error of its own.
            if !within {
                self.end();
            }
        }
        for &byte in &buffer[..read] {
            self.watch(byte);
            if byte == self.ending {
                self.breaks.push_back(self.read);
            }
            self.read += 1;
        }
        Ok(read)
    }
}
