//! Many rows, annotated by several processes into one folder: the input in parts, and a file for each of them.

pub(crate) mod folder;
pub(crate) mod input;
pub(crate) mod manifest;
