//! A tensor as stored in a file.

use std::borrow::Cow;

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};
use safetensors::Dtype;

/// The position and format of a tensor. Its elements have been checked to lie within the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tensor {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    /// The distance in elements between neighbours along each dimension; `None` if the elements are stored
    /// row by row.
    strides: Option<Vec<usize>>,
    /// The first byte.
    start: usize,
    /// Number of bytes from the first element to the end of the last.
    len: usize,
    /// Where the file has an F32 for every row, which the row's elements are multiplied by: the first byte.
    scales: Option<usize>,
}

impl Tensor {
    /// Elements stored row by row in `len` bytes starting at `start`.
    pub(super) fn rows(dtype: Dtype, shape: &[usize], start: usize, len: usize) -> Tensor {
        Tensor { dtype, shape: shape.to_vec(), strides: None, start, len, scales: None }
    }

    /// A view into a storage that has `elements` elements and begins at byte `storage`. `None` if the view
    /// exceeds it.
    pub(super) fn view(
        dtype: Dtype,
        (shape, strides): (&[usize], &[usize]),
        storage: usize,
        elements: usize,
        offset: usize,
    ) -> Option<Tensor> {
        let size = dtype.bitsize() / 8;
        let count = shape.iter().try_fold(1_usize, |n, &d| n.checked_mul(d))?;
        let mut row = 1;
        let mut by_rows = true;
        let mut last = offset;
        for (&dim, &stride) in shape.iter().zip(strides).rev().filter(|_| count > 0) {
            // In a dimension of size one, the stride is irrelevant.
            by_rows &= dim == 1 || stride == row;
            row *= dim;
            last = last.checked_add((dim - 1).checked_mul(stride)?)?;
        }
        if shape.len() != strides.len() || (count > 0 && last >= elements) {
            return None;
        }
        let (start, len) = match count {
            0 => (storage, 0),
            _ => (storage.checked_add(offset.checked_mul(size)?)?, (last - offset + 1).checked_mul(size)?),
        };
        let strides = (!by_rows).then(|| strides.to_vec());
        Some(Tensor { dtype, shape: shape.to_vec(), strides, start, len, scales: None })
    }

    /// A tensor of bytes whose rows have these scales; `None` if there is not one for each.
    pub(super) fn scaled_by(&self, scales: &Tensor) -> Option<Tensor> {
        let fits = self.shape.len() > 1 && scales.shape == self.shape[..1] && scales.dtype == Dtype::F32;
        fits.then(|| Tensor { scales: Some(scales.start), ..self.clone() })
    }

