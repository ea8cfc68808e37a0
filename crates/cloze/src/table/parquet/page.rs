//! Pages of a Parquet file, checked before they are decompressed.

use std::io::{self, Read};

use parquet::errors::{ParquetError, Result};
use parquet::file::reader::{ChunkReader, Length};

/// The most bytes of a page once it is decompressed. Pages usually have a few mebibytes; a header of a few bytes may claim
/// two gibibytes, which would be allocated.
const LARGEST: u64 = 256 << 20;

/// A file, of whose pages none is larger than [`LARGEST`].
pub(super) struct Pages<R>(pub(super) R);

impl<R: Length> Length for Pages<R> {
    fn len(&self) -> u64 {
        self.0.len()
    }
}

impl<R: ChunkReader> ChunkReader for Pages<R> {
    type T = R::T;

    /// What begins at `start`, which is a page wherever the crate calls this.
    fn get_read(&self, start: u64) -> Result<R::T> {
        match unpacked_size(self.0.get_read(start)?)? {
            Some(size) if size <= LARGEST => self.0.get_read(start),
            Some(size) => Err(ParquetError::General(format!(
                "a page of {size} bytes, and the largest that is read has {LARGEST}"
            ))),
            None => Err(ParquetError::General("a page has no header".into())),
        }
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<bytes::Bytes> {
        // Before a buffer of this length is allocated.
        if start.checked_add(length as u64).is_none_or(|end| end > self.0.len()) {
            return Err(ParquetError::EOF("the file ends within a page".into()));
        }
        self.0.get_bytes(start, length)
    }
}

/// The size that a page says it has once it is decompressed. In Thrift's compact protocol, its header begins with two integers:
/// the kind of the page and this size.
fn unpacked_size(mut header: impl Read) -> io::Result<Option<u64>> {
    let Some(_kind) = integer(&mut header)? else { return Ok(None) };
    // Integers are zigzag-encoded: an odd one is negative.
    Ok(integer(&mut header)?.filter(|size| size % 2 == 0).map(|size| size / 2))
}

/// A field of the type `i32` right behind the previous one; `None` if it is another.
fn integer(header: &mut impl Read) -> io::Result<Option<u64>> {
    let mut byte = [0];
    header.read_exact(&mut byte)?;
    if byte != [0x15] {
        return Ok(None);
    }
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        header.read_exact(&mut byte)?;
        value |= u64::from(byte[0] & 0x7f) << shift;
        if byte[0] < 0x80 {
            return Ok(Some(value));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_claims_too_much_is_refused_before_it_is_read() {
        let size = |bytes: &[u8]| unpacked_size(bytes).ok().flatten();
        assert_eq!(size(&[0x15, 0, 0x15, 0xac, 0x02]), Some(150));
        assert_eq!(size(&[0x15, 4, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f]), Some(i32::MAX as u64));
        for bytes in
            [&[0x15, 0, 0x15, 1][..], &[0x05, 2, 0, 0x15, 2], &[0x15, 0], &[0x15, 0, 0x15, 0x80], &[]]
        {
            assert_eq!(size(bytes), None, "{bytes:?}");
        }
        let large = bytes::Bytes::from_static(&[0x15, 0, 0x15, 0xfe, 0xff, 0xff, 0xff, 0x0f]);
        let error = Pages(large).get_read(0).err().unwrap().to_string();
        assert!(error.contains("a page of 2147483647 bytes"), "{error}");
    }
}
