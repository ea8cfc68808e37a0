//! Maps the rows of a file to the values that a task uses.
//!
//! A name refers to, in this order, a column of `[columns]`, a column of the file, or a dotted path into the
//! JSON of a column. If `rows` names nested lists, every item of the innermost list is an example, and a path
//! through these lists refers to the current item.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use serde_json::Value;

use super::nested::{innermost, lookup, missing};
use crate::error::nearest;
use crate::table::{Columns, Row};
use crate::task::Task;
use crate::{Error, Result};

/// A question about one of the examples in a file's row.
pub(crate) struct Projected {
    /// The index of the example within the row.
    pub(crate) example: usize,
    /// In a multi-label task, the index of the class; otherwise 0.
    pub(crate) class: usize,
    /// The values of the requested names.
    pub(crate) values: Vec<String>,
}

/// The source of a value.
#[derive(Debug, Clone)]
enum Source {
    /// A column of the file.
    Whole(usize),
    /// A path into the JSON of a column, starting with the column's name.
    Within(usize, Vec<String>),
    /// A column derived from others.
    Derived(usize),
    /// The description of the current class.
    Class,
}

/// Maps the rows of a file to the values that a task uses.
pub(crate) struct Projection<'t> {
    task: &'t Task,
    /// The sources of each derived column's inputs; empty for columns that are not needed.
    derived: Vec<Vec<Source>>,
    wanted: Vec<(String, Source)>,
    lists: &'t [Vec<String>],
    /// The column that contains the lists.
    root: usize,
    /// The names of the file's columns.
    names: Vec<String>,
    /// Whether the paths have already been found in a row.
    seen: bool,
}

