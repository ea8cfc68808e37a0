//! A task's rows: the columns that its patterns use, and the labels.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use super::cell::Cell;
use super::sampling::{keep, sample, spread, spread_groups};
use super::unknown_labels::several_labels;
use super::{Answers, Data, Mirror, Task, View};
use crate::error::{counted, list};
use crate::metrics::{Evaluation, words_f1};
use crate::table::{Columns, Reader, Record, Records, Row, expand};
use crate::{Error, Place, Result, Warning};

/// The name of the column that gets the label of a row.
pub(crate) const PREDICTION: &str = "prediction";
/// The name of the column that gets the labels of a row that can have several.
pub(crate) const PREDICTIONS: &str = "predictions";

/// Which of a task's files are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Labelled rows to learn from.
    Train,
    /// Rows to annotate.
    Unlabeled,
    /// Rows to evaluate on.
    Test,
}

impl Split {
    /// Its key in `[data]`.
    pub fn key(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Unlabeled => "unlabeled",
            Split::Test => "test",
        }
    }

    /// Its key with the section.
    fn full_key(self) -> &'static str {
        match self {
            Split::Train => "data.train",
            Split::Unlabeled => "data.unlabeled",
            Split::Test => "data.test",
        }
    }
}

/// A row as the task sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The text of each of [`Task::fields`].
    pub texts: Vec<String>,
    /// Index into the task's labels, where the row has one.
    pub label: Option<usize>,
    /// Other labels that are right too, where rows have choices of their own.
    pub also: Vec<usize>,
    /// The texts to choose among, where every example has its own.
    pub choices: Vec<String>,
    /// What it has in common with the other rows of its question, where the task's metrics ask for that.
    pub group: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// Where rows come from.
enum Source<'t> {
    File(PathBuf),
    Memory(&'t Records),
}

/// The rows that a program has handed over.
#[derive(Debug, Clone, Default)]
pub(super) struct InMemory {
    train: Option<Records>,
    unlabeled: Option<Records>,
    test: Option<Records>,
}

impl InMemory {
    fn of(&self, split: Split) -> Option<&Records> {
        match split {
            Split::Train => self.train.as_ref(),
            Split::Unlabeled => self.unlabeled.as_ref(),
            Split::Test => self.test.as_ref(),
        }
    }
}

/// The rows of a set, and what was found beside them.
#[derive(Debug, Clone, Default)]
pub struct SplitRows {
    /// Its files, and what rows from memory are called.
    pub files: Vec<String>,
    /// The columns of the first of them.
    pub columns: Vec<String>,
    /// The rows that are used.
    pub examples: Vec<Example>,
    /// Rows of the files that were passed over, since nobody has labelled them.
    pub unlabelled: usize,
    /// What is probably not meant.
    pub warnings: Vec<Warning>,
}

/// Labelled rows to evaluate a run on, and what of the input is not among them.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// The labelled rows, at least one.
    pub examples: Vec<Example>,
    /// Rows without a label.
    pub unlabelled: usize,
    /// Labels that the task does not have, with how many rows have each.
    pub unknown: BTreeMap<String, usize>,
    /// Rows with such labels.
    pub passed_over: usize,
    /// What is probably not meant.
    pub warnings: Vec<Warning>,
}

/// What a file's rows come to.
#[derive(Default)]
struct ReadRows {
    examples: Vec<Example>,
    unlabelled: usize,
    unknown: BTreeMap<String, usize>,
    passed_over: usize,
    first_unknown: Option<Place>,
}

impl Example {
    /// Whether a label is right.
    pub fn is_right(&self, label: usize) -> bool {
        self.label == Some(label) || self.also.contains(&label)
    }
}

impl Task {
    /// The files of a set; none if the task has no such set.
    ///
    /// # Errors
    /// When a file is not there or a pattern of names matches none.
    pub fn files(&self, split: Split) -> Result<Vec<PathBuf>> {
        let names = match split {
            Split::Train => &self.data.train,
            Split::Unlabeled => &self.data.unlabeled,
            Split::Test => &self.data.test,
        };
        let mut files: Vec<PathBuf> = Vec::new();
        for name in names {
            let found = expand(name, &self.data.dir).map_err(|error| self.missing_file(split, error))?;
            files.extend(found.into_iter().filter(|file| !files.contains(file)).collect::<Vec<_>>());
        }
        Ok(files)
    }

