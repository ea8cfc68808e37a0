//! Predictions in the format of the SuperGLUE benchmark: JSON Lines with each row's `idx` and label.

use std::io::{BufWriter, Write};

use serde_json::{Map, Value};

use super::columns::Columns;
use super::row::Row;
use crate::{Error, Result};

/// The key that identifies a row.
const IDX: &str = "idx";

/// Writes the labels of a file's rows in the file's own structure, with the `idx` of each labelled item and
/// nothing else.
///
/// A row without nested lists is written as `{"idx": 0, "label": "true"}`. If the examples are the items of
/// one list, such as ReCoRD's queries, each becomes such a line with its own `idx`. Nested lists, such as
/// MultiRC's answers, keep their structure: one line per row of the file, with an `idx` at every level and
/// the labels in the innermost.
pub(crate) struct Submission<W: Write> {
    name: String,
    columns: Columns,
    /// The path of every list from the row, outermost first.
    lists: Vec<Vec<String>>,
    output: BufWriter<W>,
}

impl<W: Write> Submission<W> {
    /// Starts writing the labels of rows with these `columns` to `output`, which errors refer to as `name`.
    /// The task's examples are the items of the innermost of `lists`, each given as its path from the row,
    /// outermost first; without lists, they are the rows of the file.
    ///
    /// # Errors
    /// When there is no column `idx`.
    pub(crate) fn new(
        name: &str,
        output: W,
        columns: &Columns,
        lists: &[Vec<String>],
    ) -> Result<Submission<W>> {
        if lists.len() != 1 && columns.find(IDX).is_none() {
            return Err(nameless(columns.place(), "the file", IDX));
        }
        Ok(Submission {
            name: name.to_owned(),
            columns: columns.clone(),
            lists: lists.to_owned(),
            output: BufWriter::new(output),
        })
    }

    /// Writes the labels of `row` in order: one if the row itself is an example, otherwise one for every item
    /// of its lists.
    ///
    /// # Errors
    /// When an item has no `idx`, or writing fails.
    ///
    /// # Panics
    /// If there are fewer labels than items.
    pub(crate) fn write(&mut self, row: &Row, labels: &[Value]) -> Result<()> {
        let object = object(&self.columns, row);
        let mut labels = labels.iter();
        let mut lines = String::new();
        if let [list] = &self.lists[..] {
            for item in items(&object, list) {
                self.item(row, item, 1, &mut labels, &mut lines)?;
                lines.push('\n');
            }
        } else {
            self.item(row, &object, 0, &mut labels, &mut lines)?;
            lines.push('\n');
        }
        self.output.write_all(lines.as_bytes()).map_err(|source| Error::io("write", &self.name, source))
    }

    /// Appends an item nested in `depth` lists to `text`, with everything nested in it.
    fn item<'l>(
        &self,
        row: &Row,
        item: &Value,
        depth: usize,
        labels: &mut impl Iterator<Item = &'l Value>,
        text: &mut String,
    ) -> Result<()> {
        let around = depth.checked_sub(1).map_or(&[][..], |last| &self.lists[last][..]);
        let Some(idx) = item.get(IDX).filter(|idx| !idx.is_null()) else {
            let path: Vec<&str> = around.iter().map(String::as_str).chain([IDX]).collect();
            return Err(nameless(row.place(), "the row", &path.join(".")));
        };
        text.push_str(&format!("{{\"{IDX}\": {idx}, "));
        let Some(list) = self.lists.get(depth) else {
            let label = labels.next().expect("there is a label for every item");
            text.push_str(&format!("\"label\": {label}}}"));
            return Ok(());
        };
        let path = &list[around.len()..];
        let keys: Vec<String> = path.iter().map(|key| format!("{}: ", Value::from(key.as_str()))).collect();
        text.push_str(&keys.join("{"));
        text.push('[');
        for (number, inner) in items(item, path).iter().enumerate() {
            if number > 0 {
                text.push_str(", ");
            }
            self.item(row, inner, depth + 1, labels, text)?;
        }
        text.push(']');
        text.push_str(&"}".repeat(path.len()));
        Ok(())
    }

    /// Flushes everything written so far to the output.
    ///
    /// # Errors
    /// When writing fails.
    pub(crate) fn flush(&mut self) -> Result<()> {
        self.output.flush().map_err(|source| Error::io("write", &self.name, source))
    }
}

