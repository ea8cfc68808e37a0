//! Drafts a task file from labelled examples, to be read and edited by a person.

pub(super) mod in_memory;
mod label_column;
mod limits;
mod patterns;
mod task_file;
mod text_columns;

use cloze_encoder::{Checkpoint, Device};

pub(crate) use self::label_column::LabelColumn;
use self::limits::length;
pub(crate) use self::patterns::Kind;
use self::patterns::{best, patterns_of_classes};
use self::task_file::TaskFile;
pub(crate) use self::text_columns::text_columns;
use crate::inspect::vocabulary::Coverage;
use crate::table::{ReadOptions, Reader, Table};
use crate::words::choice::Chosen;
use crate::words::trial::{Rows, Trial};
use crate::{Error, Model, Result};

/// Number of patterns in a draft.
const PATTERNS: usize = 2;

/// Maximum number of unlabelled examples that are read to try out patterns.
const MORE: usize = 500;

/// The settings for a draft.
#[derive(Debug, Clone)]
pub struct Request<'a> {
    /// The task's name; characters that a directory name cannot contain are left out.
    pub name: &'a str,
    /// The file with labelled examples, as the task file should name it.
    pub train: &'a str,
    /// How to read the file.
    pub reading: ReadOptions,
    /// The column with the labels.
    pub label: &'a str,
    /// Values of that column that mark an unlabelled row; if `None`, the common ones.
    pub missing: Option<&'a [String]>,
    /// The columns with text; if empty, those whose values look like text.
    pub text: &'a [String],
    /// Descriptions for some of the labels.
    pub descriptions: &'a [(String, String)],
    /// A file with unlabelled examples, if there is one.
    pub unlabeled: Option<&'a str>,
    /// A file with test examples, if there is one.
    pub test: Option<&'a str>,
}

/// A drafted task file that has not been written yet.
#[derive(Debug, Clone, PartialEq)]
pub struct DraftedTask {
    /// The text of the task file. It can be parsed with [`Task::parse`](crate::task::Task::parse) once every
    /// label has a word.
    pub toml: String,
    /// The text columns that its patterns use.
    pub text: Vec<String>,
    /// The labels with their numbers of examples, most frequent first.
    pub labels: Vec<(String, usize)>,
    /// The number of rows without a label.
    pub unlabelled: usize,
    /// Values that are taken to mark an unlabelled row, with their numbers of rows.
    pub missing: Vec<(String, usize)>,
    /// Whether examples can have several labels.
    pub several: bool,
    /// The words of every label, in the same order; empty if examples can have several labels.
    pub words: Vec<Vec<String>>,
    /// For every label, in the same order, how often the pretrained model gives it a higher probability for
    /// an example of that label than for an example of another label.
    pub apart: Vec<f64>,
    /// Labels whose words are a guess, because their names are not in the vocabulary.
    pub doubtful: Vec<String>,
    /// Labels without a word, because the vocabulary has no suitable one left.
    pub unknown: Vec<String>,
    /// How well the vocabulary covers the texts.
    pub(crate) coverage: Coverage,
    /// Why the model may not suit these texts, and what to do.
    pub doubt: Option<String>,
    /// Likely mistakes.
    pub warnings: Vec<String>,
}

/// Drafts a task file for the labelled `rows`. It uses the words and patterns that work best with `model` on
/// them and on the first rows of `more`, which need no labels.
///
/// # Errors
/// When rows cannot be read, a column is missing, the label column has fewer than two labels, no column
/// contains text, a description does not belong to a label, or the model cannot be used.
pub fn draft(
    rows: Reader,
    more: Option<Reader>,
    request: &Request,
    model: &Model,
    device: &Device,
) -> Result<DraftedTask> {
    let table = rows.into_table()?;
    let more = more.map(|mut more| -> Result<Table> {
        let rows = more.rows().take(MORE).collect::<Result<_>>()?;
        Ok(Table { columns: more.header().clone(), rows })
    });
    let mut drafted = draft_of(&table, more.transpose()?.as_ref(), request, model.checkpoint(), device)?;
    drafted.doubt = drafted.coverage.explained(model);
    Ok(drafted)
}

