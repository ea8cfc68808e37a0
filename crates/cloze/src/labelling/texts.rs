//! The texts that are to be labelled, and what is known of them.

use std::path::Path;

use crate::dataset::{Examples, listed, means_missing};
use crate::inspect::{LabelColumn, text_columns};
use crate::table::{ReadOptions, Reader, Table};
use crate::task::{Split, Task};
use crate::{Error, Result};

/// Texts to be labelled, in the order of their files.
#[derive(Debug, Clone, Default)]
pub struct Texts {
    /// The columns with text.
    pub columns: Vec<String>,
    /// All columns of the table but that of the labels, in its order; those with text among them.
    pub table: Vec<String>,
    /// The column with the labels, if the table has one.
    pub label: Option<String>,
    /// The rows.
    pub rows: Vec<TextRow>,
    /// The labels that are known, each with words that describe it, or with an empty text.
    pub labels: Vec<(String, String)>,
    /// How many labels a row has.
    pub several: bool,
}

/// A row of [`Texts`].
#[derive(Debug, Clone, PartialEq)]
pub struct TextRow {
    /// A text for every column with text.
    pub texts: Vec<String>,
    /// A value for every other column of [`Texts::table`], in order.
    pub others: Vec<String>,
    /// Its labels, if it has been labelled already.
    pub labels: Option<Vec<String>>,
    /// Whether it is one of the task's own test rows.
    pub test: bool,
}

impl Texts {
    /// Reads a table. `text` are the columns with text; if there are none, those whose values look like text.
    /// `label` is a column in which some rows may have a label already.
    ///
    /// # Errors
    /// When the table cannot be read, or has no such column, or no column with text.
    pub fn of_table(
        path: &Path,
        reading: ReadOptions,
        text: &[String],
        label: Option<&str>,
    ) -> Result<Texts> {
        let table = Reader::open(path, reading)?.into_table()?;
        let label = label.map(|label| table.columns.require(label)).transpose()?;
        let columns = text_columns(&table, label, text)?;
        let places: Vec<usize> = columns.iter().filter_map(|name| table.columns.find(name)).collect();
        let names = table.columns.names();
        let kept: Vec<usize> = (0..names.len()).filter(|column| Some(*column) != label).collect();
        let others: Vec<usize> = kept.iter().copied().filter(|column| !places.contains(column)).collect();
        let (labels, several, of_row) = label.map_or_else(Default::default, |label| labels_of(&table, label));
        let mut of_row = of_row.into_iter();
        let rows = table
            .rows
            .iter()
            .map(|row| TextRow {
                texts: places.iter().map(|&column| row.value(column).to_owned()).collect(),
                others: others.iter().map(|&column| row.value(column).to_owned()).collect(),
                labels: of_row.next().flatten(),
                test: false,
            })
            .collect();
        let labels = labels.into_iter().map(|name| (name, String::new())).collect();
        let label = label.map(|label| names[label].clone());
        let table = kept.into_iter().map(|column| names[column].clone()).collect();
        Ok(Texts { columns, table, label, rows, labels, several })
    }

    /// Reads all the rows of a task.
    ///
    /// # Errors
    /// When the rows cannot be read, or each has its own choices instead of labels.
    pub fn of_task(task: &Task) -> Result<Texts> {
        if task.answers.choices().is_some() {
            return Err(Error::usage(
                "the rows of this task have choices of their own, which cannot be labelled here",
                "label tasks whose rows share their labels",
            ));
        }
        let several = !task.classes().is_empty();
        let labels = match several {
            true => task.classes().iter().map(|class| (class.name.clone(), class.text.clone())).collect(),
            false => {
                let described = |index: usize, words: &[String]| match &task.described {
                    Some(described) => described[index].clone().unwrap_or_default(),
                    None => words.join(", "),
                };
                let labels = task.labels.iter().enumerate();
                labels.map(|(index, label)| (label.name.clone(), described(index, &label.words))).collect()
            }
        };
        let columns = task.inputs();
        let mut texts =
            Texts { table: columns.clone(), columns, label: None, rows: Vec::new(), labels, several };
        for (split, files) in [
            (Split::Train, &task.data.train),
            (Split::Unlabeled, &task.data.unlabeled),
            (Split::Test, &task.data.test),
        ] {
            if !files.is_empty() {
                texts.add(task, &task.examples(split)?, split == Split::Test);
            }
        }
        Ok(texts)
    }

    fn add(&mut self, task: &Task, examples: &Examples, test: bool) {
        let fields = task.fields();
        for questions in examples.examples() {
            let Some(first) = questions.first() else { continue };
            let texts = fields.iter().zip(&first.texts).filter(|(name, _)| self.columns.contains(name));
            let texts = texts.map(|(_, text)| text.clone()).collect();
            let name = |index: usize| self.labels[index].0.clone();
            let labels = match self.several {
                // The first answer means yes.
                true => first.label.is_some().then(|| {
                    let yes = questions.iter().enumerate().filter(|(_, question)| question.label == Some(0));
                    yes.map(|(class, _)| name(class)).collect()
                }),
                false => first.label.map(|label| vec![name(label)]),
            };
            self.rows.push(TextRow { texts, others: Vec::new(), labels, test });
        }
    }
}

