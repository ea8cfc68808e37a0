//! What a model used of an example: how much each word of its texts contributes to the probability of a label.
//!
//! Contributions say how a prediction depends on words. They do not say why a model has learnt that, nor whether it
//! is right.

pub(crate) mod attribution;
pub(crate) mod gradients;
pub(crate) mod leave_one_out;
pub(crate) mod shown;
pub(crate) mod words;

pub(crate) use self::attribution::Attribution;
pub(crate) use self::shown::{Completeness, Explanation, Word};
