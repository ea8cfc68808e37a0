//! Patterns: how a row of data becomes a cloze question.
//!
//! ```text
//! {field}     a column of the data; may be cut when the text is too long
//! {field!}    a column that is never cut
//! {mask}      the blank, exactly once
//! {sep}       where the second segment begins, at most once
//! {+}         joins what stands on its left and right to one part, for spacing = "parts"
//! {f|filter}  strip_punct, lower_first, upper_first, trim; several are applied from left to right
//! {{ }}       literal braces
//! ```
//!
//! A [`Pattern`] that exists is valid: it has exactly one mask and at most one separator. Whether its fields are
//! columns of the data is for the task to check. A column whose name is `mask`, `sep` or `+`, ends in `!` or contains a
//! brace or `|` cannot be named in a pattern.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::Serialize;

use crate::error::nearest;

/// A parsed pattern. Its `Display` is its source in canonical form.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// A piece of a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Text that stands in every question.
    Literal(String),
    /// A column of the data.
    Field(Field),
    /// The blank.
    Mask,
    /// The end of the first segment.
    Sep,
    /// What stands on its left and right, be it the mask, is one part and never cut.
    Join,
}

/// A column as a pattern uses it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// The column's name.
    pub name: String,
    /// Never cut (`{field!}`).
    pub whole: bool,
    /// Applied from left to right.
    pub filters: Vec<Filter>,
}

impl Field {
    /// The column's value as the pattern shows it.
    pub fn apply<'a>(&self, value: &'a str) -> Cow<'a, str> {
        self.filters.iter().fold(Cow::Borrowed(value), |value, filter| match value {
            Cow::Borrowed(value) => filter.apply(value),
            Cow::Owned(value) => Cow::Owned(filter.apply(&value).into_owned()),
        })
    }
}

/// A small change of a column's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Filter {
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
    pub const ALL: [Filter; 4] = [Filter::StripPunct, Filter::LowerFirst, Filter::UpperFirst, Filter::Trim];

    /// Its name in a pattern.
    pub fn name(self) -> &'static str {
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

impl Pattern {
    /// The parts in order. Exactly one is [`Part::Mask`], at most one [`Part::Sep`], no literal is empty and no two
    /// literals are neighbours.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The columns used, in order of appearance; one that is used twice appears twice.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| if let Part::Field(field) = part { Some(field) } else { None })
    }

    /// Whether it asks with two segments.
    pub fn is_pair(&self) -> bool {
        self.parts.contains(&Part::Sep)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in &self.parts {
            match part {
                Part::Literal(text) => f.write_str(&text.replace('{', "{{").replace('}', "}}"))?,
                Part::Mask => f.write_str("{mask}")?,
                Part::Sep => f.write_str("{sep}")?,
                Part::Join => f.write_str("{+}")?,
                Part::Field(field) => {
                    write!(f, "{{{}{}", field.name, if field.whole { "!" } else { "" })?;
                    for filter in &field.filters {
                        write!(f, "|{}", filter.name())?;
                    }
                    f.write_str("}")?;
                }
            }
        }
        Ok(())
    }
}

impl Serialize for Pattern {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A label's word with what it takes from the row: `{choice1}`, or plain text.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Template {
    parts: Vec<Part>,
}

impl Template {
    /// The columns used.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| if let Part::Field(field) = part { Some(field) } else { None })
    }

    /// The same with the columns `one` and `other` in each other's place.
    #[must_use]
    pub fn swapped(&self, one: &str, other: &str) -> Template {
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
    pub fn fill<'t>(&self, mut value: impl FnMut(&str) -> &'t str) -> String {
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
        let parts = parts(source)?;
        if [Part::Mask, Part::Sep, Part::Join].iter().any(|part| parts.contains(part)) {
            return Err(error(
                0..source.len(),
                "a word has no `{mask}`, no `{sep}` and no `{+}`",
                "write the word, or a column in braces, for example `{choice}`",
            ));
        }
        Ok(Template { parts })
    }
}

/// Why a text is not a pattern, and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PatternError {
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
    /// The bytes of the pattern that it is about.
    pub span: Range<usize>,
}

