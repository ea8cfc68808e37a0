//! The content of `cloze check`, before any training: the data, the label words, every pattern filled with
//! the user's examples, and the cost.

mod preview;
pub(super) mod report;
mod warnings;

use std::sync::Arc;

use cloze_encoder::{Device, Tokenizer};

use self::report::{CheckReport, ClassReport, LabelReport, Lengths, WordReport};
use crate::dataset::{Data, Examples, label_counts};
use crate::error::{Mistake, TaskError};
use crate::inspect::estimate::{Estimate, Speed};
use crate::inspect::vocabulary;
use crate::pvp::encode::ClassifierEncoder;
use crate::pvp::verbalizer::Verbalizer;
use crate::run::prepare::Prepared;
use crate::task::{Answers, Class, Label, Task};
use crate::{Error, Model, Result, Warning, words};

/// A warning is given if more than this share of examples is truncated.
const CUT_SHARE: f64 = 0.1;

/// Checks a task and its data before training with `model`: shows examples in the patterns, how well the
/// words fit the labels, and what training will cost.
///
/// # Errors
/// All mistakes that can be found in the task file, or otherwise the first one in the data.
pub fn check(task: &Task, model: &Model, device: &Device) -> Result<CheckReport> {
    let checkpoint = model.checkpoint();
    let mut mistakes = Mistakes::default();
    if let Err(error) = task.check_length(checkpoint.config.max_length()) {
        mistakes.add(error);
    }
    let mut data = Data::read_all(task, |error| mistakes.add(error));
    let task = match mistakes.is_empty() {
        true => words::find(task, &data, checkpoint, device)?,
        false => task.clone(),
    };
    let mut report = examine(&task, &data, mistakes, &checkpoint.tokenizer, checkpoint.config.max_length())?;
    report.warnings.extend(vocabulary::warning(&task, &data, model));
    data.test.keep_labelled();
    warnings::tell_apart(&mut report, &task, words::apart(&task, &data, checkpoint, device)?);
    if !data.train.is_empty() || !data.unlabeled.is_empty() {
        let prepared = Prepared::with_data(&task, Arc::new(data), model, device);
        report.estimate = Some(Estimate::new(&prepared, Speed::measure(&prepared)?)?);
    }
    Ok(report)
}

/// The fast part of [`check`], for a task that is ready: data, words and filled patterns.
///
/// # Errors
/// When a word cannot be used, or an example cannot be truncated to the model's maximum length.
pub fn preview(prepared: &Prepared) -> Result<CheckReport> {
    let checkpoint = prepared.checkpoint();
    let positions = checkpoint.config.max_length();
    examine(&prepared.task, &prepared.data, Mistakes::default(), &checkpoint.tokenizer, positions)
}

