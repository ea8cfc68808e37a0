//! Writes a complete task: for the record in `run.toml`, and as input for job ids.

use std::fmt::{Display, Write};

use super::options::OptionSpec;
use super::options::choice::Choice;
use super::{Derivation, Task};

impl Task {
    /// The task as a task file with every option written out and absolute folders: that of the model, and that of
    /// the data if there are files.
    ///
    /// Reading it gives the same task again, from any folder.
    pub fn to_toml(&self) -> String {
        let absolute = |path: &std::path::Path| {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
            quoted(&path.to_string_lossy())
        };
        let model = self.model.as_deref().map(absolute);
        self.written(Some(absolute(&self.data.dir)), model)
    }

    /// The task without the folders that differ between machines: those of the data and the model.
    ///
    /// Two tasks with the same canonical text, data and model give the same results. The contents of the data
    /// files and the model must be hashed separately.
    pub(crate) fn canonical(&self) -> String {
        self.written(None, None)
    }

    fn written(&self, dir: Option<String>, model: Option<String>) -> String {
        let mut text = String::new();
        let mut line = |key: &str, value: &dyn Display| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{key} = {value}");
        };
        line("format", &1);
        line("name", &quoted(&self.name));
        let pattern = |(pattern, own): (&crate::pattern::Pattern, &Option<Vec<super::Label>>)| {
            let text = quoted(&pattern.to_string());
            let Some(labels) = own else { return text };
            let words =
                labels.iter().map(|label| format!("{} = {}", quoted(&label.name), list(&label.words)));
            format!("{{ pattern = {text}, words = {{ {} }} }}", words.collect::<Vec<_>>().join(", "))
        };
        let patterns: Vec<String> = self.patterns.iter().zip(&self.own_words).map(pattern).collect();
        line("patterns", &format!("[{}]", patterns.join(", ")));
        line("spacing", &quoted(self.spacing.word()));

        text.push_str("\n[data]\n");
        let mut line = |key: &str, value: &dyn Display| {
            let _ = writeln!(text, "{key} = {value}");
        };
        // Without files there is nothing in the folder, and a record that is passed on does not name it.
        let has_files =
            [&self.data.train, &self.data.unlabeled, &self.data.test].iter().any(|files| !files.is_empty());
        if let Some(dir) = dir.filter(|_| has_files) {
            line("dir", &dir);
        }
        line("train", &list(&self.data.train));
        line("unlabeled", &list(&self.data.unlabeled));
        line("test", &list(&self.data.test));
        if let Some(label) = &self.data.label {
            line("label", &quoted(label));
        }
        if !self.data.missing.is_empty() {
            line("missing", &list(&self.data.missing));
        }
        if let Some(encoding) = self.data.reading.encoding {
            line("encoding", &quoted(&encoding.to_string()));
        }
        if let Some(quoting) = self.data.reading.quoting {
            line("quoting", &quoted(quoting.word()));
        }
        if let Some(rows) = &self.data.rows {
            line("rows", &quoted(rows.source()));
        }
        if let Some(mirror) = &self.data.mirror {
            line("mirror", &list(&mirror.columns));
        }
        if let Some(limit) = self.data.train_limit {
            line("train_limit", &limit);
            line("train_seed", &self.data.train_seed);
        }
        if let Some(limit) = self.data.unlabeled_limit {
            line("unlabeled_limit", &limit);
        }
        if let Some(limit) = self.data.test_limit {
            line("test_limit", &limit);
        }
        if !self.data.columns.is_empty() {
            text.push_str("\n[columns]\n");
        }
        for column in &self.data.columns {
            let _ = writeln!(text, "{} = {}", quoted(&column.name), derivation(&column.derivation));
        }
        if let Some(several) = self.answers.several() {
            let classes: Vec<String> = several
                .classes
                .iter()
                .map(|class| format!("{} = {}", quoted(&class.name), quoted(&class.text)))
                .collect();
            text.push_str("\n[multi_label]\n");
            let mut line = |key: &str, value: &dyn Display| {
                let _ = writeln!(text, "{key} = {value}");
            };
            line("column", &quoted(&several.column));
            line("separator", &quoted(&several.separator));
            line("none", &quoted(&several.none));
            line("topics", &format!("{{ {} }}", classes.join(", ")));
        }
        if self.metrics != super::Metrics::default() {
            text.push_str("\n[metrics]\n");
        }
        if let Some(positive) = self.metrics.positive {
            let _ = writeln!(text, "positive = {}", quoted(&self.labels[positive].name));
        }
        if let Some(group) = &self.metrics.group {
            let _ = writeln!(text, "group = {}", quoted(group));
        }

