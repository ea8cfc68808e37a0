//! What a reader is told of a file that the file does not say itself.

use std::fmt;
use std::str::FromStr;

use super::Format;

/// How a file is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReadOptions {
    /// Its format; `None` takes what the extension or the first line says.
    pub format: Option<Format>,
    /// Its encoding; `None` takes UTF-8, and UTF-16 where the first bytes tell.
    pub encoding: Option<Encoding>,
    /// What quotes mean in it, if it is CSV or TSV; `None` takes [`Quoting::Double`], and refuses what is unlikely to be meant so.
    pub quoting: Option<Quoting>,
    /// Whether a task file says so, and remedies are to be carried out there.
    pub of_task: bool,
}

impl ReadOptions {
    /// Where to say that `key` is `value`, for remedies.
    pub(super) fn say(self, key: &str, value: impl fmt::Display) -> String {
        match self.of_task {
            true => format!("`{key} = \"{value}\"` under `[data]`"),
            false => format!("`--{key} {value}`"),
        }
    }

    /// Those of a file of this format.
    pub fn of(format: impl Into<Option<Format>>) -> ReadOptions {
        ReadOptions { format: format.into(), ..ReadOptions::default() }
    }
}

/// What a quote means in CSV and TSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quoting {
    /// A value may stand in quotes, and quotes in it are doubled (RFC 4180).
    #[default]
    Double,
    /// A value may stand in quotes, and a backslash makes the character behind it an ordinary one, as Spark and MySQL write it.
    Backslash,
    /// Nothing: it is a character like any other, and a line is a row.
    None,
}

impl Quoting {
    /// Every kind with its name.
    pub const ALL: &'static [(&'static str, Quoting)] =
        &[("double", Quoting::Double), ("backslash", Quoting::Backslash), ("none", Quoting::None)];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Quoting::Double => "double",
            Quoting::Backslash => "backslash",
            Quoting::None => "none",
        }
    }
}

/// An encoding of the WHATWG standard, which has those that files of text are met in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8, which files have unless something else is known.
    pub const UTF_8: Encoding = Encoding(encoding_rs::UTF_8);
    pub(super) const UTF_16LE: Encoding = Encoding(encoding_rs::UTF_16LE);
    pub(super) const UTF_16BE: Encoding = Encoding(encoding_rs::UTF_16BE);

    /// Whether a character has two bytes at least.
    pub(super) fn is_wide(self) -> bool {
        [Encoding::UTF_16LE, Encoding::UTF_16BE].contains(&self)
    }

    /// Whether every byte is a character.
    pub(super) fn is_of_single_bytes(self) -> bool {
        self.0.is_single_byte()
    }

    /// The likeliest encoding of text that is not UTF-8.
    pub(super) fn guess(bytes: &[u8]) -> Encoding {
        let mut detector = chardetng::EncodingDetector::new(chardetng::Iso2022JpDetection::Deny);
        detector.feed(bytes, true);
        Encoding(detector.guess(None, chardetng::Utf8Detection::Deny))
    }

    pub(super) fn decoder(self) -> encoding_rs::Decoder {
        self.0.new_decoder_without_bom_handling()
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name().to_ascii_lowercase())
    }
}

impl FromStr for Encoding {
    type Err = String;

    /// Reads a label of the standard: `utf-8`, `windows-1252`, `gb18030`, `shift_jis`, `utf-16le`.
    fn from_str(label: &str) -> Result<Encoding, String> {
        // `replacement` stands for encodings that nobody should read.
        let known = encoding_rs::Encoding::for_label(label.trim().as_bytes())
            .filter(|encoding| *encoding != encoding_rs::REPLACEMENT);
        known.map(Encoding).ok_or_else(|| {
            format!(
                "`{label}` is not a known encoding; `utf-8`, `utf-16le`, `windows-1252`, `iso-8859-2`, `gb18030`, \
                 `big5`, `shift_jis`, `euc-kr` and `koi8-r` are some that are"
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_read_by_its_label_and_shown_by_its_name() {
        let shown = |label: &str| label.parse::<Encoding>().map(|encoding| encoding.to_string());
        assert_eq!(shown("GB18030").unwrap(), "gb18030");
        assert_eq!(shown("latin1").unwrap(), "windows-1252");
        assert_eq!(shown("UTF8").unwrap(), "utf-8");
        assert!(shown("utf-32").unwrap_err().starts_with("`utf-32` is not a known encoding"));
        assert!(shown("iso-2022-kr").is_err());
    }

    #[test]
    fn every_encoding_that_is_named_as_an_example_is_known() {
        let examples = "nothing".parse::<Encoding>().unwrap_err();
        let labels: Vec<&str> = examples.split('`').skip(1).step_by(2).skip(1).collect();
        assert_eq!(labels.len(), 9);
        assert!(labels.into_iter().all(|label| label.parse::<Encoding>().is_ok()));
    }
}
