//! The job that merges the members' scores into the ensemble's scores.

use super::{Member, Workspace};
use crate::Result;
use crate::ensemble::{Agreement, Weights, merge, soft_labels};
use crate::results::Disputed;
use crate::run::job_files::{write_predictions, write_scores};
use crate::run::plan::{self, Work};
use crate::run::store::{Draft, Job};
use crate::run::summary::Summary;
use crate::scoring::scores::{Scores, best};
use crate::task::{Reduction, Split};
use crate::training::linear_probe::{Part, strength};

/// Number of unlabelled examples suggested for labelling next.
const LABEL_NEXT: usize = 20;

impl Workspace<'_> {
    pub(super) fn ensemble(&mut self, draft: &Draft, generation: usize) -> Result<()> {
        let members = self.members(generation);
        let weights = self.weights(&members)?;
        let of_members = self.member_scores(&members, Split::Unlabeled)?;
        let mut scores = merge(&of_members, &weights);
        let mut test = match self.measures_members() {
            true => Some(merge(&self.member_scores(&members, Split::Test)?, &weights)),
            false => None,
        };
        let part = self.probe_part(&scores)?;
        if let Some((probe, part)) = &part {
            scores = part.join(&scores, &self.finished().scores(probe, Split::Unlabeled)?);
            if let Some(test) = &mut test {
                *test = part.join(test, &self.finished().scores(probe, Split::Test)?);
            }
        }
        let agreement = Agreement::new(&of_members);
        let mut summary = self.measured(draft, None, test.as_ref())?;
        let labels = self.task.label_names();
        write_scores(draft, &labels, Split::Unlabeled, &scores)?;
        write_predictions(draft, &labels, &scores, Some(&agreement))?;
        draft.write_json("label_next.json", &self.label_next(&of_members, &scores, &agreement))?;
        let names = members.into_iter().map(Member::name);
        if weights.fell_back {
            summary.notes.push(
                "the pretrained model labels no training row rightly with any pattern, so that all members count the \
                 same instead of by that accuracy"
                    .to_owned(),
            );
        }
        summary.probe = part.map(|(_, part)| part);
        summary.weights = names.zip(weights.values).collect();
        summary.agreement = (!of_members[0].is_empty()).then_some(agreement.overall);
        summary.write(draft)
    }

    /// The probe, if there is one, and its share in the ensemble besides the members, whose merged scores are
    /// `merged`.
    fn probe_part(&self, merged: &Scores) -> Result<Option<(Job, Part)>> {
        if !self.plan.jobs.iter().any(|job| job.work == Work::Probe) {
            return Ok(None);
        }
        let job = self.finished().job(plan::PROBE)?;
        let patterns = self.task.patterns.len();
        let mut zero_shot = 0.0;
        for pattern in 0..patterns {
            zero_shot += self.zero_shot_accuracy(pattern)? / patterns as f64;
        }
        let accuracy = Summary::read(&job)?.train_accuracy.unwrap_or(0.0);
        let strength = strength(accuracy, zero_shot, self.data.train.len());
        let part = Part::new(strength, patterns, merged, &self.finished().scores(&job, Split::Unlabeled)?);
        Ok(Some((job, part)))
    }

    /// The accuracy of the pretrained model with a pattern on the labelled examples; 0 if there are none.
    fn zero_shot_accuracy(&self, pattern: usize) -> Result<f64> {
        let zero_shot = self.finished().job(&plan::zero_shot_name(pattern))?;
        Ok(Summary::read(&zero_shot)?.train_accuracy.unwrap_or(0.0))
    }

    /// The weights of the members: by the zero-shot accuracy of their patterns, if this is requested and can
    /// be measured.
    pub(super) fn weights(&self, members: &[Member]) -> Result<Weights> {
        let mut accuracies = Vec::new();
        for member in members {
            accuracies.push(self.zero_shot_accuracy(member.pattern)?);
        }
        let reduction = match self.data.train.is_empty() {
            true => Reduction::Mean,
            false => self.task.options.merge,
        };
        Ok(Weights::new(reduction, &accuracies))
    }

    pub(super) fn member_scores(&self, members: &[Member], split: Split) -> Result<Vec<Scores>> {
        members
            .iter()
            .map(|member| self.finished().scores(&self.finished().job(&member.name())?, split))
            .collect()
    }

    /// The unlabelled examples on which the fewest members agree; on a tie, those whose two most likely
    /// labels are closest.
    pub(super) fn label_next(
        &self,
        members: &[Scores],
        merged: &Scores,
        agreement: &Agreement,
    ) -> Vec<Disputed> {
        let margin = |row: usize| {
            let mut probabilities = soft_labels(merged.row(row), 1.0);
            probabilities.sort_by(|a, b| b.total_cmp(a));
            probabilities[0] - probabilities.get(1).copied().unwrap_or(0.0)
        };
        let mut order: Vec<(f64, f64, usize)> =
            agreement.rows.iter().enumerate().map(|(row, &share)| (share, margin(row), row)).collect();
        order.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)).then(a.2.cmp(&b.2)));
        let names = self.task.label_names();
        let disputed = |&(share, _, row): &(f64, f64, usize)| {
            let mut disputed = Disputed { row: row + 1, ..Disputed::default() };
            disputed.fields =
                self.task.fields().into_iter().zip(self.data.unlabeled[row].texts.clone()).collect();
            for member in members {
                *disputed.votes.entry(names[best(member.row(row))].clone()).or_default() += 1;
            }
            (share < 1.0).then_some(disputed)
        };
        order.iter().take(LABEL_NEXT).filter_map(disputed).collect()
    }
}
