//! The inverse of a matrix that grows by a row and a column at a time.

/// The inverse of `K + λI` for the kernel matrix K of some examples, updated in O(n²) when an example comes or
/// goes (block inversion).
#[derive(Debug, Clone, Default)]
pub(super) struct Inverse {
    size: usize,
    /// `[size, size]`, row by row.
    values: Vec<f64>,
}

impl Inverse {
    pub(super) fn size(&self) -> usize {
        self.size
    }

    pub(super) fn diagonal(&self, index: usize) -> f64 {
        self.values[index * self.size + index]
    }

    /// The product with `[size, columns]`.
    pub(super) fn times(&self, right: &[f64], columns: usize) -> Vec<f64> {
        let mut product = vec![0.0; self.size * columns];
        for (row, out) in self.values.chunks_exact(self.size.max(1)).zip(product.chunks_exact_mut(columns)) {
            for (value, right) in row.iter().zip(right.chunks_exact(columns)) {
                out.iter_mut().zip(right).for_each(|(out, right)| *out += value * right);
            }
        }
        product
    }

    /// Adds an example whose kernel with the others is `column`, and with itself, λ included, `corner`.
    pub(super) fn grow(&mut self, column: &[f64], corner: f64) {
        let n = self.size;
        let b = self.times(column, 1);
        // Positive, because λ is.
        let schur = corner - b.iter().zip(column).map(|(b, k)| b * k).sum::<f64>();
        let mut values = Vec::with_capacity((n + 1) * (n + 1));
        for row in 0..n {
            let old = &self.values[row * n..][..n];
            values.extend(old.iter().zip(&b).map(|(old, other)| old + b[row] * other / schur));
            values.push(-b[row] / schur);
        }
        values.extend(b.iter().map(|b| -b / schur));
        values.push(1.0 / schur);
        (self.size, self.values) = (n + 1, values);
    }

    /// Takes the last example away.
    pub(super) fn shrink(&mut self) {
        let n = self.size - 1;
        let last = &self.values[n * self.size..];
        let corner = last[n];
        let mut values = Vec::with_capacity(n * n);
        for row in 0..n {
            let old = &self.values[row * self.size..][..n];
            values.extend(old.iter().zip(last).map(|(old, other)| old - last[row] * other / corner));
        }
        (self.size, self.values) = (n, values);
    }
}

#[cfg(test)]
mod tests {
    use nalgebra::DMatrix;

    use super::*;

    #[test]
    fn it_is_the_inverse_however_examples_came_and_went() {
        let x = DMatrix::from_fn(9, 4, |row, column| ((row * 7 + column * 13) % 11) as f64 / 11.0 - 0.4);
        let kernel = &x * x.transpose();
        let mut inverse = Inverse::default();
        let grow = |inverse: &mut Inverse, row: usize| {
            let column: Vec<f64> = (0..row).map(|other| kernel[(row, other)]).collect();
            inverse.grow(&column, kernel[(row, row)] + 1.0);
        };
        (0..9).for_each(|row| grow(&mut inverse, row));
        (0..5).for_each(|_| inverse.shrink());
        (4..7).for_each(|row| grow(&mut inverse, row));
        assert_eq!(inverse.size(), 7);
        let ridge = kernel.view((0, 0), (7, 7)) + DMatrix::identity(7, 7);
        let unit = inverse.times(ridge.transpose().as_slice(), 7);
        for (place, value) in unit.iter().enumerate() {
            let expected = f64::from(u8::from(place % 8 == 0));
            assert!((value - expected).abs() < 1e-12, "{place}: {value}");
        }
    }
}
