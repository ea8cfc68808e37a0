//! Parses `[columns]`, and `rows` and `mirror` of `[data]`.

use toml::Spanned;
use toml::de::DeValue;

use super::cursor::{Reader, Section, ordered};
use crate::error::{counted, list};
use crate::pattern::{Pattern, Template};
use crate::task::{Data, Derivation, DerivedColumn, Label, Mirror, Rows};

/// Whether a pattern can refer to a column called `name`.
pub(super) fn can_be_named(name: &str) -> bool {
    let pattern = format!("{{mask}}{{{name}}}").parse::<Pattern>();
    pattern.is_ok_and(|found| {
        found.fields().any(|field| field.name == name && field.filters.is_empty() && !field.whole)
    })
}

impl Reader<'_> {
    /// The section `[columns]`.
    pub(super) fn columns(&mut self, top: &Section) -> Vec<DerivedColumn> {
        let section = self.section(top, "columns");
        let mut columns = Vec::new();
        for (key, value) in ordered(&section) {
            let name = key.get_ref().to_string();
            let full = format!("columns.{name}");
            self.keys.push((full, value.span()));
            if can_be_named(&name) {
                columns
                    .extend(self.column(&name, value).map(|derivation| DerivedColumn { name, derivation }));
            } else {
                self.mistake(
                    key.span(),
                    format!("no pattern can name the column `{name}`"),
                    "use letters, digits, `_` and `-`",
                );
            }
        }
        columns
    }

    fn column(&mut self, name: &str, value: &Spanned<DeValue>) -> Option<Derivation> {
        let table = match value.get_ref() {
            DeValue::String(text) => {
                let text = text.to_string();
                if let Err(error) = text.parse::<Template>() {
                    let within = self.within(&text, &value.span(), error.span);
                    self.mistake(within, error.problem.replace("a word", "a column"), error.remedy);
                    return None;
                }
                return Some(Derivation::Text(text));
            }
            DeValue::Table(table) => table,
            _ => {
                self.wrong_type(name, value, "text with columns in it, or a table with `from`");
                return None;
            }
        };
        let section = Section { name: "columns", table: Some(table), span: value.span() };
        self.known(
            &section,
            &["from", "values", "replace", "mark", "at", "before", "after", "each", "spans"],
        );
        let mut text = |key| self.text(&section, key).map(|(text, _)| text);
        let (from, mark, at) = (text("from"), text("mark"), text("at"));
        let single = ["before", "after", "each", "spans"].map(&mut text);
        let values = self.pairs(&section, "values");
        let replace = self.pairs(&section, "replace");
        // Every derivation whose keys are present; exactly one is allowed.
        let mut ways = Vec::new();
        if let Some(from) = from.clone() {
            let from = || from.clone();
            ways.extend(values.map(|values| Derivation::Values { from: from(), values }));
            ways.extend(replace.map(|replace| Derivation::Replace { from: from(), replace }));
            ways.extend(mark.zip(at).map(|(mark, at)| Derivation::Mark { from: from(), mark, at }));
            let [before, after, each, spans] = single;
            ways.extend(before.map(|before| Derivation::Before { from: from(), before }));
            ways.extend(after.map(|after| Derivation::After { from: from(), after }));
            ways.extend(each.map(|each| Derivation::Each { from: from(), each }));
            ways.extend(spans.map(|spans| Derivation::Spans { from: from(), spans }));
        }
        match (ways.pop(), ways.is_empty()) {
            (Some(derivation), true) => Some(derivation),
            _ => {
                self.mistake(
                    value.span(),
                    format!("this does not say how the column `{name}` is made"),
                    "write `from` with either `values`, `replace`, `before`, `after`, `each`, `spans`, or `mark` and `at`",
                );
                None
            }
        }
    }

    /// A table of texts in the order of the file; at least one entry.
    fn pairs(&mut self, parent: &Section, key: &'static str) -> Option<Vec<(String, String)>> {
        let section = self.section(parent, key);
        section.table?;
        let mut pairs = Vec::new();
        for (name, value) in ordered(&section) {
            match value.get_ref() {
                DeValue::String(text) => pairs.push((name.get_ref().to_string(), text.to_string())),
                _ => self.wrong_type(name.get_ref(), value, "text in quotes"),
            }
        }
        if pairs.iter().any(|(name, _)| name.is_empty()) && key == "replace" {
            self.mistake(
                section.span,
                "there is nothing to replace",
                "write the text that is to be replaced",
            );
            return None;
        }
        Some(pairs)
    }

    /// `rows`: the lists whose items are examples.
    pub(super) fn rows(&mut self, data: &Section) -> Option<Rows> {
        let (source, span) = self.text(data, "rows")?;
        match Rows::parse(&source) {
            Ok(rows) => Some(rows),
            Err((problem, remedy)) => {
                self.mistake(span, problem, remedy);
                None
            }
        }
    }

    /// `mirror`: two columns that are swapped in a second copy of every row, together with the labels whose
    /// words they are.
    pub(super) fn mirror(&mut self, section: &Section, data: &mut Data, labels: &[Label]) {
        let Some(columns) = self.texts(section, "mirror") else { return };
        let span = self.span_of("data.mirror");
        let [(one, _), (other, _)] = columns.as_slice() else {
            self.mistake(
                span,
                format!("`mirror` names {}", counted(columns.len(), "column")),
                "name the two columns to swap, for example `[\"choice1\", \"choice2\"]`",
            );
            return;
        };
        let words = |label: &Label| -> Option<Vec<Template>> {
            label.words.iter().map(|word| word.parse().ok()).collect()
        };
        let partner = |label: &Label| {
            let swapped: Vec<Template> = words(label)?.iter().map(|word| word.swapped(one, other)).collect();
            labels.iter().position(|label| words(label).as_ref() == Some(&swapped))
        };
        let partners: Option<Vec<usize>> = labels.iter().map(partner).collect();
        match partners {
            Some(labels) if one != other => {
                data.mirror = Some(Mirror { columns: [one.clone(), other.clone()], labels });
            }
            _ => self.mistake(
                span,
                format!("the labels do not swap together with the columns {}", list([one, other])),
                format!(
                    "use these columns as the words of the labels, for example `0 = \"{{{one}}}\"` and `1 = \"{{{other}}}\"`"
                ),
            ),
        }
    }
}