        if let Some(choices) = self.answers.choices() {
            let _ = write!(text, "\n[choices]\nfrom = {}\nmost = {}\n", quoted(&choices.from), choices.most);
        } else {
            text.push_str("\n[labels]\n");
            for label in &self.labels {
                let _ = writeln!(text, "{} = {}", quoted(&label.name), list(&label.words));
            }
        }
        if let Some(model) = model {
            let _ = write!(text, "\n[model]\ndirectory = {model}\n");
        }

        for section in OptionSpec::SECTIONS {
            let _ = write!(text, "\n[{section}]\n");
            for option in OptionSpec::of_section(section) {
                let _ = writeln!(text, "{} = {}", option.key, option.get(&self.options));
            }
        }
        text
    }
}

/// The derivation of a column, on one line.
fn derivation(derivation: &Derivation) -> String {
    let pairs = |pairs: &[(String, String)]| {
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{} = {}", quoted(key), quoted(value))).collect();
        format!("{{ {} }}", pairs.join(", "))
    };
    match derivation {
        Derivation::Text(text) => quoted(text),
        Derivation::Values { from, values } => {
            format!("{{ from = {}, values = {} }}", quoted(from), pairs(values))
        }
        Derivation::Replace { from, replace } => {
            format!("{{ from = {}, replace = {} }}", quoted(from), pairs(replace))
        }
        Derivation::Before { from, before } => {
            format!("{{ from = {}, before = {} }}", quoted(from), quoted(before))
        }
        Derivation::After { from, after } => {
            format!("{{ from = {}, after = {} }}", quoted(from), quoted(after))
        }
        Derivation::Each { from, each } => format!("{{ from = {}, each = {} }}", quoted(from), quoted(each)),
        Derivation::Spans { from, spans } => {
            format!("{{ from = {}, spans = {} }}", quoted(from), quoted(spans))
        }
        Derivation::Mark { from, mark, at } => {
            format!("{{ from = {}, mark = {}, at = {} }}", quoted(from), quoted(mark), quoted(at))
        }
    }
}

/// A string on one line. JSON's escapes are also valid in TOML, except that JSON does not escape DEL.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string().replace('\u{7f}', "\\u007F")
}

