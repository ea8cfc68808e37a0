//! File formats, recognised by the file's name or its first line.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use super::quoting::Quoting;

/// A file format for rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Values separated by commas, or by semicolons if the header uses them.
    Csv,
    /// Values separated by tabs, quoted like CSV.
    Tsv,
    /// One JSON object per line.
    Jsonl,
    /// Columns with types, in a file that is not text.
    Parquet,
}

impl Format {
    /// The format that the file extension indicates; for a compressed file, the extension before `.gz` or
    /// `.zst`.
    pub fn of_path(path: &Path) -> Option<Format> {
        match unpacked(path) {
            Some(inner) => Format::of_path(inner),
            None => path.extension()?.to_str()?.to_ascii_lowercase().parse().ok(),
        }
    }

    /// Whether a value can be a list of texts.
    pub(crate) fn has_lists(self) -> bool {
        matches!(self, Format::Jsonl | Format::Parquet)
    }

    /// The format that the first line of a file looks like.
    pub(super) fn sniff(first_line: &[u8], quoting: Quoting) -> Format {
        let count = |byte| count(first_line, byte, quoting);
        if first_line.trim_ascii_start().first() == Some(&b'{') {
            Format::Jsonl
        } else if count(b'\t') > count(b',').max(count(b';')) {
            Format::Tsv
        } else {
            Format::Csv
        }
    }
}

/// The name of a compressed file without the extension of its compression; `None` if it has none.
pub(crate) fn unpacked(path: &Path) -> Option<&Path> {
    let extension = path.extension()?.to_str()?;
    let is_packed = ["gz", "gzip", "zst", "zstd"].iter().any(|known| extension.eq_ignore_ascii_case(known));
    path.file_stem().filter(|_| is_packed).map(Path::new)
}

/// The number of times `byte` occurs in a line outside quotes.
fn count(line: &[u8], byte: u8, quoting: Quoting) -> usize {
    let mut quoted = false;
    let mut escaped = false;
    let outside = |&&found: &&u8| {
        quoted ^= found == b'"' && !escaped && quoting != Quoting::None;
        escaped = quoted && found == b'\\' && !escaped && quoting == Quoting::Backslash;
        found == byte && !quoted
    };
    line.iter().filter(outside).count()
}

/// Whether a header contains CSV separators.
pub(super) fn has_commas(header: &[u8], quoting: Quoting) -> bool {
    count(header, b',', quoting) + count(header, b';', quoting) > 0
}

/// The separator of CSV with this header.
pub(super) fn separator(header: &[u8], quoting: Quoting) -> u8 {
    if count(header, b';', quoting) > count(header, b',', quoting) { b';' } else { b',' }
}

impl FromStr for Format {
    type Err = String;

    /// Reads a format's name or extension.
    fn from_str(name: &str) -> std::result::Result<Format, String> {
        match name {
            "csv" => Ok(Format::Csv),
            "tsv" | "tab" => Ok(Format::Tsv),
            "jsonl" | "ndjson" | "json" => Ok(Format::Jsonl),
            "parquet" | "pq" => Ok(Format::Parquet),
            _ => Err(format!("`{name}` is not a format: use `csv`, `tsv`, `jsonl` or `parquet`")),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Csv => "csv",
            Format::Tsv => "tsv",
            Format::Jsonl => "jsonl",
            Format::Parquet => "parquet",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_format_is_told_by_the_extension_or_the_first_line() {
        assert_eq!(Format::of_path(Path::new("a/b.CSV")), Some(Format::Csv));
        assert_eq!(Format::of_path(Path::new("b.ndjson")), Some(Format::Jsonl));
        assert_eq!(Format::of_path(Path::new("b.tsv.gz")), Some(Format::Tsv));
        assert_eq!(Format::of_path(Path::new("b.PQ")), Some(Format::Parquet));
        assert_eq!(Format::of_path(Path::new("b.txt")), None);
        assert_eq!(Format::sniff(b"a\tb, c\td", Quoting::Double), Format::Tsv);
        assert_eq!(Format::sniff(b" {\"a\": 1}", Quoting::Double), Format::Jsonl);
        assert_eq!(Format::sniff(b"text", Quoting::Double), Format::Csv);
        assert_eq!(Format::sniff(b"a;b\tc;d", Quoting::Double), Format::Csv);
        assert_eq!(Format::sniff(b"\"a\tb\tc\",d", Quoting::Double), Format::Csv);
    }
}
