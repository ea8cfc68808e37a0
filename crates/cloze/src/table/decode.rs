//! From the bytes of a file to UTF-8: unpacking, and decoding what is stored otherwise.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::signature::{Foreign, Packed, Stored};
use super::{Encoding, ReadOptions};
use crate::{Error, Place, Result};

/// So many bytes say what a file is.
const HEAD: usize = 4096;

/// The text of a file as UTF-8, as far as it is any: nothing is replaced, and bytes of another encoding come as they are.
pub(super) struct Text {
    pub(super) input: Box<dyn Read + Send>,
    /// Whether a byte order mark stood before it.
    pub(super) mark: bool,
}

/// Opens `input`, the bytes of the file called `name`.
///
/// # Errors
/// When it cannot be read, or is no text.
pub(super) fn open(name: &str, input: impl Read + Send + 'static, options: ReadOptions) -> Result<Text> {
    let io = |source| Error::io("read", name, source);
    let (head, input) = peek(Box::new(input)).map_err(io)?;
    let (head, input) = match Packed::of(&head) {
        None => (head, input),
        Some(Packed::Gzip) => peek(Box::new(MultiGzDecoder::new(input))).map_err(io)?,
        Some(Packed::Zstd) => peek(Box::new(zstd::Decoder::new(input).map_err(io)?)).map_err(io)?,
    };
    let refuse = |problem: String, remedy: String| Err(Error::data(Place::file(name), problem, remedy));
    if let Some(Foreign { what, remedy }) = Foreign::of(&head, name) {
        return refuse(format!("it is {what}, not CSV, TSV or JSON Lines"), remedy);
    }
    let (mark, encoding) = match Stored::of(&head) {
        Stored::Utf32 => {
            return refuse(
                "the text is UTF-32".into(),
                format!("save it as UTF-8, for example with `iconv -f UTF-32 -t UTF-8 '{name}'`"),
            );
        }
        Stored::Utf8 => (3, Encoding::UTF_8),
        Stored::Utf16Le(mark) => (mark, Encoding::UTF_16LE),
        Stored::Utf16Be(mark) => (mark, Encoding::UTF_16BE),
        Stored::Bytes => (0, options.encoding.unwrap_or(Encoding::UTF_8)),
    };
    let is_wide = [Encoding::UTF_16LE, Encoding::UTF_16BE].contains(&encoding);
    let is_utf8 = std::str::from_utf8(&head).map_or_else(|error| error.error_len().is_none(), |_| true);
    if !is_wide && !is_utf8 && head.contains(&0) {
        return refuse(
            "it holds bytes that are no text".into(),
            "give a CSV, TSV or JSON Lines file; text in another encoding is read with `encoding = \"NAME\"` under `[data]`, \
             or `--encoding NAME`"
                .into(),
        );
    }
    let mut input = input;
    io::copy(&mut (&mut input).take(mark as u64), &mut io::sink()).map_err(io)?;
    // What claims to be UTF-8 is checked value by value, where its line is known.
    let input = match encoding == Encoding::UTF_8 {
        true => input,
        false => Box::new(Decoder::new(input, encoding)),
    };
    Ok(Text { input, mark: mark > 0 })
}

type Bytes = Box<dyn Read + Send>;

/// The first bytes of an input, and the input with them still in it.
fn peek(mut input: Bytes) -> io::Result<(Vec<u8>, Bytes)> {
    let mut head = Vec::with_capacity(HEAD);
    (&mut input).take(HEAD as u64).read_to_end(&mut head)?;
    let whole = BufReader::new(Cursor::new(head.clone()).chain(input));
    Ok((head, Box::new(whole)))
}

/// Bytes that are no text in the encoding that they should be in: what an [`io::Error`] of the decoder holds.
#[derive(Debug)]
pub(super) struct NotText {
    encoding: Encoding,
    /// The line, counted from 1.
    pub(super) line: u64,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text is not {}", self.encoding)
    }
}

impl std::error::Error for NotText {}

/// An input in some encoding, read as UTF-8.
struct Decoder {
    input: Bytes,
    encoding: Encoding,
    decoder: encoding_rs::Decoder,
    /// Bytes that have been read and not decoded, from `start` on.
    bytes: Vec<u8>,
    start: usize,
    /// Text that has been decoded and not been asked for, from `given` on.
    text: Vec<u8>,
    given: usize,
    ended: bool,
    line: u64,
}

