//! The job that fine-tunes a plain classifier on the labelled examples.

use cloze_encoder::{Model, Session};

use super::Workspace;
use crate::Result;
use crate::dataset::gold;
use crate::run::store::Draft;
use crate::task::Split;
use crate::training::classifier::Training;
use crate::training::supervised;

impl Workspace<'_> {
    pub(super) fn supervised(&mut self, draft: &Draft, name: &str, seed: u64) -> Result<()> {
        let options = &self.task.options;
        let labels = self.label_ids();
        let fine_tuning = self.fine_tuning(options.steps, options.learning_rate, options.accumulation);
        let training = Training { fine_tuning: &fine_tuning, batch: options.batch_size, seed };
        let model = Model::new_classifier(self.checkpoint, &self.task.label_names(), seed)?;
        let mut session = Session::new(model, self.device);
        let sequences = self.sequences(Split::Train);
        let after = self.log.steps(name, fine_tuning.steps);
        let steps = supervised::fine_tune(&mut session, training, &sequences, &labels, after)?;
        self.classifier(draft, name, session, &steps)
    }

    /// The labels of the labelled examples.
    pub(super) fn label_ids(&self) -> Vec<u32> {
        gold(&self.data.train).into_iter().map(|label| label as u32).collect()
    }
}