    /// The task with these rows in the place of a set's files. A row that has texts without names has them in the columns that the
    /// patterns use, in this order; its label is in the column that the task names, or else in `label`.
    ///
    /// # Errors
    /// When a row has more or fewer texts than the patterns use columns. Everything else is found when the rows are read.
    pub fn with_rows<R: Into<Record>>(
        mut self,
        split: Split,
        rows: impl IntoIterator<Item = R>,
    ) -> Result<Task> {
        let rows: Vec<Record> = rows.into_iter().map(Into::into).collect();
        if split != Split::Unlabeled {
            self.data.label.get_or_insert_with(|| "label".to_owned());
        }
        let label = self.data.label.as_deref().filter(|_| split != Split::Unlabeled);
        let name = match split {
            Split::Train => "the labelled examples",
            Split::Unlabeled => "the unlabelled examples",
            Split::Test => "the test examples",
        };
        let records =
            Some(Records::new(name, &rows, &self.inputs(), label)?).filter(|records| !records.is_empty());
        let Data { train, unlabeled, test, .. } = &mut self.data;
        let (files, place) = match split {
            Split::Train => (train, &mut self.in_memory.train),
            Split::Unlabeled => (unlabeled, &mut self.in_memory.unlabeled),
            Split::Test => (test, &mut self.in_memory.test),
        };
        files.clear();
        *place = records;
        Ok(self)
    }

    /// Points at the line that names the file, as far as the file not being there is the trouble.
    fn missing_file(&self, split: Split, error: Error) -> Error {
        let (problem, remedy) = match &error {
            Error::Io { path, source, .. } if source.kind() == std::io::ErrorKind::NotFound => (
                format!("there is no file `{}`", path.display()),
                format!(
                    "relative names start at `{}`; `--data DIR` takes them from another folder",
                    self.data.dir.display()
                ),
            ),
            Error::Usage { problem, remedy } => (problem.clone(), remedy.clone()),
            _ => return error,
        };
        self.mistake_in_key(split.full_key(), problem, remedy).into()
    }

    /// Reads the rows of a set, see [`Task::read`].
    ///
    /// # Errors
    /// As [`Task::read`].
    pub fn examples(&self, split: Split) -> Result<Vec<Example>> {
        Ok(self.read(split)?.examples)
    }

    /// Reads the rows of a set. Rows to learn from have a label, rows to evaluate on if there is such a column,
    /// rows to annotate never. Where labels are read, rows with an empty one are passed over, so that one file can
    /// hold labelled and unlabelled rows. Where rows have several labels, every row of a file is one for every topic, which stand
    /// together; limits count rows of the files, and that of the test rows takes the rows of a question whole.
    ///
    /// # Errors
    /// When a file cannot be read, lacks a column, has no rows (except unlabelled ones), or a label is not among the
    /// task's.
    pub fn read(&self, split: Split) -> Result<SplitRows> {
        let fields = self.fields();
        let mut found = SplitRows::default();
        let mut mirrored = Vec::new();
        for source in self.sources(split)? {
            self.read_source(&source, split, &fields, None, &mut found)?;
            if split != Split::Test && self.data.mirror.is_some() {
                let mut again = SplitRows::default();
                self.read_source(&source, split, &fields, self.data.mirror.as_ref(), &mut again)?;
                mirrored.append(&mut again.examples);
            }
        }
        let SplitRows { examples, .. } = &mut found;
        let (data, copies) = (&self.data, self.copies());
        let kept = match split {
            Split::Train => data.train_limit.map(|limit| sample(examples, copies, limit, data.train_seed)),
            Split::Unlabeled => {
                data.unlabeled_limit.map(|limit| spread(examples.len() / copies, limit).collect())
            }
            Split::Test => data.test_limit.map(|limit| spread_groups(examples, copies, limit)),
        };
        if let Some(kept) = kept {
            keep(examples, copies, &kept);
            keep(&mut mirrored, copies, &kept);
        }
        examples.append(&mut mirrored);
        Ok(found)
    }

