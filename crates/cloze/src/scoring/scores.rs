//! Label scores of examples, and their file format.

use std::io::{Read, Write};

/// Raw scores (not probabilities) of every label for a number of examples: `[rows, labels]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Scores {
    labels: usize,
    values: Vec<f32>,
}

impl Scores {
    /// An empty set of scores for `labels` labels (at least one).
    pub(crate) fn new(labels: usize) -> Self {
        assert!(labels > 0, "scores are of at least one label");
        Scores { labels, values: Vec::new() }
    }

    /// Zeros.
    pub(crate) fn zeros(rows: usize, labels: usize) -> Self {
        Scores { values: vec![0.0; rows * labels], ..Scores::new(labels) }
    }

    /// Appends a row with one score per label.
    #[cfg(test)]
    pub(crate) fn push(&mut self, row: &[f32]) {
        assert_eq!(row.len(), self.labels, "one score per label");
        self.values.extend_from_slice(row);
    }

    /// Number of labels.
    pub(crate) fn labels(&self) -> usize {
        self.labels
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.labels
    }

    /// The mean score of every label over all rows; NaN without rows.
    pub(crate) fn means(&self) -> Vec<f64> {
        let mut means = vec![0.0; self.labels];
        for row in self.iter() {
            means.iter_mut().zip(row).for_each(|(sum, score)| *sum += f64::from(*score));
        }
        means.iter_mut().for_each(|sum| *sum /= self.len() as f64);
        means
    }

    /// Whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The scores of one row.
    pub(crate) fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.labels..][..self.labels]
    }

    /// The scores of one row, mutable.
    pub(crate) fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.labels..][..self.labels]
    }

    /// The rows in order.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &[f32]> {
        self.values.chunks_exact(self.labels)
    }

    /// The label with the highest score in every row; the first one on a tie.
    pub(crate) fn predictions(&self) -> Vec<usize> {
        self.iter().map(best).collect()
    }

    /// Writes CSV: the label names, then one line per row. Numbers have just enough digits to be read back
    /// exactly.
    pub(crate) fn write_csv(&self, names: &[String], out: impl Write) -> Result<(), csv::Error> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(names)?;
        for row in self.iter() {
            writer.write_record(row.iter().map(f32::to_string))?;
        }
        writer.flush()?;
        Ok(())
    }

    /// Reads the output of [`Scores::write_csv`]. `Err` describes the problem, with the line.
    pub(crate) fn read_csv(names: &[String], input: impl Read) -> Result<Self, String> {
        let mut reader = csv::Reader::from_reader(input);
        let header = reader.headers().map_err(|error| error.to_string())?;
        if header != names {
            return Err(format!("line 1 names the labels {header:?}, expected {names:?}"));
        }
        let mut scores = Scores::new(names.len());
        for (index, record) in reader.records().enumerate() {
            let line = index + 2;
            for field in record.map_err(|error| format!("line {line}: {error}"))?.iter() {
                let value: f32 =
                    field.parse().map_err(|_| format!("line {line}: `{field}` is not a number"))?;
                // Minus infinity is the score of a label that an example cannot have.
                if value.is_nan() || value == f32::INFINITY {
                    return Err(format!("line {line}: `{field}` is not a finite number"));
                }
                scores.values.push(value);
            }
        }
        Ok(scores)
    }
}

/// The scores minus their mean, which does not affect the softmax.
pub(crate) fn centred(scores: &[f32]) -> impl Iterator<Item = f64> {
    let mean = scores.iter().copied().map(f64::from).sum::<f64>() / scores.len() as f64;
    scores.iter().map(move |score| f64::from(*score) - mean)
}

/// Checks that all scores or logits are finite.
pub(crate) fn check_finite(values: &[f32]) -> crate::Result<()> {
    match values.iter().find(|value| !value.is_finite()) {
        Some(&value) => Err(crate::Error::NotFinite { value }),
        None => Ok(()),
    }
}

/// The index of the highest value; the first one on a tie, and 0 for an empty slice.
pub(crate) fn best(row: &[f32]) -> usize {
    (1..row.len()).fold(0, |best, index| if row[index] > row[best] { index } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_brings_back_the_same_bits() {
        let names = vec!["plain".to_owned(), "with, comma".to_owned()];
        let mut scores = Scores::new(2);
        for row in [[0.1, -1e-30], [f32::MAX, f32::MIN_POSITIVE], [1.0 / 3.0, -0.0], [16_777_217.0, 0.3]] {
            scores.push(&row);
        }
        let mut file = Vec::new();
        scores.write_csv(&names, &mut file).unwrap();
        let read = Scores::read_csv(&names, &file[..]).unwrap();
        let bits = |scores: &Scores| scores.values.iter().map(|value| value.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&read), bits(&scores));
    }

    #[test]
    fn a_damaged_file_is_refused_with_its_line() {
        let names = vec!["a".to_owned(), "b".to_owned()];
        let error = Scores::read_csv(&names, "a,b\n1,2\n3,x\n".as_bytes()).unwrap_err();
        assert_eq!(error, "line 3: `x` is not a number");
        for number in ["NaN", "inf"] {
            let file = format!("a,b\n1,2\n3,{number}\n");
            let error = Scores::read_csv(&names, file.as_bytes()).unwrap_err();
            assert_eq!(error, format!("line 3: `{number}` is not a finite number"));
        }
        assert!(Scores::read_csv(&names, "a,b\n1,2\n3\n".as_bytes()).unwrap_err().starts_with("line 3"));
        assert!(Scores::read_csv(&names, "b,a\n1,2\n".as_bytes()).unwrap_err().starts_with("line 1"));
    }

    #[test]
    fn of_equal_scores_the_first_label_wins() {
        assert_eq!(best(&[0.5, 1.0, 1.0]), 1);
        assert_eq!(best(&[f32::NAN, 1.0]), 0);
    }
}
