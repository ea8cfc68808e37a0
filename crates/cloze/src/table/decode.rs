//! Converts the bytes of a file to UTF-8: decompression, and decoding of other encodings.

use std::fmt;
use std::io::{self, BufReader, Cursor, Read};

use flate2::read::MultiGzDecoder;

use super::encoding::Encoding;
use super::options::ReadOptions;
use super::shell::shell_word;
use super::signature::{Foreign, Packed, Stored};
use crate::{Error, Place, Result};

/// The number of bytes that the type of a file is detected from.
const HEAD: usize = 4096;

/// The number of bytes decoded at a time.
const CHUNK: usize = 8192;

/// The text of a file, as UTF-8 if it is valid: nothing is replaced, and invalid bytes are passed on
/// unchanged.
pub(super) struct Text {
    pub(super) input: Box<dyn Read + Send>,
    /// Whether the file began with a byte order mark.
    pub(super) mark: bool,
}

/// Opens `input`, the contents of the file called `name`.
///
/// # Errors
/// When it cannot be read, or is not text.
pub(super) fn open(name: &str, input: impl Read + Send + 'static, options: ReadOptions) -> Result<Text> {
    let io = |source| Error::io("read", name, source);
    let (mut head, mut input) = peek(Box::new(input)).map_err(io)?;
    // A compressed file may itself have been compressed again.
    while let Some(packed) = Packed::of(&head) {
        let unpacked: Bytes = match packed {
            Packed::Gzip => Box::new(MultiGzDecoder::new(input)),
            Packed::Zstd => Box::new(zstd::Decoder::new(input).map_err(io)?),
        };
        (head, input) = peek(Box::new(Unpacking(unpacked))).map_err(|error| read_error(name, error))?;
    }
    let refuse = |problem: String, remedy: String| Err(Error::data(Place::file(name), problem, remedy));
    if let Some(Foreign { what, remedy }) = Foreign::of(&head, name) {
        return refuse(format!("it is {what}, not text with rows"), remedy);
    }
    let (mark, encoding) = match Stored::of(&head) {
        Stored::Utf32 => {
            return refuse(
                "the text is UTF-32".into(),
                format!(
                    "save it as UTF-8, for example with `iconv -f UTF-32 -t UTF-8 {} > utf8.csv`",
                    shell_word(name)
                ),
            );
        }
        Stored::Utf8 => (3, Encoding::UTF_8),
        Stored::Utf16Le(mark) => (mark, Encoding::UTF_16LE),
        Stored::Utf16Be(mark) => (mark, Encoding::UTF_16BE),
        Stored::Bytes => (0, options.encoding.unwrap_or(Encoding::UTF_8)),
    };
    let is_utf8 = std::str::from_utf8(&head).map_or_else(|error| error.error_len().is_none(), |_| true);
    if !encoding.is_wide() && !is_utf8 && head.contains(&0) {
        return refuse(
            "it contains bytes that are not text".into(),
            format!(
                "give a CSV, TSV or JSON Lines file; text in another encoding is read with {}",
                options.say("encoding", "NAME")
            ),
        );
    }
    io::copy(&mut (&mut input).take(mark as u64), &mut io::sink())
        .map_err(|error| read_error(name, error))?;
    // Input that claims to be UTF-8 is checked value by value, where the line is known.
    let input = match encoding == Encoding::UTF_8 {
        true => input,
        false => Box::new(Decoder::new(input, encoding)),
    };
    // Spreadsheets that write other encodings recognise UTF-8 only by its mark.
    Ok(Text { input, mark: mark > 0 || (encoding != Encoding::UTF_8 && !is_utf8) })
}

type Bytes = Box<dyn Read + Send>;

/// The first bytes of an input, and the input with those bytes still in it.
fn peek(mut input: Bytes) -> io::Result<(Vec<u8>, Bytes)> {
    let mut head = Vec::with_capacity(HEAD);
    (&mut input).take(HEAD as u64).read_to_end(&mut head)?;
    let whole = BufReader::new(Cursor::new(head.clone()).chain(input));
    Ok((head, Box::new(whole)))
}

