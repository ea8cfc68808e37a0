//! The generations of iPET.

use super::{Base, Definition, Levels, steps};
use crate::Result;
use crate::study::level::{Level, Reading};
use crate::task::Method;

pub(super) struct Generations;

impl Definition for Generations {
    fn question(&self) -> &'static str {
        "Does every generation of iPET improve on the one before?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        if base.unlabeled == 0 {
            return Ok(Levels::none("there are no unlabelled rows to grow the training sets with"));
        }
        let ipet = |setting: String| {
            Level::changed(setting, |task, _| task.options.method = Method::Ipet).titled("ipet")
        };
        let generations = 0..base.task.options.ipet.generations;
        let ensembles =
            generations.map(|number| ipet(format!("generation {number}")).read(Reading::Generation(number)));
        Ok(ensembles.chain([ipet("distilled classifier".to_owned())]).collect())
    }

    fn pairs(&self, settings: usize) -> Vec<(usize, usize)> {
        steps(settings)
    }
}
