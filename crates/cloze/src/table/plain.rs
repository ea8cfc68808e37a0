//! Plain text: documents with blank lines between them.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use super::decode::{self, not_utf8, read_error};
use super::options::ReadOptions;
use crate::{Error, Place, Result};

/// Bytes from which on a document is given in pieces, which end with a line.
const PIECE: usize = 32 << 10;

/// Reads the documents of a file, which may be compressed with gzip or zstd, one after the other.
pub(crate) struct Documents {
    file: String,
    input: BufReader<Box<dyn Read + Send>>,
    options: ReadOptions,
    line: u64,
}

/// A document, or a piece of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) text: String,
    /// Whether the document ends with it.
    pub(crate) is_last: bool,
}

impl Documents {
    /// Opens a file.
    ///
    /// # Errors
    /// When it cannot be read, or is not text in its encoding.
    pub(crate) fn open(path: &Path, options: ReadOptions) -> Result<Documents> {
        let file = path.display().to_string();
        let input = File::open(path).map_err(|source| Error::io("read", path, source))?;
        let text = decode::open(&file, input, options)?;
        Ok(Documents { file, input: BufReader::new(text.input), options, line: 0 })
    }

    /// The next document, or a piece of it; none at the end of the file. A piece with no text ends a document that has been given.
    ///
    /// # Errors
    /// When the file cannot be read on, or its bytes are not text, with the line.
    pub(crate) fn next(&mut self) -> Result<Option<Piece>> {
        let mut text = String::new();
        let mut bytes = Vec::new();
        loop {
            bytes.clear();
            let read =
                self.input.read_until(b'\n', &mut bytes).map_err(|error| read_error(&self.file, error))?;
            self.line += 1;
            let line = std::str::from_utf8(&bytes).map_err(|error| {
                let place = Place::file(&self.file).line(self.line);
                not_utf8(place, bytes[error.valid_up_to()], &bytes, self.options)
            })?;
            if read == 0 && text.is_empty() {
                return Ok(None);
            }
            if line.trim().is_empty() {
                return Ok(Some(Piece { text, is_last: true }));
            }
            text.push_str(line);
            if text.len() >= PIECE {
                return Ok(Some(Piece { text, is_last: false }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(bytes: &[u8]) -> Result<Vec<Piece>> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notes.txt");
        std::fs::write(&path, bytes).unwrap();
        let mut documents = Documents::open(&path, ReadOptions::default())?;
        let mut found = Vec::new();
        while let Some(piece) = documents.next()? {
            found.push(piece);
        }
        Ok(found)
    }

    #[test]
    fn blank_lines_stand_between_documents() {
        let found = pieces(b"\n one\r\ntwo\r\n \r\n\nthree").unwrap();
        let texts: Vec<&str> =
            found.iter().map(|piece| piece.text.as_str()).filter(|text| !text.is_empty()).collect();
        assert_eq!(texts, [" one\r\ntwo\r\n", "three"]);
        assert!(found.iter().all(|piece| piece.is_last));
    }

    #[test]
    fn a_long_document_comes_in_pieces_that_end_with_a_line() {
        let text = "a line of text\n".repeat(5000);
        let found = pieces(text.as_bytes()).unwrap();
        assert!(found.len() > 2 && found.iter().all(|piece| piece.text.len() <= PIECE + 15));
        assert_eq!(found.iter().map(|piece| piece.text.as_str()).collect::<String>(), text);
        assert_eq!(found.iter().filter(|piece| piece.is_last).count(), 1);
    }

    #[test]
    fn compressed_text_is_read_and_what_is_not_text_is_named_with_its_line() {
        let packed = zstd::encode_all(&b"packed text\n"[..], 3).unwrap();
        assert_eq!(pieces(&packed).unwrap()[0].text, "packed text\n");
        let error = pieces(b"one\ncaf\xe9\n").unwrap_err().to_string();
        assert!(error.ends_with("notes.txt`, line 2: the text is not UTF-8: byte 0xe9"), "{error}");
    }
}
