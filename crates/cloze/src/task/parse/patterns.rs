//! Parses the patterns of a task file, and the words that some of them define for themselves.

use std::ops::Range;

use toml::Spanned;
use toml::de::DeValue;

use super::cursor::{Reader, Section, ordered};
use crate::error::{list, nearest};
use crate::pattern::{Pattern, Template};
use crate::task::{Data, Label, find_field};

/// Patterns, their own words if they have some, and their positions.
type Patterns = (Vec<Pattern>, Vec<Option<Vec<Label>>>, Vec<Range<usize>>);

impl Reader<'_> {
    pub(super) fn require_patterns(&mut self, top: &Section) {
        if top.table.is_none_or(|table| !table.contains_key("patterns")) {
            self.mistake(
                0..0,
                "`patterns` is missing",
                "write for example `patterns = [\"{text} This is about {mask}.\"]`",
            );
        }
    }

    pub(super) fn patterns(&mut self, top: &Section, labels: &[Label]) -> Patterns {
        let mut found: Patterns = (Vec::new(), Vec::new(), Vec::new());
        let Some(value) = self.get(top, "patterns") else { return found };
        match value.get_ref() {
            DeValue::Array(items) if items.is_empty() => self.mistake(
                value.span(),
                "there is no pattern",
                "write at least one, for example `\"{text} This is about {mask}.\"`",
            ),
            DeValue::Array(items) => items.iter().for_each(|item| self.entry(item, labels, &mut found)),
            _ => self.entry(value, labels, &mut found),
        }
        found
    }

    /// A pattern, or `{ pattern = "…", words = { label = "word" } }`.
    fn entry(&mut self, value: &Spanned<DeValue>, labels: &[Label], found: &mut Patterns) {
        let (source, span, words) = match value.get_ref() {
            DeValue::String(source) => (source.to_string(), value.span(), None),
            DeValue::Table(table) => {
                let section = Section { name: "patterns", table: Some(table), span: value.span() };
                self.known(&section, &["pattern", "words"]);
                let words = self.section(&section, "words");
                let own = words.table.is_some().then(|| self.own_words(&words, labels));
                let Some((source, span)) = self.text(&section, "pattern") else { return };
                (source, span, own)
            }
            _ => {
                self.wrong_type("patterns", value, "text in quotes, or a list of texts in quotes");
                return;
            }
        };
        match source.parse::<Pattern>() {
            Ok(pattern) => {
                if found.0.iter().zip(&found.1).any(|known| known == (&pattern, &words)) {
                    self.mistake(span, "this pattern is there twice", "remove one");
                    return;
                }
                if pattern.fields().next().is_none() {
                    self.mistake(
                        span.clone(),
                        "the pattern uses no column of the data, so that it asks the same of every row",
                        "name a column in braces, for example `{text} This is about {mask}.`",
                    );
                }
                found.0.push(pattern);
                found.1.push(words);
                found.2.push(span);
            }
            Err(error) => {
                let within = self.within(&source, &span, error.span);
                self.mistake(within, error.problem, error.remedy);
            }
        }
    }

    /// The words of one pattern; a label that is not listed keeps its words from `[labels]`.
    fn own_words(&mut self, section: &Section, labels: &[Label]) -> Vec<Label> {
        let mut own = labels.to_vec();
        for (key, value) in ordered(section) {
            let name = key.get_ref();
            let words = self.strings(&format!("words.{name}"), value).unwrap_or_default();
            let Some(label) = own.iter_mut().find(|label| label.name == **name) else {
                let names = || labels.iter().map(|label| label.name.as_str());
                let remedy = match nearest(name, names()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the labels are {}", list(names())),
                };
                self.mistake(key.span(), format!("there is no label `{name}`"), remedy);
                continue;
            };
            if words.is_empty() {
                self.mistake(
                    value.span(),
                    format!("the label `{name}` has no word"),
                    "give it at least one word that fits into the pattern",
                );
            }
            for (word, span) in &words {
                if word.trim().is_empty() {
                    self.mistake(
                        span.clone(),
                        format!("a word of the label `{name}` is empty"),
                        "write a word that fits into the pattern",
                    );
                } else if let Err(error) = word.parse::<Template>() {
                    let within = self.within(word, span, error.span);
                    self.mistake(within, error.problem, error.remedy);
                }
            }
            label.words = words.into_iter().map(|(word, _)| word).collect();
        }
        own
    }

    /// Checks that no pattern reveals the label.
    pub(super) fn leaks(&mut self, patterns: &[Pattern], spans: &[Range<usize>], data: &Data) {
        let Some(label) = &data.label else { return };
        for (pattern, span) in patterns.iter().zip(spans) {
            if pattern.fields().any(|field| field.name == *label) {
                let within = find_field(&self.text[span.clone()], label)
                    .map_or(span.clone(), |found| span.start + found.start..span.start + found.end);
                self.mistake(
                    within,
                    format!("the pattern shows the label column `{label}`"),
                    "use `{mask}` where the label's word should stand",
                );
            }
        }
        for column in data.columns.iter().filter(|column| column.derivation.uses().contains(label)) {
            let name = &column.name;
            let shown = patterns.iter().any(|pattern| pattern.fields().any(|field| field.name == *name));
            if shown && name != label {
                self.mistake(
                    self.span_of(&format!("columns.{name}")),
                    format!("the column `{name}` shows the label column `{label}`, and a pattern uses it"),
                    "make it of other columns",
                );
            }
        }
    }
}
