//! The pretrained model with and without labelled examples in front, and PET.

use super::{Base, Definition, Levels, Setting};
use crate::Result;
use crate::error::counted;
use crate::pvp::priming::Demonstrations;
use crate::study::level::{Level, Reading};
use crate::task::Method;

/// Numbers of labelled examples per label that are put in front of a row, besides as many as fit.
const IN_FRONT: [usize; 2] = [1, 4];

pub(super) struct Priming;

impl Definition for Priming {
    fn question(&self) -> &'static str {
        "Is it enough to put labelled rows in front of the text, without training?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let sizes = IN_FRONT.map(|size| size * base.task.labels.len());
        let few = sizes.into_iter().filter(|&size| size < base.train);
        let few = few.map(|size| (format!("primed with {}", counted(size, "example")), size));
        // As many as fit is limited only by the number of labelled examples.
        let all = ("primed with as many as fit".to_owned(), base.train);
        let mut levels = vec![pet("pretrained model", 0).titled("pet").read(Reading::Pretrained)];
        levels.extend(few.chain([all]).map(|(name, size)| pet(&name, size).read(Reading::Primed)));
        levels.push(pet("pet", 0));
        Ok(levels.into_iter().collect())
    }

    fn overview(&self, settings: &[Setting]) -> Option<String> {
        let of_setting = |setting: &Setting| {
            let of_arms = setting.arms.iter().filter_map(|arm| arm.examples);
            Some(format!("{} with `{}`", of_arms.reduce(Demonstrations::and)?, setting.setting))
        };
        let primed: Vec<String> = settings.iter().filter_map(of_setting).collect();
        Some(format!("In front of a test row there is room for {}.", primed.join(", for ")))
    }
}

/// PET with its pretrained model primed with this many labelled examples.
fn pet(setting: &str, examples: usize) -> Level {
    Level::changed(setting, move |task, _| {
        task.options.method = Method::Pet;
        task.options.priming = examples;
    })
}