impl<'t> Projection<'t> {
    /// A projection of rows with these `columns` to the values of `names`; the two names in `swapped` are
    /// exchanged.
    ///
    /// # Errors
    /// A mistake in the task if it names a column that the file does not have.
    pub(crate) fn new(
        task: &'t Task,
        columns: &Columns,
        names: &[String],
        swapped: Option<&[String; 2]>,
    ) -> Result<Projection<'t>> {
        let swap = |name: &str| match swapped {
            Some([one, other]) if name == one => other.clone(),
            Some([one, other]) if name == other => one.clone(),
            _ => name.to_owned(),
        };
        let data = &task.data;
        let classes = task.answers.several().map(|several| several.column.as_str());
        let find = |name: &str, before: usize| -> Option<Source> {
            if classes == Some(name) {
                return Some(Source::Class);
            }
            if let Some(place) = data.columns[..before].iter().rposition(|column| column.name == name) {
                return Some(Source::Derived(place));
            }
            let name = swap(name);
            if let Some(column) = columns.find(&name) {
                return Some(Source::Whole(column));
            }
            let (head, _) = name.split_once('.')?;
            let path = || name.split('.').map(str::to_owned).collect();
            columns.find(head).map(|column| Source::Within(column, path()))
        };
        let missing =
            |name: &str| (format!("there is no column `{name}` in {}", columns.place()), columns.hint(name));
        let absent = |name: &str| {
            let problem = format!("there is no column `{name}`, which the run needs");
            let near = nearest(name, columns.names().iter().map(String::as_str));
            let remedy = match near {
                Some(near) => format!("rename the column `{near}` to `{name}`"),
                None => format!("name the column with that text `{name}`; {}", columns.hint(name)),
            };
            Error::data(columns.place(), problem, remedy)
        };
        let mut wanted = Vec::new();
        let mut needed = vec![false; data.columns.len()];
        for name in names {
            let source = find(name, data.columns.len()).ok_or_else(|| {
                if task.is_record() {
                    return absent(name);
                }
                let (problem, remedy) = missing(name);
                Error::from(task.mistake_in_field(name, problem, remedy))
            })?;
            if let Source::Derived(column) = source {
                needed[column] = true;
            }
            wanted.push((name.clone(), source));
        }
        let mut derived = vec![Vec::new(); data.columns.len()];
        // A column can only use columns before it.
        for number in (0..data.columns.len()).rev() {
            if !needed[number] {
                continue;
            }
            let column = &data.columns[number];
            for name in column.derivation.uses() {
                let source = find(&name, number).ok_or_else(|| {
                    if task.is_record() {
                        return absent(&name);
                    }
                    let (problem, remedy) = missing(&name);
                    Error::from(task.mistake_in_key(&format!("columns.{}", column.name), problem, remedy))
                })?;
                if let Source::Derived(other) = source {
                    needed[other] = true;
                }
                derived[number].push(source);
            }
        }
        let names = columns.names().to_vec();
        let mut projection = Projection { task, derived, wanted, lists: &[], root: 0, names, seen: false };
        if let Some(rows) = &data.rows {
            projection.lists = rows.lists();
            let head = &rows.lists()[0][0];
            projection.root = columns.find(head).ok_or_else(|| {
                let (problem, remedy) = missing(head);
                Error::from(task.mistake_in_key("data.rows", problem, remedy))
            })?;
        }
        Ok(projection)
    }

    /// Whether the rows of a file with these columns may have a column `name`, judging by its header.
    pub(crate) fn has(task: &Task, columns: &Columns, name: &str) -> bool {
        let derived = task.data.columns.iter().any(|column| column.name == name);
        derived
            || columns.find(name).is_some()
            || name.split_once('.').is_some_and(|(head, _)| columns.find(head).is_some())
    }

    /// The questions about every example in `row`; those about the same example are adjacent.
    ///
    /// # Errors
    /// When the JSON that a path leads into is invalid, or a column cannot be derived.
    pub(crate) fn read(&mut self, row: &Row) -> Result<Vec<Projected>> {
        let json = self.json(row)?;
        let root = json.get(&self.root).unwrap_or(&Value::Null);
        let mut questions = Vec::new();
        for (example, items) in innermost(root, self.lists, row)?.iter().enumerate() {
            for class in 0..self.task.answers.questions() {
                questions.push(Projected { example, class, values: self.values(row, &json, items, class)? });
            }
        }
        Ok(questions)
    }

    /// The parsed JSON of the columns that paths lead into, by column index.
    fn json(&self, row: &Row) -> Result<BTreeMap<usize, Value>> {
        let mut json = BTreeMap::new();
        let sources = self.wanted.iter().map(|(_, source)| source).chain(self.derived.iter().flatten());
        let within = sources.filter_map(|source| match source {
            Source::Within(column, path) => Some((*column, path[0].as_str())),
            _ => None,
        });
        for (column, name) in within.chain(self.lists.first().map(|list| (self.root, list[0].as_str()))) {
            if let Entry::Vacant(entry) = json.entry(column) {
                let value = serde_json::from_str(row.value(column)).map_err(|_| {
                    Error::data(
                        row.place().field(name),
                        "a path leads into this column, and it is no JSON object or list",
                        "correct the row, or the path in the task file",
                    )
                })?;
                entry.insert(value);
            }
        }
        Ok(json)
    }

    /// The values for the example with these items, and for one class.
    fn values(
        &mut self,
        row: &Row,
        json: &BTreeMap<usize, Value>,
        items: &[usize],
        class: usize,
    ) -> Result<Vec<String>> {
        let class = self.task.answers.several().map_or("", |several| &several.classes[class].text);
        // A path that is missing from the first example is a mistake; later ones may lack it, as they may
        // lack keys.
        let strict = !self.seen;
        let value = |source: &Source, derived: &[String]| -> Result<String> {
            Ok(match source {
                Source::Whole(column) => {
                    row.check_key(*column, &self.names[*column])?;
                    row.value(*column).to_owned()
                }
                Source::Derived(column) => derived[*column].clone(),
                Source::Class => class.to_owned(),
                Source::Within(column, path) => match lookup(&json[column], path, self.lists, items) {
                    Ok(Value::String(text)) => text.clone(),
                    Ok(Value::Null) => String::new(),
                    Ok(other) => other.to_string(),
                    Err(there) if strict => return Err(missing(row, path, there)),
                    Err(_) => String::new(),
                },
            })
        };
        let mut derived: Vec<String> = Vec::with_capacity(self.derived.len());
        for (column, sources) in self.task.data.columns.iter().zip(&self.derived) {
            let inputs = sources.iter().map(|source| value(source, &derived)).collect::<Result<Vec<_>>>()?;
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            // A column without resolved inputs is not needed, unless it has no inputs at all.
            let is_complete = inputs.len() == column.derivation.uses().len();
            let text = if is_complete { column.derivation.value(&inputs) } else { Ok(String::new()) };
            derived.push(text.map_err(|(problem, remedy)| {
                Error::data(row.place().field(&column.name), problem, remedy)
            })?);
        }
        let wanted = self.wanted.iter().map(|(_, source)| value(source, &derived)).collect();
        self.seen = true;
        wanted
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::path::Path;

    use super::*;
    use crate::table::{ReadOptions, Reader};

    const ROWS: &str = r#"{"idx": 6, "passage": {"text": "Long ago.", "questions": [
        {"question": "When?", "idx": 1, "answers": [{"text": "Long ago", "label": 1}, {"text": "Now", "label": 0}]},
        {"question": "Who?", "idx": 2, "answers": []},
        {"question": "Why?", "idx": 3, "answers": [{"text": null, "label": true}]}]}, "word": "ago.", "at": 0}"#;

    fn task(data: &str, pattern: &str) -> Task {
        let text = format!("format = 1\npatterns = '{pattern}'\n{data}\n[labels]\n0 = 'no'\n1 = 'yes'\n");
        Task::parse("t.toml", &text, Path::new(".")).unwrap_or_else(|error| panic!("{error:?}"))
    }

    fn read(task: &Task, text: &str) -> Result<Vec<Vec<String>>> {
        let mut reader =
            Reader::new("t.jsonl", Cursor::new(text.replace('\n', "").into_bytes()), ReadOptions::default())?;
        let columns = reader.header().clone();
        let mut projection = Projection::new(task, &columns, &task.fields(), None)?;
        let rows = reader.rows().map(|row| projection.read(&row?)).collect::<Result<Vec<_>>>()?;
        Ok(rows.into_iter().flatten().map(|question| question.values).collect())
    }

    #[test]
    fn the_items_of_nested_lists_are_rows_that_inherit_what_is_around_them() {
        let pattern =
            "{passage.text} {passage.questions.question} {passage.questions.answers.text} {id} {mask}";
        let task = task(
            "[data]\nrows = 'passage.questions[].answers[]'\n[columns]\nid = '{idx}-{passage.questions.idx}'",
            pattern,
        );
        let rows = [
            ["Long ago.", "When?", "Long ago", "6-1"],
            ["Long ago.", "When?", "Now", "6-1"],
            ["Long ago.", "Why?", "", "6-3"],
        ];
        assert_eq!(read(&task, ROWS).unwrap(), rows);
    }

    #[test]
    fn every_innermost_row_is_asked_about_every_class() {
        let data = "[data]\nrows = 'passage.questions[].answers[]'\n[multi_label]\ntopics = ['a', 'b']";
        let rows = read(&task(data, "{topic} {passage.questions.answers.text} {mask}"), ROWS).unwrap();
        assert_eq!(
            rows,
            [["a", "Long ago"], ["b", "Long ago"], ["a", "Now"], ["b", "Now"], ["a", ""], ["b", ""]]
        );
    }

    #[test]
    fn a_column_of_the_file_gives_way_to_that_of_the_classes() {
        let task = task("[multi_label]\ntopics = ['a']", "{topic} {text} {mask}");
        assert_eq!(read(&task, "{\"topic\": \"mine\", \"text\": \"x\"}").unwrap(), [["a", "x"]]);
    }

    #[test]
    fn a_path_that_leads_nowhere_is_an_error_that_says_what_is_there() {
        let error = read(&task("", "{passage.txt} {mask}"), ROWS).unwrap_err();
        assert_eq!(error.to_string(), "`t.jsonl`, line 1: there is no `passage.txt` in the row");
        assert_eq!(error.remedy().unwrap(), "the keys there are `text`, `questions`");
        let error = read(&task("", "{passage.questions.idx} {mask}"), ROWS).unwrap_err();
        assert!(error.remedy().unwrap().contains("name it in `rows`"));
        let error = read(&task("", "{word.text} {mask}"), ROWS).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("column `word`: a path leads into this column, and it is no JSON object or list")
        );
        let error = read(&task("[data]\nrows = 'passage[]'", "{idx} {mask}"), ROWS).unwrap_err();
        assert!(error.to_string().contains("this is no list"), "{error}");
        let error = read(&task("[data]\nrows = 'passages[]'", "{idx} {mask}"), ROWS).unwrap_err();
        assert!(error.to_string().contains("there is no column `passages`"), "{error}");
        let error = read(&task("[columns]\na = '{idy}'", "{a} {mask}"), ROWS).unwrap_err();
        assert!(error.to_string().contains("line 4: there is no column `idy`"), "{error}");
    }

    #[test]
    fn columns_are_derived_from_others_one_after_the_other() {
        let made = "[columns]\n\
            joint = { from = 'question', values = { cause = 'because', effect = ', so' } }\n\
            text = { from = 'text', replace = { '\\' = ' ', '@' = '- ' } }\n\
            both = '{text|trim} {joint}'";
        let task = task(made, "{both}{text}{mask}");
        let rows = "{\"question\": \"cause\", \"text\": \" a\\\\b@c\"}";
        assert_eq!(read(&task, rows).unwrap(), [["a b- c because", " a b- c"]]);
        let error = read(&task, &rows.replace("cause", "why")).unwrap_err();
        let problem =
            "`t.jsonl`, line 1, column `joint`: `why` is no value of `question` that the column is made of";
        assert_eq!(error.to_string(), problem);
        assert!(error.remedy().unwrap().ends_with("those there are `cause`, `effect`"));
    }

    #[test]
    fn a_text_is_cut_at_a_string_and_lists_are_made_of_objects() {
        let made = "[columns]\n\
            left = { from = 'text', before = '@' }\nright = { from = 'text', after = '@' }\n\
            names = { from = 'text', spans = 'places' }\nanswers = { from = 'found', each = 'name' }";
        let task = task(made, "{left}{right}{names}{answers}{mask}");
        let row = "{\"text\": \"Zoë saw @ and Zoë\", \"places\": [{\"start\": 14, \"end\": 16}, {\"start\": 0, \"end\": 2}, \
            {\"start\": 4, \"end\": 6}], \"found\": [{\"name\": \"Zoë\", \"start\": 0}]}";
        assert_eq!(read(&task, row).unwrap(), [["Zoë saw ", " and Zoë", "[\"Zoë\",\"saw\"]", "[\"Zoë\"]"]]);
        for (old, new, problem) in [
            ("@", "#", "the text has no `@`"),
            ("\"end\": 16", "\"end\": 17", "within the text"),
            ("\"name\"", "\"nam\"", "no list of objects that have a `name`"),
        ] {
            let error = read(&task, &row.replacen(old, new, 1)).unwrap_err();
            assert!(error.to_string().contains(problem), "{error}");
        }
    }
}
