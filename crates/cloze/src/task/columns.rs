//! Columns that a task makes of others, and rows within rows: what of a file's row becomes a row of the task.
//!
//! A name means, in this order, a column of `[columns]`, a column of the file, or a dotted path into the JSON of one. Where
//! `rows` names lists within a row, every item of the innermost is a row, and a path through these lists means the item at hand.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Task;
use crate::error::{list, nearest};
use crate::pattern::Template;
use crate::table::{Columns, Row};
use crate::{Error, Result};

/// A column made of others: an entry of `[columns]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name, as patterns use it.
    pub name: String,
    /// How it is made. A column may use those before it; its own name is that of the file's column.
    pub made: Made,
}

/// How a column is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Made {
    /// Text with columns in it.
    Text(String),
    /// A text for every value of a column.
    Values {
        /// The column.
        from: String,
        /// Values with their texts.
        values: Vec<(String, String)>,
    },
    /// A column with some strings replaced, one after the other.
    Replace {
        /// The column.
        from: String,
        /// What is replaced, and by what.
        replace: Vec<(String, String)>,
    },
    /// A text with asterisks around one of its words.
    Mark {
        /// The column with the text.
        from: String,
        /// The column with the word.
        mark: String,
        /// The column with the word's number, counted from 0.
        at: String,
    },
    /// What stands before a string in a column.
    Before {
        /// The column.
        from: String,
        /// The string.
        before: String,
    },
    /// What stands after a string in a column.
    After {
        /// The column.
        from: String,
        /// The string.
        after: String,
    },
    /// A list of the values that the objects of a list have under a key.
    Each {
        /// The column with the list.
        from: String,
        /// The key.
        each: String,
    },
    /// A list of pieces of a text in the order of the text, each once.
    Spans {
        /// The column with the text.
        from: String,
        /// The column with a list of objects: `start` and `end` are the piece's first and last letter, counted from 0.
        spans: String,
    },
}

impl Made {
    /// The columns that it is made of.
    pub fn uses(&self) -> Vec<String> {
        match self {
            Made::Text(text) => {
                let template = text.parse::<Template>().ok();
                template.iter().flat_map(Template::fields).map(|field| field.name.clone()).collect()
            }
            Made::Values { from, .. }
            | Made::Replace { from, .. }
            | Made::Before { from, .. }
            | Made::After { from, .. }
            | Made::Each { from, .. } => vec![from.clone()],
            Made::Spans { from, spans } => vec![from.clone(), spans.clone()],
            Made::Mark { from, mark, at } => vec![from.clone(), mark.clone(), at.clone()],
        }
    }

    fn make(&self, inputs: &[&str]) -> std::result::Result<String, (String, String)> {
        match self {
            Made::Text(text) => {
                let mut inputs = inputs.iter();
                let template = text.parse::<Template>().map_err(|error| (error.problem, error.remedy))?;
                Ok(template.fill(|_| inputs.next().copied().unwrap_or_default()))
            }
            Made::Values { from, values } => {
                let found = values.iter().find(|(value, _)| value == inputs[0].trim());
                found.map(|(_, text)| text.clone()).ok_or_else(|| {
                    let known = list(values.iter().map(|(value, _)| value));
                    (
                        format!("`{}` is no value of `{from}` that the column is made of", inputs[0]),
                        format!("add it to the column's `values` in the task file; those there are {known}"),
                    )
                })
            }
            Made::Replace { replace, .. } => {
                Ok(replace.iter().fold(inputs[0].to_owned(), |text, (old, new)| text.replace(old, new)))
            }
            Made::Mark { .. } => mark(inputs[0], inputs[1], inputs[2]),
            Made::Before { before: string, .. } => {
                cut(inputs[0], string).map(|(before, _)| before.to_owned())
            }
            Made::After { after: string, .. } => cut(inputs[0], string).map(|(_, after)| after.to_owned()),
            Made::Each { from, each } => {
                let values: Option<Vec<Value>> = objects(inputs[0])
                    .and_then(|objects| objects.iter().map(|object| object.get(each).cloned()).collect());
                let values = values.ok_or_else(|| {
                    let problem = format!("`{from}` is no list of objects that have a `{each}`");
                    (problem, "correct the row, or the column in the task file".to_owned())
                })?;
                Ok(Value::from(values).to_string())
            }
            Made::Spans { spans, .. } => pieces(inputs[0], inputs[1]).ok_or_else(|| {
                let problem =
                    format!("`{spans}` is no list of objects with a `start` and an `end` within the text");
                (
                    problem,
                    "correct the row: both are letters, counted from 0, and the last is part of the piece"
                        .into(),
                )
            }),
        }
    }
}

