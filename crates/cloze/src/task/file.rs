//! From the text of a task file to a task, or to everything that is wrong with it.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::options::Choice;
use super::{Answers, Choices, Data, Label, Metrics, Options, Origin, Preset, Task};
use crate::error::{Mistake, TaskError, list, nearest};
use crate::pattern::Template;
use crate::table::ReadOptions;

mod columns;
mod multi_label;
mod patterns;

const TOP: &[&str] = &[
    "format",
    "name",
    "patterns",
    "spacing",
    "words",
    "data",
    "columns",
    "multi_label",
    "labels",
    "choices",
    "metrics",
    "model",
    "train",
    "ipet",
    "distil",
];
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
const CHOICES: &[&str] = &["from", "most"];
const METRICS: &[&str] = &["positive", "group"];
const MODEL: &[&str] = &["directory"];
const TRAIN: &[&str] = &[
    "preset",
    "method",
    "seed",
    "seeds",
    "repetitions",
    "steps",
    "batch_size",
    "accumulation",
    "learning_rate",
    "weight_decay",
    "warmup",
    "freeze",
    "max_length",
    "precision",
    "merge",
    "decoding",
    "hinge",
    "calibrate",
    "probe",
    "lm_weight",
    "keep",
    "measure",
    "compare",
    "priming",
];
const IPET: &[&str] = &["generations", "scale", "teachers", "most_likely"];
const DISTIL: &[&str] = &["steps", "batch_size", "learning_rate", "temperature", "start"];

/// Text with its place in the file.
type Located = (String, Range<usize>);

/// Reads a task, collecting every mistake on the way.
pub(super) fn parse(file: &str, text: &str, dir: &Path, preset: Option<Preset>) -> Result<Task, TaskError> {
    let mut reader = Reader { file, text: text.into(), mistakes: Vec::new(), keys: Vec::new() };
    let document = match DeTable::parse(text) {
        Ok(document) => document.into_inner(),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            reader.mistake(
                span,
                error.message().replace('\n', ": "),
                "correct the TOML; text stands in double quotes",
            );
            return Err(TaskError { mistakes: reader.mistakes });
        }
    };
    let top = Section { name: "", table: Some(&document), span: 0..0 };
    reader.known(&top, TOP);
    let task = reader.task(&top, dir, preset);
    match TaskError::of(reader.mistakes) {
        Some(error) => Err(error),
        None => Ok(task),
    }
}

/// Longer names of directories are a nuisance, and far longer ones impossible.
const LONGEST_NAME: usize = 80;

/// A name for directories: every run of what is not a letter or digit becomes a hyphen.
pub(crate) fn plain_name(name: &str) -> String {
    let mut plain = String::new();
    for c in name.chars().take(LONGEST_NAME) {
        match is_plain(c) {
            true => plain.push(c),
            false if plain.ends_with('-') => {}
            false => plain.push('-'),
        }
    }
    let plain = plain.trim_matches(['-', '.']);
    if plain.is_empty() { "task".into() } else { plain.to_owned() }
}

fn is_plain(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// A table of the file, empty if it is not there.
struct Section<'a> {
    name: &'static str,
    table: Option<&'a DeTable<'a>>,
    span: Range<usize>,
}

struct Reader<'f> {
    file: &'f str,
    text: Arc<str>,
    mistakes: Vec<Mistake>,
    keys: Vec<(String, Range<usize>)>,
}

impl<'f> Reader<'f> {
    fn mistake(&mut self, span: Range<usize>, problem: impl Into<String>, remedy: impl Into<String>) {
        self.mistakes.push(Mistake::new(self.file, &self.text, span, problem, remedy));
    }

