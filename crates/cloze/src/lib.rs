//! Under construction.

pub mod ensemble;
pub mod metrics;
pub mod random;
pub mod scores;