/// What stands before and after the first `string` in `text`.
fn cut<'t>(text: &'t str, string: &str) -> std::result::Result<(&'t str, &'t str), (String, String)> {
    let remedy = || "correct the row, or the column in the task file".to_owned();
    text.split_once(string).ok_or_else(|| (format!("the text has no `{string}`"), remedy()))
}

fn objects(list: &str) -> Option<Vec<Value>> {
    serde_json::from_str(list).ok()
}

/// A list of the pieces of `text` that `spans` tells of.
fn pieces(text: &str, spans: &str) -> Option<String> {
    // A letter is a Unicode code point, as in Python, with which such files are made.
    let starts: Vec<usize> = text.char_indices().map(|(start, _)| start).chain([text.len()]).collect();
    let mut places = Vec::new();
    for object in objects(spans)? {
        let number = |key: &str| usize::try_from(object.get(key)?.as_u64()?).ok();
        let (start, end) = (number("start")?, number("end")?.checked_add(1)?);
        places.push((start, *starts.get(start)?..*starts.get(end)?));
    }
    places.sort_by_key(|(start, _)| *start);
    let mut pieces: Vec<&str> = Vec::new();
    for (_, place) in places {
        let piece = text.get(place)?;
        if !pieces.contains(&piece) {
            pieces.push(piece);
        }
    }
    Some(Value::from_iter(pieces).to_string())
}

/// `text` with asterisks around its word number `at`, which is to be `word`. As in the reference implementation the number may
/// be wrong by one, and what is glued to the word becomes a word of its own.
fn mark(text: &str, word: &str, at: &str) -> std::result::Result<String, (String, String)> {
    let mut words: Vec<&str> = text.split_whitespace().collect();
    let remedy = || "correct the row: the number of the word is counted from 0, between blanks".to_owned();
    let Ok(at) = at.trim().parse::<usize>() else {
        return Err((format!("`{at}` is not the number of a word"), remedy()));
    };
    let near = [Some(at), at.checked_sub(1), at.checked_add(1)];
    let is = |&place: &usize| words.get(place) == Some(&word);
    let exact = near.into_iter().flatten().find(is);
    let place = match exact {
        Some(place) => place,
        None => {
            let glued = words.get(at).and_then(|found| found.strip_prefix(word)).filter(|_| !word.is_empty());
            let Some(rest) = glued else {
                return Err((format!("word number {at} of the text is not `{word}`"), remedy()));
            };
            words.insert(at + 1, rest);
            at
        }
    };
    let marked = format!("*{word}*");
    words[place] = &marked;
    Ok(words.join(" "))
}

/// The lists within a row whose items are rows: `passage.questions[].answers[]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rows {
    /// Every list with its path from the row, the outermost first.
    lists: Vec<Vec<String>>,
    source: String,
}

