//! What `cloze check` tells before any training: the data, the label words, every pattern filled with the user's rows.

use std::collections::HashMap;

use cloze_encoder::Tokenizer;
use serde::Serialize;

use crate::error::{Mistake, TaskError, counted};
use crate::inspect::estimate::Estimate;
use crate::pvp::encode::{ClassifierEncoder, Cut, PatternEncoder, Piece};
use crate::pvp::verbalizer::Verbalizer;
use crate::task::{Example, Method, Set, SetRows, Task, label_counts};
use crate::{Error, Place, Result, Warning};

/// At most so many rows are encoded to see how long inputs are.
const SAMPLE: usize = 300;
/// Fewer rows of a label say nothing about its words.
const ENOUGH_ROWS: usize = 3;
/// A larger share of cut rows is worth a warning.
const CUT_SHARE: f64 = 0.1;

/// Everything that can be said about a task without running the model.
#[derive(Debug, Clone, Serialize)]
pub struct CheckReport {
    /// The task's name.
    pub name: String,
    /// The task file.
    pub file: String,
    /// The sets of rows that the task has.
    pub sets: Vec<SetReport>,
    /// The topics that rows can be about, where they can have several labels.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<TopicReport>,
    /// The labels in the order of the task file; none where rows have choices of their own.
    pub labels: Vec<LabelReport>,
    /// The patterns in the order of the task file.
    pub patterns: Vec<PatternReport>,
    /// The inputs of the final classifier.
    pub classifier: Lengths,
    /// Patterns times seeds: how many models make the ensemble.
    pub members: usize,
    /// Jobs, minutes, memory and disk, once something has estimated them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimate: Option<Estimate>,
    /// What is probably not meant.
    pub warnings: Vec<Warning>,
}

/// A set of rows.
#[derive(Debug, Clone, Serialize)]
pub struct SetReport {
    /// `train`, `unlabeled` or `test`.
    pub set: &'static str,
    /// Its files.
    pub files: Vec<String>,
    /// The columns of the first file.
    pub columns: Vec<String>,
    /// How many rows are used.
    pub rows: usize,
    /// How many rows were passed over, since nobody has labelled them.
    pub unlabelled: usize,
}

/// A topic that rows can be about.
#[derive(Debug, Clone, Serialize)]
pub struct TopicReport {
    /// Its name.
    pub name: String,
    /// Its description.
    pub text: String,
    /// Rows to learn from that are about it.
    pub train_rows: usize,
    /// Rows to evaluate on that are about it.
    pub test_rows: usize,
}

/// A label.
#[derive(Debug, Clone, Serialize)]
pub struct LabelReport {
    /// Its name.
    pub name: String,
    /// Rows to learn from; where rows can have several labels, the answers for all topics.
    pub train_rows: usize,
    /// Rows to evaluate on, likewise.
    pub test_rows: usize,
    /// How often the untouched model gives it a higher probability in a labelled row of it than in a row of another label, see
    /// [`crate::words::apart`]; none until somebody has asked the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_apart: Option<f64>,
    /// Its words as the first pattern sees them.
    pub words: Vec<WordReport>,
}

/// A label's word.
#[derive(Debug, Clone, Serialize)]
pub struct WordReport {
    /// As the task file has it.
    pub word: String,
    /// The tokens it is in the vocabulary; none if it is taken from columns.
    pub tokens: Vec<String>,
    /// The tokens' ids.
    pub ids: Vec<u32>,
}

/// A pattern with some rows filled in.
#[derive(Debug, Clone, Serialize)]
pub struct PatternReport {
    /// The pattern.
    pub pattern: String,
    /// Some of the user's rows, the longest among them.
    pub examples: Vec<FilledReport>,
    /// How long its inputs are.
    pub lengths: Lengths,
}

/// A row filled into a pattern.
#[derive(Debug, Clone, Serialize)]
pub struct FilledReport {
    /// Where the row stands.
    pub place: Place,
    /// The filled pattern.
    pub pieces: Vec<Piece>,
    /// Its tokens after cutting.
    pub tokens: usize,
    /// What had to be cut.
    pub cut: Vec<Cut>,
}

