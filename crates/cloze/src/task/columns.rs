//! What a task file says of columns: those derived from others, and rows within rows.

use crate::pattern::Template;

/// A column derived from others: an entry of `[columns]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DerivedColumn {
    /// Its name, as patterns use it.
    pub name: String,
    /// How it is derived. A column may use those before it; its own name is that of the file's column.
    pub derivation: Derivation,
}

/// How a column is derived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Derivation {
    /// Text with columns in it.
    Text(String),
    /// A text for every value of a column.
    Values {
        /// The column.
        from: String,
        /// Values with their texts.
        values: Vec<(String, String)>,
    },
    /// A column with some strings replaced, one after the other.
    Replace {
        /// The column.
        from: String,
        /// What is replaced, and by what.
        replace: Vec<(String, String)>,
    },
    /// A text with asterisks around one of its words.
    Mark {
        /// The column with the text.
        from: String,
        /// The column with the word.
        mark: String,
        /// The column with the word's number, counted from 0.
        at: String,
    },
    /// What stands before a string in a column.
    Before {
        /// The column.
        from: String,
        /// The string.
        before: String,
    },
    /// What stands after a string in a column.
    After {
        /// The column.
        from: String,
        /// The string.
        after: String,
    },
    /// A list of the values that the objects of a list have under a key.
    Each {
        /// The column with the list.
        from: String,
        /// The key.
        each: String,
    },
    /// A list of pieces of a text in the order of the text, each once.
    Spans {
        /// The column with the text.
        from: String,
        /// The column with a list of objects: `start` and `end` are the piece's first and last letter, counted from 0.
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

/// The lists within a row whose items are rows: `passage.questions[].answers[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rows {
    /// Every list with its path from the row, the outermost first.
    lists: Vec<Vec<String>>,
    source: String,
}

impl Rows {
    /// Reads a path.
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

    /// Every list with its path from the row, the outermost first.
    pub(crate) fn lists(&self) -> &[Vec<String>] {
        &self.lists
    }

    /// As it was written.
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
