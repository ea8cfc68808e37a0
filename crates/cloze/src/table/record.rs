//! Examples that a program provides in memory instead of a file.

use std::collections::{BTreeMap, HashMap};
use std::io::Cursor;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Format, ReadOptions, Reader};
use crate::{Place, Result};

/// An example in memory: one text, several texts, or values by column name; and optionally its label.
///
/// ```
/// use cloze::Record;
///
/// // One text, or one text for each column that the patterns use, in the order in which they use them.
/// let text = Record::from("the app crashes on start");
/// let two = Record::from(["Crash", "the app crashes on start"]);
/// // Values by column name.
/// let named = Record::from([("subject", "Crash"), ("message", "the app crashes on start")]);
/// // Any of these, with its label.
/// let labelled = Record::from(("the app crashes on start", "technical"));
/// let several = Record::from(("I was charged twice, hurry", vec!["billing", "urgent"]));
/// # let _ = (text, two, named, labelled, several);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    pub(crate) values: Values,
    pub(crate) label: Option<Value>,
}

/// The content of an example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Values {
    /// One text for each column that the patterns use.
    Texts(Vec<String>),
    /// Values by column name.
    Named(Map<String, Value>),
}

impl Record {
    /// Adds the label: a text, a number, a boolean, or a list of labels in a multi-label task.
    #[must_use]
    pub(crate) fn with_label(self, label: impl Into<Value>) -> Record {
        Record { label: Some(label.into()), ..self }
    }

    /// Whether it has a label, either of its own or in this column.
    pub(crate) fn has_label(&self, column: &str) -> bool {
        let named = || match &self.values {
            Values::Texts(_) => false,
            Values::Named(values) => values.contains_key(column),
        };
        self.label.is_some() || named()
    }

    /// The example's texts, if they have no names.
    pub(crate) fn texts(&self) -> Option<&[String]> {
        match &self.values {
            Values::Texts(texts) => Some(texts),
            Values::Named(_) => None,
        }
    }
}

impl From<Values> for Record {
    fn from(values: Values) -> Record {
        Record { values, label: None }
    }
}

impl From<&str> for Record {
    fn from(text: &str) -> Record {
        Values::Texts(vec![text.to_owned()]).into()
    }
}

impl From<String> for Record {
    fn from(text: String) -> Record {
        Values::Texts(vec![text]).into()
    }
}

impl From<&String> for Record {
    fn from(text: &String) -> Record {
        Record::from(text.as_str())
    }
}

impl<const N: usize> From<[&str; N]> for Record {
    fn from(texts: [&str; N]) -> Record {
        Values::Texts(texts.map(str::to_owned).into()).into()
    }
}

impl From<Vec<String>> for Record {
    fn from(texts: Vec<String>) -> Record {
        Values::Texts(texts).into()
    }
}

impl From<Map<String, Value>> for Record {
    fn from(values: Map<String, Value>) -> Record {
        Values::Named(values).into()
    }
}

impl<K: Into<String>, V: Into<Value>, const N: usize> From<[(K, V); N]> for Record {
    fn from(values: [(K, V); N]) -> Record {
        named(values)
    }
}

impl<K: Into<String>, V: Into<Value>> From<Vec<(K, V)>> for Record {
    fn from(values: Vec<(K, V)>) -> Record {
        named(values)
    }
}

impl<K: Into<String>, V: Into<Value>> From<BTreeMap<K, V>> for Record {
    fn from(values: BTreeMap<K, V>) -> Record {
        named(values)
    }
}

impl<K: Into<String> + Ord, V: Into<Value>> From<HashMap<K, V>> for Record {
    fn from(values: HashMap<K, V>) -> Record {
        // In a fixed order, because it becomes the order of the columns.
        named(values.into_iter().collect::<BTreeMap<K, V>>())
    }
}

impl<R: Into<Record>, L: Into<Value>> From<(R, L)> for Record {
    fn from((record, label): (R, L)) -> Record {
        record.into().with_label(label)
    }
}

fn named<K: Into<String>, V: Into<Value>>(values: impl IntoIterator<Item = (K, V)>) -> Record {
    Values::Named(values.into_iter().map(|(name, value)| (name.into(), value.into())).collect()).into()
}

/// In-memory examples in the form that a reader reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Records {
    /// The name used in errors.
    name: Arc<str>,
    /// One object per line. The first one names all columns.
    lines: Arc<[u8]>,
}

