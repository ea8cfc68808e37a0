//! Parses the labels: `[labels]` with their words, or `words = "auto"` with their names.

use std::ops::Range;

use toml::de::DeValue;

use super::cursor::{Located, Reader, Section, ordered};
use crate::pattern::Template;
use crate::task::Label;

impl Reader<'_> {
    #[allow(clippy::type_complexity)] // labels, their names' places, their words' places
    pub(super) fn labels(
        &mut self,
        top: &Section,
    ) -> (Vec<Label>, Vec<Range<usize>>, Vec<Vec<Range<usize>>>) {
        let section = self.section(top, "labels");
        let mut entries: Vec<(Located, Vec<Located>)> = Vec::new();
        let mut without_words = Vec::new();
        for (key, value) in ordered(&section) {
            let name = key.get_ref().to_string();
            self.check_name(&name, &key.span());
            let Some(words) = self.strings(&format!("labels.{name}"), value) else { continue };
            if words.is_empty() {
                without_words.push((name.clone(), value.span()));
            }
            for (i, (word, span)) in words.iter().enumerate() {
                if word.trim().is_empty() {
                    self.mistake(
                        span.clone(),
                        format!("a word of the label `{name}` is empty"),
                        "write a word that fits into the patterns",
                    );
                } else if let Err(error) = word.parse::<Template>() {
                    let within = self.within(word, span, error.span);
                    self.mistake(within, error.problem, error.remedy);
                } else if words[..i].iter().any(|(other, _)| other == word) {
                    self.mistake(
                        span.clone(),
                        format!("the label `{name}` has the word `{word}` twice"),
                        "remove one",
                    );
                } else if let Some(((other, _), _)) =
                    entries.iter().find(|(_, words)| words.iter().any(|(known, _)| known == word))
                {
                    self.mistake(
                        span.clone(),
                        format!("the labels `{other}` and `{name}` have the same word `{word}`"),
                        "give each label words of its own, else they cannot be told apart",
                    );
                }
            }
            entries.push(((name, key.span()), words));
        }
        // A single text against anything else; see `free_text`.
        let is_free = entries.len() == 2
            && without_words.len() == 1
            && entries.iter().any(|(_, words)| matches!(&words[..], [(word, _)] if takes_columns(word)));
        if !is_free {
            for (name, span) in without_words {
                self.mistake(
                    span,
                    format!("the label `{name}` has no word"),
                    "give it at least one word that fits into the patterns; a label can go without words only if there \
                     are two labels and the other one's word comes from the row, such as `{answer}`",
                );
            }
        }
        self.check_count(ordered(&section).len(), section.span.clone());
        let mut parts = (Vec::new(), Vec::new(), Vec::new());
        for ((name, span), words) in entries {
            let (words, spans) = words.into_iter().unzip();
            parts.0.push(Label { name, words });
            parts.1.push(span);
            parts.2.push(spans);
        }
        parts
    }

    /// Whether the program should find the labels' words.
    pub(super) fn finds_words(&mut self, top: &Section, choices: bool) -> bool {
        let Some((value, span)) = self.text(top, "words") else { return false };
        let has = |key: &str| top.table.is_some_and(|table| table.contains_key(key));
        if value != "auto" {
            self.mistake(
                span,
                format!("`words` is `{value}`"),
                "write `words = \"auto\"` to let the program find words for the labels; otherwise remove it, and write the words under `[labels]`",
            );
        } else if choices || has("multi_label") {
            self.mistake(
                span,
                "`words = \"auto\"` finds words for `[labels]`, and does not go with `[choices]` or `[multi_label]`",
                "remove `words`",
            );
        }
        true
    }

    /// Whether the labels are only a list of names, which is a mistake unless their words are to be found.
    pub(super) fn lists_labels(&mut self, top: &Section) -> bool {
        let value = top.table.and_then(|table| table.get("labels"));
        let Some(value) = value.filter(|value| value.get_ref().is_array()) else { return false };
        self.mistake(
            value.span(),
            "the labels have no words",
            "write `words = \"auto\"` at the top of the file to let the program find some, or a section `[labels]` with a word for each label, for example \
             `positive = \"good\"`",
        );
        true
    }

    /// Labels whose words are to be found: a list of names, or a section with a description of each.
    #[allow(clippy::type_complexity)] // labels, their names' places, what is said of them
    pub(super) fn labels_without_words(
        &mut self,
        top: &Section,
    ) -> (Vec<Label>, Vec<Range<usize>>, Vec<Option<String>>) {
        let list = top.table.and_then(|table| table.get("labels")).filter(|value| value.get_ref().is_array());
        let mut entries: Vec<(Located, Option<String>)> = Vec::new();
        let span = if let Some(value) = list {
            let names = self.strings("labels", value).unwrap_or_default();
            entries.extend(names.into_iter().map(|name| (name, None)));
            value.span()
        } else {
            let section = self.section(top, "labels");
            for (key, value) in ordered(&section) {
                let name = key.get_ref().to_string();
                let mut said = None;
                match value.get_ref() {
                    DeValue::String(text) => said = Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
                    _ => self.wrong_type(
                        &format!("labels.{name}"),
                        value,
                        "a text that says what the label means, or `\"\"`, for `words = \"auto\"` finds its words",
                    ),
                }
                entries.push(((name, key.span()), said));
            }
            section.span.clone()
        };
        for (number, ((name, span), _)) in entries.iter().enumerate() {
            self.check_name(name, span);
            if entries[..number].iter().any(|((other, _), _)| other == name) {
                self.mistake(span.clone(), format!("the label `{name}` is there twice"), "remove one");
            }
        }
        self.check_count(entries.len(), span);
        let (labels, said): (Vec<Located>, _) = entries.into_iter().unzip();
        let (names, spans): (Vec<String>, _) = labels.into_iter().unzip();
        (names.into_iter().map(|name| Label { name, words: Vec::new() }).collect(), spans, said)
    }

    fn check_name(&mut self, name: &str, span: &Range<usize>) {
        if name.trim() != name || name.is_empty() {
            self.mistake(
                span.clone(),
                "a label's name must not be empty or begin or end with a space",
                "remove the spaces; those around labels in the data do not count",
            );
        }
    }

    fn check_count(&mut self, labels: usize, span: Range<usize>) {
        if labels < 2 {
            self.mistake(
                span,
                match labels {
                    0 => "there are no labels",
                    _ => "there is only one label",
                },
                "write at least two labels under `[labels]`, for example `positive = \"good\"`",
            );
        }
    }
}

/// Whether a word is taken from a row's columns.
fn takes_columns(word: &str) -> bool {
    word.parse::<Template>().is_ok_and(|template| template.fields().next().is_some())
}
