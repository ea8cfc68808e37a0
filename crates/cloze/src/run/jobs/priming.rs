//! The job that scores the test examples with the pretrained model, with labelled examples in front of each.

use cloze_encoder::{Model, Session};

use super::Workspace;
use crate::Result;
use crate::pvp::priming::{self, Primer};
use crate::run::store::Draft;
use crate::run::summary::Summary;

impl Workspace<'_> {
    pub(super) fn primed(&mut self, draft: &Draft, name: &str, pattern: usize, seed: u64) -> Result<()> {
        let mut session = Session::new(Model::masked_lm(self.checkpoint)?, self.device);
        let verbalizer = self.verbalizer(pattern)?;
        let drawn = priming::draw(&self.data.train, self.task.options.priming, seed);
        let primer = Primer::of_task(self.task, pattern, self.checkpoint, &verbalizer, &drawn)?;
        let (clozes, examples) = primer.encode_all(&self.data.test)?;
        let test = self.score(&mut session, name, &verbalizer, &clozes)?;
        let notes = examples.note().into_iter().collect();
        Summary { examples: Some(examples), notes, ..self.measured(draft, None, Some(&test))? }.write(draft)
    }
}