    /// The files of a set, and its rows from memory.
    fn sources(&self, split: Split) -> Result<Vec<Source<'_>>> {
        let files = self.files(split)?.into_iter().map(Source::File);
        Ok(files.chain(self.in_memory.of(split).map(Source::Memory)).collect())
    }

    fn read_source(
        &self,
        source: &Source,
        split: Split,
        fields: &[String],
        mirror: Option<&Mirror>,
        found: &mut SplitRows,
    ) -> Result<()> {
        match source {
            Source::File(file) => {
                found.files.push(file.display().to_string());
                self.read_part(Reader::open(file, self.data.reading)?, split, fields, mirror, found)
            }
            Source::Memory(records) => {
                found.files.push(records.name().to_owned());
                let known = found.examples.len();
                let warned = found.warnings.len();
                self.read_part(records.reader()?, split, fields, mirror, found)
                    .map_err(|error| error.in_memory(0))?;
                for example in &mut found.examples[known..] {
                    example.place = example.place.clone().in_memory();
                }
                for warning in &mut found.warnings[warned..] {
                    warning.place = warning.place.clone().in_memory();
                }
                Ok(())
            }
        }
    }

    fn read_part(
        &self,
        reader: Reader,
        split: Split,
        fields: &[String],
        mirror: Option<&Mirror>,
        found: &mut SplitRows,
    ) -> Result<()> {
        let columns = reader.columns().clone();
        if found.columns.is_empty() {
            found.columns = columns.names().to_vec();
        }
        let rows = self.read_rows(reader, split, fields, mirror)?;
        if let Some(place) = rows.first_unknown {
            return Err(self.unknown_labels(place, &rows.unknown, true));
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
        found.examples.extend(rows.examples);
        found.warnings.extend(self.doubts(&columns, split));
        Ok(())
    }

    /// What is probably not meant by a file with these columns.
    fn doubts(&self, columns: &Columns, split: Split) -> Option<Warning> {
        let label = self.data.label.as_ref().filter(|_| split != Split::Unlabeled)?;
        if split == Split::Test && !View::has(self, columns, label) {
            return Some(Warning {
                place: columns.place(),
                problem: format!("there is no column `{label}`, so that nothing is measured on these rows"),
                remedy: format!(
                    "add the column with the right labels, or remove the file from `{}`",
                    split.key()
                ),
            });
        }
        let is_ours = |name: &str| {
            let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
            [PREDICTION, PREDICTIONS].iter().any(|ours| {
                name == *ours || (stem.len() < name.len() && stem.strip_suffix('_') == Some(ours))
            })
        };
        // Versions before called the column so, and people may.
        let others = |name: &String| is_ours(name) || name.starts_with("predicted_label");
        let probabilities = self.answers.choices().is_none()
            && self.answer_names().iter().all(|name| columns.find(&format!("p_{name}")).is_some());
        let is_answer = is_ours(label) || (probabilities && !columns.names().iter().any(others));
        is_answer.then(|| Warning {
            place: columns.place().field(label),
            problem: "these are predictions, it seems, and not labels that somebody has given".into(),
            remedy: "learn from and measure on what people have labelled; if somebody has checked these, give the column a name \
                     of its own and remove the columns `p_…`"
                .into(),
        })
    }

    fn read_rows(
        &self,
        reader: Reader,
        split: Split,
        fields: &[String],
        mirror: Option<&Mirror>,
    ) -> Result<ReadRows> {
        let columns = reader.columns().clone();
        let has = |name: &str| View::has(self, &columns, name);
        let label = match (&self.data.label, split) {
            (Some(label), Split::Train) if !has(label) => {
                let problem = format!("there is no column `{label}` in {}", columns.place());
                return Err(self.mistake_in_key("data.label", problem, columns.hint(label)).into());
            }
            (Some(label), Split::Train | Split::Test) if has(label) => Some(label),
            _ => None,
        };
        let group = match &self.metrics.group {
            Some(group) if split == Split::Test && !has(group) => {
                let problem = format!("there is no column `{group}` in {}", columns.place());
                return Err(self.mistake_in_key("metrics.group", problem, columns.hint(group)).into());
            }
            group => group.as_ref().filter(|_| split == Split::Test),
        };
        let names: Vec<String> = fields.iter().chain(label).chain(group).cloned().collect();
        let mut view = View::new(self, &columns, &names, mirror.map(|mirror| &mirror.columns))?;
        let mut found = ReadRows::default();
        let copies = self.copies();
        for row in reader {
            let row = row?;
            for (number, mut texts) in view.read(&row)?.into_iter().enumerate() {
                let group = match group {
                    Some(_) => texts.pop(),
                    None => (split == Split::Test).then(|| self.own_group(&row, number)).flatten(),
                };
                // The rows of all topics say the same of the file's row.
                let counts = usize::from(number.is_multiple_of(copies));
                let cell = label.and_then(|label| Some((label, texts.pop()?)));
                if let Answers::Choice(_) = self.answers {
                    if cell.as_ref().is_some_and(|(_, cell)| self.says_nothing(cell, &texts)) {
                        found.unlabelled += counts;
                        continue;
                    }
                    let mut example = Example { group, ..self.example(texts, row.place())? };
                    if let Some((_, cell)) = &cell {
                        example = self.with_right_choices(example, cell.trim())?;
                    }
                    match split {
                        Split::Train => {
                            let lessons = self.lessons_of(example, found.examples.len());
                            found.examples.extend(lessons);
                        }
                        Split::Unlabeled | Split::Test => found.examples.push(example),
                    }
                    continue;
                }
                let known = match cell {
                    None => None,
                    Some((label, cell)) => match self.read_label(&cell, number) {
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
                found.examples.push(Example { label, group, ..self.example(texts, row.place())? });
            }
        }
        Ok(found)
    }

    /// What the rows have in common that `row` becomes for the topics, where there are some.
    fn own_group(&self, row: &Row, number: usize) -> Option<String> {
        self.answers.several().map(|_| format!("{}, {}", row.place(), number / self.copies()))
    }

    /// An example without a label, given the text of each of [`Task::fields`].
    ///
    /// # Errors
    /// When it has no choices though it should.
    pub fn example(&self, texts: Vec<String>, place: Place) -> Result<Example> {
        let choices = self.read_choices(&texts, &place)?;
        Ok(Example { texts, label: None, also: Vec::new(), choices, group: None, place })
    }

    /// Reads labelled rows to evaluate a run on, wherever they come from. Rows without a label are passed over, and with
    /// `skip_unknown` those with a label that the task does not have.
    ///
    /// # Errors
    /// As [`Task::read`]; also when there is no label column, or no row has a label.
    pub fn labelled(&self, reader: Reader, skip_unknown: bool) -> Result<Labelled> {
        let columns = reader.columns().clone();
        let Some(label) = &self.data.label else {
            return Err(Error::usage(
                "the run does not know which column holds the labels",
                format!("name it with `--label`; the columns are {}", list(columns.names())),
            ));
        };
        if !View::has(self, &columns, label) {
            let names = list(columns.names());
            return Err(Error::data(
                columns.place(),
                format!("there is no column `{label}`, where the run has its labels"),
                format!("name the column with the right labels with `--label`; the columns are {names}"),
            ));
        }
        let ReadRows { examples, unlabelled, unknown, passed_over, first_unknown } =
            self.read_rows(reader, Split::Test, &self.fields(), None)?;
        if let Some(place) = first_unknown.filter(|_| !skip_unknown) {
            return Err(self.unknown_labels(place, &unknown, false));
        }
        if examples.is_empty() {
            let problem = match (unlabelled, passed_over) {
                (0, 0) => "there are no rows in it".to_owned(),
                (0, rows) => format!("no row has a label that this run knows, of {}", counted(rows, "row")),
                (rows, 0) => format!("no row has a label, of {}", counted(rows, "row")),
                (without, unknown) => format!(
                    "no row has a label that this run knows: {} without a label, {unknown} with another one",
                    counted(without, "row")
                ),
            };
            let remedy = "name the column with the right labels with `--label`; `cloze predict` classifies rows without any";
            return Err(Error::data(columns.place().field(label), problem, remedy));
        }
        let warnings = self.doubts(&columns, Split::Test).into_iter().collect();
        Ok(Labelled { examples, unlabelled, unknown, passed_over, warnings })
    }

    /// Those of `rows` whose texts are those of a row among `learned`; of the rows for several topics the first.
    pub fn seen_before<'e>(&self, learned: &[Example], rows: &'e [Example]) -> Vec<&'e Example> {
        let copies = self.copies();
        let known: HashSet<&[String]> =
            learned.iter().step_by(copies).map(|example| example.texts.as_slice()).collect();
        rows.iter().step_by(copies).filter(|example| known.contains(example.texts.as_slice())).collect()
    }

    /// Compares predictions for labelled rows with their labels.
    pub fn evaluation(&self, examples: &[Example], predicted: &[usize]) -> Evaluation {
        if let Answers::Choice(_) = self.answers {
            return Evaluation::of_choices(examples.iter().zip(predicted).map(|(example, predicted)| {
                let text = |place: usize| example.choices.get(place).map_or("", String::as_str);
                let right = example.label.iter().chain(&example.also);
                let f1 = right.map(|right| words_f1(text(*predicted), text(*right))).fold(0.0, f64::max);
                (example.is_right(*predicted), f1)
            }));
        }
        let gold = gold(examples);
        let mut evaluation = Evaluation::new(&self.label_names(), &gold, predicted);
        if let Some(positive) = self.metrics.positive {
            evaluation = evaluation.with_f1(positive);
        }
        let groups: Vec<&str> = examples.iter().filter_map(|example| example.group.as_deref()).collect();
        let has_groups = self.metrics.group.is_some() || self.answers.several().is_some();
        if has_groups && groups.len() == gold.len() {
            evaluation = evaluation.with_questions(&gold, predicted, &groups);
        }
        match self.answers.several() {
            Some(several) => {
                evaluation.with_topics(&several.names(), self.metrics.positive, &gold, predicted)
            }
            None => evaluation,
        }
    }
}

