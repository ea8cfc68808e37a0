//! Examples as Python hands them over: columns of strings.

use cloze::Record;
use pyo3::prelude::*;
use serde_json::{Map, Value};

/// The label of an example, or its labels where it may have several.
#[derive(Debug, Clone, FromPyObject)]
pub(crate) enum Label {
    /// One.
    One(String),
    /// Any number of them.
    Several(Vec<String>),
}

/// Columns of the same length, which Python has made sure of: the attributes of the class `Rows` there.
#[derive(Debug, Default, FromPyObject)]
pub(crate) struct Rows {
    /// The names of the columns; if there are none, they are the columns that the patterns use, in order.
    names: Option<Vec<String>>,
    /// The columns, each with a value for every row; none is an empty cell.
    columns: Vec<Vec<Option<String>>>,
    /// The labels of the rows, if they have any.
    labels: Option<Vec<Option<Label>>>,
}

impl Rows {
    /// The rows one by one.
    pub(crate) fn into_records(self) -> Vec<Record> {
        let Rows { names, columns, labels } = self;
        let count = columns.first().map_or(0, Vec::len);
        let mut columns: Vec<_> = columns.into_iter().map(Vec::into_iter).collect();
        let mut labels = labels.into_iter().flatten();
        let mut records = Vec::with_capacity(count);
        for _ in 0..count {
            let values = columns.iter_mut().map(|column| column.next().flatten());
            let record = match &names {
                None => Record::from(values.map(Option::unwrap_or_default).collect::<Vec<String>>()),
                Some(names) => {
                    let values = values.map(|value| value.map_or(Value::Null, Value::String));
                    Record::from(names.iter().cloned().zip(values).collect::<Map<String, Value>>())
                }
            };
            records.push(match labels.next().flatten() {
                None => record,
                Some(Label::One(label)) => (record, label).into(),
                Some(Label::Several(labels)) => (record, labels).into(),
            });
        }
        records
    }
}