/// The labels of a column, whether a row can have several, and those of every row.
fn labels_of(table: &Table, column: usize) -> (Vec<String>, bool, Vec<Option<Vec<String>>>) {
    let cells = || table.rows.iter().map(|row| row.value(column).trim());
    let Ok(found) = LabelColumn::of(table, column, None) else {
        // At most one label so far, which is no reason not to go on labelling.
        let label = |cell: &str| (!cell.is_empty() && !means_missing(cell)).then(|| vec![cell.to_owned()]);
        let of_row: Vec<_> = cells().map(label).collect();
        let mut names: Vec<String> = of_row.iter().flatten().flatten().cloned().collect();
        names.sort();
        names.dedup();
        return (names, false, of_row);
    };
    let names: Vec<String> = found.labels.iter().map(|(name, _)| name.clone()).collect();
    let is_mark = |cell: &str| cell.is_empty() || found.missing.iter().any(|(mark, _)| mark == cell);
    let of_cell = |cell: &str| {
        let parts = match listed(cell) {
            _ if is_mark(cell) => return None,
            Some(parts) if parts.is_empty() && !found.several => return None,
            Some(parts) => parts,
            None => match found.separator.filter(|_| found.several) {
                Some(mark) => cell.split(mark).map(|part| part.trim().to_owned()).collect(),
                None => vec![cell.to_owned()],
            },
        };
        Some(parts.into_iter().filter(|part| names.contains(part)).collect())
    };
    let of_row = cells().map(of_cell).collect();
    (names, found.several, of_row)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(text: &str, label: Option<&str>) -> Texts {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("t.csv");
        std::fs::write(&path, text).unwrap();
        Texts::of_table(&path, ReadOptions::default(), &[], label).unwrap()
    }

    fn labels(texts: &Texts) -> Vec<Option<Vec<&str>>> {
        let rows = texts.rows.iter().map(|row| row.labels.as_ref());
        rows.map(|labels| labels.map(|labels| labels.iter().map(String::as_str).collect())).collect()
    }

    #[test]
    fn a_table_says_which_of_its_rows_are_labelled() {
        let found = table("id,text,y\n1,a b c,x\n2,d e f,\n3,g h i,y\n4,j k l,N/A\n", Some("y"));
        assert_eq!((found.columns.as_slice(), found.several), (&["text".to_owned()][..], false));
        assert_eq!(labels(&found), [Some(vec!["x"]), None, Some(vec!["y"]), None]);
        let names: Vec<&str> = found.labels.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["x", "y"]);
        assert_eq!(
            (found.table, found.label.as_deref()),
            (vec!["id".to_owned(), "text".to_owned()], Some("y"))
        );
        assert_eq!(
            (&found.rows[1].texts, &found.rows[1].others),
            (&vec!["d e f".to_owned()], &vec!["2".to_owned()])
        );
    }

    #[test]
    fn one_label_or_none_is_enough_to_go_on() {
        assert_eq!(labels(&table("text,y\na b c,x\nd e f,\n", Some("y"))), [Some(vec!["x"]), None]);
        assert_eq!(labels(&table("text,y\na b c,\nd e f,\n", Some("y"))), [None, None]);
        assert_eq!(labels(&table("text\na b c\n", None)), [None]);
    }

    #[test]
    fn several_labels_stay_several() {
        let found = table("text,y\na b c,x; z\nd e f,x\ng h i,z\nj k l,\n", Some("y"));
        assert!(found.several);
        assert_eq!(labels(&found), [Some(vec!["x", "z"]), Some(vec!["x"]), Some(vec!["z"]), None]);
    }

    #[test]
    fn a_task_has_rows_of_all_splits() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("a.csv", "text,y\none,p\ntwo,q\n");
        write("b.csv", "text\nthree\n");
        write("c.csv", "text,y\nfour,q\n");
        let toml = "format = 1\npatterns = ['{text} {mask}']\n[data]\ntrain = 'a.csv'\nunlabeled = 'b.csv'\ntest = 'c.csv'\nlabel = 'y'\n\
                    [labels]\np = 'good'\nq = ['bad', 'poor']\n";
        let task = Task::parse("t.toml", toml, dir.path()).unwrap();
        let texts = Texts::of_task(&task).unwrap();
        assert_eq!(labels(&texts), [Some(vec!["p"]), Some(vec!["q"]), None, Some(vec!["q"])]);
        assert_eq!(texts.rows.iter().map(|row| row.test).collect::<Vec<_>>(), [false, false, false, true]);
        assert_eq!(texts.labels[1], ("q".to_owned(), "bad, poor".to_owned()));
    }
}
