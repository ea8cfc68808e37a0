//! The text of a CSV file on its way to the parser, watched for what the parser does not tell: on which line a record ends, and
//! where quotes stand that make it unclear where a value ends.

use std::collections::VecDeque;
use std::io::{self, Read};

use super::{Format, Quoting};

/// An input of the CSV parser. The parser's own count of lines is late by one where lines end in carriage return and line
/// feed, and early where blank lines are skipped. And it takes whatever it gets: a record that ends within quotes because the
/// file ends, text behind a closing quote, and the rows between a quote that begins a text and the next one in the file.
pub(super) struct Input {
    inner: Box<dyn Read + Send>,
    separator: u8,
    format: Format,
    /// `None` where nobody has said it: then quotes are doubled, and what does not look so is a fault.
    quoting: Option<Quoting>,
    /// What ends lines: line feeds, with or without carriage returns, or carriage returns alone.
    ending: u8,
    /// Bytes read so far.
    read: u64,
    /// Ends of lines read so far that no record has passed yet.
    breaks: VecDeque<u64>,
    state: State,
    /// The line of the next byte, counted from 1.
    line: u64,
    /// The line on which the last quote was opened.
    opened: u64,
    ended: bool,
    last: u8,
    /// Separators in the header, whatever quotes say.
    header: usize,
    lines: Lines,
    fault: Option<Fault>,
    /// A line with a quote within a value that does not begin with one, which no program writes that doubles quotes.
    bare: Option<u64>,
    /// The first record over several lines each of which would be a row.
    rows_in_quotes: Option<RowsInQuotes>,
    /// Records over two lines each of which would be a row, and where the first one begins.
    pairs: (usize, u64),
}

/// A record over several lines each of which would be a row.
#[derive(Debug, Clone, Copy)]
struct RowsInQuotes {
    /// The byte after it.
    end: u64,
    /// The line on which its quote is opened.
    opened: u64,
    lines: usize,
}

/// Where in a field the next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// It is the first.
    Start,
    /// Quotes mean nothing.
    Plain,
    /// Within quotes.
    Quoted,
    /// After a backslash within quotes.
    Escaped,
    /// After a quote within quotes: the end of the field, or half of a doubled quote.
    Closing,
}

/// The lines of the record at hand, each taken by itself.
#[derive(Debug, Clone, Copy, Default)]
struct Lines {
    /// Separators on this line so far, whatever quotes say.
    separators: usize,
    /// Whole lines so far.
    whole: usize,
    /// How many of them have as many separators as the header.
    like_rows: usize,
}

/// Quotes that make a record unclear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fault {
    /// The byte behind which it is known.
    at: u64,
    /// The line on which the value begins.
    pub(super) opened: u64,
    pub(super) kind: FaultKind,
}

/// The kinds of [`Fault`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FaultKind {
    /// A quote within a quoted value is not doubled; the line it is on, what follows it, and whether a backslash stands before it.
    Stray { line: u64, next: u8, escaped: bool },
    /// The value holds line breaks, and each of its lines would be a row; the line of a quote that shows that quotes are text in
    /// this file, if that is how it is known.
    RowsInQuotes { bare: Option<u64> },
    /// A carriage return stands alone outside of quotes, where lines end in line feeds.
    Return,
}

impl Input {
    /// Watches `inner`, whose first line is number `line` and whose header is this one.
    pub(super) fn new(
        inner: Box<dyn Read + Send>,
        format: Format,
        separator: u8,
        quoting: Option<Quoting>,
        header: &[u8],
        ending: u8,
        line: u64,
    ) -> Input {
        Input {
            inner,
            separator,
            format,
            quoting,
            header: header.iter().filter(|&&byte| byte == separator).count(),
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
            pairs: (0, 0),
        }
    }

    /// The last line of a record that ends before the byte `end`. `line` is the number of the line that the record before
    /// it left off at, and becomes this one's.
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

    /// The line on which a quote is opened that is never closed. It is known once the end has been read, which the parser
    /// does only for the record that the end belongs to.
    pub(super) fn unclosed(&self) -> Option<u64> {
        let within = matches!(self.state, State::Quoted | State::Escaped);
        (self.ended && within).then_some(self.opened)
    }

    /// How many records so far hold two lines each of which would be a row, and where the first one begins; nothing if somebody has said
    /// what quotes mean.
    pub(super) fn pairs(&self) -> Option<(usize, u64)> {
        Some(self.pairs).filter(|(pairs, _)| *pairs > 0 && self.quoting.is_none())
    }

    /// What is unclear in the records that end before the byte `end`.
    pub(super) fn fault(&self, end: u64) -> Option<Fault> {
        self.fault.filter(|fault| fault.at <= end)
    }

    fn watch(&mut self, byte: u8) {
        if self.last == b'\r' && byte != b'\n' && self.ending == b'\n' && self.state == State::Start {
            // The parser ends a record there.
            self.fault_at(self.read, self.line, FaultKind::Return);
        }
        if self.quoting == Some(Quoting::None) {
            self.state = if byte == b'\r' || byte == b'\n' { State::Start } else { State::Plain };
            self.last = byte;
            self.line += u64::from(byte == self.ending);
            return;
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
                // The parser goes on as if the value had no quotes, and so does this.
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
        // Behind a closing quote it is still what stands before the quote.
        if next != State::Closing {
            self.last = byte;
        }
        match byte {
            byte if byte == self.ending => self.end_line(!matches!(next, State::Quoted | State::Escaped)),
            byte if byte == self.separator => self.lines.separators += 1,
            _ => {}
        }
        self.state = next;
    }

    fn end_line(&mut self, ends_record: bool) {
        self.lines.whole += 1;
        self.lines.like_rows += usize::from(self.lines.separators == self.header);
        self.lines.separators = 0;
        self.line += 1;
        if !ends_record {
            return;
        }
        let Lines { whole, like_rows, .. } = std::mem::take(&mut self.lines);
        if whole < 2 || whole != like_rows {
            return;
        }
        if whole == 2 {
            self.pairs = (self.pairs.0 + 1, if self.pairs.0 == 0 { self.opened } else { self.pairs.1 });
        }
        if self.rows_in_quotes.is_none_or(|known| known.lines < whole) {
            self.rows_in_quotes = Some(RowsInQuotes { end: self.read, opened: self.opened, lines: whole });
            self.rows_in_text(self.read);
        }
    }

    /// Notes that rows may stand within quotes. In TSV a value with both tabs and line breaks is known to be none. In CSV a value over
    /// two lines is one more likely than not, unless the file is known to have quotes that are text; over three lines, none of which
    /// has a comma too few or too many, it is none.
    fn rows_in_text(&mut self, at: u64) {
        let Some(RowsInQuotes { end, opened, lines }) =
            self.rows_in_quotes.filter(|_| self.quoting.is_none())
        else {
            return;
        };
        let surely = self.header > 0 && (self.format == Format::Tsv || lines > 2);
        if surely || self.bare.is_some() {
            let kind = FaultKind::RowsInQuotes { bare: self.bare.filter(|_| !surely) };
            self.fault_at(if surely { end } else { at }, opened, kind);
        }
    }

    fn fault_at(&mut self, at: u64, opened: u64, kind: FaultKind) {
        // The first is the one that is told.
        self.fault.get_or_insert(Fault { at, opened, kind });
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        if read == 0 && !buffer.is_empty() && !self.ended {
            self.ended = true;
            // The last line may lack its end.
            if self.lines.whole > 0 && !matches!(self.state, State::Quoted | State::Escaped) {
                self.end_line(true);
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
