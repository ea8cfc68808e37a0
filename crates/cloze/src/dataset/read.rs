//! Reads the examples of a split from files and memory.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::cell::Cell;
use super::choices;
use super::doubts::doubts;
use super::example::Example;
use super::examples::Examples;
use super::labels::{self, several_labels};
use super::projection::{Projected, Projection};
use super::sample::{sample, spread, spread_groups};
use crate::error::counted;
use crate::table::{Reader, Records};
use crate::task::{Answers, Mirror, Split, Task};
use crate::{Error, Place, Result, Warning};

/// A source of rows.
enum Source<'t> {
    File(PathBuf),
    Memory(&'t Records),
}

/// The examples of a split, with what else was found.
pub(super) struct ReadSplit {
    /// Its files, and the names of in-memory data.
    pub(super) files: Vec<String>,
    /// The columns of the first file.
    pub(super) columns: Vec<String>,
    /// The examples used.
    pub(super) examples: Examples,
    /// The number of rows skipped because they have no label.
    pub(super) unlabelled: usize,
    /// Likely mistakes.
    pub(super) warnings: Vec<Warning>,
}

/// The examples read from one source.
pub(super) struct ReadRows {
    pub(super) examples: Examples,
    pub(super) unlabelled: usize,
    pub(super) unknown: BTreeMap<String, usize>,
    pub(super) passed_over: usize,
    pub(super) first_unknown: Option<Place>,
}

impl ReadSplit {
    pub(super) fn new(task: &Task) -> ReadSplit {
        ReadSplit {
            files: Vec::new(),
            columns: Vec::new(),
            examples: Examples::new(task, Vec::new()),
            unlabelled: 0,
            warnings: Vec::new(),
        }
    }
}

impl ReadRows {
    fn new(task: &Task) -> ReadRows {
        ReadRows {
            examples: Examples::new(task, Vec::new()),
            unlabelled: 0,
            unknown: BTreeMap::new(),
            passed_over: 0,
            first_unknown: None,
        }
    }
}

impl Task {
    /// Reads the examples of a split. Training examples have a label, test examples have one if the label
    /// column exists, and unlabelled examples never have one. Where labels are read, rows with an empty label
    /// are skipped, so one file can hold both labelled and unlabelled rows. Limits count examples; the test
    /// limit keeps groups together.
    ///
    /// # Errors
    /// When a file cannot be read, lacks a column or has no rows (except for unlabelled examples), or a label
    /// is not one of the task's.
    pub fn examples(&self, split: Split) -> Result<Examples> {
        Ok(read(self, split)?.examples)
    }
}

/// Reads a split, see [`Task::examples`].
pub(super) fn read(task: &Task, split: Split) -> Result<ReadSplit> {
    let fields = task.fields();
    let mut found = ReadSplit::new(task);
    let mut mirrored = Examples::new(task, Vec::new());
    for source in sources(task, split)? {
        read_source(task, &source, split, &fields, None, &mut found)?;
        if split != Split::Test && task.data.mirror.is_some() {
            let mut again = ReadSplit::new(task);
            read_source(task, &source, split, &fields, task.data.mirror.as_ref(), &mut again)?;
            mirrored.append(again.examples);
        }
    }
    let (data, examples) = (&task.data, &mut found.examples);
    let kept = match split {
        Split::Train => data.train_limit.map(|limit| sample(examples, limit, data.train_seed)),
        Split::Unlabeled => data.unlabeled_limit.map(|limit| spread(examples.count(), limit).collect()),
        Split::Test => data.test_limit.map(|limit| spread_groups(examples, limit)),
    };
    if let Some(kept) = kept {
        examples.keep(&kept);
        mirrored.keep(&kept);
    }
    examples.append(mirrored);
    Ok(found)
}

/// The files of a split and its in-memory examples.
fn sources(task: &Task, split: Split) -> Result<Vec<Source<'_>>> {
    let files = task.files(split)?.into_iter().map(Source::File);
    Ok(files.chain(task.records(split).map(Source::Memory)).collect())
}

fn read_source(
    task: &Task,
    source: &Source,
    split: Split,
    fields: &[String],
    mirror: Option<&Mirror>,
    found: &mut ReadSplit,
) -> Result<()> {
    match source {
        Source::File(file) => {
            found.files.push(file.display().to_string());
            read_part(task, Reader::open(file, task.data.reading)?, split, fields, mirror, found)
        }
        Source::Memory(records) => {
            found.files.push(records.name().to_owned());
            let known = found.examples.len();
            let warned = found.warnings.len();
            read_part(task, records.reader()?, split, fields, mirror, found)
                .map_err(|error| error.in_memory(0))?;
            found.examples.change(known.., |example| example.place = example.place.clone().in_memory());
            for warning in &mut found.warnings[warned..] {
                warning.place = warning.place.clone().in_memory();
            }
            Ok(())
        }
    }
}