/// The same for rows in memory, without checking whether the model suits the texts.
fn draft_of(
    table: &Table,
    more: Option<&Table>,
    request: &Request,
    checkpoint: &Checkpoint,
    device: &Device,
) -> Result<DraftedTask> {
    let tokenizer = &checkpoint.tokenizer;
    let label = table.columns.require(request.label)?;
    let column = LabelColumn::of(table, label, request.missing)?;
    check_labels(table, request, &column)?;
    let names: Vec<&str> = column.labels.iter().map(|(name, _)| name.as_str()).collect();
    let text = text_columns(table, Some(label), request.text)?;
    let texts =
        |table: &Table| -> Option<Vec<usize>> { text.iter().map(|name| table.columns.find(name)).collect() };
    let columns = texts(table).unwrap_or_default();
    let of = |row: &'_ crate::table::Row, columns: &[usize]| -> Vec<String> {
        columns.iter().map(|&column| row.value(column).to_owned()).collect()
    };
    let mut labelled = Vec::new();
    let mut others = Vec::new();
    for row in &table.rows {
        match column.label_of(row.value(label)) {
            Some(label) => labelled.push((of(row, &columns), label)),
            None => others.push(of(row, &columns)),
        }
    }
    if let Some((more, columns)) = more.and_then(|more| Some((more, texts(more)?))) {
        others.extend(more.rows.iter().map(|row| of(row, &columns)));
    }
    let all: Vec<&str> =
        labelled.iter().map(|(texts, _)| texts).chain(&others).flatten().map(String::as_str).collect();
    let coverage = Coverage::of(&all, tokenizer);
    let length = length(labelled.iter().map(|(texts, _)| texts).chain(&others), tokenizer);

    let mut file = TaskFile {
        table,
        request,
        column: &column,
        text: &text,
        patterns: Vec::new(),
        words: Vec::new(),
        length,
    };
    let mut apart = Vec::new();
    if column.several {
        file.patterns = patterns_of_classes(&text, &file.class_column());
        file.task()?;
    } else {
        let questions =
            all.iter().filter(|text| text.trim_end().ends_with('?')).count() as f64 / all.len().max(1) as f64;
        file.patterns = Kind::of(text.len(), names.iter().copied(), questions).patterns(&text);
        file.words = vec![Chosen::default(); names.len()];
        let rows = Rows::some(labelled, names.len(), others);
        let mut trial = Trial::new(checkpoint, device)?;
        let mut described: Vec<(&str, Option<&str>)> = Vec::new();
        for name in &names {
            let description = request.descriptions.iter().find(|(label, _)| label == name);
            described.push((name, description.map(|(_, words)| words.as_str())));
        }
        file.words = trial.words(&file.task()?, &rows, &described)?;
        let (marks, found) = trial.marks(&file.task()?, &rows)?;
        let kept = best(&file.patterns, &marks, PATTERNS);
        file.patterns = kept.into_iter().map(|pattern| file.patterns[pattern].clone()).collect();
        apart = found;
    }
    let toml = file.toml(|_| String::new());
    let words = file.words;
    let which = |wanted: fn(&Chosen) -> bool| -> Vec<String> {
        names
            .iter()
            .zip(&words)
            .filter(|(_, words)| wanted(words))
            .map(|(name, _)| (*name).to_owned())
            .collect()
    };
    Ok(DraftedTask {
        toml,
        doubtful: which(|chosen| !chosen.sure && !chosen.words.is_empty()),
        unknown: which(|chosen| chosen.words.is_empty()),
        words: words.into_iter().map(|chosen| chosen.words).collect(),
        apart,
        coverage,
        doubt: None,
        unlabelled: column.without(),
        several: column.several,
        labels: column.labels,
        missing: column.missing,
        warnings: column.warnings,
        text,
    })
}

