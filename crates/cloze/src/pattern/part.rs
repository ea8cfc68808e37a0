//! The parts of a pattern: text, columns with their filters, and the mask.

use std::borrow::Cow;

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    /// Text that is the same in every question.
    Literal(String),
    /// A column of the data.
    Field(Field),
    /// The blank.
    Mask,
    /// The end of the first segment.
    Sep,
    /// Joins its left and right neighbours, which may include the mask, into one part that is never
    /// truncated.
    Join,
}

/// A column as a pattern uses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Field {
    /// The column's name.
    pub(crate) name: String,
    /// Never truncated (`{field!}`).
    pub(crate) whole: bool,
    /// Applied from left to right.
    pub(crate) filters: Vec<Filter>,
}

impl Field {
    /// The column's value after applying the filters.
    pub(crate) fn apply<'a>(&self, value: &'a str) -> Cow<'a, str> {
        self.filters.iter().fold(Cow::Borrowed(value), |value, filter| match value {
            Cow::Borrowed(value) => filter.apply(value),
            Cow::Owned(value) => Cow::Owned(filter.apply(&value).into_owned()),
        })
    }
}

/// A small change to a column's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Filter {
    /// Removes all ASCII punctuation at the end, as the reference implementation does.
    StripPunct,
    /// Lower-cases the first letter.
    LowerFirst,
    /// Upper-cases the first letter.
    UpperFirst,
    /// Removes white space at both ends.
    Trim,
}

impl Filter {
    /// All filters.
    pub(crate) const ALL: [Filter; 4] =
        [Filter::StripPunct, Filter::LowerFirst, Filter::UpperFirst, Filter::Trim];

    /// Its name in a pattern.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Filter::StripPunct => "strip_punct",
            Filter::LowerFirst => "lower_first",
            Filter::UpperFirst => "upper_first",
            Filter::Trim => "trim",
        }
    }

    fn apply(self, text: &str) -> Cow<'_, str> {
        let first = |change: fn(char) -> String| match text.chars().next() {
            Some(first) => Cow::Owned(change(first) + &text[first.len_utf8()..]),
            None => Cow::Borrowed(text),
        };
        match self {
            Filter::StripPunct => text.trim_end_matches(|c: char| c.is_ascii_punctuation()).into(),
            Filter::LowerFirst => first(|c| c.to_lowercase().collect()),
            Filter::UpperFirst => first(|c| c.to_uppercase().collect()),
            Filter::Trim => text.trim().into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_change_only_what_they_name() {
        let apply = |filters: &[Filter], text: &str| {
            Field { name: "a".into(), whole: false, filters: filters.into() }.apply(text).into_owned()
        };
        assert_eq!(apply(&[Filter::StripPunct], "Really?!\"..."), "Really");
        assert_eq!(apply(&[Filter::LowerFirst], "Éa"), "éa");
        assert_eq!(apply(&[Filter::UpperFirst], "ßa"), "SSa");
        assert_eq!(apply(&[Filter::Trim, Filter::StripPunct], " a. "), "a");
        assert_eq!(apply(&[Filter::UpperFirst, Filter::StripPunct], ""), "");
    }
}