impl Records {
    /// Converts `records`, which errors refer to as `name`. The texts of records without column names go into
    /// the columns `fields`, and labels into the column `label`.
    ///
    /// # Errors
    /// When the number of texts in a record differs from the number of `fields`, or a record has two
    /// different labels.
    pub(crate) fn new(
        name: &str,
        records: &[Record],
        fields: &[String],
        label: Option<&str>,
    ) -> Result<Records> {
        let mut columns: Map<String, Value> = Map::new();
        let mut objects = Vec::with_capacity(records.len());
        for (number, record) in records.iter().enumerate() {
            let mut object = match &record.values {
                Values::Named(values) => values.clone(),
                Values::Texts(texts) => {
                    check_texts(texts, fields, place(name, number))?;
                    let texts = texts.iter().cloned().map(Value::String);
                    fields.iter().cloned().zip(texts).collect()
                }
            };
            if let (Some(value), Some(label)) = (&record.label, label) {
                let named = object.insert(label.to_owned(), value.clone());
                if named.is_some_and(|named| named != *value) {
                    let problem = "the example has a label of its own and another one in this column";
                    let remedy = "give the label once";
                    return Err(crate::Error::data(place(name, number).field(label), problem, remedy));
                }
            }
            for name in object.keys().filter(|name| !columns.contains_key(*name)).cloned().collect::<Vec<_>>()
            {
                columns.insert(name, Value::Null);
            }
            objects.push(object);
        }
        if let Some(first) = objects.first_mut() {
            columns.extend(std::mem::take(first));
            *first = columns;
        }
        let mut lines = String::new();
        for object in objects {
            lines.push_str(&Value::Object(object).to_string());
            lines.push('\n');
        }
        Ok(Records { name: name.into(), lines: lines.into_bytes().into() })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The name used in errors.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Reads them.
    pub(crate) fn reader(&self) -> Result<Reader> {
        let options = ReadOptions { format: Some(Format::Jsonl), ..ReadOptions::default() };
        Reader::new(&self.name, Cursor::new(Arc::clone(&self.lines)), options)
            .map(Reader::in_memory)
            .map_err(|error| error.in_memory(0))
    }
}

fn place(name: &str, number: usize) -> Place {
    Place::file(name).line(number as u64 + 1).in_memory()
}

/// Checks that there is one text for every column.
pub(crate) fn check_texts(texts: &[String], fields: &[String], place: Place) -> Result<()> {
    if texts.len() == fields.len() {
        return Ok(());
    }
    let given = if texts.len() == 1 {
        "there is 1 text".to_owned()
    } else {
        format!("there are {} texts", texts.len())
    };
    Err(crate::Error::data(
        place,
        format!("{given}, and the patterns use the columns {}", crate::error::list(fields)),
        "give a text for each of them in this order, or values by the names of columns",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(records: &[Record], fields: &[&str]) -> Result<String> {
        let fields: Vec<String> = fields.iter().map(|&name| name.to_owned()).collect();
        let records = Records::new("the examples", records, &fields, Some("label"))?;
        Ok(String::from_utf8(records.lines.to_vec()).unwrap())
    }

    #[test]
    fn the_first_line_names_the_columns_of_all() {
        let records = [
            Record::from(("one", "a")),
            Record::from(([("text", "two"), ("more", "more")], "b")),
            Record::from("three"),
        ];
        assert_eq!(
            lines(&records, &["text"]).unwrap(),
            "{\"text\":\"one\",\"label\":\"a\",\"more\":null}\n\
             {\"text\":\"two\",\"more\":\"more\",\"label\":\"b\"}\n\
             {\"text\":\"three\"}\n"
        );
    }

    #[test]
    fn a_text_for_each_column_is_wanted() {
        let error = lines(&[Record::from(["a", "b"]), Record::from("c")], &["x", "y"]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "example 2 of the examples: there is 1 text, and the patterns use the columns `x`, `y`"
        );
    }

    #[test]
    fn what_is_read_back_is_what_was_handed_over() {
        let text = "quotes \" and \\ and a line\nbreak, commas; tabs\t, \u{1F600} and { braces }";
        let fields = ["text".to_owned()];
        let records = Records::new("x", &[Record::from((text, 7))], &fields, Some("label")).unwrap();
        let table = records.reader().unwrap().into_table().unwrap();
        assert_eq!(table.columns.names(), ["text", "label"]);
        assert_eq!(table.rows[0].values(), [text, "7"]);
    }
}