impl Rows {
    /// Reads a path.
    ///
    /// # Errors
    /// The problem and its remedy.
    pub fn parse(source: &str) -> std::result::Result<Rows, (String, String)> {
        let (mut path, mut lists) = (Vec::new(), Vec::new());
        for key in source.split('.') {
            let name = key.strip_suffix("[]").unwrap_or(key);
            path.push(name.to_owned());
            if name.len() < key.len() {
                lists.push(path.clone());
            }
            if name.is_empty() || name.contains(['[', ']']) {
                let problem = format!("`{source}` is not a path to a list");
                return Err((problem, "write for example `passage.questions[].answers[]`".into()));
            }
        }
        if lists.last() != Some(&path) {
            let problem = format!("`{source}` does not end with a list");
            return Err((problem, format!("write `{source}[]` if there is a list")));
        }
        Ok(Rows { lists, source: source.to_owned() })
    }

    /// Every list with its path from the row, the outermost first.
    pub fn lists(&self) -> &[Vec<String>] {
        &self.lists
    }

    /// As it was written.
    pub fn source(&self) -> &str {
        &self.source
    }
}

/// Where a value comes from.
#[derive(Debug, Clone)]
enum Source {
    /// A column of the file.
    Whole(usize),
    /// Within the JSON of a column: the path, the column's name first.
    Within(usize, Vec<String>),
    /// A column made of others.
    Made(usize),
    /// The description of the topic at hand.
    Topic,
}

/// Reads a file's rows as a task wants them.
pub(crate) struct View<'t> {
    task: &'t Task,
    /// The columns to be made, each with where its inputs come from; columns that nobody asked for have none.
    made: Vec<Vec<Source>>,
    wanted: Vec<(String, Source)>,
    lists: &'t [Vec<String>],
    /// The column in which the lists are.
    root: usize,
    /// The names of the file's columns.
    names: Vec<String>,
    /// Whether the paths were seen to lead somewhere.
    seen: bool,
}

impl<'t> View<'t> {
    /// A view of rows with these `columns` that gives the values of `names`; with the names of `swapped` for each other.
    ///
    /// # Errors
    /// A mistake in the task where it names a column that the file does not have.
    pub(crate) fn new(
        task: &'t Task,
        columns: &Columns,
        names: &[String],
        swapped: Option<&[String; 2]>,
    ) -> Result<View<'t>> {
        let swap = |name: &str| match swapped {
            Some([one, other]) if name == one => other.clone(),
            Some([one, other]) if name == other => one.clone(),
            _ => name.to_owned(),
        };
        let data = &task.data;
        let topics = task.answers.several().map(|several| several.column.as_str());
        let find = |name: &str, made: usize| -> Option<Source> {
            if topics == Some(name) {
                return Some(Source::Topic);
            }
            if let Some(place) = data.columns[..made].iter().rposition(|column| column.name == name) {
                return Some(Source::Made(place));
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
            if let Source::Made(column) = source {
                needed[column] = true;
            }
            wanted.push((name.clone(), source));
        }
        let mut made = vec![Vec::new(); data.columns.len()];
        // A column uses those before it only.
        for number in (0..data.columns.len()).rev() {
            if !needed[number] {
                continue;
            }
            let column = &data.columns[number];
            for name in column.made.uses() {
                let source = find(&name, number).ok_or_else(|| {
                    if task.is_record() {
                        return absent(&name);
                    }
                    let (problem, remedy) = missing(&name);
                    Error::from(task.mistake_in_key(&format!("columns.{}", column.name), problem, remedy))
                })?;
                if let Source::Made(other) = source {
                    needed[other] = true;
                }
                made[number].push(source);
            }
        }
        let names = columns.names().to_vec();
        let mut view = View { task, made, wanted, lists: &[], root: 0, names, seen: false };
        if let Some(rows) = &data.rows {
            view.lists = &rows.lists;
            let head = &rows.lists[0][0];
            view.root = columns.find(head).ok_or_else(|| {
                let (problem, remedy) = missing(head);
                Error::from(task.mistake_in_key("data.rows", problem, remedy))
            })?;
        }
        Ok(view)
    }

    /// Whether the rows of a file with these columns may have a column `name`, as far as its header tells.
    pub(crate) fn has(task: &Task, columns: &Columns, name: &str) -> bool {
        let made = task.data.columns.iter().any(|column| column.name == name);
        made || columns.find(name).is_some()
            || name.split_once('.').is_some_and(|(head, _)| columns.find(head).is_some())
    }

