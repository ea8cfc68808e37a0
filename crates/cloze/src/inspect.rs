//! What is to be known of a task before anything is trained: a first draft, a check, the time it will take.

pub mod check;
pub mod estimate;
pub mod init;
pub mod vocabulary;
