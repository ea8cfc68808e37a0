//! Detects by its first bytes what a file is: compressed formats, which are decompressed, and formats that
//! are rejected by name.

use super::shell::shell_word;

/// The first bytes of every Parquet file. The fifth begins a page or, in a file without rows, the footer, and tells it from
/// text.
pub(super) const PARQUET: &[u8] = b"PAR1\x15";

/// The remedy where Parquet is given and only text can be read.
pub(super) const PARQUET_REMEDY: &str = "give the name of the file; Parquet is read from its end, so not from standard input or a pipe, and not if it was \
                                 compressed as a whole (decompress it first)";

/// A compression format that is decompressed while reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Packed {
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl Packed {
    /// The compression format of a file that begins with `head`.
    pub(super) fn of(head: &[u8]) -> Option<Packed> {
        match head {
            [0x1f, 0x8b, ..] => Some(Packed::Gzip),
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(Packed::Zstd),
            _ => None,
        }
    }
}

/// How text is stored, as far as the first bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// In an encoding with single-byte units.
    Bytes,
    /// The same, after a byte order mark of three bytes.
    Utf8,
    /// UTF-16, lower byte first; the number is the length of the mark in bytes.
    Utf16Le(usize),
    /// UTF-16, upper byte first; the number is the length of the mark in bytes.
    Utf16Be(usize),
    /// Four bytes per character.
    Utf32,
}