fn error(span: Range<usize>, problem: impl Into<String>, remedy: impl Into<String>) -> PatternError {
    PatternError { problem: problem.into(), remedy: remedy.into(), span }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(source: &str) -> Result<Self, PatternError> {
        if source.trim().is_empty() {
            return Err(error(
                0..source.len(),
                "the pattern is empty",
                "write a sentence with a `{mask}`, for example `{text} This is about {mask}.`",
            ));
        }
        let parts = parts(source)?;
        if !parts.contains(&Part::Mask) {
            return Err(without_mask(source));
        }
        let text = |part: Option<&Part>| matches!(part, Some(Part::Literal(_) | Part::Field(_) | Part::Mask));
        for (place, _) in parts.iter().enumerate().filter(|(_, part)| **part == Part::Join) {
            let before = place.checked_sub(1).and_then(|before| parts.get(before));
            if !text(before) || !text(parts.get(place + 1)) {
                return Err(error(
                    0..source.len(),
                    "`{+}` stands where there is nothing to join",
                    "write it between a column and the text beside it, for example `in \"{+}{text}{+}\"?`",
                ));
            }
        }
        Ok(Pattern { parts })
    }
}

/// Text, columns, masks and separators in order, at most one of each of the last two.
fn parts(source: &str) -> Result<Vec<Part>, PatternError> {
    let mut parts = Vec::new();
    let mut literal = String::new();
    let mut rest = source;
    while let Some(brace) = rest.find(['{', '}']) {
        let at = source.len() - rest.len() + brace;
        literal.push_str(&rest[..brace]);
        let tail = &rest[brace..];
        rest = if let Some(after) = tail.strip_prefix("{{") {
            literal.push('{');
            after
        } else if let Some(after) = tail.strip_prefix("}}") {
            literal.push('}');
            after
        } else if tail.starts_with('}') {
            return Err(error(
                at..at + 1,
                "a `}` without a `{` before it",
                "for a brace that is meant as text write `}}`",
            ));
        } else {
            let inside = &tail[1..];
            let end = inside.find(['{', '}']).filter(|&end| inside[end..].starts_with('}'));
            let Some(end) = end else {
                return Err(error(
                    at..at + 1,
                    "this `{` is never closed",
                    "close it with `}`; for a brace that is meant as text write `{{`",
                ));
            };
            if !literal.is_empty() {
                parts.push(Part::Literal(std::mem::take(&mut literal)));
            }
            let part = hole(&inside[..end], at + 1)?;
            let span = at..at + end + 2;
            if part == Part::Mask && parts.contains(&part) {
                return Err(error(
                    span,
                    "a second `{mask}`",
                    "keep one `{mask}`; a label word of several tokens does not need several",
                ));
            }
            if part == Part::Sep && parts.contains(&part) {
                return Err(error(
                    span,
                    "a second `{sep}`",
                    "keep one `{sep}`; the encoder knows two segments",
                ));
            }
            parts.push(part);
            &inside[end + 1..]
        };
    }
    literal.push_str(rest);
    if !literal.is_empty() {
        parts.push(Part::Literal(literal));
    }
    Ok(parts)
}

/// Points at what was perhaps meant as the mask, else at the whole pattern.
fn without_mask(source: &str) -> PatternError {
    let lower = source.to_ascii_lowercase();
    let attempt = ["{mask ", "[mask]", "<mask>", "{mask}"].iter().find_map(|look| {
        let start = lower.find(look)?;
        Some(start..start + look.len())
    });
    let remedy = match &attempt {
        Some(span) => format!("write `{{mask}}` instead of `{}`", &source[span.clone()]),
        None => "put `{mask}` where the label's word should stand, \
                 for example `{text} This is about {mask}.`"
            .into(),
    };
    error(attempt.unwrap_or(0..source.len()), "the pattern has no `{mask}`", remedy)
}