fn read_part(
    task: &Task,
    reader: Reader,
    split: Split,
    fields: &[String],
    mirror: Option<&Mirror>,
    found: &mut ReadSplit,
) -> Result<()> {
    let columns = reader.header().clone();
    if found.columns.is_empty() {
        found.columns = columns.names().to_vec();
    }
    let rows = read_rows(task, reader, split, fields, mirror)?;
    if let Some(place) = rows.first_unknown {
        return Err(labels::unknown(task, place, &rows.unknown, true));
    }
    if rows.examples.is_empty() && split != Split::Unlabeled {
        return Err(Error::data(
            columns.place(),
            match rows.unlabelled {
                0 => "there are no labelled rows in it".to_owned(),
                rows => {
                    format!("there are no labelled rows in it: {} without a label", counted(rows, "row"))
                }
            },
            format!("label some rows, or remove the file from `{}`", split.key()),
        ));
    }
    found.unlabelled += rows.unlabelled;
    found.examples.append(rows.examples);
    found.warnings.extend(doubts(task, &columns, split));
    Ok(())
}

/// Reads the rows of a file or of in-memory data as examples of a split.
pub(super) fn read_rows(
    task: &Task,
    mut reader: Reader,
    split: Split,
    fields: &[String],
    mirror: Option<&Mirror>,
) -> Result<ReadRows> {
    let columns = reader.header().clone();
    let has = |name: &str| Projection::has(task, &columns, name);
    let label = match (&task.data.label, split) {
        (Some(label), Split::Train) if !has(label) => {
            let problem = format!("there is no column `{label}` in {}", columns.place());
            return Err(task.mistake_in_key("data.label", problem, columns.hint(label)).into());
        }
        (Some(label), Split::Train | Split::Test) if has(label) => Some(label),
        _ => None,
    };
    let group = match &task.metrics.group {
        Some(group) if split == Split::Test && !has(group) => {
            let problem = format!("there is no column `{group}` in {}", columns.place());
            return Err(task.mistake_in_key("metrics.group", problem, columns.hint(group)).into());
        }
        group => group.as_ref().filter(|_| split == Split::Test),
    };
    let names: Vec<String> = fields.iter().chain(label).chain(group).cloned().collect();
    let mut projection = Projection::new(task, &columns, &names, mirror.map(|mirror| &mirror.columns))?;
    let mut found = ReadRows::new(task);
    let mut examples: Vec<Example> = Vec::new();
    for row in reader.rows() {
        let row = row?;
        for Projected { example: number, class, values: mut texts } in projection.read(&row)? {
            let group = match group {
                Some(_) => texts.pop(),
                None if split == Split::Test => {
                    task.answers.several().map(|_| format!("{}, {number}", row.place()))
                }
                None => None,
            };
            // All questions about an example share the same label cell.
            let counts = usize::from(class == 0);
            let cell = label.and_then(|label| Some((label, texts.pop()?)));
            if let Answers::Choice(_) = task.answers {
                if cell.as_ref().is_some_and(|(_, cell)| choices::says_nothing(task, cell, &texts)) {
                    found.unlabelled += counts;
                    continue;
                }
                let mut example = Example { group, ..Example::new(task, texts, row.place())? };
                if let Some((_, cell)) = &cell {
                    example = choices::with_right(example, cell.trim())?;
                }
                match split {
                    Split::Train => {
                        let number = examples.len();
                        examples.extend(choices::training_examples(task, example, number));
                    }
                    Split::Unlabeled | Split::Test => examples.push(example),
                }
                continue;
            }
            let known = match cell {
                None => None,
                Some((label, cell)) => match labels::read(task, &cell, class) {
                    Cell::Unlabelled => {
                        found.unlabelled += counts;
                        continue;
                    }
                    Cell::Label(known) => Some(known),
                    Cell::Unknown(names) => {
                        found.first_unknown.get_or_insert_with(|| row.place().field(label));
                        for name in names {
                            *found.unknown.entry(name).or_default() += counts;
                        }
                        found.passed_over += counts;
                        continue;
                    }
                    Cell::Several(names) => return Err(several_labels(row.place().field(label), &names)),
                },
            };
            let label = match mirror {
                Some(mirror) => known.map(|label| mirror.labels[label]),
                None => known,
            };
            examples.push(Example { label, group, ..Example::new(task, texts, row.place())? });
        }
    }
    found.examples = Examples::new(task, examples);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::dataset::evaluation;
    use crate::dataset::example::{fingerprint, label_counts};
    use crate::task::tests::EXAMPLE;

    struct Folder(tempfile::TempDir);

    impl Folder {
        fn new(files: &[(&str, &str)]) -> Folder {
            let dir = tempfile::tempdir().unwrap();
            for (name, text) in files {
                let path = dir.path().join(name);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            Folder(dir)
        }

        fn task(&self) -> Task {
            Task::parse("t.toml", EXAMPLE, self.0.path()).unwrap()
        }
    }

    fn texts(examples: &[Example]) -> Vec<&str> {
        examples.iter().map(|example| example.texts[1].as_str()).collect()
    }

    #[test]
    fn rows_are_projected_to_the_fields_and_labels_found_by_name() {
        let folder = Folder::new(&[
            ("labelled.csv", "id,message,team,subject\n1,broken, technical ,Help\n2,pay,billing,Hi\n"),
            ("tickets/b.jsonl", "{}"),
            ("tickets/b.csv", "subject,message\ns,two\n"),
            ("tickets/a.csv", "message,subject,team\none,s,whatever\n"),
        ]);
        let task = folder.task();
        let train = task.examples(Split::Train).unwrap();
        assert_eq!(train[0].texts, ["Help", "broken"]);
        assert_eq!((train[0].label, train[1].label), (Some(0), Some(1)));
        assert_eq!(train[1].place.line, Some(3));
        assert_eq!(label_counts(3, &train), [1, 1, 0]);
        let unlabeled = task.examples(Split::Unlabeled).unwrap();
        assert_eq!(texts(&unlabeled), ["one", "two"]);
        assert_eq!(unlabeled[0].label, None);
        assert!(task.examples(Split::Test).unwrap().is_empty());
        assert_ne!(fingerprint(&task, &train), fingerprint(&task, &unlabeled));
    }

    #[test]
    fn rows_to_learn_from_are_mirrored_and_rows_of_a_question_belong_together() {
        let text = "format = 1\npatterns = '{c} or {d}? {mask}'\n[data]\ntrain = 'a.jsonl'\nunlabeled = 'a.jsonl'\ntest = 'a.jsonl'\n\
            label = 'right'\nmirror = ['c', 'd']\nunlabeled_limit = 1\n[metrics]\ngroup = 'of.id'\npositive = 'true'\n\
            [labels]\nfalse = '{c}'\ntrue = '{d}'\n";
        let row = |c: &str, right: &str| {
            format!("{{\"c\": \"{c}\", \"d\": \"z\", \"right\": {right}, \"of\": {{\"id\": 7}}}}\n")
        };
        let folder = Folder::new(&[("a.jsonl", &(row("x", "true") + &row("y", "false")))]);
        let task = Task::parse("t.toml", text, folder.0.path()).unwrap();
        let show = |split| -> Vec<(String, Option<usize>)> {
            let examples = task.examples(split).unwrap();
            examples.iter().map(|example| (example.texts.concat(), example.label)).collect()
        };
        let row = |text: &str, label| (text.to_owned(), label);
        let train = [row("xz", Some(1)), row("yz", Some(0)), row("zx", Some(0)), row("zy", Some(1))];
        assert_eq!(show(Split::Train), train);
        assert_eq!(show(Split::Unlabeled), [row("yz", None), row("zy", None)]);
        assert_eq!(show(Split::Test), train[..2]);
        let test = task.examples(Split::Test).unwrap();
        assert_eq!(test[0].group.as_deref(), Some("7"));
        let evaluation = evaluation(&task, &test, &[1, 1]);
        assert_eq!(evaluation.exact_match.unwrap().value, 0.0);
        assert_eq!(evaluation.f1.unwrap().value, 2.0 / 3.0);
    }

    #[test]
    fn a_label_that_the_task_does_not_know_is_an_error_with_its_line() {
        let folder =
            Folder::new(&[("labelled.csv", "message,team,subject\na,billing,b\nc,biling,d\ne,biling,f\n")]);
        let error = folder.task().examples(Split::Train).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("line 3, column `team`: the label `biling` is not in `[labels]` of `t.toml`"),
            "{error}"
        );
        assert!(error.remedy().unwrap().starts_with("did you mean `billing`?"));
        let folder = Folder::new(&[("labelled.csv", "message,team,subject\na,x,b\nc,y,d\n")]);
        let error = folder.task().examples(Split::Train).unwrap_err();
        assert!(error.to_string().contains("the labels `x`, `y` are not"), "{error}");
    }

    #[test]
    fn an_example_that_can_have_several_labels_is_asked_about_every_class() {
        let folder = Folder::new(&[
            ("a.csv", "text,tags\nx,billing\ny,\nz,none\nw,urgent;billing\n"),
            ("b.csv", "text,tags\nx,whatever\n"),
            ("c.csv", "text,tags\nx,none\nx,none\n"),
        ]);
        let task = Task::parse("t.toml", crate::task::SEVERAL, folder.0.path()).unwrap();
        let train = task.examples(Split::Train).unwrap();
        let shown: Vec<String> = train
            .iter()
            .map(|row| format!("{} {} {}", row.texts[0], row.texts[1], task.labels[row.label.unwrap()].name))
            .collect();
        let want = [
            "x invoices and payments yes",
            "x a hurry no",
            "z invoices and payments no",
            "z a hurry no",
            "w invoices and payments yes",
            "w a hurry yes",
        ];
        assert_eq!(shown, want);
        let unlabeled = task.examples(Split::Unlabeled).unwrap();
        assert_eq!(
            (unlabeled.len(), unlabeled[1].texts[1].as_str(), unlabeled[1].label),
            (2, "a hurry", None)
        );
        // Identical rows are still separate rows, and each must be right.
        let test = task.examples(Split::Test).unwrap();
        let evaluation = evaluation(&task, &test, &[1, 0, 1, 1]);
        assert_eq!(evaluation.exact_match.unwrap().value, 0.5);
        assert_eq!((evaluation.classes[1].label.as_str(), evaluation.classes[1].predicted), ("urgent", 1));
    }

    #[test]
    fn a_class_that_the_task_does_not_know_is_an_error_with_its_line() {
        let folder = Folder::new(&[("a.csv", "text,tags\nx,billing\ny,billing;urgnt\n")]);
        let task = Task::parse("t.toml", crate::task::SEVERAL, folder.0.path()).unwrap();
        let error = task.examples(Split::Train).unwrap_err();
        let place = "line 3, column `tags`: the label `urgnt` is not in `topics` of `t.toml`";
        assert!(error.to_string().ends_with(place), "{error}");
        let remedy = "did you mean `urgent`? Else add `urgnt` with a description under `topics`";
        assert_eq!(error.remedy().unwrap(), remedy);
    }

    #[test]
    fn a_draw_of_rows_with_several_labels_has_every_combination_first() {
        let cells = ["billing", "urgent", "billing;urgent"];
        let row = |i: usize| format!("{i},{}\n", if i < 3 { cells[i] } else { "none" });
        let text: String = (0..30).map(row).collect();
        let folder = Folder::new(&[("a.csv", &format!("text,tags\n{text}"))]);
        let mut task = Task::parse("t.toml", crate::task::SEVERAL, folder.0.path()).unwrap();
        task.data.train_limit = Some(4);
        let drawn = task.examples(Split::Train).unwrap();
        assert_eq!(label_counts(2, &drawn), [4, 4]);
        assert_eq!((drawn[0].texts[0].as_str(), drawn[4].texts[0].as_str(), drawn.len()), ("0", "2", 8));
    }

    #[test]
    fn rows_that_nobody_has_labelled_are_passed_over_where_labels_are_read() {
        let folder = Folder::new(&[("labelled.csv", "message,team,subject\na,billing,b\nc, ,d\n")]);
        assert_eq!(folder.task().examples(Split::Train).unwrap().len(), 1);
        let mut task = folder.task();
        task.data.unlabeled = vec!["labelled.csv".into()];
        assert_eq!(task.examples(Split::Unlabeled).unwrap().len(), 2);
    }

    #[test]
    fn a_missing_column_is_pointed_at_in_the_task_file() {
        let folder = Folder::new(&[("labelled.csv", "Subject,message,team\na,b,billing\n")]);
        let Error::Task(error) = folder.task().examples(Split::Train).unwrap_err() else { panic!() };
        let mistake = &error.mistakes[0];
        assert_eq!(&EXAMPLE[mistake.span.clone()], "{subject}");
        assert!(mistake.remedy.starts_with("did you mean `Subject`?"), "{}", mistake.remedy);
        let folder = Folder::new(&[("labelled.csv", "subject,message,label\na,b,billing\n")]);
        let Error::Task(error) = folder.task().examples(Split::Train).unwrap_err() else { panic!() };
        assert_eq!(&EXAMPLE[error.mistakes[0].span.clone()], "\"team\"");
    }

    #[test]
    fn files_that_are_not_there_or_empty_are_errors() {
        let folder = Folder::new(&[]);
        let Error::Task(error) = folder.task().examples(Split::Train).unwrap_err() else { panic!() };
        assert_eq!(error.mistakes[0].place, Place::file("t.toml").line(7));
        assert!(error.mistakes[0].remedy.ends_with("`dir` under `[data]` names another folder"));
        let Error::Task(error) = folder.task().examples(Split::Unlabeled).unwrap_err() else { panic!() };
        assert_eq!(error.mistakes[0].problem, "no file matches `tickets/*.csv`");
        let folder = Folder::new(&[
            ("labelled.csv", "subject,message,team\n"),
            ("tickets/a.csv", "subject,message\n"),
        ]);
        let error = folder.task().examples(Split::Train).unwrap_err();
        assert!(error.to_string().ends_with("there are no labelled rows in it"), "{error}");
        assert!(folder.task().examples(Split::Unlabeled).unwrap().is_empty());
        let folder = Folder::new(&[("labelled.csv", "")]);
        let error = folder.task().examples(Split::Train).unwrap_err();
        assert!(error.to_string().ends_with("the file is empty"), "{error}");
    }

    #[test]
    fn the_data_can_come_from_another_folder() {
        let folder = Folder::new(&[("labelled.csv", "subject,message,team\na,b,billing\n")]);
        let mut task = Task::parse("t.toml", EXAMPLE, Path::new("/nowhere")).unwrap();
        task.data.dir = folder.0.path().to_owned();
        assert_eq!(task.examples(Split::Train).unwrap().len(), 1);
    }

    #[test]
    fn a_sample_of_labelled_rows_has_every_label_by_its_share_and_grows_with_its_size() {
        let row = |i: usize| format!("s,{i},{}\n", if i < 16 { "billing" } else { "technical" });
        let text: String = (0..20).map(row).collect();
        let folder = Folder::new(&[("labelled.csv", &format!("subject,message,team\n{text}"))]);
        let mut task = folder.task();
        let mut draw = |limit, seed| {
            (task.data.train_limit, task.data.train_seed) = (Some(limit), seed);
            task.examples(Split::Train).unwrap()
        };
        for (limit, shares) in [(0, [0, 0, 0]), (2, [1, 1, 0]), (10, [2, 8, 0]), (99, [4, 16, 0])] {
            assert_eq!(label_counts(3, &draw(limit, 7)), shares, "{limit}");
        }
        let (small, large, other) = (draw(5, 1), draw(10, 1), draw(10, 2));
        assert!(small.iter().all(|row| large.contains(row)) && *large != *other);
        assert!(large.is_sorted_by_key(|row| row.place.line));
    }

    #[test]
    fn a_limit_takes_rows_evenly_from_the_whole() {
        let text: String = (0..10).map(|i| format!("s,{i}\n")).collect();
        let folder = Folder::new(&[("tickets/a.csv", &format!("subject,message\n{text}"))]);
        let mut task = folder.task();
        for (limit, want) in [(3, vec!["3", "6", "9"]), (5, vec!["1", "3", "5", "7", "9"]), (0, vec![])] {
            task.data.unlabeled_limit = Some(limit);
            assert_eq!(texts(&task.examples(Split::Unlabeled).unwrap()), want);
        }
        task.data.unlabeled_limit = Some(99);
        assert_eq!(task.examples(Split::Unlabeled).unwrap().len(), 10);
    }

    #[test]
    fn a_limit_of_test_rows_takes_questions_whole() {
        let row = |i: usize| format!("s,{i},billing,q{}\n", i / 3);
        let text: String = (0..12).map(row).collect();
        let folder = Folder::new(&[("labelled.csv", &format!("subject,message,team,question\n{text}"))]);
        let mut task = folder.task();
        task.data.test = vec!["labelled.csv".into()];
        let kept = |task: &Task| texts(&task.examples(Split::Test).unwrap()).join(" ");
        for (limit, want) in [(0, ""), (2, "5 11"), (5, "2 4 7 9 11"), (99, "0 1 2 3 4 5 6 7 8 9 10 11")] {
            task.data.test_limit = Some(limit);
            assert_eq!(kept(&task), want);
        }
        task.metrics.group = Some("question".into());
        for (limit, want) in
            [(0, ""), (1, "9 10 11"), (6, "3 4 5 9 10 11"), (99, "0 1 2 3 4 5 6 7 8 9 10 11")]
        {
            task.data.test_limit = Some(limit);
            assert_eq!(kept(&task), want);
        }
    }
}
