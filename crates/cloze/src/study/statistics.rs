//! Confidence intervals for a mean over a few seeds.

use crate::metrics::Measured;

/// The mean of `scores[seed][row]` with its 95 % confidence interval.
///
/// Such a mean varies with both the seeds and the test rows, and each contributes a half-interval: Student's
/// t over the means of the seeds, and the normal approximation over the means of the rows. The half-width is
/// the root of the sum of their squares, which is rather too wide than too narrow. With one seed, only the
/// variation from the rows is known. For a difference, `scores` are the differences between the two settings
/// on the same seed and row.
pub(super) fn measure(scores: &[Vec<f64>]) -> Measured {
    let rows = scores.first().map_or(0, Vec::len);
    let of_seeds: Vec<f64> = scores.iter().map(|rows| mean(rows)).collect();
    let of_rows: Vec<f64> =
        (0..rows).map(|row| mean(&scores.iter().map(|seed| seed[row]).collect::<Vec<_>>())).collect();
    let value = mean(&of_seeds);
    let seeds = match of_seeds.len() {
        0 | 1 => 0.0,
        count => student(count - 1) * standard_error(&of_seeds),
    };
    let half = seeds.hypot(NORMAL * standard_error(&of_rows));
    Measured { value, low: value - half, high: value + half }
}

/// The variance of a table of values, by where it comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Components {
    /// From the row.
    pub(super) rows: f64,
    /// From the column.
    pub(super) columns: f64,
    /// From the two together: what is left.
    pub(super) both: f64,
}

/// The variance components of `values[row][column]`; `None` if there are fewer than two rows or columns.
///
/// The values of a cell are taken as the sum of a random effect of its row, one of its column and one of its
/// own. Their variances follow from the mean squares of a two-way analysis of variance with one value per
/// cell; an estimate below 0 counts as 0.
pub(super) fn components(values: &[Vec<f64>]) -> Option<Components> {
    let (rows, columns) = (values.len(), values.first()?.len());
    if rows < 2 || columns < 2 {
        return None;
    }
    let of_rows: Vec<f64> = values.iter().map(|row| mean(row)).collect();
    let of_columns: Vec<f64> =
        (0..columns).map(|column| mean(&values.iter().map(|row| row[column]).collect::<Vec<_>>())).collect();
    let all = mean(&of_rows);
    let squares = |means: &[f64]| means.iter().map(|mean| (mean - all).powi(2)).sum::<f64>();
    let mut left = 0.0;
    for (row, of_row) in values.iter().zip(&of_rows) {
        for (value, of_column) in row.iter().zip(&of_columns) {
            left += (value - of_row - of_column + all).powi(2);
        }
    }
    let (rows, columns) = (rows as f64, columns as f64);
    let both = left / ((rows - 1.0) * (columns - 1.0));
    let of = |means: &[f64], others: f64| {
        let mean_square = others * squares(means) / (means.len() as f64 - 1.0);
        ((mean_square - both) / others).max(0.0)
    };
    Some(Components { rows: of(&of_rows, columns), columns: of(&of_columns, rows), both })
}

/// The 97.5th percentile of the normal distribution.
const NORMAL: f64 = 1.959_963_985;

/// The 97.5th percentile of Student's t distribution with 1 to 10 degrees of freedom.
const STUDENT: [f64; 10] = [12.7062, 4.3027, 3.1824, 2.7764, 2.5706, 2.4469, 2.3646, 2.3060, 2.2622, 2.2281];

fn student(freedom: usize) -> f64 {
    let z = NORMAL;
    let n = freedom as f64;
    // Beyond the table, the expansion in 1/n (Abramowitz and Stegun, 26.7.5) is accurate to three decimals.
    let expansion = z
        + (z.powi(3) + z) / (4.0 * n)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * n.powi(2))
        + (3.0 * z.powi(7) + 19.0 * z.powi(5) + 17.0 * z.powi(3) - 15.0 * z) / (384.0 * n.powi(3));
    STUDENT.get(freedom.wrapping_sub(1)).copied().unwrap_or(expansion)
}

pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 0.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The standard error of the mean; 0 for a single value.
fn standard_error(values: &[f64]) -> f64 {
    let mean = mean(values);
    let count = values.len() as f64;
    if values.len() < 2 {
        return 0.0;
    }
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (count - 1.0) / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-4, "{a} {b}");
    }

    #[test]
    fn three_seeds_have_the_textbook_interval() {
        // With one row, only the seeds vary: mean 5, standard deviation 2, t = 4.3027 with two degrees of
        // freedom.
        let figure = measure(&[vec![3.0], vec![5.0], vec![7.0]]);
        close(figure.value, 5.0);
        close(figure.high - 5.0, 4.3027 * 2.0 / 3f64.sqrt());
        close(5.0 - figure.low, 4.3027 * 2.0 / 3f64.sqrt());
    }

    #[test]
    fn one_seed_has_the_interval_of_its_rows() {
        let rows: Vec<f64> = (0..1000).map(|row| f64::from(row < 800)).collect();
        let figure = measure(&[rows]);
        close(figure.value, 0.8);
        close(figure.high - 0.8, 1.96 * (0.8 * 0.2 / 999f64).sqrt());
    }

    #[test]
    fn the_luck_of_seeds_and_of_rows_add_up() {
        let figure = measure(&[vec![1.0, 0.0], vec![1.0, 1.0]]);
        // Seed means 0.5 and 1, row means 1 and 0.5: standard errors of 0.25 each.
        close(figure.value, 0.75);
        close(figure.high - 0.75, 0.25 * 12.7062f64.hypot(1.96));
    }

    #[test]
    fn variance_is_split_into_that_of_rows_of_columns_and_of_both() {
        // Row means 1.5 and 4.5, column means 2 and 4, residuals of 0.5: mean squares 9, 4 and 1.
        let Components { rows, columns, both } = components(&[vec![1.0, 2.0], vec![3.0, 6.0]]).unwrap();
        close(rows, (9.0 - 1.0) / 2.0);
        close(columns, (4.0 - 1.0) / 2.0);
        close(both, 1.0);
        // Three rows of two: what a row adds is −2, 0 and 2, what a column adds −1 and 1, and nothing else.
        let sum = components(&[vec![1.0, 3.0], vec![3.0, 5.0], vec![5.0, 7.0]]).unwrap();
        close(sum.rows, 4.0);
        close(sum.columns, 2.0);
        close(sum.both, 0.0);
        // Neither rows nor columns differ, so that their estimates would be below 0.
        let crossed = components(&[vec![0.0, 1.0], vec![1.0, 0.0]]).unwrap();
        assert_eq!(crossed, Components { rows: 0.0, columns: 0.0, both: 1.0 });
        assert_eq!((components(&[vec![1.0, 2.0]]), components(&[vec![1.0], vec![2.0]])), (None, None));
    }

    #[test]
    fn the_percentiles_go_on_smoothly_beyond_their_table() {
        close(student(2), 4.3027);
        assert!((student(11) - 2.2010).abs() < 1e-3 && (student(30) - 2.0423).abs() < 1e-3);
        assert!((student(100_000) - NORMAL).abs() < 1e-3);
    }
}
