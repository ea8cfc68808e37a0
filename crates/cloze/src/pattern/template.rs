//! Label words that contain values of an example.

use std::str::FromStr;

use super::parse::{self, PatternError};
use super::part::{Field, Part};

/// A label's word, which may contain columns of the example: `{choice1}`, or plain text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// The columns used.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| if let Part::Field(field) = part { Some(field) } else { None })
    }

    /// The same with the columns `one` and `other` exchanged.
    #[must_use]
    pub(crate) fn swapped(&self, one: &str, other: &str) -> Template {
        let mut swapped = self.clone();
        for part in &mut swapped.parts {
            if let Part::Field(field) = part {
                if field.name == one {
                    field.name = other.to_owned();
                } else if field.name == other {
                    field.name = one.to_owned();
                }
            }
        }
        swapped
    }

    /// The word, given the value of every column.
    pub(crate) fn fill<'t>(&self, mut value: impl FnMut(&str) -> &'t str) -> String {
        let text = |part: &Part| match part {
            Part::Literal(text) => text.clone(),
            Part::Field(field) => field.apply(value(&field.name)).into_owned(),
            Part::Mask | Part::Sep | Part::Join => String::new(),
        };
        self.parts.iter().map(text).collect()
    }
}

impl FromStr for Template {
    type Err = PatternError;

    fn from_str(source: &str) -> Result<Self, PatternError> {
        let parts = parse::parts(source)?;
        if [Part::Mask, Part::Sep, Part::Join].iter().any(|part| parts.contains(part)) {
            return Err(parse::error(
                0..source.len(),
                "a word has no `{mask}`, no `{sep}` and no `{+}`",
                "write the word, or a column in braces, for example `{choice}`",
            ));
        }
        Ok(Template { parts })
    }
}
