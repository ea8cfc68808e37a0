//! Weight averaging: several models combined into one.

use super::{Member, Workspace};
use crate::Result;
use crate::run::store::{Id, SHARED};

/// A sum of weights and the names of their models. The mean of models fine-tuned from the same pretrained
/// model is a single model about as good as their ensemble (Wortsman et al., 2022, arXiv 2203.05482).
#[derive(Default)]
pub(super) struct WeightAverage {
    sum: Vec<f32>,
    of: Vec<String>,
}

impl WeightAverage {
    /// Adds the trained weights of a model's encoder.
    pub(super) fn add(&mut self, name: &str, weights: &[f32]) {
        match self.of.is_empty() {
            true => self.sum = weights.to_vec(),
            false => self.sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight),
        }
        self.of.push(name.to_owned());
    }

    /// Whether it is the mean of these models, added in this order.
    pub(super) fn is_of(&self, names: impl Iterator<Item = String>) -> bool {
        names.eq(self.of.iter().cloned())
    }

    /// The mean.
    pub(super) fn value(self) -> Vec<f32> {
        let count = self.of.len() as f32;
        self.sum.into_iter().map(|sum| sum / count).collect()
    }
}

/// The file of a member's weights.
const WEIGHTS: &str = "encoder.f32";

impl Workspace<'_> {
    /// Leaves the trained weights of a member for the process that will train the final classifier.
    pub(super) fn leave(&self, member: Member, weights: &[f32]) -> Result<()> {
        let (name, id) = self.left(member);
        let draft = self.log.run.draft(&name, &id)?;
        draft.write(WEIGHTS, &weights.iter().flat_map(|weight| weight.to_le_bytes()).collect::<Vec<u8>>())?;
        draft.finish(&id, 0.0)?;
        Ok(())
    }

    /// The trained weights that another process has left of a member, if there are any.
    pub(super) fn left_by_another(&self, member: Member) -> Result<Option<Vec<f32>>> {
        let (name, id) = self.left(member);
        let Some(job) = self.log.run.finished(&name, &id)? else { return Ok(None) };
        let bytes = job.read(WEIGHTS)?;
        let (numbers, _) = bytes.as_chunks::<4>();
        Ok(Some(numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()))
    }

    /// The directory of what is left of a member, and the id of that.
    fn left(&self, member: Member) -> (String, Id) {
        let name = member.name();
        let id = self.plan.jobs.iter().find(|job| job.name == name).map(|job| &job.id);
        let short = name.rsplit_once('/').map_or(&*name, |(_, short)| short);
        (format!("{SHARED}/{short}"), Id::of(&("weights", id)))
    }
}
