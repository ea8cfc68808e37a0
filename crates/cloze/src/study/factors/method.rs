//! Plain fine-tuning, PET, iPET.

use super::{Base, Definition, Levels};
use crate::Result;
use crate::study::level::Level;
use crate::task;

pub(super) struct Method;

impl Definition for Method {
    fn question(&self) -> &'static str {
        "Do patterns help, and do generations?"
    }

    fn levels(&self, base: &Base) -> Result<Levels> {
        let methods = [
            ("supervised", task::Method::Supervised),
            ("pet", task::Method::Pet),
            ("ipet", task::Method::Ipet),
        ];
        // Without unlabelled examples, a second generation has nothing to learn from.
        let possible =
            methods.into_iter().filter(|(_, method)| *method != task::Method::Ipet || base.unlabeled > 0);
        let level = |(name, method)| Level::changed(name, move |task, _| task.options.method = method);
        Ok(possible.map(level).collect())
    }
}
