//! The job that fine-tunes the encoder contrastively and fits a linear probe to it.

use cloze_encoder::{Model, Sequence, Session};
use nalgebra::DMatrix;

use super::{MODEL, Workspace};
use crate::Result;
use crate::dataset::{gold, spread};
use crate::run::job_files::{write_scores, write_steps};
use crate::run::plan::keeps_probe;
use crate::run::store::Draft;
use crate::run::summary::Summary;
use crate::task::Split;
use crate::training::contrastive;
use crate::training::linear_probe::{self, Probe};

impl Workspace<'_> {
    pub(super) fn probe(&mut self, draft: &Draft, name: &str) -> Result<()> {
        let options = &self.task.options;
        let train = self.sequences(Split::Train);
        let unlabeled = self.sequences(Split::Unlabeled);
        let around: Vec<usize> = spread(unlabeled.len(), linear_probe::ROWS).collect();
        let mut model = Model::masked_lm(self.checkpoint)?;
        model.freeze(options.freeze);
        let mut session = Session::new(model, self.device);
        // The probe's accuracy is measured with the pretrained model: after training, there are no labelled
        // examples that the model has not seen.
        let labels = gold(&self.data.train);
        let some: Vec<Sequence> = around.iter().map(|row| unlabeled[*row].clone()).collect();
        let states = self.states(&mut session, name, &some)?;
        let (zero_shot, accuracy) = self.fitted(&mut session, name, &train, &labels, &states)?;
        let learning_rate = options.learning_rate * contrastive::LEARNING_RATE;
        let fine_tuning = self.fine_tuning(options.steps, learning_rate, options.accumulation);
        let seed = options.seeds.first().copied().unwrap_or(0);
        let training =
            contrastive::Training { fine_tuning: &fine_tuning, pairs: options.batch_size.div_ceil(2), seed };
        let after = self.log.steps(name, fine_tuning.steps);
        let steps = contrastive::fine_tune(&mut session, training, &train, &labels, zero_shot.mean(), after)?;
        write_steps(draft, &steps)?;
        let states = self.states(&mut session, name, &unlabeled)?;
        let (probe, _) = self.fitted(&mut session, name, &train, &labels, &states.select_rows(&around))?;
        let scores = probe.score(&states);
        write_scores(draft, &self.task.label_names(), Split::Unlabeled, &scores)?;
        let test = match self.task.options.measures_all() {
            true => {
                let test = self.sequences(Split::Test);
                Some(probe.score(&self.states(&mut session, name, &test)?))
            }
            false => None,
        };
        if keeps_probe(self.task, self.data.unlabeled.len()) {
            draft.write_json(linear_probe::FILE, &probe)?;
            session.into_model().save(&draft.dir().join(MODEL), &self.checkpoint.tokenizer)?;
        }
        Summary { train_accuracy: Some(accuracy), ..self.measured(draft, None, test.as_ref())? }.write(draft)
    }

    /// A probe of the encoder in its current state, given the states of unlabelled rows, and its accuracy on examples that it was not
    /// fitted to.
    fn fitted(
        &mut self,
        session: &mut Session,
        name: &str,
        train: &[Sequence],
        labels: &[usize],
        around: &DMatrix<f64>,
    ) -> Result<(Probe, f64)> {
        let labelled = self.states(session, name, train)?;
        Ok(Probe::fit(&labelled, labels, self.task.labels.len(), around))
    }

    /// The mean-pooled hidden states of examples, for a probe.
    fn states(&mut self, session: &mut Session, name: &str, sequences: &[Sequence]) -> Result<DMatrix<f64>> {
        linear_probe::states(session, sequences, self.log.rows(name, "encode", sequences.len()))
    }
}
