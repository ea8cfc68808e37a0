//! The options of a run.
//!
//! [`table`] lists all of them, with their meaning, allowed values and defaults.

pub(super) mod choice;
pub(super) mod help;
mod range;
mod read;
#[cfg(test)]
mod reference;
pub(super) mod setting;
pub(super) mod table;
pub(super) mod value;

use choice::{Measure, Method, Preset};
use range::OutOfRange;
pub(crate) use table::OptionSpec;
use table::Options;

impl Preset {
    /// The values of the options in this preset.
    pub(crate) fn options(self) -> Options {
        Options::of(self)
    }
}

impl Default for Options {
    fn default() -> Self {
        Preset::default().options()
    }
}

impl Options {
    /// Whether every intermediate model is evaluated on the test examples.
    pub(crate) fn measures_all(&self) -> bool {
        self.measure == Measure::All || self.compare
    }

    /// The number of ensembles that are trained one after the other.
    pub(crate) fn generations(&self) -> usize {
        match self.method {
            Method::Pet => 1,
            Method::Ipet => self.ipet.generations,
            Method::Supervised => 0,
        }
    }

    /// The options with invalid values, for example 0 steps.
    pub(crate) fn out_of_range(&self) -> Vec<OutOfRange> {
        OptionSpec::all().filter_map(|option| option.refuse(&option.get(self))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::choice::Choice;
    use super::*;

    #[test]
    fn the_defaults_are_within_their_ranges() {
        assert_eq!(Preset::default().options(), Options::default());
        for (_, preset) in Preset::ALL {
            assert_eq!(preset.options().out_of_range(), []);
        }
    }

    #[test]
    fn a_seed_that_is_there_twice_is_named() {
        let seeds = |seeds: &[u64]| Options { seeds: seeds.to_vec(), ..Options::default() }.out_of_range();
        assert_eq!(seeds(&[0, 7, 2, 7])[0].problem, "the seed 7 is in `seeds` twice");
        assert_eq!(seeds(&[0, 7, 2]), []);
    }

    #[test]
    fn options_without_a_meaning_are_named() {
        let options = Options { steps: 0, learning_rate: f64::NAN, warmup: 1.5, ..Options::default() };
        let keys: Vec<_> = options.out_of_range().into_iter().map(|found| found.key).collect();
        assert_eq!(keys, ["train.steps", "train.learning_rate", "train.warmup"]);
        let options = Options { batch_size: usize::MAX, ..Options::default() };
        assert_eq!(options.out_of_range()[0].remedy, "`batch_size` must be from 1 to 1000000");
    }
}