/// Checks that the labels of the column are valid for a task, and that every description belongs to one of
/// them.
fn check_labels(table: &Table, request: &Request, column: &LabelColumn) -> Result<()> {
    if let Some((name, _)) = column.labels.iter().find(|(name, _)| column.several && name.starts_with('[')) {
        return Err(Error::data(
            table.columns.place().field(request.label),
            format!("the label `{name}` begins with `[` like a list of labels"),
            "rename it in the data",
        ));
    }
    let names: Vec<&str> = column.labels.iter().map(|(name, _)| name.as_str()).collect();
    if let Some((wrong, _)) = request.descriptions.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        return Err(Error::usage(
            format!("there is no label `{wrong}` to describe"),
            crate::error::nearest(wrong, names.iter().copied()).map_or_else(
                || format!("the labels are {}", crate::error::list(&names)),
                |near| format!("did you mean `{near}`?"),
            ),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;
    use std::sync::LazyLock;

    use proptest::prelude::*;

    use super::*;
    use crate::pvp::verbalizer::Verbalizer;
    use crate::table::{Format, Reader};
    use crate::task::Task;

    /// The default model, and a small one.
    fn model() -> &'static Checkpoint {
        static MODEL: LazyLock<Checkpoint> = LazyLock::new(|| {
            Checkpoint::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/cloze-mini-en"))
                .unwrap()
        });
        &MODEL
    }

    fn fixture() -> &'static Checkpoint {
        static MODEL: LazyLock<Checkpoint> = LazyLock::new(|| {
            Checkpoint::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert"))
                .unwrap()
        });
        &MODEL
    }

    fn draft(table: &Table, request: &Request) -> Result<DraftedTask> {
        draft_of(table, None, request, model(), &Device::new(2))
    }

    fn table(text: &str) -> Table {
        let input = Cursor::new(text.to_owned());
        Reader::new("data.csv", input, ReadOptions::from(Format::Csv)).unwrap().into_table().unwrap()
    }

    fn request<'a>(label: &'a str, text: &'a [String]) -> Request<'a> {
        Request {
            name: "support",
            train: "data.csv",
            reading: ReadOptions::default(),
            label,
            missing: None,
            text,
            descriptions: &[],
            unlabeled: None,
            test: None,
        }
    }

    fn drafted(text: &str, label: &str) -> (DraftedTask, Task) {
        let draft = draft(&table(text), &request(label, &[])).unwrap();
        let task = Task::parse("t.toml", &draft.toml, Path::new(".")).unwrap();
        (draft, task)
    }

    fn refuse(text: &str, label: &str, columns: &[&str]) -> (String, String) {
        let columns: Vec<String> = columns.iter().map(|column| column.to_string()).collect();
        let error = draft(&table(text), &request(label, &columns)).unwrap_err();
        (error.to_string(), error.remedy().unwrap())
    }

    #[test]
    fn a_draft_is_a_task_that_can_be_run() {
        let (draft, task) = drafted(
            "id,title,body,url,team\n\
             1,No invoice,I did not get an invoice.,http://a.b,billing\n\
             2,It broke,The app stops at once.,http://a.c,tech_support\n\
             3,Pay later,Can I pay next month?,http://a.d,billing\n\
             4,Hello there,Who knows what this is,http://a.e,\n",
            "team",
        );
        assert_eq!(draft.text, ["title", "body"]);
        assert_eq!(draft.labels, [("billing".into(), 2), ("tech_support".into(), 1)]);
        assert_eq!(draft.doubtful, [""; 0]);
        assert!(task.labels[1].words.contains(&"technology".to_owned()), "{:?}", task.labels[1].words);
        assert_eq!(draft.words[0], task.labels[0].words);
        assert_eq!((task.patterns.len(), task.options.max_length), (2, 32));
        assert!(task.patterns.iter().all(|pattern| pattern.to_string().contains("{title} {body}")));
        assert_eq!(task.data.unlabeled, ["data.csv"], "the file has rows without a label");
        for pattern in 0..2 {
            Verbalizer::new(&task, pattern, &model().tokenizer).unwrap();
        }
    }

    #[test]
    fn patterns_suit_what_the_labels_are_about() {
        let (_, task) = drafted("text,y\ngood film I say,positive\nbad film I say,negative\n", "y");
        let library = Kind::Opinion.patterns(&["text".to_owned()]);
        assert!(task.patterns.iter().all(|pattern| library.contains(&pattern.to_string())));
        assert!(task.labels[0].words.contains(&"good".to_owned()));
        let (_, task) = drafted("q,p,y\nis it so,it is so,yes\nis it not,it is so,no\n", "y");
        let library = Kind::Pair.patterns(&["q".to_owned(), "p".to_owned()]);
        assert!(task.patterns.iter().all(|pattern| library.contains(&pattern.to_string())));
    }

    #[test]
    fn labels_get_different_words_of_the_vocabulary() {
        let (draft, task) = drafted(
            "text,y\na text here,credit_cards\na text there,CreditScore\na text too,travel\na text,42\nno text,banking\nold text,Xyzzyq!\n",
            "y",
        );
        let mut words: Vec<&String> = task.labels.iter().flat_map(|label| &label.words).collect();
        let count = words.len();
        words.sort();
        words.dedup();
        assert_eq!(words.len(), count, "no two labels have a word in common");
        assert!(task.labels.iter().all(|label| (1..=4).contains(&label.words.len())));
        assert_eq!(draft.doubtful, ["42", "Xyzzyq!"], "these mean nothing");
    }

    #[test]
    fn names_that_say_the_same_or_nothing_get_different_words() {
        let rows = "text,y\na text,Waste\nb text,waste\nc text,WASTE\nd text,🙂\ne text,🙈\n";
        let (draft, task) = drafted(rows, "y");
        assert_eq!(
            (draft.unknown.len(), &draft.doubtful[draft.doubtful.len() - 2..]),
            (0, &["🙂".into(), "🙈".into()][..])
        );
        assert_eq!(
            draft.warnings,
            [
                "the labels `Waste`, `waste`, `WASTE` differ only in capital letters; if they mean the same, correct the data"
            ]
        );
        for pattern in 0..task.patterns.len() {
            Verbalizer::new(&task, pattern, &model().tokenizer).unwrap();
        }
    }

    #[test]
    fn descriptions_say_what_labels_mean() {
        let rows = table(
            "text,y\nwhen does it leave,a\nthe train was late,a\nmy tooth hurts,b\nit bleeds a bit,b\n",
        );
        let descriptions = [("a".to_owned(), "trains and travel".to_owned())];
        let request_of = |descriptions| Request { descriptions, ..request("y", &[]) };
        let found = draft(&rows, &request_of(&descriptions)).unwrap();
        assert!(found.words[0].contains(&"travel".to_owned()), "{:?}", found.words);
        assert_eq!(found.doubtful, ["b"]);
        let wrong = [("c".to_owned(), "x".to_owned())];
        assert_eq!(
            draft(&rows, &request_of(&wrong)).unwrap_err().to_string(),
            "there is no label `c` to describe"
        );
    }

    #[test]
    fn a_column_that_was_named_holds_the_labels_whatever_it_looks_like() {
        let rows: String = (0..30).map(|i| format!("text number {i},{i}.5,{}\n", i % 3)).collect();
        let (draft, task) = drafted(&format!("text,price,kind\n{rows}"), "price");
        assert_eq!(task.labels.len(), 30);
        let warning = "`price` has 30 different values in 30 rows, and all count as labels; if another column has the \
                       labels, perhaps `kind`, name it with `--label`";
        assert_eq!(draft.warnings, [warning]);
        let rows: String = (0..400).map(|i| format!("text number {i},cat{:03}\n", i % 200)).collect();
        assert_eq!(drafted(&format!("text,team\n{rows}"), "team").1.labels.len(), 200);
        assert!(refuse("text,y\na b,x\nb c,x\n", "y", &[]).0.ends_with("every row has the label `x`"));
        assert!(refuse("text,y\na b,\n", "y", &[]).0.ends_with("no row has a label"));
        let (problem, remedy) = refuse("text,team\na b,x\n", "teams", &[]);
        assert_eq!(problem, "`data.csv`: there is no column `teams`");
        assert!(remedy.starts_with("did you mean `team`?"), "{remedy}");
    }

    #[test]
    fn usual_marks_for_nothing_are_no_labels_unless_somebody_says_so() {
        let rows = "text,y\na text,home\nb text,work\nc text,NA\nd text,n/a\ne text,NA\nf text,\n";
        let (draft, task) = drafted(rows, "y");
        assert_eq!(task.label_names(), ["home", "work"]);
        assert_eq!((draft.unlabelled, &draft.missing[..]), (4, &[("NA".into(), 2), ("n/a".into(), 1)][..]));
        assert_eq!(task.data.missing, ["NA", "n/a"]);
        assert_eq!(task.data.unlabeled, ["data.csv"]);
        let asked = |missing: &[String]| {
            let request = Request { missing: Some(missing), ..request("y", &[]) };
            self::draft(&table(rows), &request).unwrap().labels.len()
        };
        assert_eq!((asked(&[]), asked(&["NA".into()]), asked(&["work".into()])), (4, 3, 3));
        // Several labels may be in a cell if each of them occurs alone elsewhere.
        for (mark, written) in [(";", "home;work"), ("|", "home | work"), (",", "\"home,work\"")] {
            let rows = format!("text,y\na text,home\nb text,work\nc text,{written}\nd text,none\n");
            let (draft, task) = drafted(&rows, "y");
            assert!(draft.several && draft.labels == [("home".into(), 2), ("work".into(), 2)], "{mark}");
            let several = task.answers.several().unwrap();
            assert_eq!((&*several.separator, &*several.none, draft.missing.len()), (mark, "none", 0));
        }
        assert!(!drafted("text,y\na text,Sci/Tech\nb text,\"World, all of it\"\n", "y").0.several);
        // A stance may have this name.
        let (_, task) = drafted("text,y\na text,favor\nb text,None\nc text,None\n", "y");
        assert_eq!((task.label_names(), task.data.missing.len()), (vec!["None".into(), "favor".into()], 0));
    }

    #[test]
    fn rows_with_lists_of_labels_have_one_label_or_several() {
        let json = |lines: &str| {
            let input = Cursor::new(lines.to_owned());
            Reader::new("data.jsonl", input, ReadOptions::from(Format::Jsonl)).unwrap().into_table().unwrap()
        };
        let one = json(
            "{\"text\": \"the bin is full\", \"label\": [\"waste\"]}\n{\"text\": \"car towed\", \"label\": [\"parking\"]}\n\
                        {\"text\": \"no label yet\", \"label\": []}\n",
        );
        let found = draft(&one, &request("label", &[])).unwrap();
        assert_eq!((found.several, found.unlabelled, found.labels.len()), (false, 1, 2));
        let several = json(
            "{\"text\": \"the bin is full\", \"topic\": 1, \"label\": [\"wa;ste\", \"none\"]}\n\
                            {\"text\": \"car towed\", \"label\": [\"TooMany_cars\"]}\n",
        );
        let text = ["text".to_owned()];
        let nothing = [];
        let request_all = Request { missing: Some(&nothing), ..request("label", &text) };
        let found = draft(&several, &request_all).unwrap();
        assert!(found.several);
        let task = Task::parse("t.toml", &found.toml, Path::new(".")).unwrap();
        let classes = task.answers.several().unwrap();
        assert_eq!(
            (classes.separator.as_str(), classes.none.as_str(), classes.column.as_str()),
            ("|", "no label", "topic_2")
        );
        assert_eq!(
            (classes.classes[2].name.as_str(), classes.classes[2].text.as_str()),
            ("TooMany_cars", "too many cars")
        );
        for pattern in 0..3 {
            Verbalizer::new(&task, pattern, &model().tokenizer).unwrap();
        }
        let marks = json(
            "{\"text\": \"the bin is full\", \"label\": [\"NA\"]}\n{\"text\": \"car\", \"label\": [\"a-b\", \"c\"]}\n\
                          {\"text\": \"towed\", \"label\": [\"a b\", \"N/A\"]}\n{\"text\": \"tree\", \"label\": []}\n",
        );
        let found = draft(&marks, &request("label", &[])).unwrap();
        assert_eq!(
            (found.labels.len(), &found.missing[..], found.unlabelled),
            (3, &[("NA".into(), 1)][..], 1)
        );
        assert!(found.warnings[0].starts_with("1 row has an empty list"), "{:?}", found.warnings);
        let task = Task::parse("t.toml", &found.toml, Path::new(".")).unwrap();
        let classes: Vec<&str> = task
            .answers
            .several()
            .iter()
            .flat_map(|several| &several.classes)
            .map(|class| class.text.as_str())
            .collect();
        assert_eq!(classes, ["a-b", "c", "a b"]);
        let none = "text,y\na text,home;work\nb text,none\nc text,home\nd text,NA\n";
        let none = table(&none.replace("home;work", "\"[\"\"home\"\",\"\"work\"\"]\""));
        let found = draft(&none, &request("y", &[])).unwrap();
        assert_eq!((&found.missing[..], found.unlabelled), (&[("NA".into(), 1)][..], 1));
        let task = Task::parse("t.toml", &found.toml, Path::new(".")).unwrap();
        assert_eq!(task.answers.several().unwrap().none, "none");
        let cats = json(
            "{\"text\": \"the bin is full\", \"cats\": {\"waste\": 1, \"parking\": 0}}\n\
                         {\"text\": \"car towed\", \"cats\": {\"waste\": 0, \"parking\": 1}}\n",
        );
        assert_eq!(draft(&cats, &request("cats", &[])).unwrap().labels.len(), 2);
        let spans = json("{\"text\": \"the bin\", \"label\": [[0, 3, \"LOC\"]]}\n");
        let error = draft(&spans, &request("label", &[])).unwrap_err();
        assert_eq!(error.to_string(), "`data.jsonl`, line 1, column `label`: this is not a label");
    }

    #[test]
    fn a_name_is_made_to_fit_a_directory() {
        for (name, want) in [
            ("tickets (1)", "tickets-1"),
            ("tickets 2024", "tickets-2024"),
            (".hidden", "hidden"),
            ("-x", "x"),
            ("Anfragen_März", "Anfragen_März"),
            ("工单", "工单"),
            ("a.b", "a.b"),
            ("🙂", "task"),
            ("", "task"),
            ("..", "task"),
            (&"x".repeat(300), &"x".repeat(80)),
        ] {
            let request = Request { name, ..request("y", &[]) };
            let draft = draft(&table("text,y\na text,home\nb text,work\n"), &request).unwrap();
            assert_eq!(Task::parse("t.toml", &draft.toml, Path::new(".")).unwrap().name, want, "{name}");
        }
    }

    #[test]
    fn text_columns_must_be_there_and_fit_into_a_pattern() {
        assert!(refuse("y\na\nb\n", "y", &[]).0.contains("no column with text besides `y`"));
        assert!(refuse("t,y\nc,a\nd,b\n", "y", &["y"]).0.contains("both the label and the text"));
        assert!(refuse("t,y\nc,a\nd,b\n", "y", &["u"]).0.contains("no column `u`"));
        assert!(refuse("a{b,y\nc,a\nd,b\n", "y", &[]).0.ends_with("a pattern cannot name this column"));
        assert!(refuse("mask,y\nc,a\nd,b\n", "y", &[]).0.ends_with("a pattern cannot name this column"));
    }

    proptest! {
        #[test]
        fn any_columns_and_labels_give_a_task_or_an_error(
            header in "\\PC{1,8}", labels in prop::collection::vec("\\PC{0,8}", 1..6), text in "\\PC{0,20}",
        ) {
            let mut lines = csv::Writer::from_writer(Vec::new());
            lines.write_record([header.as_str(), "the label"]).unwrap();
            for label in &labels {
                lines.write_record([&text, label]).unwrap();
            }
            let text = String::from_utf8(lines.into_inner().unwrap()).unwrap();
            let input = Cursor::new(text);
            if let Ok(table) = Reader::new("data.csv", input, ReadOptions::from(Format::Csv)).and_then(Reader::into_table) {
                match draft_of(&table, None, &request("the label", &[]), fixture(), &Device::new(1)) {
                    Ok(draft) => prop_assert_eq!(draft.text.len(), 1),
                    Err(error) => prop_assert!(!matches!(error, Error::Task(_)), "{:?}", error),
                }
            }
        }
    }
}
