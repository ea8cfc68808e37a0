//! Explanations of the options.

use super::choice::Preset;
use super::table::OptionSpec;

/// The explanation of an option, see [`Preset::help`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionHelp {
    /// Its key, prefixed with its section unless that is `train`: `steps`, `distil.steps`.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// The allowed values, in plain English.
    pub values: String,
    /// The words to choose from; empty if the value is not one of several words.
    pub words: Vec<&'static str>,
    /// Its value in the preset, as written in a task file.
    pub default: String,
}

impl Preset {
    /// Explains every option, with its value in this preset, in the order of a task file that lists all of
    /// them.
    pub fn help(self) -> Vec<OptionHelp> {
        let options = self.options();
        let help = |option: &OptionSpec| OptionHelp {
            name: option.name(),
            meaning: option.meaning(),
            values: option.values(),
            words: option.words(),
            default: option.get(&options).to_string(),
        };
        OptionSpec::all().map(help).collect()
    }
}
