//! What `cloze label` takes.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueHint};
use cloze_label::Options;

use super::{ModelArg, ReadingArgs};

/// `cloze label`
#[derive(Debug, Args)]
pub(crate) struct Label {
    /// A task file, or a CSV, TSV, JSON Lines or Parquet file with texts
    #[arg(value_name = "TASK|TABLE", value_hint = ValueHint::FilePath)]
    pub given: PathBuf,
    /// The folder for labels, tables and runs [default: NAME-labels, beside the table or task file]
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub output: Option<PathBuf>,
    /// The columns with the texts of a table, separated by commas [default: those that look like text]
    #[arg(long, value_name = "COLUMN,…", value_delimiter = ',')]
    pub text: Vec<String>,
    /// A column of a table in which some rows have a label already
    #[arg(long, value_name = "COLUMN")]
    pub label: Option<String>,
    /// The labels to begin with, separated by commas [default: those of the task or of the column; else the page asks]
    #[arg(long, value_name = "LABEL,…", value_delimiter = ',')]
    pub labels: Vec<String>,
    /// A text can have several labels
    #[arg(long)]
    pub multi_label: bool,
    /// Texts that are drawn at random to measure on, and never learned from; a larger number later draws more [default: 50]
    #[arg(long, value_name = "N")]
    pub sample: Option<usize>,
    /// Train a classifier in the background after every N labels; 0 never does unless asked
    #[arg(long, value_name = "N", default_value_t = Options::default().train_every)]
    pub train_every: usize,
    /// Who labels; the page can change it [default: the user's name]
    #[arg(long, value_name = "NAME")]
    pub annotator: Option<String>,
    /// The port, or address and port, to listen on, of this machine alone unless there is `--users`; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value_t = Options::default().listen, value_parser = super::address)]
    pub listen: SocketAddr,
    /// People who may label after signing in, as `cloze users` has written them; then other machines can open the page
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "annotator")]
    pub users: Option<PathBuf>,
    /// Names by which browsers reach this machine, separated by commas, such as that of a web server in front
    #[arg(long, value_name = "HOST,…", value_delimiter = ',', requires = "users")]
    pub host: Vec<String>,
    /// Print the address of the page without opening a browser
    #[arg(long)]
    pub no_open: bool,
    /// How the rows of a table are stored.
    #[command(flatten)]
    pub reading: ReadingArgs,
    /// The pretrained model.
    #[command(flatten)]
    pub model: ModelArg,
}

/// `cloze users`
#[derive(Debug, Args)]
pub(crate) struct AddUsers {
    /// The file of users, which is created if there is none
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub file: PathBuf,
    /// Who is added
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
}
