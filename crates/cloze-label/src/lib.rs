//! Labelling texts in the browser: what `cloze label` runs.
//!
//! ```text
//! browser ─► guard (host, cookie, origin) ─► route ─► desk: state, and a writer that appends to the log
//!                                              │        │ changed
//!                                              ▼        ▼
//!                                            queue ◄─ engine: reader (hidden states) and learner (committee)
//!                                                     trainer: an ordinary run in the background
//! ```
//!
//! The log is the truth: `labels.jsonl` has a line for every decision, and what the page acknowledges is on the disk. Everything else follows
//! from it and can be made again. Only this machine is listened to, unless people sign in.

#![forbid(unsafe_code)]
#![cfg_attr(not(test), deny(clippy::print_stdout, clippy::print_stderr))]

mod assets;
mod desk;
mod engine;
mod export;
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod log;
mod private;
mod project;
mod queue;
mod routes;
mod rows;
mod state;
mod table;
mod train;
mod trust;
mod users;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

pub use self::export::TaskFile;
pub use self::project::{Project, Server};
pub use self::users::Users;

/// How many texts are drawn at random to measure on, unless another number is asked for.
pub const SAMPLE: usize = 50;

/// How a project is labelled.
#[derive(Debug, Clone)]
pub struct Options {
    /// The address to listen on, which is one of this machine alone unless there are users.
    pub listen: SocketAddr,
    /// Who may label, after signing in; without them, whoever opens an address of the terminal.
    pub users: Option<Users>,
    /// Names that browsers may call this machine by, if users sign in; by its numbers they always may.
    pub hosts: Vec<String>,
    /// Who labels, unless the page is told otherwise.
    pub annotator: String,
    /// How many texts are drawn at random to measure on; without a number [`SAMPLE`] when a project begins, and no more later.
    pub sample: Option<usize>,
    /// After so many labels a run is started in the background; 0 never does.
    pub train_every: usize,
    /// The labels to begin with.
    pub labels: Vec<String>,
    /// Whether a text can have several labels.
    pub several: bool,
    /// Threads that compute.
    pub threads: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            users: None,
            hosts: Vec::new(),
            annotator: "me".into(),
            sample: None,
            train_every: 50,
            labels: Vec::new(),
            several: false,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}

impl Options {
    /// Whether nobody can open the page who should not.
    fn check(&self) -> cloze::Result<()> {
        let listen = self.listen;
        match listen.ip().is_loopback() || self.users.is_some() {
            true => Ok(()),
            false => Err(cloze::Error::usage(
                format!("on {listen} other machines could read the texts without signing in"),
                "name the people who may with `cloze users FILE NAME` and `--users FILE`; or listen on 127.0.0.1, and reach it from elsewhere \
                 through `ssh -L PORT:127.0.0.1:PORT HOST`",
            )),
        }
    }
}

/// Where the files of a project are, if nothing else is said: beside the table or task file.
pub fn folder_of(given: &std::path::Path) -> PathBuf {
    let name = given.file_name().unwrap_or_default().to_string_lossy();
    let stem = name.split('.').next().filter(|stem| !stem.is_empty()).unwrap_or("texts");
    given.with_file_name(format!("{stem}-labels"))
}
