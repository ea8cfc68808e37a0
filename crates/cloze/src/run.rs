//! A run: its plan, the jobs, its directory, and what is said on the way.

pub mod event;
pub mod plan;
pub mod prepare;
pub mod store;
pub mod summary;
pub mod train;
pub mod trainer;