    /// The values of every row that `row` stands for, in the order of the names asked for; those for all topics stand together.
    ///
    /// # Errors
    /// When JSON that a path leads into cannot be read, or a column cannot be made of what is there.
    pub(crate) fn read(&mut self, row: &Row) -> Result<Vec<Vec<String>>> {
        let mut json = BTreeMap::new();
        let paths = self.wanted.iter().map(|(_, source)| source).chain(self.made.iter().flatten());
        let mut needed: Vec<(usize, &str)> = paths
            .filter_map(|source| match source {
                Source::Within(column, path) => Some((*column, path[0].as_str())),
                _ => None,
            })
            .collect();
        if let Some(first) = self.lists.first() {
            needed.push((self.root, &first[0]));
        }
        for (column, name) in needed {
            if let std::collections::btree_map::Entry::Vacant(entry) = json.entry(column) {
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
        let mut rows = Vec::new();
        self.each(row, &json, &mut Vec::new(), &mut rows)?;
        Ok(rows)
    }

    /// Goes through the items of the list that is next after those in `items`, and makes a row of every innermost one.
    fn each(
        &mut self,
        row: &Row,
        json: &BTreeMap<usize, Value>,
        items: &mut Vec<usize>,
        rows: &mut Vec<Vec<String>>,
    ) -> Result<()> {
        let lists = self.lists;
        let Some(list) = lists.get(items.len()) else {
            for topic in 0..self.task.answers.questions() {
                rows.push(self.values(row, json, items, topic)?);
            }
            return Ok(());
        };
        let count = match dig(&json[&self.root], list, lists, items) {
            Ok(Value::Array(found)) => found.len(),
            Ok(Value::Null) => 0,
            Ok(_) => {
                return Err(Error::data(
                    row.place().field(list.join(".")),
                    "this is no list, and `rows` in the task file says it is",
                    "correct the row, or `rows`",
                ));
            }
            Err(there) => return Err(missing(row, list, there)),
        };
        for item in 0..count {
            items.push(item);
            self.each(row, json, items, rows)?;
            items.pop();
        }
        Ok(())
    }

    /// The values of the row for these items and the topic of this number.
    fn values(
        &mut self,
        row: &Row,
        json: &BTreeMap<usize, Value>,
        items: &[usize],
        topic: usize,
    ) -> Result<Vec<String>> {
        let topic = self.task.answers.several().map_or("", |several| &several.topics[topic].text);
        // What no row of the first object has is a slip; later ones may lack it, as they may lack keys.
        let strict = !self.seen;
        let value = |source: &Source, made: &[String]| -> Result<String> {
            Ok(match source {
                Source::Whole(column) => {
                    row.check_key(*column, &self.names[*column])?;
                    row.value(*column).to_owned()
                }
                Source::Made(column) => made[*column].clone(),
                Source::Topic => topic.to_owned(),
                Source::Within(column, path) => match dig(&json[column], path, self.lists, items) {
                    Ok(Value::String(text)) => text.clone(),
                    Ok(Value::Null) => String::new(),
                    Ok(other) => other.to_string(),
                    Err(there) if strict => return Err(missing(row, path, there)),
                    Err(_) => String::new(),
                },
            })
        };
        let mut made: Vec<String> = Vec::with_capacity(self.made.len());
        for (column, sources) in self.task.data.columns.iter().zip(&self.made) {
            let inputs = sources.iter().map(|source| value(source, &made)).collect::<Result<Vec<_>>>()?;
            let inputs: Vec<&str> = inputs.iter().map(String::as_str).collect();
            // Nobody asks for a column that has no inputs, unless it needs none.
            let is_made = inputs.len() == column.made.uses().len();
            let text = if is_made { column.made.make(&inputs) } else { Ok(String::new()) };
            made.push(text.map_err(|(problem, remedy)| {
                Error::data(row.place().field(&column.name), problem, remedy)
            })?);
        }
        let wanted = self.wanted.iter().map(|(_, source)| value(source, &made)).collect();
        self.seen = true;
        wanted
    }
}

/// The value at the end of `path`, which begins with the name of the column whose JSON `root` is; through `lists` it goes by way
/// of their `items`. If there is none, what there is instead: the last value on the way.
fn dig<'v>(
    root: &'v Value,
    path: &[String],
    lists: &[Vec<String>],
    items: &[usize],
) -> std::result::Result<&'v Value, &'v Value> {
    let mut value = root;
    for len in 1..=path.len() {
        if len > 1 {
            value = value.get(&path[len - 1]).ok_or(value)?;
        }
        let list = lists.iter().take(items.len()).position(|list| list[..] == path[..len]);
        if let Some(item) = list.and_then(|list| items.get(list)) {
            value = value.get(item).ok_or(value)?;
        }
    }
    Ok(value)
}

fn missing(row: &Row, path: &[String], there: &Value) -> Error {
    let remedy = match there {
        Value::Object(object) => format!("the keys there are {}", list(object.keys())),
        Value::Array(_) => "there is a list; name it in `rows` of `[data]` if its items are rows".to_owned(),
        _ => "there is no object".to_owned(),
    };
    Error::data(row.place(), format!("there is no `{}` in the row", path.join(".")), remedy)
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
        let reader =
            Reader::new("t.jsonl", Cursor::new(text.replace('\n', "").into_bytes()), ReadOptions::default())?;
        let columns = reader.columns().clone();
        let mut view = View::new(task, &columns, &task.fields(), None)?;
        let rows = reader.map(|row| view.read(&row?)).collect::<Result<Vec<_>>>()?;
        Ok(rows.concat())
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
    fn every_innermost_row_is_asked_about_every_topic() {
        let data = "[data]\nrows = 'passage.questions[].answers[]'\n[multi_label]\ntopics = ['a', 'b']";
        let rows = read(&task(data, "{topic} {passage.questions.answers.text} {mask}"), ROWS).unwrap();
        assert_eq!(
            rows,
            [["a", "Long ago"], ["b", "Long ago"], ["a", "Now"], ["b", "Now"], ["a", ""], ["b", ""]]
        );
    }

    #[test]
    fn a_column_of_the_file_gives_way_to_that_of_the_topics() {
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
    fn columns_are_made_of_others_one_after_the_other() {
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

    #[test]
    fn a_word_is_marked_even_if_its_number_is_off_by_one_or_it_is_glued_to_others() {
        for (at, word, want) in [
            ("1", "it", "Tom saw it, it fell"),
            ("3", "it", "Tom saw it, *it* fell"),
            ("4", "it", "Tom saw it, *it* fell"),
            ("2", "it", "Tom saw it, *it* fell"),
            ("2", "it,", "Tom saw *it,* it fell"),
            ("0", "To", "*To* m saw it, it fell"),
        ] {
            let got = mark("Tom saw  it, it fell", word, at);
            if at == "1" {
                assert_eq!(got.unwrap_err().0, "word number 1 of the text is not `it`");
            } else {
                assert_eq!(got.unwrap(), want);
            }
        }
        assert!(mark("Tom", "Tom", "x").is_err() && mark("Tom", "", "0").is_err());
        assert_eq!(mark("saw it, fell", "it", "1").unwrap(), "saw *it* , fell");
    }

    #[test]
    fn a_path_to_rows_ends_with_a_list() {
        assert_eq!(Rows::parse("a[].b[]").unwrap().source(), "a[].b[]");
        assert_eq!(
            Rows::parse("a[].b").unwrap_err(),
            ("`a[].b` does not end with a list".into(), "write `a[].b[]` if there is a list".into())
        );
        assert!(
            Rows::parse("a..b[]").is_err() && Rows::parse("").is_err() && Rows::parse("a[0].b[]").is_err()
        );
    }
}
