//! The parts of the encoder, forward and backward by hand. Each works on whole ragged batches, `[tokens, size]`.

pub(crate) mod attention;
pub(crate) mod embedding;
pub(crate) mod feed_forward;
pub(crate) mod linear;
pub(crate) mod norm;

/// The first `len` elements of a buffer that grows but never shrinks, so that a warm step allocates nothing.
/// What they hold is left over from before.
pub(crate) fn sized(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    if buffer.len() < len {
        buffer.resize(len, 0.0);
    }
    &mut buffer[..len]
}