impl Stored {
    /// How text that begins with `head` is stored. Without a mark, the zero bytes next to the letters of the
    /// header decide.
    pub(super) fn of(head: &[u8]) -> Stored {
        match head {
            [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => return Stored::Utf32,
            [0xef, 0xbb, 0xbf, ..] => return Stored::Utf8,
            [0xff, 0xfe, ..] => return Stored::Utf16Le(2),
            [0xfe, 0xff, ..] => return Stored::Utf16Be(2),
            [first, 0, 0, 0, ..] | [0, 0, 0, first, ..] if *first != 0 => return Stored::Utf32,
            _ => {}
        }
        // Only the header is checked: rows may contain zero bytes for other reasons.
        let head = &head[..head.len().min(256)];
        let head = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
        let zeros = |odd: usize| head.iter().skip(odd).step_by(2).filter(|&&byte| byte == 0).count();
        match (zeros(0), zeros(1)) {
            (even, odd) if odd >= 3 && odd > 3 * even => Stored::Utf16Le(0),
            (even, odd) if even >= 3 && even > 3 * odd => Stored::Utf16Be(0),
            _ => Stored::Bytes,
        }
    }
}

/// A file of a format that cannot be read, and the remedy.
pub(super) struct Foreign {
    pub(super) what: &'static str,
    pub(super) remedy: String,
}

const SPREADSHEET: &str = "open it in the spreadsheet program and save the sheet as CSV (UTF-8), or run `libreoffice --headless \
                           --convert-to csv FILE`";

/// Table formats that cloze does not read, by their first bytes.
const FOREIGN: &[(&[u8], &str, &str)] = &[
    (b"%PDF-", "a PDF document", "copy the texts into a table and save it as CSV"),
    (PARQUET, "a Parquet file", PARQUET_REMEDY),
    (
        b"ARROW1\0",
        "an Arrow file",
        "write it as CSV: `python3 -c \"import pandas, sys; pandas.read_feather(sys.argv[1]).to_csv('rows.csv', index=False)\" FILE`",
    ),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (.xls, .doc)", SPREADSHEET),
    (
        b"SQLite format 3\0",
        "a SQLite database",
        "write the table as CSV: `sqlite3 -csv -header FILE 'select * from TABLE' > rows.csv`",
    ),
    (b"BZh?", "compressed with bzip2", "decompress it with `bunzip2 FILE`"),
    (b"\xfd7zXZ\x00", "compressed with xz", "decompress it with `unxz FILE`"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it with `7z x FILE`"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it with `unrar x FILE`"),
    (b"{\\rtf", "a Rich Text document", "save the table as CSV (UTF-8)"),
];

impl Foreign {
    /// What the file `file` with the first bytes `head` is, if it is not text.
    pub(super) fn of(head: &[u8], file: &str) -> Option<Foreign> {
        let name = |remedy: &str| remedy.replace("FILE", &shell_word(file));
        if head.starts_with(b"PK\x03\x04") {
            let holds = |part: &str| head.windows(part.len()).any(|window| window == part.as_bytes());
            let (what, remedy) = match () {
                () if holds("xl/") || holds("[Content_Types].xml") => {
                    ("an Excel workbook (.xlsx)", SPREADSHEET)
                }
                () if holds("opendocument.spreadsheet") => {
                    ("an OpenDocument spreadsheet (.ods)", SPREADSHEET)
                }
                () => ("a zip archive", "unpack it with `unzip FILE`"),
            };
            return Some(Foreign { what, remedy: name(remedy) });
        }
        let is_bzip2 = head.starts_with(b"BZh") && head.get(4..10) == Some(b"1AY&SY");
        let begins = |begin: &[u8]| head.starts_with(begin) || (is_bzip2 && begin == b"BZh?");
        if let Some((_, what, remedy)) = FOREIGN.iter().find(|(begin, ..)| begins(begin)) {
            return Some(Foreign { what, remedy: name(remedy) });
        }
        let begin = head.trim_ascii_start();
        let lower = begin[..begin.len().min(15)].to_ascii_lowercase();
        if lower.starts_with(b"<!doctype html") || lower.starts_with(b"<html") {
            let remedy = "it may be an error or login page instead of the file; download the table itself";
            return Some(Foreign { what: "a web page (HTML)", remedy: remedy.into() });
        }
        if lower.starts_with(b"<?xml") {
            return Some(Foreign { what: "XML", remedy: "save the table as CSV (UTF-8)".into() });
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_two_or_four_bytes_a_character_is_known_with_and_without_a_mark() {
        let utf16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        let swapped =
            |bytes: &[u8]| -> Vec<u8> { bytes.chunks(2).flat_map(|pair| [pair[1], pair[0]]).collect() };
        let header = "text,label\nMüll,waste\n";
        assert_eq!(Stored::of(&utf16(header)), Stored::Utf16Le(0));
        assert_eq!(Stored::of(&swapped(&utf16(header))), Stored::Utf16Be(0));
        assert_eq!(Stored::of(&utf16(&format!("\u{feff}{header}"))), Stored::Utf16Le(2));
        assert_eq!(Stored::of(&swapped(&utf16(&format!("\u{feff}{header}")))), Stored::Utf16Be(2));
        assert_eq!(Stored::of(&utf16("text\tŁódź\n工单工单工单工单工单")), Stored::Utf16Le(0));
        let utf32 = |text: &str| -> Vec<u8> { text.chars().flat_map(|c| (c as u32).to_be_bytes()).collect() };
        assert_eq!(Stored::of(&utf32(header)), Stored::Utf32);
        assert_eq!(Stored::of(&utf32(&format!("\u{feff}{header}"))), Stored::Utf32);
        assert_eq!(Stored::of(b"\xef\xbb\xbftext"), Stored::Utf8);
        for bytes in [&b""[..], b"a", b"text,label\n", b"\xb9\xa4\xb5\xa5,label\n", b"{\"text\": 1}"] {
            assert_eq!(Stored::of(bytes), Stored::Bytes);
        }
    }

    #[test]
    fn files_that_hold_no_text_are_called_what_they_are() {
        let what = |head: &[u8]| Foreign::of(head, "it's.x").map(|found| (found.what, found.remedy));
        assert_eq!(what(b"%PDF-1.7").unwrap().0, "a PDF document");
        assert_eq!(what(b"PAR1\x15\x04").unwrap().0, "a Parquet file");
        let (name, remedy) = what(b"ARROW1\0").unwrap();
        assert_eq!(name, "an Arrow file");
        assert!(remedy.ends_with("index=False)\" 'it'\\''s.x'`"), "{remedy}");
        assert_eq!(what(b"BZh91AY&SY\0").unwrap().0, "compressed with bzip2");
        assert_eq!(what(b"PK\x03\x04....[Content_Types].xml").unwrap().0, "an Excel workbook (.xlsx)");
        assert_eq!(what(b"PK\x03\x04....notes.txt").unwrap().0, "a zip archive");
        assert_eq!(what(b"\n<!DOCTYPE html><html>").unwrap().0, "a web page (HTML)");
        assert_eq!(what(b"<html>").unwrap().0, "a web page (HTML)");
        for text in [&b"text,label\n"[..], b"", b"PAR1,PAR2\n", b"BZh,x\n", b"Rar!\n", b"PAR1\t\x01\n"] {
            assert!(what(text).is_none());
        }
    }
}
