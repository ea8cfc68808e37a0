//! Computes the values of derived columns.

use serde_json::Value;

use crate::error::list;
use crate::pattern::Template;
use crate::task::Derivation;

impl Derivation {
    /// The derived value for these input values, or the problem and its remedy.
    pub(super) fn value(&self, inputs: &[&str]) -> std::result::Result<String, (String, String)> {
        match self {
            Derivation::Text(text) => {
                let mut inputs = inputs.iter();
                let template = text.parse::<Template>().map_err(|error| (error.problem, error.remedy))?;
                Ok(template.fill(|_| inputs.next().copied().unwrap_or_default()))
            }
            Derivation::Values { from, values } => {
                let found = values.iter().find(|(value, _)| value == inputs[0].trim());
                found.map(|(_, text)| text.clone()).ok_or_else(|| {
                    let known = list(values.iter().map(|(value, _)| value));
                    (
                        format!("`{}` is no value of `{from}` that the column is made of", inputs[0]),
                        format!("add it to the column's `values` in the task file; those there are {known}"),
                    )
                })
            }
            Derivation::Replace { replace, .. } => {
                Ok(replace.iter().fold(inputs[0].to_owned(), |text, (old, new)| text.replace(old, new)))
            }
            Derivation::Mark { .. } => mark(inputs[0], inputs[1], inputs[2]),
            Derivation::Before { before: string, .. } => {
                cut(inputs[0], string).map(|(before, _)| before.to_owned())
            }
            Derivation::After { after: string, .. } => {
                cut(inputs[0], string).map(|(_, after)| after.to_owned())
            }
            Derivation::Each { from, each } => {
                let values: Option<Vec<Value>> = objects(inputs[0])
                    .and_then(|objects| objects.iter().map(|object| object.get(each).cloned()).collect());
                let values = values.ok_or_else(|| {
                    let problem = format!("`{from}` is no list of objects that have a `{each}`");
                    (problem, "correct the row, or the column in the task file".to_owned())
                })?;
                Ok(Value::from(values).to_string())
            }
            Derivation::Spans { spans, .. } => pieces(inputs[0], inputs[1]).ok_or_else(|| {
                let problem =
                    format!("`{spans}` is no list of objects with a `start` and an `end` within the text");
                (
                    problem,
                    "correct the row: both are letters, counted from 0, and the last is part of the piece"
                        .into(),
                )
            }),
        }
    }
}

/// The text before and after the first `string` in `text`.
fn cut<'t>(text: &'t str, string: &str) -> std::result::Result<(&'t str, &'t str), (String, String)> {
    let remedy = || "correct the row, or the column in the task file".to_owned();
    text.split_once(string).ok_or_else(|| (format!("the text has no `{string}`"), remedy()))
}

fn objects(list: &str) -> Option<Vec<Value>> {
    serde_json::from_str(list).ok()
}

/// A JSON list of the pieces of `text` that `spans` marks.
fn pieces(text: &str, spans: &str) -> Option<String> {
    // Positions count Unicode code points, as in Python, which such files are usually made with.
    let starts: Vec<usize> = text.char_indices().map(|(start, _)| start).chain([text.len()]).collect();
    let mut places = Vec::new();
    for object in objects(spans)? {
        let number = |key: &str| usize::try_from(object.get(key)?.as_u64()?).ok();
        let (start, end) = (number("start")?, number("end")?.checked_add(1)?);
        places.push((start, *starts.get(start)?..*starts.get(end)?));
    }
    places.sort_by_key(|(start, _)| *start);
    let mut pieces: Vec<&str> = Vec::new();
    for (_, place) in places {
        let piece = text.get(place)?;
        if !pieces.contains(&piece) {
            pieces.push(piece);
        }
    }
    Some(Value::from_iter(pieces).to_string())
}

/// `text` with asterisks around word number `at`, which must be `word`. As in the reference implementation,
/// the number may be off by one, and anything attached to the end of the word becomes a word of its own.
fn mark(text: &str, word: &str, at: &str) -> std::result::Result<String, (String, String)> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let remedy = || "correct the row: the number of the word is counted from 0, between blanks".to_owned();
    let Ok(at) = at.trim().parse::<usize>() else {
        return Err((format!("`{at}` is not the number of a word"), remedy()));
    };
    let near = [Some(at), at.checked_sub(1), at.checked_add(1)];
    let is = |&place: &usize| words.get(place) == Some(&word);
    let exact = near.into_iter().flatten().find(is);
    let place = match exact {
        Some(place) => place,
        None => {
            let glued = words.get(at).and_then(|found| found.strip_prefix(word)).filter(|_| !word.is_empty());
            let Some(rest) = glued else {
                return Err((format!("word number {at} of the text is not `{word}`"), remedy()));
            };
            words.insert(at + 1, rest);
            at
        }
    };
    let marked = format!("*{word}*");
    words[place] = &marked;
    Ok(words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_marked_even_if_its_number_is_off_by_one_or_it_is_glued_to_others() {
        for (at, word, want) in [
            ("1", "it", "Tom saw it, it fell"),
            ("3", "it", "Tom saw it, *it* fell"),
            ("4", "it", "Tom saw it, *it* fell"),
            ("2", "it", "Tom saw it, *it* fell"),
            ("2", "it,", "Tom saw *it,* it fell"),
            ("0", "To", "*To* m saw it, it fell"),
        ] {
            let got = mark("Tom saw  it, it fell", word, at);
            if at == "1" {
                assert_eq!(got.unwrap_err().0, "word number 1 of the text is not `it`");
            } else {
                assert_eq!(got.unwrap(), want);
            }
        }
        assert!(mark("Tom", "Tom", "x").is_err() && mark("Tom", "", "0").is_err());
        assert_eq!(mark("saw it, fell", "it", "1").unwrap(), "saw *it* , fell");
    }
}
