//! What `cloze serve` takes.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueHint};
use cloze_server::Options;

/// `cloze serve`
#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// Run directories, or task files, which stand for the newest run of their task; the first also answers without its name
    #[arg(value_name = "RUN", required = true, value_hint = ValueHint::AnyPath)]
    pub given: Vec<PathBuf>,
    /// The directory for runs, for task files
    #[arg(long, value_name = "DIR", default_value = "runs", value_hint = ValueHint::DirPath)]
    pub runs: PathBuf,
    /// The port, or address and port, to listen on; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value_t = Options::default().listen, value_parser = super::address)]
    pub listen: SocketAddr,
    /// The key that requests must send as `Authorization: Bearer KEY`; other machines can ask only with one
    #[arg(long, value_name = "KEY", env = "CLOZE_API_KEY", hide_env_values = true)]
    pub api_key: Option<String>,
    /// Tokens (estimated) of all waiting requests; what exceeds them is told to come back later
    #[arg(long, value_name = "TOKENS", default_value_t = Options::default().queue_tokens)]
    pub queue: usize,
    /// Examples per request
    #[arg(long, value_name = "N", default_value_t = Options::default().max_rows)]
    pub max_rows: usize,
    /// Bytes per request
    #[arg(long, value_name = "BYTES", default_value_t = Options::default().max_body)]
    pub max_body: usize,
    /// Seconds that a request may take
    #[arg(long, value_name = "SECONDS", default_value_t = Options::default().deadline.as_secs_f64(), value_parser = seconds)]
    pub deadline: f64,
    /// Seconds for answering accepted requests after SIGTERM or Ctrl-C
    #[arg(long, value_name = "SECONDS", default_value_t = Options::default().drain.as_secs_f64(), value_parser = seconds)]
    pub drain: f64,
}

impl Serve {
    /// The same for the server.
    pub(crate) fn options(&self) -> Options {
        Options {
            listen: self.listen,
            api_key: self.api_key.clone(),
            queue_tokens: self.queue,
            max_rows: self.max_rows,
            max_body: self.max_body,
            deadline: Duration::from_secs_f64(self.deadline),
            drain: Duration::from_secs_f64(self.drain),
            ..Options::default()
        }
    }
}

/// A time from a millisecond to a day.
fn seconds(given: &str) -> Result<f64, String> {
    let found = given.parse::<f64>().ok().filter(|seconds| (0.001..=86_400.0).contains(seconds));
    found.ok_or_else(|| "give seconds from 0.001 to 86400".to_owned())
}