    fn task(&mut self, top: &Section, dir: &Path, preset: Option<Preset>) -> Task {
        match self.number::<u64>(top, "format") {
            Some(1) => {}
            Some(other) => {
                let span = self.span_of("format");
                self.mistake(
                    span,
                    format!("this is format {other}, which this version does not know"),
                    "write `format = 1`, or use a newer version of cloze",
                );
            }
            None if self.span_of("format").is_empty() => {
                self.mistake(0..0, "`format` is missing", "begin the file with `format = 1`");
            }
            None => {}
        }
        let name = self.name(top);
        let spacing = self.choice(top, "spacing").unwrap_or_default();
        self.require_patterns(top);
        let data_section = self.section(top, "data");
        let mut data = self.data(&data_section, dir);
        data.columns = self.columns(top);
        let choices = self.choices(top);
        let found = self.finds_words(top, choices.is_some()) || self.lists_labels(top);
        let mut described = None;
        let (labels, label_spans, word_spans) = match &choices {
            Some(_) => (Choices::labels(), Vec::new(), Vec::new()),
            None if found => {
                let (labels, spans, said) = self.labels_without_words(top);
                described = Some(said);
                (labels, spans, Vec::new())
            }
            None => self.labels(top),
        };
        let (patterns, own_words, pattern_spans) = self.patterns(top, &labels);
        if let (true, Some(number)) = (found, own_words.iter().position(Option::is_some)) {
            self.mistake(
                pattern_spans[number].clone(),
                "this pattern has words of its own, and `words = \"auto\"` asks for words that all patterns share",
                "remove `words` here, or write all words under `[labels]` and remove `words = \"auto\"`",
            );
        }
        self.leaks(&patterns, &pattern_spans, &data);
        self.mirror(&data_section, &mut data, &labels);
        let multi_label = self.multi_label(top, &labels, &data);
        if let Some(several) = &multi_label {
            self.ask_for_topics(several, &patterns, &own_words, &labels, &pattern_spans);
        }
        let mut metrics = self.metrics(top, &labels);
        if multi_label.is_some() {
            metrics.positive.get_or_insert(0);
        }
        let model = self.section(top, "model");
        self.known(&model, MODEL);
        let model = self.text(&model, "directory").map(|(path, _)| dir.join(path));
        let options = self.options(top, preset);
        if choices.is_some() {
            self.without_classifier(&data, &options);
        }
        for found in options.out_of_range() {
            let span = self.span_of(found.key);
            self.mistake(span, found.problem, found.remedy);
        }
        let answers = match (choices, multi_label) {
            (Some(choices), _) => Answers::Choice(choices),
            (None, Some(several)) => Answers::SeveralLabels(several),
            (None, None) => Answers::OneLabel,
        };
        let origin = Origin {
            file: self.file.to_owned(),
            text: Arc::clone(&self.text),
            patterns: pattern_spans,
            labels: label_spans,
            words: word_spans,
            keys: std::mem::take(&mut self.keys),
            is_record: false,
        };
        Task {
            name,
            patterns,
            own_words,
            spacing,
            labels,
            described,
            answers,
            data,
            metrics,
            model,
            options,
            in_memory: Default::default(),
            origin,
        }
    }

    fn name(&mut self, top: &Section) -> String {
        let Some((name, span)) = self.text(top, "name") else {
            let stem = Path::new(self.file).file_stem().unwrap_or_default();
            return plain_name(&stem.to_string_lossy());
        };
        if name.chars().count() > LONGEST_NAME {
            self.mistake(
                span,
                format!("the name has more than {LONGEST_NAME} letters, and directories are named by it"),
                format!("shorten it, for example to `{}`", plain_name(&name)),
            );
        } else if name.is_empty() || !name.chars().all(is_plain) || name.starts_with('.') {
            self.mistake(
                span,
                format!("`{name}` cannot name a directory"),
                format!("use letters, digits, `-`, `_` and `.`, for example `{}`", plain_name(&name)),
            );
        }
        name
    }

