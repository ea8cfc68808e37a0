//! Options of the task file on the command line: `--set`, and those with their own names. The library defines what they mean and
//! which values they may have.

use clap::Args;
use cloze::task::{OptionHelp, Preset, Setting};

/// Options of a task that have their own names on the command line.
#[derive(Debug, Args)]
pub(crate) struct Overrides {
    #[arg(long, value_name = "METHOD", value_parser = option_words("method"), help = option_help("method"))]
    method: Option<Setting>,
    #[arg(long, value_name = "N,…", value_delimiter = ',', visible_alias = "seed", help = option_help("seeds"))]
    seeds: Vec<u64>,
    #[arg(long, value_name = "MODELS", value_parser = option_words("keep"), help = option_help("keep"))]
    keep: Option<Setting>,
    #[arg(long, help = option_help("compare"))]
    compare: bool,
}

impl Overrides {
    /// The options that were given.
    ///
    /// # Errors
    /// When they cannot be given together.
    pub(crate) fn settings(&self) -> cloze::Result<Vec<Setting>> {
        let mut settings: Vec<Setting> = self.method.iter().chain(&self.keep).cloned().collect();
        if !self.seeds.is_empty() {
            let seeds: Vec<String> = self.seeds.iter().map(u64::to_string).collect();
            settings.push(format!("seeds={}", seeds.join(",")).parse()?);
        }
        if self.compare {
            // A test goes through all names that are used here.
            settings.push("compare=true".parse().expect("it can be compared"));
        }
        Ok(settings)
    }
}

/// What follows `--set`.
#[derive(Debug, Clone)]
pub(crate) enum Set {
    /// An option with its value.
    To(Setting),
    /// `help`: the user wants to see the options.
    Help,
}

/// Reads what follows `--set`.
pub(super) fn set(text: &str) -> Result<Set, String> {
    match text.split('=').next().map(str::trim) {
        _ if text == "help" => Ok(Set::Help),
        Some("preset" | "train.preset") => Err("give a preset with `--preset`".to_owned()),
        Some("seed" | "repetitions") => Err("list the seeds, for example `seeds=1,2,3`".to_owned()),
        _ => text.parse().map(Set::To).map_err(|error: cloze::Error| {
            let remedy = error.remedy().unwrap_or_default();
            format!("{error}; {remedy}")
        }),
    }
}

/// An option of the library's table.
fn option(name: &str) -> OptionHelp {
    // A test goes through all names that are used here.
    Preset::default().help().into_iter().find(|option| option.name == name).expect("there is the option")
}

/// What `--help` says about an option of the task file.
fn option_help(name: &str) -> String {
    format!("{} [default: the task file's]", option(name).meaning.trim_end_matches('.'))
}

/// An option of the task file that is one of several words.
fn option_words(name: &'static str) -> impl clap::builder::TypedValueParser<Value = Setting> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    // The parser accepts only words that the option may have.
    PossibleValuesParser::new(option(name).words)
        .map(move |word| format!("{name}={word}").parse().expect("the word is one of the choices"))
}
