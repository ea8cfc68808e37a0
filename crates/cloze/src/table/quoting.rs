//! What quotes mean in a file.

/// What a quote means in CSV and TSV.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quoting {
    /// A value may be quoted, and quotes within it are doubled (RFC 4180).
    #[default]
    Double,
    /// A value may be quoted, and a backslash escapes the next character, as Spark and MySQL write it.
    Backslash,
    /// Quotes have no special meaning: every line is a row.
    None,
}

impl Quoting {
    /// Every kind with its name.
    pub(crate) const ALL: &'static [(&'static str, Quoting)] =
        &[("double", Quoting::Double), ("backslash", Quoting::Backslash), ("none", Quoting::None)];

    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Quoting::Double => "double",
            Quoting::Backslash => "backslash",
            Quoting::None => "none",
        }
    }
}
