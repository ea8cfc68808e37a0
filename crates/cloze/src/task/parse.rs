//! Parses the text of a task file into a task, or reports every mistake in it.

mod choices;
mod columns;
mod cursor;
mod data;
mod labels;
mod multi_label;
mod options;
mod patterns;

use std::path::Path;
use std::sync::Arc;

use toml::de::DeTable;

use self::cursor::{Reader, Section};
use super::{Answers, Choices, Origin, Preset, Source, Task};
use crate::error::TaskError;

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
const MODEL: &[&str] = &["directory"];

/// Parses a task, collecting every mistake.
pub(super) fn parse(file: &str, text: &str, dir: &Path, preset: Option<Preset>) -> Result<Task, TaskError> {
    let mut reader = Reader { file, text: text.into(), mistakes: Vec::new(), keys: Vec::new() };
    let document = match DeTable::parse(text) {
        Ok(document) => document.into_inner(),
        Err(error) => {
            let span = error.span().unwrap_or(0..0);
            reader.mistake(
                span,
                error.message().replace('\n', ": "),
                "correct the TOML; text goes in double quotes",
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

/// Longer directory names are inconvenient, and much longer ones impossible.
const LONGEST_NAME: usize = 80;

/// A directory name: every run of characters other than letters and digits becomes a hyphen.
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

impl Reader<'_> {
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
            self.ask_for_classes(several, &patterns, &own_words, &labels, &pattern_spans);
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
            source: Source::File,
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
        is(
            one(&format!("pattern = 'x'\n{EXAMPLE}")),
            1,
            "pattern",
            "there is no key `pattern` at the top of the file",
        );
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
            (7, "`max` is not a value of `merge`"),
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
        let problem = "the labels do not swap together with the columns `c`, `d`";
        is(one(&mirror("['c', 'd']", "'{c}'")), 10, "['c', 'd']", problem);
        is(one(&mirror("['c']", "'{c|trim}'")), 10, "['c']", "`mirror` names 1 column");
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
        is(one(&text.replace("paper", "papr")), 16, "'papr'", "`papr` is not a value of `preset`");
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
                for mistake in &error.mistakes {
                    prop_assert!(text.get(mistake.span.clone()).is_some());
                }
            }
        }
    }
}