    /// The scales of its rows; nothing if it has none.
    pub(super) fn scales<'b>(&self, file: &'b [u8]) -> &'b [u8] {
        self.scales.map_or(&[], |start| &file[start..start + 4 * self.shape[0]])
    }

    /// Whether it holds floats, as weights do.
    pub(super) fn is_float(&self) -> bool {
        self.scales.is_some() || matches!(self.dtype, Dtype::F64 | Dtype::F32 | Dtype::F16 | Dtype::BF16)
    }

    /// The number of bytes that the elements take when stored contiguously.
    pub(super) fn size(&self) -> u128 {
        // A shape whose product exceeds that of a few usize values is rejected earlier.
        let count = self.shape.iter().fold(1_u128, |n, &d| n.saturating_mul(d as u128));
        count.saturating_mul(self.dtype.bitsize() as u128) / 8
    }

    /// The elements row by row.
    pub(super) fn data<'b>(&self, file: &'b [u8]) -> Cow<'b, [u8]> {
        let bytes = &file[self.start..self.start + self.len];
        let Some(strides) = &self.strides else { return Cow::Borrowed(bytes) };
        let size = self.dtype.bitsize() / 8;
        let mut gathered = Vec::with_capacity(self.size() as usize);
        let mut index = vec![0; self.shape.len()];
        let mut at = 0;
        'elements: loop {
            gathered.extend_from_slice(&bytes[at * size..(at + 1) * size]);
            for axis in (0..index.len()).rev() {
                index[axis] += 1;
                at += strides[axis];
                if index[axis] < self.shape[axis] {
                    continue 'elements;
                }
                at -= index[axis] * strides[axis];
                index[axis] = 0;
            }
            return Cow::Owned(gathered);
        }
    }

    /// Writes the elements to `out` as float32; returns false if they are not floats that can be converted.
    pub(super) fn widen(&self, file: &[u8], out: &mut [f32]) -> bool {
        let data = self.data(file);
        match self.dtype {
            Dtype::F32 => {
                for (out, bytes) in out.iter_mut().zip(data.as_chunks::<4>().0) {
                    *out = f32::from_le_bytes(*bytes);
                }
            }
            Dtype::F64 => {
                for (out, bytes) in out.iter_mut().zip(data.as_chunks::<8>().0) {
                    *out = f64::from_le_bytes(*bytes) as f32;
                }
            }
            Dtype::F16 => halves(&data, out, f16::from_bits, |half, out| half.convert_to_f32_slice(out)),
            Dtype::BF16 => halves(&data, out, bf16::from_bits, |half, out| half.convert_to_f32_slice(out)),
            Dtype::I8 if self.scales.is_some() && !out.is_empty() => {
                let row = out.len() / self.shape[0];
                let scales = self.scales(file).as_chunks::<4>().0;
                for ((out, bytes), scale) in out.chunks_mut(row).zip(data.chunks(row)).zip(scales) {
                    let scale = f32::from_le_bytes(*scale);
                    out.iter_mut()
                        .zip(bytes)
                        .for_each(|(out, byte)| *out = f32::from(byte.cast_signed()) * scale);
                }
            }
            Dtype::I8 => return self.scales.is_some(),
            _ => return false,
        }
        true
    }
}

/// Converts 16-bit floats block by block, because whole slices convert faster than single numbers.
fn halves<H: Copy + Default>(
    bytes: &[u8],
    out: &mut [f32],
    from_bits: fn(u16) -> H,
    widen: fn(&[H], &mut [f32]),
) {
    let mut block = [H::default(); 512];
    for (out, bytes) in out.chunks_mut(512).zip(bytes.chunks(1024)) {
        for (half, bytes) in block.iter_mut().zip(bytes.as_chunks::<2>().0) {
            *half = from_bits(u16::from_le_bytes(*bytes));
        }
        let len = out.len();
        widen(&block[..len], out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(shape: &[usize], strides: &[usize], offset: usize) -> Option<Tensor> {
        Tensor::view(Dtype::U8, (shape, strides), 0, 12, offset)
    }

    #[test]
    fn a_view_reads_its_elements_row_by_row() {
        let file: Vec<u8> = (0..12).collect();
        let read = |shape: &[usize], strides: &[usize], offset| {
            view(shape, strides, offset).unwrap().data(&file).into_owned()
        };
        assert_eq!(read(&[3, 4], &[4, 1], 0), file);
        assert_eq!(read(&[4, 3], &[1, 4], 0), [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
        assert_eq!(read(&[2, 2], &[4, 2], 1), [1, 3, 5, 7]);
        assert_eq!(read(&[2, 2, 2], &[6, 1, 3], 0), [0, 3, 1, 4, 6, 9, 7, 10]);
        assert_eq!(read(&[1, 3], &[100, 1], 9), [9, 10, 11]);
        assert_eq!(read(&[3], &[0], 5), [5, 5, 5]);
        assert_eq!(read(&[], &[], 11), [11]);
        assert_eq!(read(&[2, 0], &[1, 1], 500), [0_u8; 0]);
    }

    #[test]
    fn a_view_that_leaves_its_storage_is_none() {
        assert_eq!(view(&[3, 4], &[4, 1], 1), None);
        assert_eq!(view(&[13], &[1], 0), None);
        assert_eq!(view(&[2], &[12], 0), None);
        assert_eq!(view(&[], &[], 12), None);
        assert_eq!(view(&[2, 2], &[1], 0), None);
        for huge in [usize::MAX, usize::MAX / 2 + 1] {
            assert_eq!(view(&[huge, 2], &[0, 0], 0), None);
            assert_eq!(view(&[2, 3], &[huge, huge], 0), None);
            assert_eq!(view(&[2], &[1], huge), None);
        }
    }
}
