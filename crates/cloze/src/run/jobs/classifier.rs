//! The final part of the two jobs that produce a classifier.

use cloze_encoder::{Classifier, Session};

use super::Workspace;
use crate::run::job_files::write_steps;
use crate::run::store::Draft;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scores::Scores;
use crate::task::{Keep, Split};
use crate::training::classifier;
use crate::training::training_loop::Step;
use crate::{Result, report};

impl Workspace<'_> {
    /// Scores the labelled and test examples with a classifier trained in these `steps`; keeps the classifier
    /// if it is the final model of the run.
    pub(super) fn classifier(
        &mut self,
        draft: &Draft,
        name: &str,
        mut session: Session<Classifier>,
        steps: &[Step],
    ) -> Result<()> {
        write_steps(draft, steps)?;
        let labels = self.task.labels.len();
        let mut score = |split| -> Result<Scores> {
            let sequences = self.sequences(split);
            let progress = self.log.rows(name, "score", sequences.len());
            classifier::score(&mut session, labels, &sequences, SCORING_TOKENS, progress)
        };
        let train = score(Split::Train)?;
        let test = score(Split::Test)?;
        let summary = self.measured(draft, Some(&train), Some(&test))?;
        summary.write(draft)?;
        if name == "final" && self.task.options.keep != Keep::None {
            session.into_model().save(draft.dir(), &self.checkpoint.tokenizer)?;
            let results = self.finished().results_with_classifier(summary.stage(name))?;
            draft.write("README.md", report::model_card(&results, None).as_bytes())?;
        }
        Ok(())
    }
}