/// How long inputs are, measured on a sample of the rows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Lengths {
    /// Rows measured.
    pub rows: usize,
    /// Tokens on average, after cutting.
    pub mean: f64,
    /// Tokens of the longest, after cutting.
    pub longest: usize,
    /// Rows that are cut, as a share of those measured.
    pub cut_share: f64,
}

impl Lengths {
    fn of(inputs: impl Iterator<Item = (usize, bool)>) -> Lengths {
        let (mut lengths, mut total, mut cut) = (Lengths::default(), 0, 0);
        for (tokens, is_cut) in inputs {
            lengths.rows += 1;
            total += tokens;
            cut += usize::from(is_cut);
            lengths.longest = lengths.longest.max(tokens);
        }
        let rows = lengths.rows.max(1) as f64;
        lengths.mean = total as f64 / rows;
        lengths.cut_share = cut as f64 / rows;
        lengths
    }
}

/// Checks a task with its data for a model that takes at most `positions` tokens.
///
/// # Errors
/// All mistakes in the task file that can be found; or else the first one in the data.
pub fn check(task: &Task, tokenizer: &Tokenizer, positions: usize) -> Result<CheckReport> {
    let mut mistakes = Vec::new();
    let mut other = None;
    let mut collect = |error: Error| match error {
        Error::Task(error) => add_new(&mut mistakes, error),
        error => {
            other.get_or_insert(error);
        }
    };
    if let Err(error) = task.check_length(positions) {
        collect(error);
    }
    let mut verbalizers = Vec::new();
    for pattern in 0..task.patterns.len() {
        match Verbalizer::new(task, pattern, tokenizer) {
            Ok(verbalizer) => verbalizers.push(verbalizer),
            Err(error) => collect(error),
        }
    }
    let read = [Set::Train, Set::Unlabeled, Set::Test].map(|set| {
        task.read(set).unwrap_or_else(|error| {
            collect(error);
            SetRows::default()
        })
    });
    if let Some(error) = TaskError::of(mistakes) {
        return Err(error.into());
    }
    if let Some(error) = other {
        return Err(error);
    }

    let sets = sets(task, &read)?;
    let mut warnings: Vec<Warning> = read.iter().flat_map(|rows| rows.warnings.clone()).collect();
    let [train, unlabeled, test] = &read.map(|rows| rows.examples);
    let topics = topics(task, train, test);
    let labels = match task.choices {
        Some(_) => Vec::new(),
        None => labels(task, tokenizer, verbalizers.first(), train, test),
    };
    warn_about_labels(task, &topics, &labels, train, &mut warnings);
    warn_about_rows(task, train, unlabeled, test, &mut warnings);

    let sample = sample(train, unlabeled, test);
    let mut patterns = Vec::new();
    for (pattern, verbalizer) in verbalizers.iter().enumerate() {
        let report = fill(task, pattern, tokenizer, verbalizer, &sample)?;
        if report.lengths.cut_share > CUT_SHARE {
            warnings.push(Warning {
                place: task.place_of_pattern(pattern),
                problem: format!(
                    "{:.0} % of the rows are longer than `max_length = {}` and get cut",
                    report.lengths.cut_share * 100.0,
                    task.options.max_length
                ),
                remedy: match task.options.max_length {
                    length if length < positions => "raise `max_length` if what is cut matters".into(),
                    _ => "the model takes no more; put what matters first".into(),
                },
            });
        }
        patterns.push(report);
    }
    let encoder = ClassifierEncoder::new(tokenizer, task.options.max_length);
    let classifier = Lengths::of(sample.iter().map(|example| {
        let (sequence, cut) = encoder.encode(&example.texts);
        (sequence.len(), cut > 0)
    }));
    Ok(CheckReport {
        name: task.name.clone(),
        file: task.file().to_owned(),
        sets,
        topics,
        labels,
        patterns,
        classifier,
        members: task.patterns.len() * task.options.seeds.len(),
        estimate: None,
        warnings,
    })
}

