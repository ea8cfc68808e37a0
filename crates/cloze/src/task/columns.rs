//! Derived columns and nested rows, as described in a task file.

use crate::pattern::Template;

/// A column derived from others: an entry of `[columns]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DerivedColumn {
    /// Its name, as patterns use it.
    pub name: String,
    /// How it is derived. A column may use earlier ones; its own name refers to the file's column.
    pub derivation: Derivation,
}

/// How a column is derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Derivation {
    /// Text with columns inserted.
    Text(String),
    /// A text for every value of a column.
    Values {
        /// The column.
        from: String,
        /// The values and their texts.
        values: Vec<(String, String)>,
    },
    /// A column in which some strings are replaced, one after the other.
    Replace {
        /// The column.
        from: String,
        /// The strings and their replacements.
        replace: Vec<(String, String)>,
    },
    /// A text with asterisks around one of its words.
    Mark {
        /// The column with the text.
        from: String,
        /// The column with the word.
        mark: String,
        /// The column with the word's position, counted from 0.
        at: String,
    },
    /// The text before a string in a column.
    Before {
        /// The column.
        from: String,
        /// The string.
        before: String,
    },
    /// The text after a string in a column.
    After {
        /// The column.
        from: String,
        /// The string.
        after: String,
    },
    /// A list of the values under a key in the objects of a list.
    Each {
        /// The column with the list.
        from: String,
        /// The key.
        each: String,
    },
    /// A list of spans of a text, each once, in the order in which they occur in the text.
    Spans {
        /// The column with the text.
        from: String,
        /// The column with a list of objects: `start` and `end` are the span's first and last character,
        /// counted from 0.
        spans: String,
    },
}

impl Derivation {
    /// The columns that it is derived from.
    pub(crate) fn uses(&self) -> Vec<String> {
        match self {
            Derivation::Text(text) => {
                let template = text.parse::<Template>().ok();
                template.iter().flat_map(Template::fields).map(|field| field.name.clone()).collect()
            }
            Derivation::Values { from, .. }
            | Derivation::Replace { from, .. }
            | Derivation::Before { from, .. }
            | Derivation::After { from, .. }
            | Derivation::Each { from, .. } => vec![from.clone()],
            Derivation::Spans { from, spans } => vec![from.clone(), spans.clone()],
            Derivation::Mark { from, mark, at } => vec![from.clone(), mark.clone(), at.clone()],
        }
    }
}

/// The nested lists within a row whose items are examples: `passage.questions[].answers[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    /// The path of every list from the row, outermost first.
    lists: Vec<Vec<String>>,
    source: String,
}

impl Rows {
    /// Parses a path.
    ///
    /// # Errors
    /// The problem and its remedy.
    pub(crate) fn parse(source: &str) -> std::result::Result<Rows, (String, String)> {
        let (mut path, mut lists) = (Vec::new(), Vec::new());
        for key in source.split('.') {
            let name = key.strip_suffix("[]").unwrap_or(key);
            path.push(name.to_owned());
            if name.len() < key.len() {
                lists.push(path.clone());
            }
            if name.is_empty() || name.contains(['[', ']']) {
                let problem = format!("`{source}` is not a path to a list");
                return Err((problem, "write for example `passage.questions[].answers[]`".into()));
            }
        }
        if lists.last() != Some(&path) {
            let problem = format!("`{source}` does not end with a list");
            return Err((problem, format!("write `{source}[]` if there is a list")));
        }
        Ok(Rows { lists, source: source.to_owned() })
    }

    /// The path of every list from the row, outermost first.
    pub(crate) fn lists(&self) -> &[Vec<String>] {
        &self.lists
    }

    /// The path as written.
    pub(crate) fn source(&self) -> &str {
        &self.source
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_to_rows_ends_with_a_list() {
        assert_eq!(Rows::parse("a[].b[]").unwrap().source(), "a[].b[]");
        assert_eq!(
            Rows::parse("a[].b").unwrap_err(),
            ("`a[].b` does not end with a list".into(), "write `a[].b[]` if there is a list".into())
        );
        assert!(
            Rows::parse("a..b[]").is_err() && Rows::parse("").is_err() && Rows::parse("a[0].b[]").is_err()
        );
    }
}
