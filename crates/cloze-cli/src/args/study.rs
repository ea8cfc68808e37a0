//! What `cloze study` takes.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use cloze::study::Factor;

use super::{TaskArg, choice};

/// `cloze study`
#[derive(Debug, Args)]
pub(crate) struct Study {
    /// The task.
    #[command(flatten)]
    pub task: TaskArg,
    /// What to vary, one factor at a time; duplicates count once
    #[arg(long, value_name = "FACTOR,…", value_delimiter = ',', value_parser = choice(Factor::ALL),
          default_value = "patterns,distillation,merge,method")]
    pub factors: Vec<Factor>,
    /// The number of seeds to repeat everything with
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub seeds: u16,
    /// Models for the factor `models` to compare with the task's, separated by commas; duplicates count once
    #[arg(long, value_name = "DIR,…", value_delimiter = ',', value_hint = ValueHint::DirPath)]
    pub models: Vec<PathBuf>,
    /// Task files whose words for the same labels the factor `words` compares with the task's, separated by commas
    #[arg(long, value_name = "TASK,…", value_delimiter = ',', value_hint = ValueHint::FilePath)]
    pub words: Vec<PathBuf>,
    /// Sets of patterns for the factor `patterns` to compare with all, such as `0+1,0+2`; the first pattern is 0
    #[arg(long, value_name = "SET,…", value_delimiter = ',', value_parser = pattern_set)]
    pub pattern_sets: Vec<Vec<usize>>,
    /// The directory for studies and their runs
    #[arg(long, value_name = "DIR", default_value = "studies", value_hint = ValueHint::DirPath)]
    pub studies: PathBuf,
}

/// A set of patterns, such as `0+2`.
fn pattern_set(given: &str) -> Result<Vec<usize>, String> {
    let numbers: Result<Vec<usize>, _> = given.split('+').map(|number| number.trim().parse()).collect();
    let mut set = numbers
        .map_err(|_| "join the numbers of patterns by `+`, for example `0+2`; the first is 0".to_owned())?;
    set.sort_unstable();
    set.dedup();
    Ok(set)
}