/// A label as a submission writes it: whole numbers as numbers, everything else, including `true`, as text.
pub(crate) fn label(name: &str) -> Value {
    match name.parse::<i64>() {
        Ok(number) if number.to_string() == name => number.into(),
        _ => name.into(),
    }
}

/// A row as JSON. In rows of CSV and TSV, values that are valid JSON are parsed.
fn object(columns: &Columns, row: &Row) -> Value {
    if let Some(object) = &row.object {
        // The reader has already parsed it as an object.
        return serde_json::from_str(&object.text).unwrap_or_default();
    }
    let value = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| Value::from(text.as_str()));
    let members = columns.names().iter().zip(&row.values).map(|(name, text)| (name.clone(), value(text)));
    Value::Object(members.collect::<Map<_, _>>())
}

/// The items of the list at the end of `path`; empty if there is no list.
fn items<'v>(value: &'v Value, path: &[String]) -> &'v [Value] {
    let list = path.iter().try_fold(value, |value, key| value.get(key));
    list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice)
}

fn nameless(place: crate::Place, what: &str, path: &str) -> Error {
    Error::data(
        place,
        format!("there is no `{path}` in {what}"),
        "a SuperGLUE submission identifies every prediction by the `idx` of the benchmark's own files: use those, or write \
         another format",
    )
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::table::{ReadOptions, Reader};
    use crate::task::Rows;

    /// The output for a file whose labels are these, in order.
    fn submit(text: &str, rows: Option<&str>, names: &[&str]) -> Result<String> {
        let mut reader = Reader::new("val.jsonl", Cursor::new(text.to_owned()), ReadOptions::default())?;
        let lists = rows.map(|rows| Rows::parse(rows).unwrap().lists().to_vec()).unwrap_or_default();
        let mut output = Vec::new();
        let mut submission = Submission::new("out", &mut output, reader.header(), &lists)?;
        let mut names = names.iter();
        for row in reader.rows() {
            let row = row?;
            let count = match &lists[..] {
                [] => 1,
                [list] => items(&object(&submission.columns, &row), list).len(),
                [outer, inner] => {
                    let object = object(&submission.columns, &row);
                    let inner = &inner[outer.len()..];
                    items(&object, outer).iter().map(|item| items(item, inner).len()).sum()
                }
                _ => unreachable!(),
            };
            let labels: Vec<Value> = names.by_ref().take(count).map(|name| label(name)).collect();
            submission.write(&row, &labels)?;
        }
        submission.flush()?;
        drop(submission);
        Ok(String::from_utf8(output).unwrap())
    }

    #[test]
    fn every_row_is_its_idx_and_its_label_as_the_benchmark_spells_it() {
        let boolq = "{\"question\": \"is it wet\", \"passage\": \"Rain -- Rain is wet.\", \"idx\": 0}\n\
                     {\"question\": \"is it dry\", \"passage\": \"Rain -- Rain is wet.\", \"idx\": 1}\n";
        let want = "{\"idx\": 0, \"label\": \"true\"}\n{\"idx\": 1, \"label\": \"false\"}\n";
        assert_eq!(submit(boolq, None, &["true", "false"]).unwrap(), want);
        let cb = "{\"premise\": \"He said so.\", \"hypothesis\": \"so\", \"idx\": 7}\n";
        assert_eq!(
            submit(cb, None, &["not_entailment"]).unwrap(),
            "{\"idx\": 7, \"label\": \"not_entailment\"}\n"
        );
        let copa = "{\"premise\": \"It rained.\", \"choice1\": \"Wet.\", \"choice2\": \"Dry.\", \"question\": \"effect\", \"idx\": 3}\n";
        assert_eq!(submit(copa, None, &["0"]).unwrap(), "{\"idx\": 3, \"label\": 0}\n");
    }

    #[test]
    fn an_idx_is_what_it_was_in_json_and_a_number_in_csv() {
        let text = "{\"idx\": \"7\"}\n{\"idx\": {\"passage\": 1, \"query\": 2}}\n";
        assert_eq!(
            submit(text, None, &["a", "b"]).unwrap(),
            "{\"idx\": \"7\", \"label\": \"a\"}\n{\"idx\": {\"passage\":1,\"query\":2}, \"label\": \"b\"}\n"
        );
        let csv = "text,idx\nx,7\ny,v-8\n";
        let want = "{\"idx\": 7, \"label\": \"007\"}\n{\"idx\": \"v-8\", \"label\": -1}\n";
        assert_eq!(submit(csv, None, &["007", "-1"]).unwrap(), want);
    }

    const MULTIRC: &str = r#"{"idx": 4, "version": 1.1, "passage": {"text": "Ann ran. Bo sat.", "questions": [
        {"question": "Who ran?", "idx": 9, "answers": [{"text": "Ann", "idx": 40}, {"text": "Bo", "idx": 41}]},
        {"question": "Who slept?", "idx": 10, "answers": []},
        {"question": "Who sat?", "idx": 11, "answers": [{"text": "Bo", "idx": 42}]}]}}"#;

    #[test]
    fn lists_within_lists_stay_where_they_were() {
        let file =
            format!("{}\n{{\"idx\": 5, \"passage\": {{\"questions\": null}}}}\n", MULTIRC.replace('\n', ""));
        let want = "{\"idx\": 4, \"passage\": {\"questions\": [{\"idx\": 9, \"answers\": [{\"idx\": 40, \"label\": 1}, \
                    {\"idx\": 41, \"label\": 0}]}, {\"idx\": 10, \"answers\": []}, {\"idx\": 11, \"answers\": [{\"idx\": 42, \
                    \"label\": 1}]}]}}\n{\"idx\": 5, \"passage\": {\"questions\": []}}\n";
        let got = submit(&file, Some("passage.questions[].answers[]"), &["1", "0", "1"]).unwrap();
        assert_eq!(got, want);
        assert!(got.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    }

    #[test]
    fn the_items_of_a_single_list_are_lines_of_their_own() {
        let record = "{\"idx\": 2, \"passage\": {\"text\": \"Ann met Bo.\"}, \"qas\": [{\"query\": \"@placeholder ran\", \
                      \"idx\": 30}, {\"query\": \"@placeholder sat\", \"idx\": 31}]}\n";
        let want = "{\"idx\": 30, \"label\": \"Ann\"}\n{\"idx\": 31, \"label\": \"Bo \\\"B\\\"\"}\n";
        assert_eq!(submit(record, Some("qas[]"), &["Ann", "Bo \"B\""]).unwrap(), want);
    }

    #[test]
    fn what_has_no_idx_cannot_be_submitted() {
        let error = submit("{\"text\": \"x\"}\n", None, &["a"]).unwrap_err();
        assert_eq!(error.to_string(), "`val.jsonl`: there is no `idx` in the file");
        assert!(error.remedy().unwrap().contains("identifies every prediction by the `idx`"));
        let error = submit("{\"idx\": 0}\n{\"idx\": null}\n", None, &["a", "b"]).unwrap_err();
        assert_eq!(error.to_string(), "`val.jsonl`, line 2: there is no `idx` in the row");
        let file = MULTIRC.replace('\n', "").replace(", \"idx\": 41", "");
        let error = submit(&file, Some("passage.questions[].answers[]"), &["1", "0", "1"]).unwrap_err();
        let path = "passage.questions.answers.idx";
        assert_eq!(error.to_string(), format!("`val.jsonl`, line 1: there is no `{path}` in the row"));
    }
}
