//! The job that fine-tunes a member of the ensemble with its pattern and scores the unlabelled examples with
//! it.

use cloze_encoder::{Model, Rng, Session};

use super::zero_shot::SHIFT;
use super::{MODEL, Member, Workspace};
use crate::Result;
use crate::pvp::encode::Encoded;
use crate::pvp::verbalizer::Verbalizer;
use crate::run::job_files::{write_predictions, write_scores, write_steps};
use crate::run::plan::{self, keeps_members};
use crate::run::store::Draft;
use crate::scoring::calibration;
use crate::scoring::scorer::Scorer;
use crate::task::{Split, Start};
use crate::training::masked_lm::MaskedLm;
use crate::training::pattern::{self, Training};
use crate::training::training_loop::Step;

impl Workspace<'_> {
    pub(super) fn member(&mut self, draft: &Draft, name: &str, member: Member) -> Result<()> {
        let Member { generation, pattern, .. } = member;
        let verbalizer = self.verbalizer(pattern)?;
        let unlabeled = self.clozes(pattern, &verbalizer, Split::Unlabeled)?;
        let (mut session, steps) = self.fine_tuned(name, member, &verbalizer, &unlabeled)?;
        let is_kept = keeps_members(self.task, generation, self.data.unlabeled.len());
        if self.starts_from(member) {
            let weights = session.model().trained_encoder();
            self.average.add(name, weights);
            if !is_kept && (self.shares || self.log.run.has_others()) {
                self.leave(member, weights)?;
            }
        }
        write_steps(draft, &steps)?;
        let measured = self.measures_members();
        let scores = self.score(&mut session, name, &verbalizer, &unlabeled)?;
        let mut score = |split| self.score_split(&mut session, name, pattern, &verbalizer, split);
        let train = score(Split::Train)?;
        let test = if measured { Some(score(Split::Test)?) } else { None };
        let mut summary = self.measured(draft, Some(&train), test.as_ref())?;
        let labels = self.task.label_names();
        write_scores(draft, &labels, Split::Unlabeled, &scores)?;
        write_predictions(draft, &labels, &scores, None)?;
        if is_kept {
            session.into_model().save(&draft.dir().join(MODEL), &self.checkpoint.tokenizer)?;
        }
        let is_cross_entropy = self.task.options.lm_weight == 0.0 || unlabeled.is_empty();
        if let Some(guessing) = Scorer::new(&verbalizer).loss_of_guessing().filter(|_| is_cross_entropy) {
            summary.notes.extend(unsettled(&steps, guessing));
        }
        summary.write(draft)
    }

    /// The fine-tuned model of a member; progress is reported for `job`.
    pub(super) fn fine_tuned(
        &mut self,
        job: &str,
        member: Member,
        verbalizer: &Verbalizer,
        unlabeled: &[Encoded],
    ) -> Result<(Session, Vec<Step>)> {
        let Member { pattern, seed, .. } = member;
        let options = &self.task.options;
        let mut model = Model::masked_lm(self.checkpoint)?;
        let zero_shot = self.finished().job(&plan::zero_shot_name(pattern))?;
        calibration::apply(&mut model, verbalizer, &zero_shot.read_json::<Vec<f32>>(SHIFT)?);
        model.freeze(options.freeze);
        let mut session = Session::new(model, self.device);
        let (mut clozes, labels) = self.training_examples(member, verbalizer, unlabeled)?;
        let fine_tuning = self.fine_tuning(options.steps, options.learning_rate, options.accumulation);
        let masked_lm = (options.lm_weight > 0.0 && !unlabeled.is_empty()).then(|| MaskedLm {
            weight: options.lm_weight as f32,
            batch: options.batch_size,
            clozes: unlabeled,
            special: self.checkpoint.tokenizer.special(),
            vocabulary: self.checkpoint.tokenizer.vocab_size(),
        });
        let training = Training {
            fine_tuning: &fine_tuning,
            batch: options.batch_size,
            masked_lm,
            seed,
            stream: plan::stream(self.task, pattern),
        };
        // Without labelled examples, the first generation has nothing to learn from.
        if clozes.is_empty() {
            return Ok((session, Vec::new()));
        }
        let scorer = Scorer::new(verbalizer);
        if scorer.reads_lower_states() {
            let visits = options.steps * options.accumulation * options.batch_size;
            pattern::know_lower(&mut session, &mut clozes, visits);
        }
        let after = self.log.steps(job, fine_tuning.steps);
        let steps = pattern::fine_tune(&mut session, &scorer, training, &clozes, &labels, after)?;
        Ok((session, steps))
    }

    /// The training examples of a member: the labelled ones and those drawn for it, with their labels.
    fn training_examples(
        &self,
        member: Member,
        verbalizer: &Verbalizer,
        unlabeled: &[Encoded],
    ) -> Result<(Vec<Encoded>, Vec<u32>)> {
        const PURPOSE: u64 = 4;
        let mut random = Rng::stream(member.seed, &[plan::stream(self.task, member.pattern), PURPOSE]);
        let encoder = self.encoder(member.pattern, verbalizer);
        let clozes = encoder.encode_to_learn(&self.data.train, &mut random)?;
        let drawn = self.drawn(member)?;
        let drawn = drawn.iter().map(|drawn| (unlabeled[drawn.row - 1].clone(), drawn.label as u32));
        let training_examples = clozes.into_iter().zip(self.label_ids()).chain(drawn);
        // Writing out a text can only be learned from examples for which that text is right.
        let wanted = Scorer::new(verbalizer).only_label().map(|label| label as u32);
        Ok(training_examples.filter(|(_, label)| wanted.is_none_or(|wanted| wanted == *label)).unzip())
    }

    /// Whether the final classifier is initialised from this member, among others.
    fn starts_from(&self, member: Member) -> bool {
        let starts = self.plan.has_classifier() && self.task.options.distil.start == Start::Members;
        starts && member.generation == self.last_generation()
    }
}

/// A note if training ended with a loss far above that of `guessing` among the labels, a sign of too high a
/// learning rate.
fn unsettled(steps: &[Step], guessing: f32) -> Option<String> {
    const FAR: f32 = 5.0;
    let last = &steps[steps.len() - steps.len().div_ceil(4)..];
    let loss = last.iter().map(|step| step.loss).sum::<f32>() / last.len() as f32;
    (loss > FAR * guessing).then(|| {
        format!(
            "training ended with a loss of {loss:.1}, where guessing has {guessing:.1}: the model has learned nothing; if \
             `learning_rate` under `[train]` is above 1e-3, lower it to 1e-4, and else look whether `max_length` leaves enough of the texts"
        )
    })
}
