//! The iPET job that draws the training sets of the next generation's members, and reading them back.

use cloze_encoder::Rng;
use serde::{Deserialize, Serialize};

use super::{Member, Workspace};
use crate::ensemble::ipet::{candidates, new_rows, per_label, teachers};
use crate::ensemble::{merge, soft_labels};
use crate::results::TrainingSet;
use crate::run::plan::{self, stream};
use crate::run::store::Draft;
use crate::run::summary::Summary;
use crate::task::Split;
use crate::{Error, Result};

/// Separates these random streams from all others with the same seed.
const PURPOSE: u64 = 0x5E75;

/// An unlabelled example with the label that the teachers gave it: a line of `p0-s0.csv`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Drawn {
    /// Its number among the unlabelled examples, counted from 1.
    pub(super) row: usize,
    /// The index of the label in the task's order.
    #[serde(skip)]
    pub(super) label: usize,
    /// Its name.
    #[serde(rename = "label")]
    name: String,
    /// The label's probability according to the teachers.
    probability: f64,
}

impl Workspace<'_> {
    /// Draws the examples for every member of `generation`.
    pub(super) fn sets(&mut self, draft: &Draft, generation: usize) -> Result<()> {
        let names = self.task.label_names();
        let mut summary = Summary::new(&names);
        let mut sets = Vec::new();
        let labelled = self.data.label_counts(self.task);
        let ipet = &self.task.options.ipet;
        let wanted = per_label(new_rows(self.data.train.len(), ipet.scale, generation - 1), &labelled);
        let mut missing = vec![0; names.len()];
        let mut repeated = vec![0; names.len()];
        for member in self.members(generation) {
            let (teachers, random) = &mut self.teachers(member, &mut summary);
            let scores = merge(&self.member_scores(teachers, Split::Unlabeled)?, &self.weights(teachers)?);
            let probabilities: Vec<Vec<f64>> = scores.iter().map(|row| soft_labels(row, 1.0)).collect();
            let most_likely =
                if generation == 1 && self.data.train.is_empty() { ipet.most_likely } else { 0 };
            let mut drawn = Vec::new();
            let mut counts = std::collections::BTreeMap::new();
            for (label, name) in names.iter().enumerate() {
                let found = candidates(&probabilities, label, wanted[label], most_likely);
                missing[label] += usize::from(found.rows.is_empty() && wanted[label] > 0);
                repeated[label] += usize::from(found.repeats > 1);
                let rows = found.draw(wanted[label], random);
                counts.insert(name.clone(), rows.len());
                drawn.extend(rows.into_iter().map(|row| {
                    let probability = (probabilities[row][label] * 1e6).round() / 1e6;
                    Drawn { row: row + 1, label, name: name.clone(), probability }
                }));
            }
            draft.write(&file(member), &csv(&drawn))?;
            let teachers = teachers.iter().map(|teacher| teacher.name()).collect();
            sets.push(TrainingSet { member: member.name(), teachers, labels: counts });
        }
        for (label, name) in names.iter().enumerate() {
            if missing[label] > 0 {
                summary.notes.push(format!(
                    "no unlabelled row was labelled `{name}` for {} of the {} members of generation {generation}, \
                     which therefore learn that label from the labelled rows alone",
                    missing[label],
                    sets.len()
                ));
            }
            if repeated[label] > 0 {
                summary.notes.push(format!(
                    "there are too few unlabelled rows labelled `{name}` for generation {generation}, so that some are \
                     in a training set several times"
                ));
            }
        }
        draft.write_json("sets.json", &sets)?;
        summary.write(draft)
    }

    /// The members of the previous generation that label the examples of `member`: some of those with another
    /// pattern or seed. Also returns the random stream for drawing the examples.
    fn teachers(&self, member: Member, summary: &mut Summary) -> (Vec<Member>, Rng) {
        let Member { generation, pattern, seed } = member;
        let before = self.members(generation - 1);
        // If the pretrained model represents all seeds of a pattern, it does not count as a different model.
        let zero_shot = generation == 1 && self.data.train.is_empty();
        let itself = |other: &Member| other.pattern == pattern && (zero_shot || other.seed == seed);
        let mut others: Vec<Member> = before.iter().filter(|other| !itself(other)).copied().collect();
        let first = self.task.options.seeds.first().copied().unwrap_or(0);
        let text = stream(self.task, pattern);
        let mut random = Rng::stream(first, &[PURPOSE, text, seed, generation as u64]);
        if others.is_empty() {
            let note = "there is only one model, so that it learns from its own labels; with several patterns models \
                        learn from each other";
            if !summary.notes.iter().any(|known| known == note) {
                summary.notes.push(note.to_owned());
            }
            return (before, random);
        }
        let count = teachers(others.len(), self.task.options.ipet.teachers).max(1);
        random.shuffle(&mut others);
        others.truncate(count);
        // In the order in which an ensemble is merged.
        others.sort_by_key(|other| before.iter().position(|known| known == other));
        (others, random)
    }

    /// The examples drawn for a member; none in the first generation.
    pub(super) fn drawn(&self, member: Member) -> Result<Vec<Drawn>> {
        if member.generation == 0 {
            return Ok(Vec::new());
        }
        let job = self.finished().job(&plan::sets_name(member.generation))?;
        let (name, labels) = (file(member), self.task.label_names());
        let bytes = job.read(&name)?;
        let damaged = |reason: String| Error::from(job.damaged(&name, reason));
        let mut drawn = Vec::new();
        for line in csv::Reader::from_reader(&bytes[..]).into_deserialize::<Drawn>() {
            let line = line.map_err(|error| damaged(error.to_string()))?;
            let label = labels.iter().position(|label| *label == line.name);
            match label.filter(|_| (1..=self.data.unlabeled.len()).contains(&line.row)) {
                Some(label) => drawn.push(Drawn { label, ..line }),
                None => {
                    return Err(damaged(format!("there is no row {} or label `{}`", line.row, line.name)));
                }
            }
        }
        Ok(drawn)
    }
}

fn file(member: Member) -> String {
    format!("p{}-s{}.csv", member.pattern, member.seed)
}

fn csv(drawn: &[Drawn]) -> Vec<u8> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(Vec::new());
    // Writing plain data to memory cannot fail.
    let _ = writer.write_record(["row", "label", "probability"]);
    drawn.iter().for_each(|line| drop(writer.serialize(line)));
    writer.into_inner().unwrap_or_default()
}
