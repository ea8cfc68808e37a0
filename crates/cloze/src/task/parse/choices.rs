//! Parses `[choices]`, for examples that each have their own list of texts to choose from.

use super::cursor::{Reader, Section};
use crate::task::{Choices, Data, Method, Options};

const CHOICES: &[&str] = &["from", "most"];

impl Reader<'_> {
    pub(super) fn choices(&mut self, top: &Section) -> Option<Choices> {
        let section = self.section(top, "choices");
        section.table?;
        self.known(&section, CHOICES);
        if top.table.is_some_and(|table| table.contains_key("labels")) {
            self.mistake(
                section.span.clone(),
                "the file has both `[choices]` and `[labels]`",
                "keep `[choices]` if every row has its own list of texts to choose from; otherwise keep `[labels]`",
            );
        }
        let from = self.text(&section, "from").map(|(from, _)| from);
        if from.is_none() && self.span_of("choices.from").is_empty() {
            self.mistake(
                section.span.clone(),
                "`from` is missing in `[choices]`",
                "name the column with the list of texts, for example `from = \"candidates\"`",
            );
        }
        let most = self.number(&section, "most").unwrap_or(Choices::MOST);
        if !(2..=Choices::LARGEST).contains(&most) {
            let span = self.span_of("choices.most");
            let remedy = format!("`most` must be at least 2 and at most {}", Choices::LARGEST);
            self.mistake(span, format!("`most = {most}` is out of range"), remedy);
        }
        Some(Choices { from: from.unwrap_or_default(), most })
    }

    /// A classifier has the same labels for all examples, so a task in which examples have their own choices
    /// cannot have one.
    pub(super) fn without_classifier(&mut self, data: &Data, options: &Options) {
        let mut refuse = |key: &str, is: bool, problem: &str, remedy: &str| {
            if is {
                let span = self.span_of(key);
                self.mistake(span, format!("{problem}, and rows with `[choices]` cannot have one"), remedy);
            }
        };
        refuse(
            "data.unlabeled",
            !data.unlabeled.is_empty(),
            "unlabelled rows serve to distil a classifier",
            "remove `unlabeled`",
        );
        refuse(
            "train.method",
            options.method != Method::Pet,
            "this `method` ends with a classifier",
            "remove `method`",
        );
        refuse("train.compare", options.compare, "`compare` trains a classifier", "remove `compare`");
    }
}