pub(super) fn list<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = texts.into_iter().map(|text| quoted(text.as_ref())).collect();
    format!("[{}]", texts.join(", "))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use crate::task::options::OptionSpec;
    use crate::task::options::value::Value;
    use crate::task::tests::{EXAMPLE, parse};
    use crate::task::{Label, Options, Setting, Task};

    #[test]
    fn a_frozen_task_is_read_back_as_itself() {
        let text = EXAMPLE.replace("name ", "spacing = 'parts'\nname ")
            + "[model]\ndirectory = 'm'\n[train]\nseeds = [7, 9]\nlm_weight = 1e-4\nmerge = 'mean'\nprecision = 'bfloat16'\npriming = 4\n";
        let task = parse(&text);
        let again = Task::parse("run.toml", &task.to_toml(), Path::new("/elsewhere")).unwrap();
        assert_eq!(again.to_toml(), task.to_toml());
        assert_eq!(again.canonical(), task.canonical());
        assert_eq!(
            (&again.options, &again.labels, &again.patterns),
            (&task.options, &task.labels, &task.patterns)
        );
        assert_eq!((again.data.clone(), again.model), (task.data, Some("/tasks/m".into())));
    }

    #[test]
    fn columns_and_metrics_and_words_of_a_pattern_are_frozen_too() {
        let own = "{ pattern = '{subject} {mask}', words = { billing = 'money' } }";
        let text = EXAMPLE.replace("'Team: {mask}. {subject|trim} {message}'", own).replace(
            "[labels]",
            "rows = 'a[].b[]'\nmirror = ['one', 'two']\n[columns]\nsubject = \"{a.b}: \\u007f\"\n\
             message = { from = 'm', values = { 'a \"' = '1', b = '' } }\nx = { from = 'x', replace = { '\\' = ' ' } }\n\
             y = { from = 't', mark = 'w', at = 'n' }\n[metrics]\npositive = 'billing'\ngroup = 'a.id'\n[labels]",
        );
        let text = text.replace("\"bug\"", "'{one}'").replace("[\"invoice\", \"payment\"]", "'{two}'");
        let task = parse(&text);
        let again = Task::parse("run.toml", &task.to_toml(), Path::new("/elsewhere")).unwrap();
        assert_eq!(again.to_toml(), task.to_toml());
        assert_eq!((&again.data, &again.metrics), (&task.data, &task.metrics));
        assert_eq!((&again.own_words, task.data.columns.len()), (&task.own_words, 4));
    }

    #[test]
    fn the_canonical_text_does_not_depend_on_folders_or_on_how_it_was_written() {
        let moved = Task::parse("u.toml", EXAMPLE, Path::new("/other")).unwrap();
        let spelled = parse(&format!("{EXAMPLE}[train]\nsteps = {}\n", Options::default().steps));
        assert_eq!(moved.canonical(), parse(EXAMPLE).canonical());
        assert_eq!(spelled.canonical(), parse(EXAMPLE).canonical());
    }

    /// The ids of runs and jobs are hashes of it, so earlier runs are found again only while it stays the
    /// same.
    #[test]
    fn the_canonical_text_is_the_one_of_earlier_versions() {
        let written = include_str!("serialize/canonical.toml");
        assert_eq!(parse(EXAMPLE).canonical(), written);
    }

    #[test]
    fn every_option_is_read_back_as_it_was_written() {
        let numbers = [0.5, 1.0, 12.0].map(Value::Number);
        let wholes = [1, 12].map(Value::Whole);
        let others = [Value::Switch(true), Value::Switch(false), Value::Seeds(vec![u64::MAX, 3])];
        let values = numbers.into_iter().chain(wholes).chain(others).collect::<Vec<_>>();
        for option in OptionSpec::all() {
            let mut task = parse(EXAMPLE);
            let usual = option.get(&task.options);
            let words = option.words().into_iter().map(Value::Word);
            let mut changed = 0;
            for value in values.iter().cloned().chain(words) {
                if task.set(&[Setting { option, value }]).is_ok() && option.get(&task.options) != usual {
                    let again = parse(&task.to_toml());
                    assert_eq!(again.options, task.options, "{}", option.full_key);
                    changed += 1;
                }
            }
            assert!(changed > 0, "{}", option.full_key);
        }
    }

    proptest! {
        #[test]
        fn names_words_and_numbers_of_any_kind_survive(
            name in "[^ {}\t\n\r\u{85}\u{a0}\u{1680}\u{2000}-\u{200a}\u{2028}\u{2029}\u{202f}\u{205f}\u{3000}\u{b}\u{c}]{1,8}",
            rate in prop_oneof![1e-9f64..1e3, 1e10f64..1e30], seeds in prop::collection::hash_set(any::<u64>(), 1..4),
        ) {
            let mut task = parse(EXAMPLE);
            task.labels[0] = Label { name: name.clone(), words: vec![name.clone() + "1", name + "\\\u{7f}\""] };
            task.options.learning_rate = rate;
            task.options.seeds = seeds.into_iter().collect();
            if task.labels[1..].iter().all(|label| label.name != task.labels[0].name) {
                let again = parse(&task.to_toml());
                prop_assert_eq!(&again.labels, &task.labels);
                prop_assert_eq!(&again.options, &task.options);
            }
        }
    }
}
