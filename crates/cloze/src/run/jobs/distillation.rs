//! The job that distils the last ensemble into a classifier.

use cloze_encoder::{Checkpoint, Model, Session};

use super::weight_average::WeightAverage;
use super::{MODEL, Workspace};
use crate::Result;
use crate::run::plan;
use crate::run::store::Draft;
use crate::task::{Split, Start};
use crate::training::classifier::Training;
use crate::training::distillation::{self, Teacher};
use crate::training::output_layer;

impl Workspace<'_> {
    pub(super) fn distil(&mut self, draft: &Draft, name: &str, seed: u64) -> Result<()> {
        let distil = &self.task.options.distil;
        let finished = self.finished();
        let ensemble = finished.job(&plan::ensemble_name(self.last_generation()))?;
        let teacher = finished.scores(&ensemble, Split::Unlabeled)?;
        let fine_tuning = self.fine_tuning(distil.steps, distil.learning_rate, 1);
        let target = Teacher { scores: &teacher, temperature: distil.temperature as f32 };
        let training = Training { fine_tuning: &fine_tuning, batch: distil.batch_size, seed };
        let sequences = self.sequences(Split::Unlabeled);
        let mut model = Model::new_classifier(self.checkpoint, &self.task.label_names(), seed)?;
        model.freeze(self.task.options.freeze);
        if distil.start == Start::Members {
            let mean = self.mean_of_members(name)?;
            model.trained_encoder_mut().copy_from_slice(&mean);
            if teacher.labels() >= output_layer::MANY {
                let session = Session::new(model, self.device);
                model = output_layer::fit(session, &sequences, &teacher, |done, total| {
                    self.log.rows(name, "fit", total)(done)
                })?;
            }
        }
        let mut session = Session::new(model, self.device);
        let after = self.log.steps(name, fine_tuning.steps);
        let steps = distillation::fine_tune(&mut session, training, &sequences, target, after)?;
        self.classifier(draft, name, session, &steps)
    }

    /// The mean of the members' fine-tuned encoders. Members that were neither trained by this process nor
    /// kept or left by another are trained again.
    fn mean_of_members(&mut self, job: &str) -> Result<Vec<f32>> {
        let members = self.members(self.last_generation());
        if !self.average.is_of(members.iter().map(|member| member.name())) {
            self.average = WeightAverage::default();
            for member in members {
                if let Some(weights) = self.left_by_another(member)? {
                    self.average.add(&member.name(), &weights);
                    continue;
                }
                let kept = self.finished().job(&member.name())?;
                let mut model = if kept.has(&format!("{MODEL}/model.safetensors")) {
                    Model::masked_lm(&Checkpoint::open(&kept.dir().join(MODEL))?)?
                } else {
                    let verbalizer = self.verbalizer(member.pattern)?;
                    let unlabeled = self.clozes(member.pattern, &verbalizer, Split::Unlabeled)?;
                    self.fine_tuned(job, member, &verbalizer, &unlabeled)?.0.into_model()
                };
                model.freeze(self.task.options.freeze);
                self.average.add(&member.name(), model.trained_encoder());
            }
        }
        Ok(std::mem::take(&mut self.average).value())
    }
}
