//! What a masked language model makes of examples: scores of labels, and the losses that fine-tuning takes of them.

pub(crate) mod calibration;
pub(crate) mod decoding;
pub(crate) mod free_text;
pub(crate) mod groups;
pub(crate) mod multi_token;
pub(crate) mod scorer;
pub(crate) mod scores;
pub(crate) mod single_token;
