//! Reads the cells of the label column.

use serde_json::Value;

/// The meaning of a label cell.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Cell {
    /// The row has no label.
    Unlabelled,
    /// The index of a label.
    Label(usize),
    /// Names that are not labels of the task.
    Unknown(Vec<String>),
    /// Several labels where a row may have only one.
    Several(Vec<String>),
}

/// Common ways to write a missing value, compared case-insensitively.
const MISSING_MARKS: &[&str] = &[
    "na",
    "n/a",
    "#n/a",
    "#na",
    "<na>",
    "nan",
    "null",
    "none",
    "nil",
    "missing",
    "unlabeled",
    "unlabelled",
    "-",
    "--",
    "?",
    "??",
    ".",
];

/// Whether this is a common way to write a missing value.
pub(crate) fn means_missing(value: &str) -> bool {
    MISSING_MARKS.contains(&value.trim().to_lowercase().as_str())
}

/// The labels named in a JSON cell: a list of names, as in doccano and Label Studio exports;
/// `{"choices": [names]}`, as in Label Studio's tables; or an object that maps names to numbers, such as
/// spaCy's `cats`, where names with a value of at least one half are the labels. Lists in Python notation are
/// also read. Each name is returned once. `None` if the cell is none of these.
pub(crate) fn listed(cell: &str) -> Option<Vec<String>> {
    if !cell.starts_with(['[', '{']) {
        return None;
    }
    let mut names: Vec<String> = Vec::new();
    for name in names_in(cell).or_else(|| python_list(cell))? {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(names)
}

/// Whether a cell is a JSON list or object, whether or not it names labels.
pub(crate) fn is_structure(cell: &str) -> bool {
    cell.starts_with(['[', '{'])
        && serde_json::from_str::<Value>(cell).is_ok_and(|value| value.is_array() || value.is_object())
}

/// The texts of a list of strings in Python notation: `['waste', "it's"]`.
fn python_list(cell: &str) -> Option<Vec<String>> {
    let mut rest = cell.strip_prefix('[')?.strip_suffix(']')?.trim();
    let (mut names, mut is_list) = (Vec::new(), false);
    while let Some(quote) = rest.chars().next() {
        if let Some(more) = rest.strip_prefix("None") {
            rest = more.trim_start().strip_prefix(',').unwrap_or(more).trim_start();
            is_list = true;
            continue;
        }
        if !matches!(quote, '\'' | '"') {
            return None;
        }
        is_list = true;
        let (mut name, mut letters) = (String::new(), rest[1..].char_indices());
        let end = loop {
            match letters.next()? {
                (at, c) if c == quote => break at,
                (_, '\\') => name.push(letters.next()?.1),
                (_, c) => name.push(c),
            }
        };
        names.push(name.trim().to_owned());
        rest = rest[end + 2..].trim_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more.trim_start(),
            None => break,
        }
    }
    (rest.is_empty() && is_list).then_some(names)
}

fn names_in(cell: &str) -> Option<Vec<String>> {
    let names = |items: &[Value]| -> Option<Vec<String>> {
        let name = |item: &Value| match item {
            Value::String(text) => Some(text.trim().to_owned()),
            Value::Number(_) | Value::Bool(_) => Some(item.to_string()),
            Value::Null => Some(String::new()),
            _ => None,
        };
        items.iter().map(name).filter(|name| name.as_deref() != Some("")).collect()
    };
    match serde_json::from_str(cell).ok()? {
        Value::Array(items) => names(&items),
        Value::Object(object) => match object.get("choices") {
            Some(Value::Array(items)) if object.len() == 1 => names(items),
            _ => {
                let share = |value: &Value| match value {
                    Value::Bool(yes) => Some(f64::from(u8::from(*yes))),
                    value => value.as_f64(),
                };
                let shares: Option<Vec<(&String, f64)>> =
                    object.iter().map(|(name, value)| Some((name, share(value)?))).collect();
                let shares = shares.filter(|shares| !shares.is_empty())?;
                let given = shares.into_iter().filter(|(_, share)| *share >= 0.5);
                Some(given.map(|(name, _)| name.trim().to_owned()).collect())
            }
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_objects_of_other_programs_name_labels() {
        for (cell, want) in [
            (r#"["waste"]"#, Some(vec!["waste"])),
            (r#"[ "waste" , " parking " ]"#, Some(vec!["waste", "parking"])),
            ("[]", Some(vec![])),
            ("[1, true]", Some(vec!["1", "true"])),
            (r#"["waste", "waste"]"#, Some(vec!["waste"])),
            ("['waste', \"it's\"]", Some(vec!["waste", "it's"])),
            (r"['it\'s']", Some(vec!["it's"])),
            ("['waste', None]", Some(vec!["waste"])),
            ("[None]", Some(vec![])),
            ("[null]", Some(vec![])),
            ("['waste' 'x']", None),
            ("['waste]", None),
            ("['waste'] (sic)", None),
            (r#"{"choices":["waste","parking"]}"#, Some(vec!["waste", "parking"])),
            (r#"{"waste": 1, "parking": 0}"#, Some(vec!["waste"])),
            (r#"{"waste": 0.0, "parking": 0.75, "permits": true}"#, Some(vec!["parking", "permits"])),
            // Text spans, and text that is not JSON.
            (r#"[[0, 5, "LOC"]]"#, None),
            (r#"{"text": "waste"}"#, None),
            ("{}", None),
            ("[waste]", None),
            ("waste", None),
            ("3", None),
        ] {
            let want = want.map(|names| names.into_iter().map(str::to_owned).collect::<Vec<_>>());
            assert_eq!(listed(cell), want, "{cell}");
        }
    }

    #[test]
    fn marks_of_missing_values_are_known_in_any_case() {
        for mark in ["NA", "N/A", "NaN", "null", "None", "-", "?", "#N/A", " na "] {
            assert!(means_missing(mark), "{mark}");
        }
        for label in ["", "no", "not applicable", "0", "other", "nothing"] {
            assert!(!means_missing(label), "{label}");
        }
    }
}
