//! Reads a task file's TOML: sections, and the values of keys with their positions.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::error::{Mistake, list, nearest};
use crate::task::options::choice::Choice;
use crate::task::toml_value::{whole, wrong_type};

/// Text with its position in the file.
pub(super) type Located = (String, Range<usize>);

/// A table of the file, empty if absent.
pub(super) struct Section<'a> {
    pub(super) name: &'static str,
    pub(super) table: Option<&'a DeTable<'a>>,
    pub(super) span: Range<usize>,
}

/// Reads values and collects the mistakes in them.
pub(super) struct Reader<'f> {
    pub(super) file: &'f str,
    pub(super) text: Arc<str>,
    pub(super) mistakes: Vec<Mistake>,
    /// The values that were read, by section and key.
    pub(super) keys: Vec<(String, Range<usize>)>,
}

/// Each method that reads a value reports a mistake and returns `None` if the value has the wrong type.
impl Reader<'_> {
    pub(super) fn mistake(
        &mut self,
        span: Range<usize>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.mistakes.push(Mistake::new(self.file, &self.text, span, problem, remedy));
    }

    pub(super) fn section<'a>(&mut self, parent: &Section<'a>, name: &'static str) -> Section<'a> {
        let value = parent.table.and_then(|table| table.iter().find(|(key, _)| key.get_ref() == name));
        match value.map(|(key, value)| (key.span(), value)) {
            Some((key, value)) => {
                if let DeValue::Table(table) = value.get_ref() {
                    return Section { name, table: Some(table), span: key };
                }
                self.wrong_type(name, value, &format!("a section `[{name}]`"));
                Section { name, table: None, span: value.span() }
            }
            None => Section { name, table: None, span: 0..0 },
        }
    }

    pub(super) fn known(&mut self, section: &Section, keys: &[&'static str]) {
        for (key, _) in ordered(section) {
            let name = key.get_ref();
            if keys.contains(&&**name) {
                continue;
            }
            let place = if section.name.is_empty() {
                "at the top of the file".into()
            } else {
                format!("in `[{}]`", section.name)
            };
            let remedy = match nearest(name, keys.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", list(keys)),
            };
            self.mistake(key.span(), format!("there is no key `{name}` {place}"), remedy);
        }
    }

    pub(super) fn get<'a>(
        &mut self,
        section: &Section<'a>,
        key: &'static str,
    ) -> Option<&'a Spanned<DeValue<'a>>> {
        let (_, value) = section.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        let full = if section.name.is_empty() { key.to_owned() } else { format!("{}.{key}", section.name) };
        self.keys.push((full, value.span()));
        Some(value)
    }

    /// The position of a value that was read before; empty if it is absent.
    pub(super) fn span_of(&self, key: &str) -> Range<usize> {
        self.keys.iter().find(|(name, _)| name == key).map_or(0..0, |(_, span)| span.clone())
    }

    pub(super) fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue>, expected: &str) {
        let (problem, remedy) = wrong_type(key, value.get_ref(), expected);
        self.mistake(value.span(), problem, remedy);
    }

    pub(super) fn text(&mut self, section: &Section, key: &'static str) -> Option<Located> {
        let value = self.get(section, key)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text.to_string(), value.span())),
            _ => {
                self.wrong_type(key, value, "text in quotes");
                None
            }
        }
    }

    pub(super) fn texts(&mut self, section: &Section, key: &'static str) -> Option<Vec<Located>> {
        let value = self.get(section, key)?;
        self.strings(key, value)
    }

    /// A string, or a list of strings.
    pub(super) fn strings(&mut self, key: &str, value: &Spanned<DeValue>) -> Option<Vec<Located>> {
        let expected = "text in quotes, or a list of texts in quotes";
        match value.get_ref() {
            DeValue::String(text) => Some(vec![(text.to_string(), value.span())]),
            DeValue::Array(items) => {
                let mut texts = Vec::new();
                for item in items.iter() {
                    match item.get_ref() {
                        DeValue::String(text) => texts.push((text.to_string(), item.span())),
                        _ => self.wrong_type(key, item, expected),
                    }
                }
                Some(texts)
            }
            _ => {
                self.wrong_type(key, value, expected);
                None
            }
        }
    }

    pub(super) fn number<T: TryFrom<u64>>(&mut self, section: &Section, key: &'static str) -> Option<T> {
        let value = self.get(section, key)?;
        let number = whole(value.get_ref());
        if number.is_none() {
            self.wrong_type(key, value, "a whole number of at least 0");
        }
        number
    }

    pub(super) fn choice<T: Choice>(&mut self, section: &Section, key: &'static str) -> Option<T> {
        let (word, span) = self.text(section, key)?;
        let choice = T::of(&word);
        if choice.is_none() {
            self.mistake(
                span,
                format!("`{word}` is not a value of `{key}`"),
                format!("the values are {}", T::words()),
            );
        }
        choice
    }

    /// A position within a string of the file, or the whole string if escapes make the value and the file
    /// differ.
    pub(super) fn within(&self, value: &str, span: &Range<usize>, place: Range<usize>) -> Range<usize> {
        let written = &self.text[span.clone()];
        let quote =
            ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| written.starts_with(quote)).unwrap_or("");
        match written.get(quote.len()..written.len() - quote.len()) {
            Some(inner) if inner == value => {
                let start = span.start + quote.len();
                start + place.start..start + place.end
            }
            _ => span.clone(),
        }
    }
}

/// The entries of a table, in the order of the file.
pub(super) fn ordered<'a>(
    section: &Section<'a>,
) -> Vec<(&'a Spanned<Cow<'a, str>>, &'a Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = section.table.into_iter().flat_map(|table| table.iter()).collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}
