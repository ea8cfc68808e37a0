//! Under construction.

pub mod ensemble;
pub mod event;
pub mod metrics;
pub mod random;
pub mod scores;
pub mod store;
