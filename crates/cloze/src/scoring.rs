//! Scoring with a masked language model: label scores of examples, and the losses that fine-tuning computes
//! from them.

pub(crate) mod calibration;
pub(crate) mod decoding;
pub(crate) mod free_text;
pub(crate) mod groups;
pub(crate) mod multi_token;
pub(crate) mod scorer;
pub(crate) mod scores;
pub(crate) mod single_token;
pub(crate) mod temperature;
