//! Truncates inputs to the maximum length.
//!
//! If an input is too long, tokens are removed one at a time: from the first segment if it has strictly more
//! tokens that may be removed than the second, otherwise from the second; and within the segment from the end
//! of the last field that has any left. Literals, the mask and `{field!}` are never truncated. This is the
//! rule of the reference implementation of PET.

/// An example that is too long even after truncating everything that may be truncated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooLong {
    /// The number of tokens that must not be removed.
    pub least: usize,
    /// The number of tokens that are allowed.
    pub max_length: usize,
}

/// The length of a part of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Length {
    /// The number of its tokens.
    pub tokens: usize,
    /// Whether it may be truncated.
    pub shortenable: bool,
}

/// Truncates the parts of two segments until they fit into `max_length` together with `special` special
/// tokens.
///
/// # Errors
/// When the parts that may not be truncated are already too long.
pub(crate) fn shorten(
    a: &mut [Length],
    b: &mut [Length],
    special: usize,
    max_length: usize,
) -> std::result::Result<(), TooLong> {
    let total = |parts: &[Length]| parts.iter().map(|part| part.tokens).sum::<usize>();
    let spare = |parts: &[Length]| {
        parts.iter().filter(|part| part.shortenable).map(|part| part.tokens).sum::<usize>()
    };
    let length = total(a) + total(b) + special;
    let excess = length.saturating_sub(max_length);
    let (mut spare_a, mut spare_b) = (spare(a), spare(b));
    if excess > spare_a + spare_b {
        return Err(TooLong { least: length - spare_a - spare_b, max_length });
    }
    for _ in 0..excess {
        if spare_a > spare_b { spare_a -= 1 } else { spare_b -= 1 }
    }
    keep(a, spare_a);
    keep(b, spare_b);
    Ok(())
}

/// Truncates parts from the end until only `spare` removable tokens are left.
fn keep(parts: &mut [Length], mut spare: usize) {
    for part in parts.iter_mut().filter(|part| part.shortenable) {
        part.tokens = part.tokens.min(spare);
        spare -= part.tokens;
    }
}