impl Decoder {
    fn new(input: Bytes, encoding: Encoding) -> Decoder {
        Decoder {
            input,
            encoding,
            decoder: encoding.decoder(),
            bytes: Vec::new(),
            start: 0,
            text: Vec::new(),
            given: 0,
            ended: false,
            line: 1,
        }
    }

    /// Decodes some more; nothing is left if no text comes of it.
    fn decode(&mut self) -> io::Result<()> {
        self.text.clear();
        self.given = 0;
        while self.text.is_empty() && !(self.ended && self.start == self.bytes.len()) {
            if self.start == self.bytes.len() {
                self.bytes.resize(8192, 0);
                let read = self.input.read(&mut self.bytes)?;
                self.bytes.truncate(read);
                self.start = 0;
                self.ended = read == 0;
            }
            let bytes = &self.bytes[self.start..];
            self.text.resize(bytes.len() * 3 + 16, 0);
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, self.ended);
            self.text.truncate(written);
            self.start += read;
            self.line += self.text.iter().filter(|&&byte| byte == b'\n').count() as u64;
            if let encoding_rs::DecoderResult::Malformed(..) = result {
                let found = NotText { encoding: self.encoding, line: self.line };
                return Err(io::Error::new(io::ErrorKind::InvalidData, found));
            }
            if self.ended {
                break;
            }
        }
        Ok(())
    }
}

impl Read for Decoder {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.text.len() && !self.ended {
            self.decode()?;
        }
        let left = &self.text[self.given..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.given += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use proptest::prelude::*;

    use super::*;

    fn read(bytes: Vec<u8>, encoding: Option<&str>) -> std::result::Result<(String, bool), String> {
        let encoding = encoding.map(|label| label.parse().unwrap());
        let options = ReadOptions { encoding, ..ReadOptions::default() };
        let mut text = open("t.csv", Cursor::new(bytes), options).map_err(|error| error.to_string())?;
        let mut read = Vec::new();
        text.input.read_to_end(&mut read).map_err(|error| error.to_string())?;
        Ok((String::from_utf8(read).map_err(|error| error.to_string())?, text.mark))
    }

    #[test]
    fn packed_text_is_unpacked_and_its_encoding_found_inside() {
        let utf16: Vec<u8> = "\u{feff}text\nMüll\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(&utf16).unwrap();
        assert_eq!(read(gzip.finish().unwrap(), None).unwrap(), ("text\nMüll\n".into(), true));
        let zstd = zstd::encode_all(&b"text\nbin\n"[..], 3).unwrap();
        assert_eq!(
            read([zstd.clone(), zstd].concat(), None).unwrap(),
            ("text\nbin\ntext\nbin\n".into(), false)
        );
        let cut = zstd::encode_all(&b"text\nbin\n"[..], 3).unwrap();
        assert!(read(cut[..cut.len() - 2].to_vec(), None).is_err());
    }

    #[test]
    fn bytes_that_are_not_of_the_encoding_are_an_error_and_never_replaced() {
        let error = read(b"a\nb\n\x81\x20\n".to_vec(), Some("shift_jis")).unwrap_err();
        assert_eq!(error, "the text is not shift_jis");
        // Half a character at the end.
        assert!(read(b"text\n\xe9".to_vec(), Some("gb18030")).is_err());
        assert_eq!(read(b"caf\xe9".to_vec(), Some("latin1")).unwrap().0, "café");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(read(b"PAR1\x15\x04".to_vec(), None).unwrap_err().contains("it is a Parquet file"));
        assert!(
            read(b"te\xff\0\0\x01,label\n".to_vec(), None).unwrap_err().contains("bytes that are no text")
        );
        let utf32: Vec<u8> = "text".chars().flat_map(|c| (c as u32).to_le_bytes()).collect();
        assert!(read(utf32, None).unwrap_err().contains("the text is UTF-32"));
    }

    proptest! {
        #[test]
        fn text_survives_every_encoding_that_can_hold_it(text in "text\n[a-zäé工单ж \n]{0,9000}") {
            let utf16 = |swap: bool| -> Vec<u8> {
                text.encode_utf16().flat_map(|unit| if swap { unit.to_be_bytes() } else { unit.to_le_bytes() }).collect()
            };
            prop_assert_eq!(read(utf16(false), None).unwrap(), (text.clone(), false));
            prop_assert_eq!(read(utf16(true), None).unwrap(), (text.clone(), false));
            let (gb, ..) = encoding_rs::GB18030.encode(&text);
            prop_assert_eq!(read(gb.into_owned(), Some("gb18030")).unwrap(), (text, false));
        }
    }
}
