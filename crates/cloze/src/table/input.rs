//! The bytes of a CSV file on their way to the parser, watched for what the parser does not tell: on which line a record
//! ends, and where a quote is opened that is never closed.

use std::collections::VecDeque;
use std::io::{self, Read};

/// An input of the CSV parser. The parser's own count of lines is late by one where lines end in carriage return and line
/// feed, and early where blank lines are skipped; and a record that ends within quotes because the file ends is to it a
/// record like any other.
pub(super) struct Input {
    inner: Box<dyn Read + Send>,
    separator: u8,
    /// Bytes read so far.
    read: u64,
    /// Line feeds read so far that no record has passed yet.
    breaks: VecDeque<u64>,
    state: State,
    /// The line of the next byte, counted from 1.
    line: u64,
    /// The line on which the last quote was opened.
    opened: u64,
    ended: bool,
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
    /// After a quote within quotes: the end of the field, or half of a doubled quote.
    Closing,
}

impl Input {
    pub(super) fn new(inner: Box<dyn Read + Send>, separator: u8) -> Input {
        Input {
            inner,
            separator,
            read: 0,
            breaks: VecDeque::new(),
            state: State::Start,
            line: 1,
            opened: 1,
            ended: false,
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

    /// The line on which a quote is opened that is never closed. It is known once the end has been read, which the parser
    /// does only for the record that the end belongs to.
    pub(super) fn unclosed(&self) -> Option<u64> {
        (self.ended && self.state == State::Quoted).then_some(self.opened)
    }

    fn watch(&mut self, byte: u8) {
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::Closing,
            (State::Quoted, _) => State::Quoted,
            (State::Closing, b'"') => State::Quoted,
            (_, b'\n' | b'\r') => State::Start,
            (_, byte) if byte == self.separator => State::Start,
            (State::Start, b'"') => {
                self.opened = self.line;
                State::Quoted
            }
            _ => State::Plain,
        };
        self.line += u64::from(byte == b'\n');
    }
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.ended |= read == 0 && !buffer.is_empty();
        for &byte in &buffer[..read] {
            self.watch(byte);
            if byte == b'\n' {
                self.breaks.push_back(self.read);
            }
            self.read += 1;
        }
        Ok(read)
    }
}
