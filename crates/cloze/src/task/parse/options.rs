//! Parses the options: `[train]`, `[ipet]` and `[distil]`.

use super::cursor::{Reader, Section};
use crate::task::options::OptionSpec;
use crate::task::{Options, Preset};

impl Reader<'_> {
    /// The options of the file; those that it does not set come from the preset: `preset` if given, otherwise
    /// the file's.
    pub(super) fn options(&mut self, top: &Section, preset: Option<Preset>) -> Options {
        let sections = OptionSpec::SECTIONS.map(|name| self.section(top, name));
        for section in &sections {
            self.known(section, &OptionSpec::keys(section.name));
        }
        let [train, ..] = &sections;
        let own = self.choice(train, "preset");
        let mut options = preset.or(own).unwrap_or_default().options();
        self.count_seeds(train, &mut options);
        for section in &sections {
            for option in OptionSpec::of_section(section.name) {
                let Some(value) = self.get(section, option.key) else { continue };
                match option.read(value) {
                    Ok(value) => option.set(&mut options, &value),
                    Err(wrong) => {
                        for found in wrong {
                            self.mistake(found.span, found.problem, found.remedy);
                        }
                    }
                }
            }
        }
        options
    }

    /// `repetitions` seeds starting at `seed`, instead of a list of `seeds`.
    fn count_seeds(&mut self, train: &Section, options: &mut Options) {
        let seed = self.number::<u64>(train, "seed");
        let repetitions = self.number::<u64>(train, "repetitions");
        let key = match (seed, repetitions) {
            (Some(_), _) => "train.seed",
            (None, Some(_)) => "train.repetitions",
            (None, None) => return,
        };
        if train.table.is_some_and(|table| table.contains_key("seeds")) {
            let span = self.span_of(key);
            self.mistake(span, "`seeds` is given too", "write either `seeds`, or `seed` and `repetitions`");
            return;
        }
        let count = repetitions.unwrap_or(options.seeds.len() as u64);
        if !(1..=1000).contains(&count) {
            let span = self.span_of("train.repetitions");
            self.mistake(
                span,
                format!("`repetitions = {count}` is out of range"),
                "`repetitions` must be at least 1 and at most 1000",
            );
            return;
        }
        let first = seed.unwrap_or(0);
        options.seeds = (0..count).map(|number| first.wrapping_add(number)).collect();
    }
}
