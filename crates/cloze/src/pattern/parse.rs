//! Parses the text of a pattern and reports mistakes with their position.

use std::ops::Range;

use super::part::{Field, Filter, Part};
use crate::error::{list, nearest};

/// Why a text is not a valid pattern, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct PatternError {
    /// What is wrong.
    pub problem: String,
    /// What to write instead.
    pub remedy: String,
    /// The range of bytes in the pattern that the error refers to.
    pub span: Range<usize>,
}

pub(super) fn error(
    span: Range<usize>,
    problem: impl Into<String>,
    remedy: impl Into<String>,
) -> PatternError {
    PatternError { problem: problem.into(), remedy: remedy.into(), span }
}

/// Text, columns, the mask and the separator in order, with at most one mask and one separator.
pub(super) fn parts(source: &str) -> Result<Vec<Part>, PatternError> {
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
            let part = placeholder(&inside[..end], at + 1)?;
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

/// Points at what was probably meant as the mask, or otherwise at the whole pattern.
pub(super) fn without_mask(source: &str) -> PatternError {
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

/// Parses a placeholder, the text between braces; `start` is its position in the pattern.
fn placeholder(inside: &str, start: usize) -> Result<Part, PatternError> {
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
                    None => format!("the filters are {}", list(names)),
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