/// Reads what stands between braces; `start` is its place in the pattern.
fn hole(inside: &str, start: usize) -> Result<Part, PatternError> {
    let span = start..start + inside.len();
    let mut pieces = inside.split('|');
    let head = pieces.next().unwrap_or_default().trim();
    let (name, whole) = match head.strip_suffix('!') {
        Some(name) => (name.trim_end(), true),
        None => (head, false),
    };
    if name.is_empty() {
        return Err(error(
            span.start - 1..span.end + 1,
            "braces without a name",
            "name a column of the data, or `mask`; for braces that are meant as text write `{{` and `}}`",
        ));
    }
    if name.ends_with('!') {
        return Err(error(span, "more than one `!`", format!("write `{{{}!}}`", name.trim_end_matches('!'))));
    }
    let mut filters = Vec::new();
    let mut at = start + inside.find('|').map_or(inside.len(), |bar| bar + 1);
    for piece in pieces {
        let filter = piece.trim();
        match Filter::ALL.into_iter().find(|known| known.name() == filter) {
            Some(known) => filters.push(known),
            None => {
                let names = Filter::ALL.map(Filter::name);
                let remedy = match nearest(filter, names) {
                    Some(name) => format!("did you mean `{name}`?"),
                    None => format!("the filters are {}", crate::error::list(names)),
                };
                return Err(error(at..at + piece.len(), format!("no filter is called `{filter}`"), remedy));
            }
        }
        at += piece.len() + 1;
    }
    let special = match name {
        "mask" => Part::Mask,
        "sep" => Part::Sep,
        "+" => Part::Join,
        _ => return Ok(Part::Field(Field { name: name.to_owned(), whole, filters })),
    };
    if whole || !filters.is_empty() {
        return Err(error(
            span,
            format!("`{{{name}}}` takes neither `!` nor filters"),
            format!("write `{{{name}}}`; it is never cut"),
        ));
    }
    Ok(special)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn refuse(source: &str) -> (String, String, String) {
        let error = source.parse::<Pattern>().expect_err(source);
        (error.problem, source[error.span].to_owned(), error.remedy)
    }

    #[test]
    fn a_pattern_is_read_into_its_parts() {
        let pattern: Pattern = "{{{a} ({ b! | strip_punct|lower_first })}}{sep}{mask}.".parse().unwrap();
        let field = |name: &str, whole, filters: &[Filter]| {
            Part::Field(Field { name: name.into(), whole, filters: filters.into() })
        };
        assert_eq!(
            pattern.parts(),
            [
                Part::Literal("{".into()),
                field("a", false, &[]),
                Part::Literal(" (".into()),
                field("b", true, &[Filter::StripPunct, Filter::LowerFirst]),
                Part::Literal(")}".into()),
                Part::Sep,
                Part::Mask,
                Part::Literal(".".into()),
            ]
        );
        assert!(pattern.is_pair());
        assert_eq!(pattern.to_string(), "{{{a} ({b!|strip_punct|lower_first})}}{sep}{mask}.");
    }

    #[test]
    fn a_pattern_without_a_mask_is_refused() {
        let (problem, at, _) = refuse("{text} is good");
        assert_eq!((problem.as_str(), at.as_str()), ("the pattern has no `{mask}`", "{text} is good"));
        let (_, at, remedy) = refuse("{text} is [MASK].");
        assert_eq!((at.as_str(), remedy.as_str()), ("[MASK]", "write `{mask}` instead of `[MASK]`"));
        assert_eq!(refuse("{text} is {MASK}.").1, "{MASK}");
    }

    #[test]
    fn two_masks_and_two_separators_are_refused() {
        let source = "{mask} {a} {mask}";
        let error = source.parse::<Pattern>().unwrap_err();
        assert_eq!((error.problem.as_str(), error.span), ("a second `{mask}`", 11..17));
        assert_eq!(refuse("{mask}{sep}{a}{sep}").0, "a second `{sep}`");
    }

    #[test]
    fn braces_that_do_not_match_are_refused_where_they_stand() {
        assert_eq!(refuse("é {mask} {text").1, "{");
        assert_eq!("é {mask} {text".parse::<Pattern>().unwrap_err().span.start, 10);
        assert_eq!(refuse("{a{b}} {mask}").0, "this `{` is never closed");
        assert_eq!(refuse("{mask} a } b").0, "a `}` without a `{` before it");
        assert_eq!(refuse("{mask} { }").1, "{ }");
    }

    #[test]
    fn an_unknown_filter_is_refused_with_the_nearest_one() {
        let (problem, at, remedy) = refuse("{mask}: {a|trim|strip_punkt}");
        assert_eq!(problem, "no filter is called `strip_punkt`");
        assert_eq!((at.as_str(), remedy.as_str()), ("strip_punkt", "did you mean `strip_punct`?"));
        assert!(refuse("{mask}: {a|x}").2.contains("`upper_first`"));
    }

    #[test]
    fn only_text_columns_and_the_mask_can_be_joined() {
        let pattern: Pattern = "in \"{+}{a!}{ + }\"?{mask}{+}.".parse().unwrap();
        assert_eq!(pattern.to_string(), "in \"{+}{a!}{+}\"?{mask}{+}.");
        for source in ["{+}{a}{mask}", "{a}{+}{+}{b}{mask}", "{a}{mask}{sep}{+}b", "{mask}{a}{+}"] {
            assert_eq!(refuse(source).0, "`{+}` stands where there is nothing to join", "{source}");
        }
        assert_eq!(refuse("{a}{+!}b{mask}").0, "`{+}` takes neither `!` nor filters");
    }

    #[test]
    fn an_empty_pattern_and_a_decorated_mask_are_refused() {
        assert_eq!(refuse(" ").0, "the pattern is empty");
        assert_eq!(refuse("{mask!}").0, "`{mask}` takes neither `!` nor filters");
        assert_eq!(refuse("{mask|trim}").1, "mask|trim");
        assert_eq!(refuse("{mask} {a!!}").0, "more than one `!`");
    }

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

    fn part() -> impl Strategy<Value = Part> {
        let filters = prop::collection::vec(prop::sample::select(Filter::ALL.to_vec()), 0..3);
        let name = "[a-zA-Zé_][a-z0-9 ._-]{0,6}[a-z0-9]"
            .prop_filter("reserved", |name| name != "mask" && name != "sep");
        prop_oneof![
            "[ -~{}é\n]{1,8}".prop_map(Part::Literal),
            (name, any::<bool>(), filters).prop_map(|(name, whole, filters)| Part::Field(Field {
                name,
                whole,
                filters
            })),
        ]
    }

    fn pattern() -> impl Strategy<Value = Pattern> {
        (
            prop::collection::vec(part(), 0..8),
            any::<prop::sample::Index>(),
            any::<Option<prop::sample::Index>>(),
        )
            .prop_map(|(mut parts, mask, sep)| {
                parts.insert(mask.index(parts.len() + 1), Part::Mask);
                if let Some(sep) = sep {
                    parts.insert(sep.index(parts.len() + 1), Part::Sep);
                }
                parts.dedup_by(|next, before| match (next, before) {
                    (Part::Literal(next), Part::Literal(before)) => {
                        before.push_str(next);
                        true
                    }
                    _ => false,
                });
                Pattern { parts }
            })
    }

    /// The same with what can be joined joined where `joins` says so.
    fn joined(pattern: Pattern, joins: &[bool]) -> Pattern {
        let text = |part: &Part| matches!(part, Part::Literal(_) | Part::Field(_));
        let mut parts: Vec<Part> = Vec::new();
        for (part, join) in pattern.parts.into_iter().zip(joins.iter().cycle()) {
            if *join && text(&part) && parts.last().is_some_and(text) {
                parts.push(Part::Join);
            }
            parts.push(part);
        }
        Pattern { parts }
    }

    proptest! {
        #[test]
        fn a_printed_pattern_is_read_back_as_itself(
            pattern in pattern(), joins in prop::collection::vec(any::<bool>(), 1..8),
        ) {
            let pattern = joined(pattern, &joins);
            prop_assert_eq!(pattern.to_string().parse::<Pattern>(), Ok(pattern));
        }

        #[test]
        fn any_text_is_a_pattern_or_an_error_with_a_span_inside_it(text in "[a-c{}|! é]{0,12}|.{0,20}") {
            if let Err(error) = text.parse::<Pattern>() {
                prop_assert!(text.get(error.span).is_some());
            }
        }
    }
}