/// How many rows each of the task's labels has.
pub fn label_counts(labels: usize, examples: &[Example]) -> Vec<usize> {
    let mut counts = vec![0; labels];
    for label in examples.iter().filter_map(|example| example.label) {
        counts[label] += 1;
    }
    counts
}

/// A hash of what the rows say, texts and labels (by name), not of the files they come from. 64 hexadecimal digits.
pub fn fingerprint(task: &Task, examples: &[Example]) -> String {
    let mut hasher = blake3::Hasher::new();
    let mut add = |text: &str| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    for example in examples {
        for text in &example.texts {
            add(text);
        }
        match example.label.and_then(|label| task.labels.get(label)) {
            Some(label) => add(&label.name),
            None => add(""),
        }
    }
    hasher.finalize().to_hex().to_string()
}

/// The labels of rows that have one.
pub(crate) fn gold(examples: &[Example]) -> Vec<usize> {
    examples.iter().filter_map(|example| example.label).collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
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
        assert_eq!(task.examples(Split::Test).unwrap(), []);
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
        let evaluation = task.evaluation(&test, &[1, 1]);
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
    fn a_row_with_several_labels_is_one_for_every_topic() {
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
        // Rows that say the same are still two rows, each of which is to be right.
        let test = task.examples(Split::Test).unwrap();
        let evaluation = task.evaluation(&test, &[1, 0, 1, 1]);
        assert_eq!(evaluation.exact_match.unwrap().value, 0.5);
        assert_eq!((evaluation.topics[1].label.as_str(), evaluation.topics[1].predicted), ("urgent", 1));
    }

    #[test]
    fn a_topic_that_the_task_does_not_know_is_an_error_with_its_line() {
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
        let mistake = &error.mistakes()[0];
        assert_eq!(&EXAMPLE[mistake.span()], "{subject}");
        assert!(mistake.remedy.starts_with("did you mean `Subject`?"), "{}", mistake.remedy);
        let folder = Folder::new(&[("labelled.csv", "subject,message,label\na,b,billing\n")]);
        let Error::Task(error) = folder.task().examples(Split::Train).unwrap_err() else { panic!() };
        assert_eq!(&EXAMPLE[error.mistakes()[0].span()], "\"team\"");
    }

    #[test]
    fn files_that_are_not_there_or_empty_are_errors() {
        let folder = Folder::new(&[]);
        let Error::Task(error) = folder.task().examples(Split::Train).unwrap_err() else { panic!() };
        assert_eq!(error.mistakes()[0].place(), Place::file("t.toml").line(7));
        assert!(error.mistakes()[0].remedy.contains("--data DIR"));
        let Error::Task(error) = folder.task().examples(Split::Unlabeled).unwrap_err() else { panic!() };
        assert_eq!(error.mistakes()[0].problem, "no file matches `tickets/*.csv`");
        let folder = Folder::new(&[
            ("labelled.csv", "subject,message,team\n"),
            ("tickets/a.csv", "subject,message\n"),
        ]);
        let error = folder.task().examples(Split::Train).unwrap_err();
        assert!(error.to_string().ends_with("there are no labelled rows in it"), "{error}");
        assert_eq!(folder.task().examples(Split::Unlabeled).unwrap(), []);
        let folder = Folder::new(&[("labelled.csv", "")]);
        let error = folder.task().examples(Split::Train).unwrap_err();
        assert!(error.to_string().ends_with("the file is empty"), "{error}");
    }

    #[test]
    fn the_data_can_come_from_another_folder() {
        let folder = Folder::new(&[("labelled.csv", "subject,message,team\na,b,billing\n")]);
        let task = Task::parse("t.toml", EXAMPLE, Path::new("/nowhere")).unwrap();
        assert_eq!(task.with_data_dir(folder.0.path()).examples(Split::Train).unwrap().len(), 1);
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
        assert!(small.iter().all(|row| large.contains(row)) && large != other);
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
