//! Parses `[data]` and `[metrics]`.

use std::path::Path;

use super::cursor::{Reader, Section};
use crate::error::list;
use crate::table::ReadOptions;
use crate::task::{Data, Label, Metrics};

const DATA: &[&str] = &[
    "dir",
    "train",
    "unlabeled",
    "test",
    "label",
    "missing",
    "encoding",
    "quoting",
    "rows",
    "mirror",
    "train_limit",
    "train_seed",
    "unlabeled_limit",
    "test_limit",
];
const METRICS: &[&str] = &["positive", "group"];

impl Reader<'_> {
    pub(super) fn data(&mut self, section: &Section, dir: &Path) -> Data {
        self.known(section, DATA);
        let mut files = |key| -> Vec<String> {
            let names = self.texts(section, key).unwrap_or_default();
            names.into_iter().map(|(name, _)| name).collect()
        };
        let (train, unlabeled, test) = (files("train"), files("unlabeled"), files("test"));
        let label = self.text(section, "label").map(|(name, _)| name);
        if label.is_none() && !(train.is_empty() && test.is_empty()) && self.span_of("data.label").is_empty()
        {
            self.mistake(
                section.span.clone(),
                "`label` is missing in `[data]`",
                "name the column with the labels, for example `label = \"label\"`",
            );
        }
        let missing = self.texts(section, "missing").unwrap_or_default();
        let encoding = self.text(section, "encoding").and_then(|(label, span)| {
            let encoding = label.parse();
            encoding.map_err(|problem: String| self.mistake(span, problem, "name one of these")).ok()
        });
        let quoting = self.choice(section, "quoting");
        Data {
            dir: self.text(section, "dir").map_or(dir.to_owned(), |(path, _)| dir.join(path)),
            train,
            unlabeled,
            test,
            label,
            missing: missing.into_iter().map(|(value, _)| value.trim().to_owned()).collect(),
            reading: ReadOptions { format: None, encoding, quoting, of_task: true },
            rows: self.rows(section),
            mirror: None,
            columns: Vec::new(),
            train_limit: self.number(section, "train_limit"),
            train_seed: self.number(section, "train_seed").unwrap_or(0),
            unlabeled_limit: self.number(section, "unlabeled_limit"),
            test_limit: self.number(section, "test_limit"),
        }
    }

    pub(super) fn metrics(&mut self, top: &Section, labels: &[Label]) -> Metrics {
        let section = self.section(top, "metrics");
        self.known(&section, METRICS);
        let positive = self.text(&section, "positive").and_then(|(name, span)| {
            let found = labels.iter().position(|label| label.name == name);
            if found.is_none() {
                let names = list(labels.iter().map(|label| &label.name));
                self.mistake(span, format!("there is no label `{name}`"), format!("the labels are {names}"));
            }
            found
        });
        Metrics { positive, group: self.text(&section, "group").map(|(name, _)| name) }
    }
}
