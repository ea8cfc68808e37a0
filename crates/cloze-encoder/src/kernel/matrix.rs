//! Matrix views that can be split into disjoint blocks, so that threads may fill them in parallel.

use std::marker::PhantomData;

/// A read-only view of a matrix with any strides: a block of a slice, possibly transposed.
#[derive(Clone, Copy)]
pub(crate) struct Mat<'a> {
    pub(super) ptr: *const f32,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Distance between vertical neighbours, in elements.
    pub(super) row_stride: usize,
    /// Distance between horizontal neighbours, in elements.
    pub(super) col_stride: usize,
    life: PhantomData<&'a [f32]>,
}

// SAFETY: a `Mat` is a shared borrow of a slice of `f32`, and such borrows are `Send` and `Sync`.
unsafe impl Send for Mat<'_> {}
// SAFETY: as above.
unsafe impl Sync for Mat<'_> {}

impl<'a> Mat<'a> {
    /// The whole of `data` as `rows` rows of `cols` columns.
    pub(crate) fn new(data: &'a [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a matrix of {rows} x {cols}");
        Mat { ptr: data.as_ptr(), rows, cols, row_stride: cols, col_stride: 1, life: PhantomData }
    }

    /// The transposed view.
    pub(crate) fn transpose(self) -> Self {
        Mat {
            rows: self.cols,
            cols: self.rows,
            row_stride: self.col_stride,
            col_stride: self.row_stride,
            ..self
        }
    }

    /// The element in row `i` and column `j`.
    ///
    /// # Safety
    /// There is such a row and column.
    #[inline(always)]
    pub(super) unsafe fn at(self, i: usize, j: usize) -> f32 {
        debug_assert!(i < self.rows && j < self.cols);
        // SAFETY: the element lies inside the view, by the contract of this function.
        unsafe { *self.ptr.add(i * self.row_stride + j * self.col_stride) }
    }

    /// The block of `rows` x `cols` whose first element is (`row`, `col`).
    pub(crate) fn block(self, row: usize, rows: usize, col: usize, cols: usize) -> Self {
        assert!(row + rows <= self.rows && col + cols <= self.cols, "the block lies inside");
        // SAFETY: the block lies inside the view (checked above), so its first element does, or it is empty
        // and the pointer, computed without a provenance check, is never read.
        let ptr = self.ptr.wrapping_add(row * self.row_stride + col * self.col_stride);
        Mat { ptr, rows, cols, ..self }
    }
}

/// A mutable view of a matrix. Rows are contiguous; two views never share an element.
pub(crate) struct MatMut<'a> {
    pub(super) ptr: *mut f32,
    pub(crate) rows: usize,
    pub(crate) cols: usize,
    /// Distance between vertical neighbours, in elements.
    pub(super) stride: usize,
    life: PhantomData<&'a mut [f32]>,
}

// SAFETY: a `MatMut` is the only access to its elements (constructed from `&mut`, split disjointly), and
// exclusive borrows of `f32` may move between threads.
unsafe impl Send for MatMut<'_> {}

impl<'a> MatMut<'a> {
    /// The whole of `data` as `rows` rows of `cols` columns.
    pub(crate) fn new(data: &'a mut [f32], rows: usize, cols: usize) -> Self {
        assert_eq!(data.len(), rows * cols, "a matrix of {rows} x {cols}");
        MatMut { ptr: data.as_mut_ptr(), rows, cols, stride: cols, life: PhantomData }
    }

    /// The `rows` rows starting at `row`, borrowed.
    pub(super) fn rows_mut(&mut self, row: usize, rows: usize) -> MatMut<'_> {
        assert!(row + rows <= self.rows, "the rows lie inside");
        MatMut { ptr: self.ptr.wrapping_add(row * self.stride), rows, ..*self }
    }

    /// The first `rows` rows and the rest.
    pub(crate) fn split_rows(self, rows: usize) -> (Self, Self) {
        assert!(rows <= self.rows);
        let below = self.ptr.wrapping_add(rows * self.stride);
        (MatMut { rows, ..self }, MatMut { ptr: below, rows: self.rows - rows, ..self })
    }

    /// The first `cols` columns and the rest.
    pub(crate) fn split_cols(self, cols: usize) -> (Self, Self) {
        assert!(cols <= self.cols);
        let right = self.ptr.wrapping_add(cols);
        (MatMut { cols, ..self }, MatMut { ptr: right, cols: self.cols - cols, ..self })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_the_matrix_without_sharing_an_element() {
        let mut data = vec![0.0; 6];
        let (top, bottom) = MatMut::new(&mut data, 3, 2).split_rows(1);
        let (left, right) = bottom.split_cols(1);
        let ones = Mat::new(&[1.0, 1.0], 2, 1);
        let start = crate::kernel::Start::Zero;
        let kernels = crate::kernel::Kernels::Portable;
        crate::kernel::gemm_serial(kernels, ones, Mat::new(&[2.0], 1, 1), left, start);
        crate::kernel::gemm_serial(kernels, ones, Mat::new(&[3.0], 1, 1), right, start);
        crate::kernel::gemm_serial(kernels, Mat::new(&[1.0], 1, 1), Mat::new(&[4.0, 5.0], 1, 2), top, start);
        assert_eq!(data, [4.0, 5.0, 2.0, 3.0, 2.0, 3.0]);
    }

    #[test]
    #[should_panic(expected = "inside")]
    fn a_block_outside_the_matrix_is_refused() {
        let data = [0.0; 6];
        Mat::new(&data, 2, 3).block(1, 2, 0, 1);
    }
}
