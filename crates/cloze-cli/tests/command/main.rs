//! The command as a user types it.
//!
//! `tests/cmd/*.trycmd` hold commands and what they print; `TRYCMD=overwrite cargo test -p cloze-cli --test command` writes
//! them anew. The other files run whole stories. All of it uses the tiny model of the fixtures, so that it takes seconds.

mod adapt;
#[cfg(unix)]
mod advice;
#[cfg(unix)]
mod arguments;
#[cfg(unix)]
mod calibrate;
mod damage;
mod end_to_end;
#[cfg(unix)]
mod explain;
mod fetch;
#[cfg(unix)]
mod http;
mod hub;
mod interruption;
#[cfg(unix)]
mod label;
#[cfg(unix)]
mod options;
#[cfg(unix)]
mod outputs;
mod parquet;
mod readme;
#[cfg(unix)]
mod rows;
#[cfg(unix)]
mod runs;
#[cfg(unix)]
mod serve;
mod several_labels;
mod shards;
#[cfg(unix)]
mod sharing;
mod snapshots;
mod study;
mod support;
#[cfg(unix)]
mod trust;
