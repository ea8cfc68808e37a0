//! Labelled examples for evaluating a run.

use std::collections::BTreeMap;

use super::doubts::doubts;
use super::examples::Examples;
use super::labels;
use super::projection::Projection;
use super::read::{ReadRows, read_rows};
use crate::error::{Hint, counted, list};
use crate::table::{Columns, Reader};
use crate::task::{Split, Task};
use crate::{Error, Result, Warning};

/// Labelled examples for evaluating a run, and a report of the rows that were left out.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// The labelled examples, at least one.
    pub examples: Examples,
    /// The number of rows without a label.
    pub unlabelled: usize,
    /// Labels that the task does not have, and the number of rows with each.
    pub unknown: BTreeMap<String, usize>,
    /// The number of rows skipped because of such labels.
    pub passed_over: usize,
    /// Likely mistakes.
    pub warnings: Vec<Warning>,
}

impl Labelled {
    /// Reads labelled examples for evaluating a run, from any source. Rows without a label are skipped, and
    /// with `skip_unknown` also rows with a label that the task does not have.
    ///
    /// # Errors
    /// As [`Task::examples`]; also when there is no label column, or no row has a label.
    pub fn read(task: &Task, reader: Reader, skip_unknown: bool) -> Result<Labelled> {
        let columns = reader.header().clone();
        let Some(label) = &task.data.label else {
            return Err(Error::usage(
                "the run does not know which column holds the labels",
                format!("{}; the right one is named by `label` under `[data]`", columns_there(&columns)),
            )
            .with_hint(Hint::LabelColumn));
        };
        if !Projection::has(task, &columns, label) {
            return Err(Error::data(
                columns.place(),
                format!("there is no column `{label}`, where the run has its labels"),
                format!("{}; the right one is named by `label` under `[data]`", columns_there(&columns)),
            )
            .with_hint(Hint::LabelColumn));
        }
        let ReadRows { examples, unlabelled, unknown, passed_over, first_unknown } =
            read_rows(task, reader, Split::Test, &task.fields(), None)?;
        if let Some(place) = first_unknown.filter(|_| !skip_unknown) {
            return Err(labels::unknown(task, place, &unknown, false));
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
            let remedy = "label some rows; if another column has the right labels, it is named by `label` under `[data]`";
            return Err(Error::data(columns.place().field(label), problem, remedy).with_hint(Hint::NoLabels));
        }
        let warnings = doubts(task, &columns, Split::Test).into_iter().collect();
        Ok(Labelled { examples, unlabelled, unknown, passed_over, warnings })
    }
}

fn columns_there(columns: &Columns) -> String {
    format!("the columns are {}", list(columns.names()))
}