impl CheckReport {
    /// Adds what the model has made of the labels' words, see [`crate::words::apart`], with a warning for those that say nothing.
    pub fn tell_apart(&mut self, task: &Task, apart: Vec<Option<f64>>) {
        for (index, (label, apart)) in self.labels.iter_mut().zip(apart).enumerate() {
            label.told_apart = apart;
            if let Some(share) = apart.filter(|share| label.train_rows >= ENOUGH_ROWS && *share <= 0.5) {
                self.warnings.push(Warning {
                    place: task.place_of_label(index),
                    problem: format!(
                        "the words of `{}` do not tell it apart: the untouched model finds them likelier in its rows than in others in {:.0} % of \
                         the cases, and chance in 50 %",
                        label.name,
                        100.0 * share
                    ),
                    remedy: "write words that stand for nothing but this label; `cloze init` shows which the model finds likelier in its rows"
                        .into(),
                });
            }
        }
    }
}

/// The same word is wrong in every pattern; it is one mistake.
fn add_new(mistakes: &mut Vec<Mistake>, error: TaskError) {
    for mistake in error.mistakes {
        let same = |known: &Mistake| known.span() == mistake.span() && known.problem == mistake.problem;
        if !mistakes.iter().any(same) {
            mistakes.push(mistake);
        }
    }
}

fn sets(task: &Task, rows: &[SetRows; 3]) -> Result<Vec<SetReport>> {
    let mut sets = Vec::new();
    for (set, rows) in [Set::Train, Set::Unlabeled, Set::Test].into_iter().zip(rows) {
        let files = task.files(set)?;
        let Some(first) = files.first() else { continue };
        let columns = crate::table::Reader::open(first, task.data.reading)?.columns().names().to_vec();
        let files = files.iter().map(|file| file.display().to_string()).collect();
        let (used, unlabelled) = (rows.examples.len() / task.copies(), rows.unlabelled);
        sets.push(SetReport { set: set.key(), files, columns, rows: used, unlabelled });
    }
    Ok(sets)
}

fn topics(task: &Task, train: &[Example], test: &[Example]) -> Vec<TopicReport> {
    let topics = task.multi_label.iter().flat_map(|several| &several.topics);
    let about = |rows: &[Example], topic: usize| {
        rows.iter().skip(topic).step_by(task.copies()).filter(|row| row.label == Some(0)).count()
    };
    let report = |(number, topic): (usize, &crate::task::Topic)| TopicReport {
        name: topic.name.clone(),
        text: topic.text.clone(),
        train_rows: about(train, number),
        test_rows: about(test, number),
    };
    topics.enumerate().map(report).collect()
}

fn labels(
    task: &Task,
    tokenizer: &Tokenizer,
    verbalizer: Option<&Verbalizer>,
    train: &[Example],
    test: &[Example],
) -> Vec<LabelReport> {
    let (train, test) = (label_counts(task.labels.len(), train), label_counts(task.labels.len(), test));
    let report = |(index, label): (usize, &crate::task::Label)| {
        let words = verbalizer.map_or(&[][..], |verbalizer| &verbalizer.words()[index]);
        let word = |word: &crate::pvp::verbalizer::Word| WordReport {
            word: word.text.clone(),
            tokens: word.tokens.iter().map(|&id| tokenizer.text(id).unwrap_or_default()).collect(),
            ids: word.tokens.clone(),
        };
        LabelReport {
            name: label.name.clone(),
            train_rows: train[index],
            test_rows: test[index],
            told_apart: None,
            words: words.iter().map(word).collect(),
        }
    };
    task.labels.iter().enumerate().map(report).collect()
}

fn warn_about_labels(
    task: &Task,
    topics: &[TopicReport],
    labels: &[LabelReport],
    train: &[Example],
    warnings: &mut Vec<Warning>,
) {
    for topic in topics.iter().filter(|topic| topic.train_rows == 0 && !train.is_empty()) {
        warnings.push(Warning {
            place: task.mistake_in_key("multi_label.topics", "", "").place(),
            problem: format!("no row to learn from is about `{}`", topic.name),
            remedy: "label a few rows with it; until then only its description speaks for it".into(),
        });
    }
    for (index, label) in labels.iter().enumerate() {
        if label.train_rows == 0 && !train.is_empty() {
            warnings.push(Warning {
                place: task.place_of_label(index),
                problem: format!("no row to learn from has the label `{}`", label.name),
                remedy: "label a few rows with it; until then only its words speak for it".into(),
            });
        }
    }
}

