//! Parquet: the rows of a file, a few at a time, whatever the size of its row groups.

pub(super) mod cell;
mod page;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Once};

use arrow_array::RecordBatch;
use parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder,
};
use parquet::errors::ParquetError;
use parquet::file::reader::ChunkReader;

use self::page::Pages;
use super::columns::{Columns, Dialect};
use super::format::Format;
use super::header::unique;
use super::options::ReadOptions;
use super::quoting::Quoting;
use super::row::{Cells, Row};
use crate::error::Unit;
use crate::{Error, Place, Result};

/// Rows that are decoded at a time: few enough that they take little memory even if each has a long text.
const BATCH: usize = 64;

/// The rows of a file.
pub(super) struct Batches {
    batches: ParquetRecordBatchReader,
    /// The number of the last row of every row group.
    groups: Vec<u64>,
    /// The rows that were decoded last, and how many of them have been returned.
    batch: Arc<RecordBatch>,
    given: usize,
    /// The number of the row that was returned last, counted from 1.
    row: u64,
}

impl Batches {
    /// The columns of `file`, whose bytes are `input`, and its rows, or only those of a row group, counted from 0.
    ///
    /// # Errors
    /// When it is not a Parquet file or damaged, has no such row group, two columns have the same name, or a column has values that
    /// are no text, numbers, dates or times, nor lists and structs of them.
    pub(super) fn open<R: ChunkReader + 'static>(
        file: &Arc<str>,
        input: R,
        options: ReadOptions,
        only: Option<usize>,
    ) -> Result<(Columns, Batches)> {
        let place = || Place::file(&**file);
        let metadata = guarded(|| ArrowReaderMetadata::load(&input, ArrowReaderOptions::default()))
            .map_err(|error| unreadable(place(), "", &error))?;
        let mut last = 0u64;
        let groups = metadata.metadata().row_groups().iter().map(|group| {
            last = last.saturating_add(u64::try_from(group.num_rows()).unwrap_or(0));
            last
        });
        let groups: Vec<u64> = groups.collect();
        if let Some(missing) = only.filter(|&group| group >= groups.len()) {
            let problem = format!("there is no row group {}; the file has {}", missing + 1, groups.len());
            return Err(Error::data(
                place(),
                problem,
                "use the file as it was when its row groups were counted",
            ));
        }
        let schema = Arc::clone(metadata.schema());
        if schema.fields().is_empty() {
            return Err(Error::data(place(), "the file has no columns", "write it with columns"));
        }
        if let Some(field) = schema.fields().iter().find(|field| !cell::is_readable(field.data_type())) {
            let problem = format!("values of the type {} are not read", field.data_type());
            return Err(Error::data(place().field(field.name()), problem, "write the column as text"));
        }
        let dialect = Dialect {
            format: Format::Parquet,
            between: b',',
            separator: b',',
            quoting: Quoting::Double,
            mark: false,
            crlf: false,
            options,
        };
        let names = schema.fields().iter().map(|field| field.name().clone()).collect();
        let columns = unique(file, names, dialect, None)?.typed(Arc::clone(&schema));
        let batches = ParquetRecordBatchReaderBuilder::new_with_metadata(Pages(input), metadata);
        let batches = match only {
            Some(group) => batches.with_row_groups(vec![group]),
            None => batches,
        };
        let batches = guarded(|| batches.with_batch_size(BATCH).build())
            .map_err(|error| unreadable(place(), "", &error))?;
        let batch = Arc::new(RecordBatch::new_empty(schema));
        // Rows keep their numbers in the file.
        let row = only.and_then(|group| groups.get(group.checked_sub(1)?)).copied().unwrap_or(0);
        Ok((columns, Batches { batches, groups, batch, given: 0, row }))
    }

    /// The number of rows of every row group of the file.
    pub(super) fn group_rows(&self) -> Vec<u64> {
        let before = std::iter::once(0).chain(self.groups.iter().copied());
        self.groups.iter().zip(before).map(|(last, before)| last - before).collect()
    }

    /// The next row, if there is one.
    ///
    /// # Errors
    /// When the file is damaged, or holds bytes that are not text.
    pub(super) fn next(&mut self, columns: &Columns) -> Result<Option<Row>> {
        while self.given == self.batch.num_rows() {
            match guarded(|| self.batches.next().transpose().map_err(ParquetError::from)) {
                Ok(None) => return Ok(None),
                Ok(Some(batch)) => (self.batch, self.given) = (Arc::new(batch), 0),
                Err(error) => {
                    let place = Place::file(&*columns.file);
                    let group = format!(" in row group {}", self.group(self.row + 1));
                    return Err(unreadable(place, &group, &error));
                }
            }
        }
        let index = self.given;
        (self.given, self.row) = (index + 1, self.row + 1);
        let values = self.batch.columns().iter().zip(columns.names()).map(|(array, name)| {
            cell::text(array, index).map_err(|fault| {
                let place = Place::file(&*columns.file).line(self.row).counting(Unit::Row).field(name);
                let problem = format!("{} (row group {})", fault.problem, self.group(self.row));
                Error::data(place, problem, fault.remedy)
            })
        });
        let values = values.collect::<Result<_>>()?;
        let cells = Some(Cells { batch: Arc::clone(&self.batch), index });
        let file = Arc::clone(&columns.file);
        Ok(Some(Row { file, line: self.row, unit: Unit::Row, values, object: None, cells }))
    }

    /// The number of the row group that a row is in, counted from 1.
    fn group(&self, row: u64) -> usize {
        self.groups.partition_point(|&last| last < row) + 1
    }
}

/// Lets the crates that decode Parquet panic without a word, in the whole process and from now on.
///
/// Some damaged files make them panic. The panic is caught, and reading such a file is an error like any other,
/// but Rust calls the panic hook before, which prints a message to standard error unless a program has another
/// one. A program that does not want this message calls `quieten_parquet` when it starts; calling it again
/// changes nothing. All other panics go to the hook that was set before.
pub fn quieten_parquet() {
    static FIRST_CALL: Once = Once::new();
    FIRST_CALL.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let file = panic.location().map_or("", |location| location.file());
            let is_decoder = |part: &str| part.starts_with("parquet-") || part.starts_with("arrow-");
            if !file.split(['/', '\\']).any(is_decoder) {
                usual(panic);
            }
        }));
    });
}

/// What the crate `parquet` makes of a file, even where it panics: it does so on some damaged files, as `table/tests/parquet.rs` shows. What it
/// leaves behind then is not used again, since a reader ends with its first error.
fn guarded<T>(
    work: impl FnOnce() -> std::result::Result<T, ParquetError>,
) -> std::result::Result<T, ParquetError> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(ParquetError::General("the file is damaged".into())))
}

/// The error for a file that cannot be decoded.
fn unreadable(place: Place, location: &str, error: &ParquetError) -> Error {
    let reason = error.to_string();
    let reason = reason.strip_prefix("Parquet error: ").unwrap_or(&reason);
    let remedy = if reason.contains("feature") {
        "write it with another compression: uncompressed, snappy, gzip, lz4 and zstd are read"
    } else {
        "get the file again; it was truncated or damaged in transfer, or is not Parquet, and needs another extension"
    };
    Error::data(place, format!("it cannot be read as Parquet{location}: {reason}"), remedy)
}