/// Everything that can be checked without running the model; the model accepts at most `positions` tokens.
///
/// # Errors
/// The `mistakes` and all others in the task file, or otherwise the first one in the data.
fn examine(
    task: &Task,
    data: &Data,
    mut mistakes: Mistakes,
    tokenizer: &Tokenizer,
    positions: usize,
) -> Result<CheckReport> {
    let mut verbalizers = Vec::new();
    for pattern in (0..task.patterns.len()).filter(|_| task.described.is_none()) {
        match Verbalizer::new(task, pattern, tokenizer) {
            Ok(verbalizer) => verbalizers.push(verbalizer),
            Err(error) => mistakes.add(error),
        }
    }
    mistakes.none()?;

    let Data { train, unlabeled, test, .. } = data;
    let classes = classes(task, train, test);
    let labels = match task.answers {
        Answers::Choice(_) => Vec::new(),
        Answers::OneLabel | Answers::SeveralLabels(_) => {
            labels(task, tokenizer, verbalizers.first(), train, test)
        }
    };
    let mut warnings = data.warnings.clone();
    warnings::of_labels(task, &classes, &labels, train, &mut warnings);
    warnings::of_rows(task, train, unlabeled, test, &mut warnings);

    let sample = preview::sample(train, unlabeled, test);
    let mut patterns = Vec::new();
    for (pattern, verbalizer) in verbalizers.iter().enumerate() {
        let report = preview::fill(task, pattern, tokenizer, verbalizer, &sample)?;
        if report.lengths.cut_share > CUT_SHARE {
            warnings.push(Warning {
                place: task.place_of_pattern(pattern),
                problem: format!(
                    "{:.0} % of the rows are longer than `max_length = {}` and will be cut",
                    report.lengths.cut_share * 100.0,
                    task.options.max_length
                ),
                remedy: match task.options.max_length {
                    length if length < positions => {
                        "raise `max_length` if the part that is cut matters".into()
                    }
                    _ => "the model takes no longer inputs; put what matters first".into(),
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
        sets: data.sets.clone(),
        classes,
        labels,
        patterns,
        classifier,
        members: task.patterns.len() * task.options.seeds.len(),
        estimate: None,
        warnings,
    })
}

/// The mistakes in a task file, and the first error in the data.
#[derive(Default)]
struct Mistakes {
    in_task: Vec<Mistake>,
    other: Option<Error>,
}

impl Mistakes {
    fn add(&mut self, error: Error) {
        match error {
            Error::Task(error) => error.mistakes.into_iter().for_each(|mistake| self.add_new(mistake)),
            error => {
                self.other.get_or_insert(error);
            }
        }
    }

    /// Adds a mistake, unless it is known: a word that is wrong in every pattern is one mistake.
    fn add_new(&mut self, mistake: Mistake) {
        let same = |known: &Mistake| known.span == mistake.span && known.problem == mistake.problem;
        if !self.in_task.iter().any(same) {
            self.in_task.push(mistake);
        }
    }

    fn is_empty(&self) -> bool {
        self.in_task.is_empty() && self.other.is_none()
    }

    /// The error that reports them, if there are any.
    fn none(self) -> Result<()> {
        match (TaskError::of(self.in_task), self.other) {
            (Some(mistakes), _) => Err(mistakes.into()),
            (None, Some(error)) => Err(error),
            (None, None) => Ok(()),
        }
    }
}

fn classes(task: &Task, train: &Examples, test: &Examples) -> Vec<ClassReport> {
    let classes = task.answers.several().into_iter().flat_map(|several| &several.classes);
    let about = |examples: &Examples, class: usize| {
        examples.examples().filter(|questions| questions[class].label == Some(0)).count()
    };
    let report = |(number, class): (usize, &Class)| ClassReport {
        name: class.name.clone(),
        text: class.text.clone(),
        train_rows: about(train, number),
        test_rows: about(test, number),
    };
    classes.enumerate().map(report).collect()
}

fn labels(
    task: &Task,
    tokenizer: &Tokenizer,
    verbalizer: Option<&Verbalizer>,
    train: &Examples,
    test: &Examples,
) -> Vec<LabelReport> {
    let (train, test) = (label_counts(task.labels.len(), train), label_counts(task.labels.len(), test));
    let report = |(index, label): (usize, &Label)| {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::Place;
    use crate::pvp::encode::Cut;
    use crate::pvp::encode::preview::PieceKind;
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
        let task = Task::parse("t.toml", task, dir.path())?;
        examined(&task, 64)
    }

    fn examined(task: &Task, positions: usize) -> Result<CheckReport> {
        let mut mistakes = Mistakes::default();
        if let Err(error) = task.check_length(positions) {
            mistakes.add(error);
        }
        let data = Data::read_all(task, |error| mistakes.add(error));
        examine(task, &data, mistakes, &tokenizer(), positions)
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
        assert_eq!(&columns[error.mistakes[0].span.clone()], "{colour}");
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
                "no labelled row has the label `bad`",
                "there are no unlabelled rows for the final classifier to learn from",
                "1 row has no text; this is the first",
                "1 test row is also among the labelled rows; this is the first",
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
    fn classes_are_counted_and_rows_told_as_they_are_in_the_files() {
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
        let classes: Vec<_> = report
            .classes
            .iter()
            .map(|class| (class.name.as_str(), class.text.as_str(), class.train_rows, class.test_rows))
            .collect();
        assert_eq!(classes, [("a", "the sun", 2, 0), ("b", "the hand", 2, 1), ("c", "the house", 0, 0)]);
        let warnings: Vec<_> = report.warnings.iter().map(|warning| warning.problem.as_str()).collect();
        assert_eq!(
            warnings,
            [
                "no labelled row is about `c`",
                "1 row has no text; this is the first",
                "1 row has no text; this is the first",
                "the same text has another label in line 2",
                "1 test row is also among the labelled rows; this is the first",
            ]
        );
        assert_eq!(report.warnings[0].place.line, Some(10));
    }

    #[test]
    fn all_mistakes_in_the_task_file_are_found_together() {
        let task = TASK.replace("bad = \"bad\"", "bad = \"Good\"").replace("{mask}: {text}", "{mask}: {txt}");
        let Err(Error::Task(error)) = checked(&task, TRAIN, "text\nx\n", TRAIN) else { panic!() };
        let lines: Vec<_> = error.mistakes.iter().map(|mistake| mistake.place.line.unwrap()).collect();
        assert_eq!(lines, [3, 3, 3, 11], "{:?}", error.mistakes);
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
        let task = Task::parse("t.toml", task, Path::new(".")).unwrap();
        let report = examined(&task, 512).unwrap();
        assert!(report.sets.is_empty() && report.patterns[0].examples.is_empty());
    }
}