fn warn_about_rows(
    task: &Task,
    train: &[Example],
    unlabeled: &[Example],
    test: &[Example],
    warnings: &mut Vec<Warning>,
) {
    let mut warn = |place: Place, problem: String, remedy: &str| {
        warnings.push(Warning { place, problem, remedy: remedy.to_owned() });
    };
    if task.options.method != Method::Supervised && task.patterns.len() == 1 {
        warn(
            task.place_of_pattern(0),
            "there is only one pattern".into(),
            "write two to four that ask differently; their models correct each other",
        );
    }
    if task.options.method != Method::Supervised && unlabeled.is_empty() && task.choices.is_none() {
        warn(
            task.mistake_in_key("data.unlabeled", "", "").place(),
            "there are no unlabelled rows, from which the final classifier learns".into(),
            "name files with text of the same kind under `unlabeled`; the more the better",
        );
    }
    // Of a row's copies for all topics one speaks for all; the topic's description in it is none of the row's text.
    let (copies, fields, inputs) = (task.copies(), task.fields(), task.inputs());
    let is_empty = |example: &&Example| {
        let mut texts = fields.iter().zip(&example.texts).filter(|(field, _)| inputs.contains(field));
        texts.all(|(_, text)| text.trim().is_empty())
    };
    for rows in [train, unlabeled, test] {
        let count = rows.iter().step_by(copies).filter(is_empty).count();
        if let Some(first) = rows.iter().step_by(copies).find(is_empty) {
            let what = if count == 1 { "1 row has".into() } else { format!("{count} rows have") };
            warn(first.place.clone(), format!("{what} no text, this one first"), "remove such rows");
        }
    }
    let mut known: HashMap<&[String], &[Example]> = HashMap::new();
    for rows in train.chunks(copies) {
        let first = *known.entry(&rows[0].texts).or_insert(rows);
        if first.iter().zip(rows).any(|(first, row)| first.label != row.label) {
            let line = first[0].place.line.unwrap_or(0);
            warn(
                rows[0].place.clone(),
                format!("the same text has another label in line {line}"),
                "keep the right one",
            );
        }
    }
    for (known, which, remedy) in [
        (
            train,
            "the rows to learn from",
            "remove them from one of the files, for they make the score too good",
        ),
        (
            unlabeled,
            "the unlabelled rows",
            "the classifier is distilled from these, so that it may be a little less good on new texts; remove them from `unlabeled`",
        ),
    ] {
        let seen = task.seen_before(known, test);
        if let Some(first) = seen.first() {
            let verb = if seen.len() == 1 { "is" } else { "are" };
            let what = counted(seen.len(), "test row");
            warn(first.place.clone(), format!("{what} {verb} among {which} too, this one first"), remedy);
        }
    }
}

/// Rows to learn from, and rows evenly spread over the others.
fn sample<'a>(train: &'a [Example], unlabeled: &'a [Example], test: &'a [Example]) -> Vec<&'a Example> {
    let others = if unlabeled.is_empty() { test } else { unlabeled };
    let mut sample: Vec<&Example> = train.iter().take(SAMPLE / 2).collect();
    let step = others.len().div_ceil(SAMPLE / 2).max(1);
    sample.extend(others.iter().step_by(step));
    sample
}

fn fill(
    task: &Task,
    pattern: usize,
    tokenizer: &Tokenizer,
    verbalizer: &Verbalizer,
    sample: &[&Example],
) -> Result<PatternReport> {
    let encoder = PatternEncoder::of_task(task, pattern, tokenizer).asking_for(verbalizer);
    let mut encoded = Vec::with_capacity(sample.len());
    for example in sample {
        let row = encoder.encode(&example.texts);
        encoded.push(row.map_err(|long| encoder.too_long(long, example.place.clone()))?);
    }
    let lengths = Lengths::of(encoded.iter().map(|row| (row.sequence.len(), row.removed() > 0)));
    let mut examples = Vec::new();
    for index in shown(sample, |index| encoded[index].sequence.len() + encoded[index].removed()) {
        let (example, row) = (sample[index], &encoded[index]);
        examples.push(FilledReport {
            place: example.place.clone(),
            pieces: encoder.show(&example.texts, &row.cut),
            tokens: row.sequence.len(),
            cut: row.cut.clone(),
        });
    }
    Ok(PatternReport { pattern: task.pattern_text(pattern), examples, lengths })
}

