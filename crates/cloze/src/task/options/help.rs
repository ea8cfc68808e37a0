//! What is said of the options to whoever may set them.

use super::choice::Preset;
use super::table::OptionSpec;

/// An option as it is explained to whoever may set it, see [`Preset::help`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct OptionHelp {
    /// Its key, with its section unless that is `train`: `steps`, `distil.steps`.
    pub name: &'static str,
    /// What it means, in one sentence.
    pub meaning: &'static str,
    /// The values that it may have, in plain English.
    pub values: String,
    /// The words to choose from; none if it is not one of several words.
    pub words: Vec<&'static str>,
    /// The value that the preset gives it, as a task file has it.
    pub default: String,
}

impl Preset {
    /// Every option with the value that this preset gives it, in the order of a task file that spells all of them out.
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
