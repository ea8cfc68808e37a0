//! Text encodings.

use std::fmt;
use std::str::FromStr;

/// An encoding of the WHATWG standard, which covers the encodings that text files are found in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Encoding(&'static encoding_rs::Encoding);

impl Encoding {
    /// UTF-8, the default.
    pub(super) const UTF_8: Encoding = Encoding(encoding_rs::UTF_8);
    pub(super) const UTF_16LE: Encoding = Encoding(encoding_rs::UTF_16LE);
    pub(super) const UTF_16BE: Encoding = Encoding(encoding_rs::UTF_16BE);

    /// Whether every character takes at least two bytes.
    pub(super) fn is_wide(self) -> bool {
        [Encoding::UTF_16LE, Encoding::UTF_16BE].contains(&self)
    }

    /// Whether every byte is a character.
    pub(super) fn is_of_single_bytes(self) -> bool {
        self.0.is_single_byte()
    }

    /// The most likely encoding of text that is not UTF-8.
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
        // `replacement` stands for encodings that the standard says must not be decoded.
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