/// The first row, the first one with another label, and the longest.
fn shown(sample: &[&Example], length: impl Fn(usize) -> usize) -> Vec<usize> {
    let Some(first) = sample.first() else { return Vec::new() };
    let other = sample.iter().position(|example| example.label != first.label);
    let longest = (0..sample.len()).max_by_key(|&index| (length(index), std::cmp::Reverse(index)));
    let mut shown = vec![0];
    for index in [other, longest].into_iter().flatten() {
        if !shown.contains(&index) {
            shown.push(index);
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::pvp::encode::PieceKind;
    use crate::pvp::verbalizer::tests::tokenizer;

    const TASK: &str = r#"format = 1
name = "t"
patterns = ["{text} It is {mask}.", "{mask}: {text}"]
[data]
train = "a.csv"
unlabeled = "b.csv"
test = "c.csv"
label = "y"
[labels]
good = ["good", "great"]
bad = "bad"
[train]
max_length = 12
"#;

    fn checked(task: &str, train: &str, unlabeled: &str, test: &str) -> Result<CheckReport> {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in [("a.csv", train), ("b.csv", unlabeled), ("c.csv", test)] {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        check(&Task::parse("t.toml", task, dir.path())?, &tokenizer(), 64)
    }

    const TRAIN: &str = "text,y\nthe house,good\nthe sun,bad\n";

    #[test]
    fn words_of_several_tokens_and_from_columns_are_shown() {
        let task = TASK.replace("[\"good\", \"great\"]", "[\"the house\", \"{text}\"]");
        let report = checked(&task, TRAIN, "text\nof the sun\n", "text,y\na,good\n").unwrap();
        let words = &report.labels[0].words;
        assert_eq!((words[0].tokens.concat().as_str(), words[0].ids.len()), ("thehouse", 2));
        assert_eq!((words[1].word.as_str(), words[1].ids.len()), ("{text}", 0));
        let columns = task.replace("{text}\"]", "{colour}\"]");
        let error = checked(&columns, TRAIN, "text\nof the sun\n", "text,y\na,good\n").unwrap_err();
        let Error::Task(error) = error else { panic!("{error}") };
        assert_eq!(&columns[error.mistakes()[0].span()], "{colour}");
    }

    #[test]
    fn a_report_shows_counts_words_lengths_and_filled_patterns() {
        let long = format!("text\nof the sun\n{}\n", "sun ".repeat(20));
        let report = checked(TASK, TRAIN, &long, "text,y\nthe hand,good\n").unwrap();
        let rows: Vec<_> = report.sets.iter().map(|set| (set.set, set.rows)).collect();
        assert_eq!(rows, [("train", 2), ("unlabeled", 2), ("test", 1)]);
        assert_eq!((report.labels[0].train_rows, report.labels[0].test_rows), (1, 1));
        assert_eq!(report.labels[0].words[1].tokens, ["great"]);
        let lengths = report.patterns[0].lengths;
        assert_eq!((lengths.rows, lengths.longest, lengths.cut_share), (4, 12, 0.25));
        let longest = report.patterns[0].examples.last().unwrap();
        assert_eq!(longest.cut, [Cut { field: "text".into(), tokens: 14 }]);
        assert!(longest.pieces.iter().any(|piece| piece.kind == PieceKind::Cut { tokens: 14 }));
        assert_eq!(report.patterns[0].examples.len(), 3);
        assert_eq!(report.members, 2);
        assert!(
            report.warnings[0].problem.starts_with("25 % of the rows are longer"),
            "{:?}",
            report.warnings
        );
        assert_eq!(report.warnings[0].place, Place::file("t.toml").line(3));
        assert!(serde_json::to_value(&report).unwrap()["patterns"][0]["examples"][0]["pieces"].is_array());
    }

    #[test]
    fn what_is_probably_not_meant_is_warned_of() {
        let train = "text,y\nthe sun,good\n,good\n";
        let report = checked(TASK, train, "text\n", "text,y\nthe sun,good\n").unwrap();
        let warnings: Vec<_> = report.warnings.iter().map(|warning| warning.problem.as_str()).collect();
        assert_eq!(
            warnings,
            [
                "no row to learn from has the label `bad`",
                "there are no unlabelled rows, from which the final classifier learns",
                "1 row has no text, this one first",
                "1 test row is among the rows to learn from too, this one first",
            ]
        );
        assert_eq!(report.warnings[0].place.line, Some(11));
        let train = "text,y\nthe sun,good\nthe sun,bad\n";
        let one = TASK.replace(", \"{mask}: {text}\"", "");
        let report = checked(&one, train, "text\nx\n", "text,y\nthe hand,good\n").unwrap();
        assert_eq!(report.warnings[0].problem, "there is only one pattern");
        assert_eq!(report.warnings[1].problem, "the same text has another label in line 2");
    }

    #[test]
    fn topics_are_counted_and_rows_told_as_they_are_in_the_files() {
        let task = TASK
            .replace("{text} It is {mask}.", "{text} It is {topic}: {mask}.")
            .replace("{mask}: {text}", "{topic}? {mask}: {text}")
            .replace(
                "[labels]\n",
                "[multi_label]\ntopics = { a = 'the sun', b = 'the hand', c = 'the house' }\n[labels]\n",
            )
            .replace("max_length = 12", "max_length = 32");
        let train = "text,y\nthe sun,a\nthe house,a;b\nthe hand,\n,none\nthe sun,b\n";
        let report =
            checked(&task, train, "text\nof the sun\n \n", "text,y\nthe sun,b\nthe sea,none\n").unwrap();
        let rows: Vec<_> = report.sets.iter().map(|set| (set.set, set.rows)).collect();
        assert_eq!(rows, [("train", 4), ("unlabeled", 2), ("test", 2)]);
        let topics: Vec<_> = report
            .topics
            .iter()
            .map(|topic| (topic.name.as_str(), topic.text.as_str(), topic.train_rows, topic.test_rows))
            .collect();
        assert_eq!(topics, [("a", "the sun", 2, 0), ("b", "the hand", 2, 1), ("c", "the house", 0, 0)]);
        let warnings: Vec<_> = report.warnings.iter().map(|warning| warning.problem.as_str()).collect();
        assert_eq!(
            warnings,
            [
                "no row to learn from is about `c`",
                "1 row has no text, this one first",
                "1 row has no text, this one first",
                "the same text has another label in line 2",
                "1 test row is among the rows to learn from too, this one first",
            ]
        );
        assert_eq!(report.warnings[0].place.line, Some(10));
    }

    #[test]
    fn all_mistakes_in_the_task_file_are_found_together() {
        let task = TASK.replace("bad = \"bad\"", "bad = \"Good\"").replace("{mask}: {text}", "{mask}: {txt}");
        let Err(Error::Task(error)) = checked(&task, TRAIN, "text\nx\n", TRAIN) else { panic!() };
        let lines: Vec<_> = error.mistakes().iter().map(|mistake| mistake.place().line.unwrap()).collect();
        assert_eq!(lines, [3, 3, 3, 11], "{:?}", error.mistakes());
        let task = TASK.replace("max_length = 12", "max_length = 100");
        let error = checked(&task, TRAIN, "text\nx\n", TRAIN).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`t.toml`, line 13: `max_length` is 100, and the model takes at most 64 tokens"
        );
    }

    #[test]
    fn a_task_without_any_data_can_be_checked() {
        let task = "format = 1\npatterns = ['{text} {mask}']\n[labels]\na = 'good'\nb = 'bad'\n";
        let report = check(&Task::parse("t.toml", task, Path::new(".")).unwrap(), &tokenizer(), 512).unwrap();
        assert!(report.sets.is_empty() && report.patterns[0].examples.is_empty());
    }
}
