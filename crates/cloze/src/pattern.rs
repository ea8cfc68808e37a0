//! Patterns: how an example becomes a cloze question.
//!
//! [`Pattern`] describes their syntax.

pub(crate) mod parse;
mod part;
mod template;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use parse::PatternError;
pub(crate) use part::{Field, Part};
pub(crate) use template::Template;

/// A parsed pattern. Its `Display` is its source in canonical form.
///
/// ```text
/// {field}     a column of the data; may be truncated if the text is too long
/// {field!}    a column that is never truncated
/// {mask}      the mask, exactly once
/// {sep}       where the second segment begins, at most once
/// {+}         joins its left and right neighbours into one part, for spacing = "parts"
/// {f|filter}  strip_punct, lower_first, upper_first, trim; several are applied from left to right
/// {{ }}       literal braces
/// ```
///
/// Every pattern is valid: it has exactly one mask and at most one separator. Whether its fields are columns
/// of the data is checked by the task. A column whose name is `mask`, `sep` or `+`, ends in `!` or contains a
/// brace or `|` cannot be used in a pattern.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Pattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// The parts, in order. Exactly one is [`Part::Mask`], at most one is [`Part::Sep`], no literal is empty,
    /// and no two literals are adjacent.
    pub(crate) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// The columns used, in order of appearance; a column that is used twice appears twice.
    pub(crate) fn fields(&self) -> impl Iterator<Item = &Field> {
        self.parts.iter().filter_map(|part| if let Part::Field(field) = part { Some(field) } else { None })
    }

    /// Whether the question consists of two segments.
    pub(crate) fn is_pair(&self) -> bool {
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

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(source: &str) -> Result<Self, PatternError> {
        if source.trim().is_empty() {
            return Err(parse::error(
                0..source.len(),
                "the pattern is empty",
                "write a sentence with a `{mask}`, for example `{text} This is about {mask}.`",
            ));
        }
        let parts = parse::parts(source)?;
        if !parts.contains(&Part::Mask) {
            return Err(parse::without_mask(source));
        }
        let text = |part: Option<&Part>| matches!(part, Some(Part::Literal(_) | Part::Field(_) | Part::Mask));
        for (place, _) in parts.iter().enumerate().filter(|(_, part)| **part == Part::Join) {
            let before = place.checked_sub(1).and_then(|before| parts.get(before));
            if !text(before) || !text(parts.get(place + 1)) {
                return Err(parse::error(
                    0..source.len(),
                    "`{+}` stands where there is nothing to join",
                    "write it between a column and the text beside it, for example `in \"{+}{text}{+}\"?`",
                ));
            }
        }
        Ok(Pattern { parts })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::part::Filter;
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

    /// The same pattern with joins inserted between its parts as `joins` specifies.
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
