//! What a masked language model says of rows: scores of labels.

pub mod calibration;
pub mod free_text;
pub mod groups;
pub mod multi_token;
pub mod scorer;
pub mod scores;