/// The error for a failed read of the file.
pub(super) fn read_error(file: &str, error: io::Error) -> Error {
    let inner = error.get_ref();
    if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<NotText>()) {
        if found.is_utf8 {
            let problem = format!("the text is UTF-8, and not {}", found.encoding);
            return Error::data(
                Place::file(file),
                problem,
                "leave the encoding out; all files of a task must have the same encoding",
            );
        }
        let remedy = match found.encoding.is_wide() {
            true => "the file is damaged here or cut short; save it again, preferably as UTF-8",
            false => {
                "the file has another encoding, or is damaged here; leave the encoding out to get a suggestion"
            }
        };
        return Error::data(Place::file(file).line(found.line), found.to_string(), remedy);
    }
    if let Some(found) = inner.and_then(|inner| inner.downcast_ref::<NotPacked>()) {
        let remedy = "get the file again; it was truncated or damaged in transfer";
        return Error::data(Place::file(file), format!("it cannot be decompressed: {}", found.0), remedy);
    }
    Error::io("read", file, error)
}

/// A compressed input; it distinguishes decompression errors from disk errors.
struct Unpacking(Bytes);

/// Why an input cannot be decompressed.
#[derive(Debug)]
struct NotPacked(io::Error);

impl fmt::Display for NotPacked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for NotPacked {}

impl Read for Unpacking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, NotPacked(error)),
        })
    }
}

/// Input that is invalid in its declared encoding: the payload of the decoder's [`io::Error`].
#[derive(Debug)]
pub(super) struct NotText {
    encoding: Encoding,
    /// The line, counted from 1.
    line: u64,
    /// Whether the whole input is UTF-8.
    is_utf8: bool,
}

impl fmt::Display for NotText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the text is not {}", self.encoding)
    }
}

impl std::error::Error for NotText {}

