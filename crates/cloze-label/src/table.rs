//! Rows of text with further cells, written as a table.

use std::sync::Arc;

use arrow_array::{ArrayRef, Float64Array, RecordBatch, StringArray};
use cloze::{Error, Format};
use parquet::arrow::ArrowWriter;

/// A table: a line of cells for every row, of which the last `numbers` are numbers.
pub(crate) struct Table {
    pub(crate) header: Vec<String>,
    pub(crate) lines: Vec<Vec<String>>,
    pub(crate) numbers: usize,
}

impl Table {
    /// The table in a format: Parquet, or CSV.
    ///
    /// # Errors
    /// When it cannot be written, for example because two columns have the same name.
    pub(crate) fn written(&self, format: Format) -> cloze::Result<Vec<u8>> {
        match format {
            Format::Parquet => self.parquet().map_err(|error| failed(&error)),
            _ => self.csv().map_err(|error| failed(&error)),
        }
    }

    fn csv(&self) -> csv::Result<Vec<u8>> {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(&self.header)?;
        self.lines.iter().try_for_each(|line| writer.write_record(line))?;
        writer.into_inner().map_err(|error| error.into_error().into())
    }

    /// Texts, and numbers of 64 bits.
    fn parquet(&self) -> parquet::errors::Result<Vec<u8>> {
        let texts = self.header.len() - self.numbers;
        let columns = self.header.iter().enumerate().map(|(column, name)| {
            let cells = self.lines.iter().map(|line| line[column].as_str());
            let array: ArrayRef = match column < texts {
                true => Arc::new(StringArray::from_iter_values(cells)),
                false => Arc::new(cells.map(|cell| cell.parse::<f64>().ok()).collect::<Float64Array>()),
            };
            (name, array)
        });
        let batch = RecordBatch::try_from_iter(columns)?;
        let mut writer = ArrowWriter::try_new(Vec::new(), batch.schema(), None)?;
        writer.write(&batch)?;
        writer.into_inner()
    }
}

fn failed(error: &dyn std::error::Error) -> Error {
    Error::usage(format!("the table cannot be written: {error}"), "try again")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_the_same_as_csv_and_as_parquet() {
        let header = ["text", "label", "p(a)"].map(str::to_owned).to_vec();
        let lines = vec![["a, b", "", "0.2500"].map(str::to_owned).to_vec()];
        let table = Table { header, lines, numbers: 1 };
        assert_eq!(table.written(Format::Csv).unwrap(), b"text,label,p(a)\n\"a, b\",,0.2500\n");
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("labels.parquet");
        std::fs::write(&path, table.written(Format::Parquet).unwrap()).unwrap();
        let mut reader = cloze::Reader::open(&path, cloze::ReadOptions::default()).unwrap();
        assert_eq!(reader.columns(), ["text", "label", "p(a)"]);
        assert_eq!(reader.next().unwrap().unwrap(), ["a, b", "", "0.25"]);
        assert!(reader.next().is_none());
    }
}
