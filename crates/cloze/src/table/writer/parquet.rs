//! Writes rows as Parquet.

use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::builder::{Float64Builder, ListBuilder, StringBuilder};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use super::{Added, Kind};
use crate::table::columns::Columns;
use crate::table::row::Row;

/// The most rows of a row group.
const GROUP_ROWS: usize = 1 << 16;

/// The most bytes of a row group before it is compressed: it is kept in memory until it is complete.
const GROUP_BYTES: usize = 32 << 20;

/// Rows that are encoded together.
const BATCH: usize = 1024;

/// A file being written.
pub(super) struct Batches<W: Write + Send> {
    writer: ArrowWriter<W>,
    schema: SchemaRef,
    /// Rows that have not been encoded yet, each with its added values.
    rows: Vec<(Row, Vec<Value>)>,
}

impl<W: Write + Send> Batches<W> {
    /// Starts a file with `columns`, with their types if they have any and as text otherwise, and the `added` columns.
    pub(super) fn new(output: W, columns: &Columns, added: &[Added]) -> io::Result<Batches<W>> {
        let mut fields: Vec<Arc<Field>> = match &columns.schema {
            Some(schema) => schema.fields().iter().cloned().collect(),
            None => {
                columns.names().iter().map(|name| Arc::new(Field::new(name, DataType::Utf8, false))).collect()
            }
        };
        fields.extend(added.iter().map(|added| {
            let kind = match added.kind {
                Kind::Text => DataType::Utf8,
                Kind::Number => DataType::Float64,
                Kind::Texts => DataType::new_list(DataType::Utf8, true),
            };
            Arc::new(Field::new(&added.name, kind, true))
        }));
        let metadata = columns.schema.as_ref().map(|schema| schema.metadata().clone()).unwrap_or_default();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(GROUP_ROWS))
            .set_max_row_group_bytes(Some(GROUP_BYTES))
            .build();
        let writer = ArrowWriter::try_new(output, Arc::clone(&schema), Some(properties)).map_err(failed)?;
        Ok(Batches { writer, schema, rows: Vec::new() })
    }

    /// Adds a row.
    pub(super) fn write(&mut self, row: &Row, values: &[Value]) -> io::Result<()> {
        self.rows.push((row.clone(), values.to_vec()));
        if self.rows.len() < BATCH { Ok(()) } else { self.encode() }
    }

    /// Encodes the rows so far. What is complete has been written; a row group is written when it is complete.
    pub(super) fn encode(&mut self) -> io::Result<()> {
        let rows = std::mem::take(&mut self.rows);
        // Rows that were decoded together and follow each other are encoded together.
        for run in rows.chunk_by(|(before, _), (after, _)| match (&before.cells, &after.cells) {
            (Some(before), Some(after)) => {
                Arc::ptr_eq(&before.batch, &after.batch) && before.index + 1 == after.index
            }
            (before, after) => before.is_none() && after.is_none(),
        }) {
            self.encode_run(run)?;
        }
        Ok(())
    }

    fn encode_run(&mut self, run: &[(Row, Vec<Value>)]) -> io::Result<()> {
        let Some((first, _)) = run.first() else { return Ok(()) };
        let mut arrays: Vec<ArrayRef> = match &first.cells {
            Some(cells) => cells.batch.slice(cells.index, run.len()).columns().to_vec(),
            None => (0..first.values.len())
                .map(|column| texts(run.iter().map(|(row, _)| Some(row.value(column)))))
                .collect(),
        };
        let before = arrays.len();
        for (index, field) in self.schema.fields()[before..].iter().enumerate() {
            let values = run.iter().map(|(_, values)| &values[index]);
            arrays.push(match field.data_type() {
                DataType::Float64 => {
                    let mut numbers = Float64Builder::new();
                    values.for_each(|value| numbers.append_option(value.as_f64()));
                    Arc::new(numbers.finish())
                }
                DataType::List(_) => {
                    let mut lists = ListBuilder::new(StringBuilder::new());
                    for value in values {
                        let items = value.as_array();
                        items
                            .into_iter()
                            .flatten()
                            .for_each(|item| lists.values().append_option(item.as_str()));
                        lists.append(items.is_some());
                    }
                    Arc::new(lists.finish())
                }
                _ => texts(values.map(Value::as_str)),
            });
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(io::Error::other)?;
        self.writer.write(&batch).map_err(failed)
    }

    /// Writes everything, and the end of the file.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.encode()?;
        self.writer.into_inner().map_err(failed)
    }
}

fn texts<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut array = StringBuilder::new();
    texts.for_each(|text| array.append_option(text));
    Arc::new(array.finish())
}

/// The error of the disk, if that is what it was.
fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