/// An input in any encoding, read as UTF-8.
struct Decoder {
    input: Bytes,
    encoding: Encoding,
    decoder: encoding_rs::Decoder,
    /// Bytes that have been read but not yet decoded, from `start` on.
    bytes: Vec<u8>,
    start: usize,
    /// Text that has been decoded but not yet returned, from `given` on.
    text: Vec<u8>,
    given: usize,
    ended: bool,
    line: u64,
    /// While all bytes so far are UTF-8: the number of non-ASCII characters, and the bytes of an incomplete
    /// last character.
    utf8: Option<(usize, Vec<u8>)>,
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
            utf8: Some((0, Vec::new())),
        }
    }

    /// Checks whether the bytes just read continue to be valid UTF-8.
    fn watch(&mut self) {
        let Some((count, mut all)) = self.utf8.take() else { return };
        all.extend_from_slice(&self.bytes);
        let (whole, is_utf8) = match std::str::from_utf8(&all) {
            Ok(text) => (text.len(), true),
            Err(error) => (error.valid_up_to(), error.error_len().is_none()),
        };
        if is_utf8 {
            let more = all[..whole].iter().filter(|&&byte| byte >= 0xc0).count();
            self.utf8 = Some((count + more, all[whole..].to_vec()));
        }
    }

    /// Whether the whole text was UTF-8. Text in a single-byte encoding is never valid UTF-8 by chance; text
    /// in a multi-byte encoding can be, if it has few non-ASCII characters.
    fn was_utf8(&self) -> bool {
        let enough = if self.encoding.is_of_single_bytes() { 1 } else { 20 };
        self.utf8.as_ref().is_some_and(|(count, rest)| *count >= enough && rest.is_empty())
    }

    /// Decodes some more; afterwards the text is empty only at the end of the input.
    fn decode(&mut self) -> io::Result<()> {
        self.text.clear();
        self.given = 0;
        while self.text.is_empty() && !(self.ended && self.start == self.bytes.len()) {
            if self.start == self.bytes.len() {
                self.bytes.resize(CHUNK, 0);
                let read = self.input.read(&mut self.bytes)?;
                self.bytes.truncate(read);
                self.start = 0;
                self.ended = read == 0;
                self.watch();
                if self.ended && self.was_utf8() {
                    let found = NotText { encoding: self.encoding, line: self.line, is_utf8: true };
                    return Err(io::Error::new(io::ErrorKind::InvalidData, found));
                }
            }
            let bytes = &self.bytes[self.start..];
            self.text.resize(bytes.len() * 3 + 16, 0);
            let (result, read, written) =
                self.decoder.decode_to_utf8_without_replacement(bytes, &mut self.text, self.ended);
            self.text.truncate(written);
            self.start += read;
            self.line += self.text.iter().filter(|&&byte| byte == b'\n').count() as u64;
            if let encoding_rs::DecoderResult::Malformed(..) = result {
                let found = NotText { encoding: self.encoding, line: self.line, is_utf8: false };
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

/// The error for bytes that are not UTF-8. The encoding it suggests is guessed from the bytes `around` them,
/// and only a person can confirm it.
pub(super) fn not_utf8(place: Place, byte: u8, around: &[u8], options: ReadOptions) -> Error {
    Error::data(
        place,
        format!("the text is not UTF-8: byte 0x{byte:02x}"),
        format!(
            "give its encoding, probably {}; then check that the texts look right",
            options.say("encoding", Encoding::guess(around))
        ),
    )
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
        text.input.read_to_end(&mut read).map_err(|error| {
            match error.get_ref().and_then(|inner| inner.downcast_ref::<NotText>()) {
                Some(found) if found.is_utf8 => format!("the text is UTF-8, and not {}", found.encoding),
                _ => error.to_string(),
            }
        })?;
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
        let error = read(cut[..cut.len() - 2].to_vec(), None).unwrap_err();
        assert!(error.starts_with("`t.csv`: it cannot be decompressed"), "{error}");
        let twice = zstd::encode_all(&zstd::encode_all(&b"text\n"[..], 3).unwrap()[..], 3).unwrap();
        assert_eq!(read(twice, None).unwrap().0, "text\n");
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
    fn text_that_is_utf8_is_not_read_as_if_it_were_another_encoding() {
        let many = "Müll 工单 ".repeat(20);
        for text in [
            "text\nMüll\n".to_owned(),
            format!("{}é und Müll", "x".repeat(4095)),
            format!("{}é", "x".repeat(8191)),
        ] {
            let error = read(text.into_bytes(), Some("latin1")).unwrap_err();
            assert_eq!(error, "the text is UTF-8, and not windows-1252");
        }
        for label in ["gb18030", "shift_jis", "euc-kr", "windows-1251"] {
            assert!(read(format!("text\n{many}\n").into_bytes(), Some(label)).is_err(), "{label}");
        }
        // Valid UTF-8 by chance, with few such characters; or not valid at all.
        assert_eq!(read(b"the \xc4\xa3 day".to_vec(), Some("gb18030")).unwrap().0, "the 模 day");
        assert_eq!(
            read(b"the \xc3\xbc day, caf\xe9".to_vec(), Some("latin1")).unwrap().0,
            "the Ã¼ day, café"
        );
        assert_eq!(read(b"plain".to_vec(), Some("latin1")).unwrap().0, "plain");
    }

    #[test]
    fn what_is_no_text_is_refused() {
        assert!(read(b"PAR1\x15\x04".to_vec(), None).unwrap_err().contains("it is a Parquet file"));
        assert!(
            read(b"te\xff\0\0\x01,label\n".to_vec(), None).unwrap_err().contains("bytes that are not text")
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
            prop_assert_eq!(&read(utf16(false), None).unwrap().0, &text);
            prop_assert_eq!(&read(utf16(true), None).unwrap().0, &text);
            let (gb, ..) = encoding_rs::GB18030.encode(&text);
            prop_assert_eq!(read(gb.into_owned(), Some("gb18030")).unwrap().0, text);
        }
    }
}