    fn data(&mut self, section: &Section, dir: &Path) -> Data {
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

    #[allow(clippy::type_complexity)] // labels, their names' places, their words' places
    fn labels(&mut self, top: &Section) -> (Vec<Label>, Vec<Range<usize>>, Vec<Vec<Range<usize>>>) {
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
        // A single text against everything else; see `free_text`.
        let is_free = entries.len() == 2
            && without_words.len() == 1
            && entries.iter().any(|(_, words)| matches!(&words[..], [(word, _)] if takes_columns(word)));
        if !is_free {
            for (name, span) in without_words {
                self.mistake(
                    span,
                    format!("the label `{name}` has no word"),
                    "give it at least one word that fits into the patterns; only where the other of two labels is a \
                     column's text may a label be everything else",
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

    /// Whether the program is to find the labels' words.
    fn finds_words(&mut self, top: &Section, choices: bool) -> bool {
        let Some((value, span)) = self.text(top, "words") else { return false };
        let has = |key: &str| top.table.is_some_and(|table| table.contains_key(key));
        if value != "auto" {
            self.mistake(
                span,
                format!("`words` is `{value}`"),
                "write `words = \"auto\"` if the program is to find words for the labels; else remove it, and write the words under `[labels]`",
            );
        } else if choices || has("multi_label") {
            self.mistake(
                span,
                "`words = \"auto\"` finds words for labels, and there are none that rows have one of",
                "remove `words`",
            );
        }
        true
    }

    /// Whether the labels are a mere list of names, which is a mistake where their words are not to be found.
    fn lists_labels(&mut self, top: &Section) -> bool {
        let value = top.table.and_then(|table| table.get("labels"));
        let Some(value) = value.filter(|value| value.get_ref().is_array()) else { return false };
        self.mistake(
            value.span(),
            "the labels have no words",
            "write `words = \"auto\"` above, and the program finds some; or a section `[labels]` with a word for each label, for example \
             `positive = \"good\"`",
        );
        true
    }

    /// Labels whose words are to be found: a list of names, or a section with what is said of each.
    #[allow(clippy::type_complexity)] // labels, their names' places, what is said of them
    fn labels_without_words(
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
                        "a text that says what the label means, or `\"\"`: with `words = \"auto\"` its words are found",
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
                "a label's name must not be empty or begin or end with a blank",
                "labels in the data are compared without blanks around them",
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

    fn choices(&mut self, top: &Section) -> Option<Choices> {
        let section = self.section(top, "choices");
        section.table?;
        self.known(&section, CHOICES);
        if top.table.is_some_and(|table| table.contains_key("labels")) {
            self.mistake(
                section.span.clone(),
                "there are `[choices]` and `[labels]`",
                "keep `[choices]` if every row has a list of texts to choose among, else `[labels]`",
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

    /// A classifier has the same labels for all rows, so that rows with choices of their own cannot have one.
    fn without_classifier(&mut self, data: &Data, options: &Options) {
        let mut refuse = |key: &str, is: bool, problem: &str, remedy: &str| {
            if is {
                let span = self.span_of(key);
                self.mistake(span, format!("{problem}, and rows with `[choices]` can have none"), remedy);
            }
        };
        refuse(
            "data.unlabeled",
            !data.unlabeled.is_empty(),
            "from unlabelled rows a classifier would be distilled",
            "remove `unlabeled`",
        );
        refuse(
            "train.method",
            options.method != super::Method::Pet,
            "this `method` ends with a classifier",
            "remove `method`",
        );
        refuse("train.compare", options.compare, "`compare` trains a classifier", "remove `compare`");
    }

    fn metrics(&mut self, top: &Section, labels: &[Label]) -> Metrics {
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

    fn options(&mut self, top: &Section, preset: Option<Preset>) -> Options {
        let train = self.section(top, "train");
        self.known(&train, TRAIN);
        let own = self.choice(&train, "preset");
        let defaults = preset.or(own).unwrap_or_default().options();
        let ipet = self.section(top, "ipet");
        self.known(&ipet, IPET);
        let distil = self.section(top, "distil");
        self.known(&distil, DISTIL);
        Options {
            method: self.choice(&train, "method").unwrap_or(defaults.method),
            seeds: self.seeds(&train, &defaults.seeds).unwrap_or(defaults.seeds),
            steps: self.number(&train, "steps").unwrap_or(defaults.steps),
            batch_size: self.number(&train, "batch_size").unwrap_or(defaults.batch_size),
            accumulation: self.number(&train, "accumulation").unwrap_or(defaults.accumulation),
            learning_rate: self.float(&train, "learning_rate").unwrap_or(defaults.learning_rate),
            weight_decay: self.float(&train, "weight_decay").unwrap_or(defaults.weight_decay),
            warmup: self.float(&train, "warmup").unwrap_or(defaults.warmup),
            freeze: self.number(&train, "freeze").unwrap_or(defaults.freeze),
            max_length: self.number(&train, "max_length").unwrap_or(defaults.max_length),
            precision: self.choice(&train, "precision").unwrap_or(defaults.precision),
            merge: self.choice(&train, "merge").unwrap_or(defaults.merge),
            decoding: self.choice(&train, "decoding").unwrap_or(defaults.decoding),
            hinge: self.choice(&train, "hinge").unwrap_or(defaults.hinge),
            calibrate: self.boolean(&train, "calibrate").unwrap_or(defaults.calibrate),
            probe: self.boolean(&train, "probe").unwrap_or(defaults.probe),
            lm_weight: self.float(&train, "lm_weight").unwrap_or(defaults.lm_weight),
            keep: self.choice(&train, "keep").unwrap_or(defaults.keep),
            measure: self.choice(&train, "measure").unwrap_or(defaults.measure),
            compare: self.boolean(&train, "compare").unwrap_or(defaults.compare),
            priming: self.number(&train, "priming").unwrap_or(defaults.priming),
            ipet: super::Ipet {
                generations: self.number(&ipet, "generations").unwrap_or(defaults.ipet.generations),
                scale: self.float(&ipet, "scale").unwrap_or(defaults.ipet.scale),
                teachers: self.float(&ipet, "teachers").unwrap_or(defaults.ipet.teachers),
                most_likely: self.number(&ipet, "most_likely").unwrap_or(defaults.ipet.most_likely),
            },
            distil: super::Distil {
                steps: self.number(&distil, "steps").unwrap_or(defaults.distil.steps),
                batch_size: self.number(&distil, "batch_size").unwrap_or(defaults.distil.batch_size),
                learning_rate: self.float(&distil, "learning_rate").unwrap_or(defaults.distil.learning_rate),
                temperature: self.float(&distil, "temperature").unwrap_or(defaults.distil.temperature),
                start: self.choice(&distil, "start").unwrap_or(defaults.distil.start),
            },
        }
    }

    /// `seeds`, or `repetitions` seeds from `seed` on.
    fn seeds(&mut self, train: &Section, default: &[u64]) -> Option<Vec<u64>> {
        let seed = self.number::<u64>(train, "seed");
        let repetitions = self.number::<u64>(train, "repetitions");
        let Some(value) = self.get(train, "seeds") else {
            let (first, count) = (seed.unwrap_or(0), repetitions.unwrap_or(default.len() as u64));
            if repetitions.is_some_and(|count| !(1..=1000).contains(&count)) {
                let span = self.span_of("train.repetitions");
                self.mistake(
                    span,
                    format!("`repetitions = {count}` is out of range"),
                    "`repetitions` must be at least 1 and at most 1000",
                );
                return None;
            }
            return Some((0..count).map(|i| first.wrapping_add(i)).collect());
        };
        if seed.is_some() || repetitions.is_some() {
            let span = self.span_of(if seed.is_some() { "train.seed" } else { "train.repetitions" });
            self.mistake(span, "`seeds` is given too", "write either `seeds`, or `seed` and `repetitions`");
        }
        let DeValue::Array(items) = value.get_ref() else {
            self.wrong_type("seeds", value, "a list of whole numbers");
            return None;
        };
        let mut seeds = Vec::new();
        for item in items.iter() {
            match whole::<u64>(item.get_ref()) {
                Some(seed) if seeds.contains(&seed) => {
                    self.mistake(item.span(), "this seed is there twice", "remove one")
                }
                Some(seed) => seeds.push(seed),
                None => self.wrong_type("seeds", item, "a list of whole numbers"),
            }
        }
        Some(seeds)
    }

    // Values of keys. Each method notes a mistake and gives `None` when the value has the wrong type.

    fn section<'a>(&mut self, parent: &Section<'a>, name: &'static str) -> Section<'a> {
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

    fn known(&mut self, section: &Section, keys: &[&'static str]) {
        for (key, _) in ordered(section) {
            let name = key.get_ref();
            if keys.contains(&&**name) {
                continue;
            }
            let place =
                if section.name.is_empty() { "here".into() } else { format!("in `[{}]`", section.name) };
            let remedy = match nearest(name, keys.iter().copied()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the keys are {}", list(keys)),
            };
            self.mistake(key.span(), format!("there is no key `{name}` {place}"), remedy);
        }
    }

    fn get<'a>(&mut self, section: &Section<'a>, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        let (_, value) = section.table?.iter().find(|(name, _)| name.get_ref() == key)?;
        let full = if section.name.is_empty() { key.to_owned() } else { format!("{}.{key}", section.name) };
        self.keys.push((full, value.span()));
        Some(value)
    }

    /// The place of a value that was asked for before; empty if it was not there.
    fn span_of(&self, key: &str) -> Range<usize> {
        self.keys.iter().find(|(name, _)| name == key).map_or(0..0, |(_, span)| span.clone())
    }

    fn wrong_type(&mut self, key: &str, value: &Spanned<DeValue>, expected: &str) {
        let found = value.get_ref().type_str();
        let article = if found.starts_with(['a', 'i', 'o']) { "an" } else { "a" };
        self.mistake(
            value.span(),
            format!("`{key}` is {article} {found}"),
            format!("`{key}` must be {expected}"),
        );
    }

    fn text(&mut self, section: &Section, key: &'static str) -> Option<Located> {
        let value = self.get(section, key)?;
        match value.get_ref() {
            DeValue::String(text) => Some((text.to_string(), value.span())),
            _ => {
                self.wrong_type(key, value, "text in quotes");
                None
            }
        }
    }

    fn boolean(&mut self, section: &Section, key: &'static str) -> Option<bool> {
        let value = self.get(section, key)?;
        match value.get_ref() {
            DeValue::Boolean(value) => Some(*value),
            _ => {
                self.wrong_type(key, value, "true or false");
                None
            }
        }
    }

    fn texts(&mut self, section: &Section, key: &'static str) -> Option<Vec<Located>> {
        let value = self.get(section, key)?;
        self.strings(key, value)
    }

    /// A string, or a list of strings.
    fn strings(&mut self, key: &str, value: &Spanned<DeValue>) -> Option<Vec<Located>> {
        let expected = "text in quotes, or a list of such";
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

    fn number<T: TryFrom<u64>>(&mut self, section: &Section, key: &'static str) -> Option<T> {
        let value = self.get(section, key)?;
        let number = whole(value.get_ref());
        if number.is_none() {
            self.wrong_type(key, value, "a whole number of at least 0");
        }
        number
    }

    fn float(&mut self, section: &Section, key: &'static str) -> Option<f64> {
        let value = self.get(section, key)?;
        let number = match value.get_ref() {
            DeValue::Float(float) => float.as_str().replace('_', "").parse().ok(),
            other => {
                let integer = other.as_integer();
                integer
                    .and_then(|found| {
                        i64::from_str_radix(&found.as_str().replace('_', ""), found.radix()).ok()
                    })
                    .map(|found| found as f64)
            }
        };
        if number.is_none() {
            self.wrong_type(key, value, "a number");
        }
        number
    }

    fn choice<T: Choice>(&mut self, section: &Section, key: &'static str) -> Option<T> {
        let (word, span) = self.text(section, key)?;
        let choice = T::of(&word);
        if choice.is_none() {
            self.mistake(
                span,
                format!("`{word}` is no value of `{key}`"),
                format!("the values are {}", T::words()),
            );
        }
        choice
    }
}

/// Whether a word is taken from a row.
fn takes_columns(word: &str) -> bool {
    word.parse::<Template>().is_ok_and(|template| template.fields().next().is_some())
}

fn whole<T: TryFrom<u64>>(value: &DeValue) -> Option<T> {
    let integer = value.as_integer()?;
    let number = u64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()?;
    number.try_into().ok()
}

/// The entries of a table in the order of the file.
fn ordered<'a>(
    section: &Section<'a>,
) -> Vec<(&'a Spanned<std::borrow::Cow<'a, str>>, &'a Spanned<DeValue<'a>>)> {
    let mut entries: Vec<_> = section.table.into_iter().flat_map(|table| table.iter()).collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::task::tests::{EXAMPLE, parse as read, refuse};
    use crate::task::{Keep, Method};

    fn one(text: &str) -> (u64, String, String, String) {
        let mut mistakes = refuse(text);
        assert_eq!(mistakes.len(), 1, "{mistakes:#?}");
        mistakes.remove(0)
    }

    fn is(got: (u64, String, String, String), line: u64, at: &str, problem: &str) {
        assert_eq!((got.0, got.1.as_str(), got.2.as_str()), (line, at, problem));
    }

    #[test]
    fn a_mistake_in_a_pattern_is_pointed_at_within_the_string() {
        let text = EXAMPLE.replace("about {mask}", "about [MASK]");
        is(one(&text), 4, "[MASK]", "the pattern has no `{mask}`");
        let text = EXAMPLE.replace("Team: {mask}.", "Team: {mask} {mask}.");
        is(one(&text), 4, "{mask}", "a second `{mask}`");
        let text = EXAMPLE.replace("\"{subject} {message} This", "\"\\u0041{subject} {message} {mask} This");
        is(one(&text), 4, "\"\\u0041{subject} {message} {mask} This is about {mask}.\"", "a second `{mask}`");
    }

    #[test]
    fn a_pattern_without_a_column_is_refused() {
        let text = EXAMPLE.replace("'Team: {mask}. {subject|trim} {message}'", "'Team: {mask}.'");
        let problem = "the pattern uses no column of the data, so that it asks the same of every row";
        is(one(&text), 4, "'Team: {mask}.'", problem);
    }

    #[test]
    fn a_mistyped_key_is_answered_with_the_right_one() {
        let got = one(&EXAMPLE.replace("unlabeled =", "unlabelled ="));
        assert_eq!(got.3, "did you mean `unlabeled`?");
        is(got, 8, "unlabelled", "there is no key `unlabelled` in `[data]`");
        is(one(&format!("{EXAMPLE}[train]\nstep = 3\n")), 16, "step", "there is no key `step` in `[train]`");
        is(one(&format!("pattern = 'x'\n{EXAMPLE}")), 1, "pattern", "there is no key `pattern` here");
    }

    #[test]
    fn two_labels_with_the_same_word_are_refused() {
        let got = one(&EXAMPLE.replace("\"other\"", "\"payment\""));
        is(got, 14, "\"payment\"", "the labels `billing` and `not mine` have the same word `payment`");
        is(
            one(&EXAMPLE.replace("payment", "invoice")),
            13,
            "\"invoice\"",
            "the label `billing` has the word `invoice` twice",
        );
    }

    #[test]
    fn labels_whose_words_are_to_be_found_are_named_or_described() {
        let text = |top: &str, labels: &str| {
            format!("format = 1\nname = 't'\n{top}\npatterns = ['{{text}} {{mask}}']\n{labels}[data]\n")
        };
        let described = |labels: &str| {
            let task = Task::parse("t.toml", &text("words = 'auto'", labels), Path::new(".")).unwrap();
            (task.label_names(), task.described.unwrap())
        };
        assert_eq!(described("labels = ['a', 'b']\n"), (vec!["a".into(), "b".into()], vec![None, None]));
        let (names, said) = described("[labels]\nb = 'slow delivery'\na = ''\n");
        assert_eq!((names, said), (vec!["b".into(), "a".into()], vec![Some("slow delivery".into()), None]));
        is(one(&text("words = 'good'", "[labels]\na = 'x'\nb = 'y'\n")), 3, "'good'", "`words` is `good`");
        let found = one(&text("words = 'auto'", "labels = ['a', 'a']\n"));
        is(found, 5, "'a'", "the label `a` is there twice");
        is(one(&text("words = 'auto'", "labels = ['a']\n")), 5, "['a']", "there is only one label");
        let list = one(&text("words = 'auto'", "[labels]\na = ['x', 'y']\nb = ''\n"));
        assert!(list.2.contains("words = \"auto\"") || list.3.contains("words = \"auto\""), "{list:?}");
        let own = text("words = 'auto'", "labels = ['a', 'b']\n")
            .replace("['{text} {mask}']", "[{ pattern = '{text} {mask}', words = { a = 'x' } }]");
        assert!(one(&own).2.starts_with("this pattern has words of its own"), "{:?}", one(&own));
        is(one(&text("", "labels = ['a', 'b']\n")), 5, "['a', 'b']", "the labels have no words");
        let several = text("words = 'auto'", "labels = ['a', 'b']\n[choices]\nfrom = 'x'\n");
        assert!(Task::parse("t.toml", &several, Path::new(".")).is_err());
    }

    #[test]
    fn a_label_may_be_everything_else_if_the_other_one_is_a_text_of_the_row() {
        let three = "technical = \"bug\"\nbilling   = [\"invoice\", \"payment\"]\n\"not mine\" = \"other\"\n";
        let with = |labels: &str| EXAMPLE.replace(three, labels);
        let task = read(&with("yes = \"{subject}\"\nno = []\n"));
        assert_eq!((task.labels[0].words.len(), task.labels[1].words.len()), (1, 0));
        for (labels, line, name) in [
            ("yes = \"bug\"\nno = []\n", 13, "no"),
            ("yes = [\"{subject}\", \"{message}\"]\nno = []\n", 13, "no"),
            ("yes = \"{subject}\"\nno = []\nperhaps = \"perhaps\"\n", 13, "no"),
        ] {
            is(one(&with(labels)), line, "[]", &format!("the label `{name}` has no word"));
        }
    }

    #[test]
    fn every_mistake_is_found_at_once_in_the_order_of_the_file() {
        let text =
            "name = 'a b'\npatterns = ['{x', 3]\n[labels]\na = []\n[train]\nsteps = 0\nmerge = 'max'\n";
        let got: Vec<_> = refuse(text).into_iter().map(|mistake| (mistake.0, mistake.2)).collect();
        let want = [
            (1, "`format` is missing"),
            (1, "`a b` cannot name a directory"),
            (2, "this `{` is never closed"),
            (2, "`patterns` is an integer"),
            (3, "there is only one label"),
            (4, "the label `a` has no word"),
            (6, "`steps = 0` is out of range"),
            (7, "`max` is no value of `merge`"),
        ];
        assert_eq!(got, want.map(|(line, problem)| (line, problem.to_owned())));
    }

    #[test]
    fn a_pattern_may_have_words_of_its_own() {
        let own = "{ pattern = '{subject} {mask}', words = { billing = 'money' } }";
        let task = read(&EXAMPLE.replace("'Team: {mask}. {subject|trim} {message}'", own));
        assert_eq!(task.labels_of(0)[1].words, ["invoice", "payment"]);
        assert_eq!(task.labels_of(1)[1].words, ["money"]);
        assert_eq!(task.labels_of(1)[0].words, ["bug"]);
        assert_eq!(task.pattern_text(1), "{subject} {mask} (bug / money / other)");
        let wrong = |new: &str| one(&EXAMPLE.replace("'Team: {mask}. {subject|trim} {message}'", new));
        let got = wrong(&own.replace("billing", "biling"));
        assert_eq!(got.3, "did you mean `billing`?");
        is(got, 4, "biling", "there is no label `biling`");
        is(wrong(&own.replace("'money'", "[]")), 4, "[]", "the label `billing` has no word");
        is(wrong(&own.replace("'money'", "' '")), 4, "' '", "a word of the label `billing` is empty");
        is(wrong(&own.replace("words", "word")), 4, "word", "there is no key `word` in `[patterns]`");
    }

    #[test]
    fn a_column_that_cannot_be_made_or_named_is_refused() {
        let column = |text: &str| one(&format!("{EXAMPLE}[columns]\n{text}\n"));
        is(column("a = '{x'"), 16, "{", "this `{` is never closed");
        is(
            column("a = { from = 'b' }"),
            16,
            "{ from = 'b' }",
            "this does not say how the column `a` is made",
        );
        is(
            column("a = { from = 'b', value = 'c', at = 'd', mark = 'e' }"),
            16,
            "value",
            "there is no key `value` in `[columns]`",
        );
        is(column("mask = 'b'"), 16, "mask", "no pattern can name the column `mask`");
        is(column("a = 3"), 16, "3", "`a` is an integer");
        let shows = format!("{}[columns]\nmessage = 'of {{team}}'\n", EXAMPLE);
        is(
            one(&shows),
            16,
            "'of {team}'",
            "the column `message` shows the label column `team`, and a pattern uses it",
        );
        let rows = EXAMPLE.replace("label     = \"team\"", "label = 'team'\nrows = 'a.b'");
        is(one(&rows), 10, "'a.b'", "`a.b` does not end with a list");
    }

    #[test]
    fn mirrored_columns_need_labels_that_change_places_with_them() {
        let mirror = |columns: &str, first: &str| {
            EXAMPLE
                .replace("label     = \"team\"", &format!("label = 'team'\nmirror = {columns}"))
                .replace("\"bug\"", first)
                .replace("[\"invoice\", \"payment\"]", "'{d|trim}'")
        };
        let task = read(&mirror("['c', 'd']", "'{c|trim}'"));
        assert_eq!(task.data.mirror.unwrap().labels, [1, 0, 2]);
        let problem = "the labels do not change places with the columns `c`, `d`";
        is(one(&mirror("['c', 'd']", "'{c}'")), 10, "['c', 'd']", problem);
        is(one(&mirror("['c']", "'{c|trim}'")), 10, "['c']", "`mirror` names 1 columns");
    }

    #[test]
    fn metrics_name_labels_of_the_task() {
        let task = read(&format!("{EXAMPLE}[metrics]\npositive = 'billing'\ngroup = 'id'\n"));
        assert_eq!((task.metrics.positive, task.metrics.group.as_deref()), (Some(1), Some("id")));
        let got = one(&format!("{EXAMPLE}[metrics]\npositive = 'yes'\n"));
        is(got, 16, "'yes'", "there is no label `yes`");
    }

    #[test]
    fn a_preset_fills_in_what_the_file_does_not_say() {
        let text = format!("{EXAMPLE}[train]\npreset = 'paper'\nsteps = 7\n");
        let task = read(&text);
        let options = (task.options.steps, task.options.accumulation, task.options.distil.steps);
        assert_eq!((options, task.options.seeds), ((7, 4, 5000), vec![0, 1, 2]));
        let quick = parse("t.toml", &text, Path::new("."), Some(Preset::Quick)).unwrap().options;
        assert_eq!((quick.steps, quick.accumulation, quick.max_length), (7, 1, 128));
        is(one(&text.replace("paper", "papr")), 16, "'papr'", "`papr` is no value of `preset`");
    }

    #[test]
    fn text_that_is_not_toml_is_pointed_at() {
        let (line, ..) = one("format = 1\nname = support\n");
        assert_eq!(line, 2);
    }

    #[test]
    fn missing_parts_are_named() {
        let problems = |text: &str| -> Vec<String> { refuse(text).into_iter().map(|got| got.2).collect() };
        assert_eq!(problems(""), ["`format` is missing", "`patterns` is missing", "there are no labels"]);
        assert_eq!(
            problems(&EXAMPLE.replace("label     = \"team\"", "")),
            ["`label` is missing in `[data]`"]
        );
        assert_eq!(
            problems(&EXAMPLE.replace("format   = 1", "format = 2")),
            ["this is format 2, which this version does not know"]
        );
        assert_eq!(
            problems(&EXAMPLE.replace("{message} This", "{team} This")),
            ["the pattern shows the label column `team`"]
        );
    }

    #[test]
    fn options_are_read_and_seeds_can_be_counted_or_listed() {
        let task = read(&format!(
            "{EXAMPLE}[train]\nmethod = 'supervised'\nseed = 5\nrepetitions = 2\nlearning_rate = 3e-5\nwarmup = 0\nkeep = 'final'\ncompare = true\npriming = 8\n[distil]\ntemperature = 4\n"
        ));
        assert_eq!((task.options.method, task.options.keep), (Method::Supervised, Keep::Final));
        assert_eq!((task.options.compare, task.options.priming), (true, 8));
        assert_eq!(task.options.seeds, [5, 6]);
        assert_eq!((task.options.learning_rate, task.options.distil.temperature), (3e-5, 4.0));
        assert_eq!(read(&format!("{EXAMPLE}[train]\nseeds = [3, 1]")).options.seeds, [3, 1]);
        is(one(&format!("{EXAMPLE}[train]\nseeds = [3]\nseed = 1")), 17, "1", "`seeds` is given too");
        is(one(&format!("{EXAMPLE}[train]\nseeds = []")), 16, "[]", "`seeds` is an empty list");
    }

    proptest! {
        #[test]
        fn any_text_is_a_task_or_mistakes_with_places_in_it(
            edits in prop::collection::vec((any::<prop::sample::Index>(), "[\"'{}=\\[\\]a-c1 \n.é]{0,2}"), 0..4),
        ) {
            let mut chars: Vec<String> = EXAMPLE.chars().map(String::from).collect();
            for (at, text) in edits {
                let at = at.index(chars.len());
                chars[at] = text;
            }
            let text = chars.concat();
            if let Err(error) = parse("t.toml", &text, Path::new("."), None) {
                for mistake in error.mistakes() {
                    prop_assert!(text.get(mistake.span()).is_some());
                }
            }
        }
    }
}
