//! Parses `[multi_label]`.

use std::ops::Range;

use toml::de::DeValue;

use super::columns::can_be_named;
use super::cursor::{Located, Reader, Section, ordered};
use crate::pattern::{Field, Pattern, Template};
use crate::task::{Class, Data, Label, MultiLabel};

const MULTI_LABEL: &[&str] = &["column", "separator", "none", "topics"];

impl Reader<'_> {
    /// The section `[multi_label]`.
    pub(super) fn multi_label(&mut self, top: &Section, labels: &[Label], data: &Data) -> Option<MultiLabel> {
        let section = self.section(top, "multi_label");
        section.table?;
        self.known(&section, MULTI_LABEL);
        // Fewer than two labels are reported as a mistake elsewhere.
        if labels.len() > 2 {
            self.mistake(
                section.span.clone(),
                format!("there are {} labels, and whether a row belongs to a class has two answers", labels.len()),
                "write two under `[labels]`, for example `yes = \"Yes\"` and `no = \"No\"`, the first of which means yes; what \
                 rows can be about stands in `classes`",
            );
        }
        let mut text =
            |key, default: &str| self.text(&section, key).map_or(default.to_owned(), |(text, _)| text);
        let (column, separator, none) =
            (text("column", "topic"), text("separator", ";"), text("none", "none"));
        if separator.is_empty() {
            let span = self.span_of("multi_label.separator");
            self.mistake(
                span,
                "`separator` is empty",
                "write what separates the classes in a cell, for example `\";\"`",
            );
        }
        let none = none.trim().to_owned();
        self.class_column(&column, data);
        let classes = self.classes(&section, &separator, &none);
        Some(MultiLabel { column, separator, none, classes })
    }

    fn class_column(&mut self, column: &str, data: &Data) {
        let span = self.span_of("multi_label.column");
        if !can_be_named(column) {
            self.mistake(
                span,
                format!("no pattern can name the column `{column}`"),
                "use letters, digits, `_` and `-`",
            );
        } else if data.label.as_deref() == Some(column) {
            self.mistake(
                span,
                format!("`{column}` is the label column already"),
                "choose another name; patterns find the class's description under it",
            );
        }
        for made in &data.columns {
            let (problem, remedy) = if made.name == column {
                ("has the name of the classes' column", "give one of them another name")
            } else if made.derivation.uses().iter().any(|used| used == column) {
                ("is made of the classes' column", "name the classes' column in the patterns themselves")
            } else {
                continue;
            };
            let span = self.span_of(&format!("columns.{}", made.name));
            self.mistake(span, format!("the column `{}` {problem}", made.name), remedy);
        }
    }

    /// Classes with their descriptions, or a list of names that serve as descriptions.
    fn classes(&mut self, section: &Section, separator: &str, none: &str) -> Vec<Class> {
        let Some(value) = self.get(section, "topics") else {
            self.mistake(
                section.span.clone(),
                "`topics` is missing in `[multi_label]`",
                "name what rows can be about, for example `topics = { billing = \"invoices and payments\" }`",
            );
            return Vec::new();
        };
        let mut found: Vec<(Located, Located)> = Vec::new();
        match value.get_ref() {
            DeValue::Table(table) => {
                let classes = Section { name: "topics", table: Some(table), span: value.span() };
                for (name, text) in ordered(&classes) {
                    match text.get_ref() {
                        DeValue::String(words) => found.push((
                            (name.get_ref().to_string(), name.span()),
                            (words.to_string(), text.span()),
                        )),
                        _ => self.wrong_type(name.get_ref(), text, "text in quotes"),
                    }
                }
                if !table.is_empty() && found.is_empty() {
                    return Vec::new();
                }
            }
            DeValue::Array(_) => {
                let Some(names) = self.strings("topics", value) else { return Vec::new() };
                found.extend(names.into_iter().map(|name| (name.clone(), name)));
            }
            _ => {
                self.wrong_type("topics", value, "a table of names with descriptions, or a list of names");
                return Vec::new();
            }
        }
        if found.is_empty() {
            self.mistake(
                value.span(),
                "there is no class",
                "name what rows can be about, for example `{ billing = \"invoices and payments\" }`",
            );
        }
        let mut classes: Vec<Class> = Vec::new();
        for ((name, span), (text, text_span)) in found {
            self.class(&classes, (&name, span), (&text, text_span), separator, none);
            classes.push(Class { name, text });
        }
        classes
    }

    fn class(
        &mut self,
        before: &[Class],
        (name, span): (&str, Range<usize>),
        (text, text_span): (&str, Range<usize>),
        separator: &str,
        none: &str,
    ) {
        let splits = !separator.is_empty() && name.contains(separator);
        if name.is_empty() || name.trim() != name || name.starts_with('[') || name == none || splits {
            self.mistake(
                span,
                format!("a cell cannot name the class `{name}`"),
                format!(
                    "give it a name that is not empty, is not `{none}`, has no `{separator}` in it, does not begin with `[`, and \
                     does not begin or end with a space"
                ),
            );
        } else if before.iter().any(|class| class.name == name) {
            self.mistake(span, format!("the class `{name}` is there twice"), "remove one");
        } else if text.trim().is_empty() {
            self.mistake(
                text_span,
                format!("the description of the class `{name}` is empty"),
                "write words that fit into the patterns",
            );
        } else if let Some(other) = before.iter().find(|class| class.text == text) {
            self.mistake(
                text_span,
                format!("the classes `{}` and `{name}` have the same description", other.name),
                "describe each in words of its own, else they cannot be told apart",
            );
        }
    }

    /// Checks that every pattern refers to the class, directly or through its words, and to a field of the
    /// example.
    pub(super) fn ask_for_classes(
        &mut self,
        several: &MultiLabel,
        patterns: &[Pattern],
        words: &[Option<Vec<Label>>],
        labels: &[Label],
        spans: &[Range<usize>],
    ) {
        let column = &several.column;
        let asks = |field: &Field| field.name == *column;
        let in_words = |labels: &[Label]| {
            let mut words = labels.iter().flat_map(|label| &label.words);
            words.any(|word| word.parse::<Template>().is_ok_and(|word| word.fields().any(asks)))
        };
        for ((pattern, words), span) in patterns.iter().zip(words).zip(spans) {
            let of_row = pattern.fields().any(|field| !asks(field));
            let of_topic = pattern.fields().any(asks);
            let remedy = format!("write for example `{{text}} Is this about {{{column}}}? {{mask}}.`");
            if of_topic && !of_row {
                let problem = "the pattern uses no column of the data, so that it asks the same of every row";
                self.mistake(span.clone(), problem, remedy);
            } else if of_row && !of_topic && !in_words(words.as_deref().unwrap_or(labels)) {
                let problem = format!(
                    "the pattern does not use `{{{column}}}`, so that it asks the same of every class"
                );
                self.mistake(span.clone(), problem, remedy);
            }
        }
    }
}
