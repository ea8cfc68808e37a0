//! The results of a run: `results.json`.
//!
//! Only what follows from task, data, seeds and version is in it: no times, no folders, so that a run that was interrupted
//! ends with the same bytes as one that was not.

pub(crate) mod insight;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Place;
use crate::dataset::DataSource;
use crate::metrics::Evaluation;
use crate::pvp::priming::Demonstrations;
use crate::task::Class;

/// Version of `results.json`.
pub(crate) const FORMAT: u32 = 1;

/// `results.json`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Results {
    /// Version of the file.
    pub format: u32,
    /// The task's name.
    pub name: String,
    /// Hash of everything that the results depend on.
    pub id: String,
    /// Version of cloze.
    pub version: String,
    /// `pet`, `ipet` or `supervised`.
    pub method: String,
    /// The labels in the task's order.
    pub labels: Vec<String>,
    /// What rows can be about, where they can have several labels; `labels` are then yes and no.
    #[serde(rename = "topics", default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// The patterns as they stand in the task file.
    pub patterns: Vec<String>,
    /// The pretrained model.
    pub(crate) model: ModelSource,
    /// The data by role: `train`, `unlabeled`, `test`.
    pub(crate) data: BTreeMap<String, DataSource>,
    /// Every pattern with the pretrained model.
    pub zero_shot: Vec<Stage>,
    /// All patterns together with the pretrained model.
    pub zero_shot_together: Option<Stage>,
    /// The linear probe. Its accuracy on the labelled rows is that on rows that it has not seen; its weight, the share in the last
    /// ensemble beside all members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Stage>,
    /// With `priming`: every pattern and seed with the pretrained model and labelled rows in front.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primed: Vec<Stage>,
    /// The same, all together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primed_together: Option<Stage>,
    /// With `ipet`: the generations before the last one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generations: Vec<Generation>,
    /// With `ipet`: what the members of the last generation have learned from besides the labelled rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<TrainingSet>,
    /// Every pattern and seed after fine-tuning; with `ipet`, in the last generation.
    pub members: Vec<Stage>,
    /// The fine-tuned members together.
    pub ensemble: Option<Stage>,
    /// The classifier distilled from the ensemble's soft labels.
    pub distilled: Option<Stage>,
    /// The plain classifier, trained on the labelled rows alone.
    pub supervised: Option<Stage>,
    /// Probability that two members choose the same label for an unlabelled row.
    pub agreement: Option<f64>,
    /// Unlabelled rows on which the members agree least: those to label next.
    pub label_next: Vec<Disputed>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// An ensemble whose labels the next generation has learned from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// What its members have learned from besides the labelled rows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<TrainingSet>,
    /// Every pattern and seed.
    pub members: Vec<Stage>,
    /// The members together.
    pub ensemble: Option<Stage>,
    /// Probability that two members choose the same label for an unlabelled row.
    pub agreement: Option<f64>,
}

/// Unlabelled rows with labels of others for a member to learn from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingSet {
    /// The directory of the member that learns from them.
    pub member: String,
    /// Those of the members that have labelled them.
    pub teachers: Vec<String>,
    /// Rows of every label. A row can be there several times where there are few.
    pub labels: BTreeMap<String, usize>,
}

/// A model that a run starts from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModelSource {
    /// The name that the user gave.
    pub name: String,
    /// Hash of its configuration, tokenizer and weights.
    pub fingerprint: String,
}

/// A model, or several together, and how good it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The job's directory in the run.
    pub job: String,
    /// The pattern's number, counted from 0, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<usize>,
    /// The seed, if anything was drawn.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Share in the ensemble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// The examples in front of the test rows, where a model was primed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Demonstrations>,
    /// Accuracy on the labelled rows that training used or could use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// On the test rows, if there are any.
    pub test: Option<Evaluation>,
}

/// An unlabelled row that the members do not agree on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Disputed {
    /// The row's number among the unlabelled rows, counted from 1.
    pub row: usize,
    /// The name of the file that it is in, without its folder. Only results have it: a job is shared by runs whose files hold the
    /// same rows under other names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line there, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The columns that the patterns use.
    pub fields: BTreeMap<String, String>,
    /// Members that choose each label; labels without a vote are left out.
    pub votes: BTreeMap<String, usize>,
}

impl Disputed {
    /// The same with the place that the row has in the data.
    pub(crate) fn at(self, place: &Place) -> Disputed {
        Disputed { file: Some(file_name(place)), line: place.line, ..self }
    }

    /// Where to find it: `tickets.csv:49`, or the row's number where the file is not known.
    pub(crate) fn place(&self) -> String {
        location(self.file.as_deref(), self.line, self.row)
    }
}

/// The name of a place's file without its folder.
fn file_name(place: &Place) -> String {
    let name = Path::new(&place.file).file_name().map(OsStr::to_string_lossy);
    name.map_or_else(|| place.file.clone(), String::from)
}

/// `tickets.csv:49`, or the row's number where the file is not known.
fn location(file: Option<&str>, line: Option<u64>, row: usize) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => row.to_string(),
    }
}

impl Results {
    /// How many rows of the files a part of the data has, whatever number of labels each can have.
    pub fn rows(&self, part: &str) -> usize {
        self.data.get(part).map_or(0, |source| source.rows) / self.classes.len().max(1)
    }

    /// How many labels rows can have.
    pub(crate) fn label_count(&self) -> usize {
        if self.classes.is_empty() { self.labels.len() } else { self.classes.len() }
    }

    /// Whether the members have learned something: without labelled rows those of a first generation are the pretrained model.
    pub(crate) fn members_are_trained(&self) -> bool {
        self.rows("train") > 0 || !self.generations.is_empty()
    }

    /// Everything that was measured or could be, each with a title for people, in the order in which one builds on the other.
    pub fn stages<'r>(&'r self) -> Vec<(String, &'r Stage)> {
        let seeds: BTreeSet<u64> = self.members.iter().filter_map(|stage| stage.seed).collect();
        let title = |what: &str, stage: &Stage| match (stage.pattern, stage.seed) {
            (Some(pattern), Some(seed)) if seeds.len() > 1 => {
                format!("{what}, pattern {pattern}, seed {seed}")
            }
            (Some(pattern), _) => format!("{what}, pattern {pattern}"),
            _ => what.to_owned(),
        };
        let mut all = Vec::new();
        let mut add = |what: &str, stages: &'r [Stage]| {
            all.extend(stages.iter().map(|stage| (title(what, stage), stage)));
        };
        add("pretrained model", &self.zero_shot);
        add("pretrained model, all patterns", self.zero_shot_together.as_slice());
        add("linear probe", self.probe.as_slice());
        add("primed", &self.primed);
        add("primed, all together", self.primed_together.as_slice());
        for (number, generation) in self.generations.iter().enumerate() {
            add(&format!("generation {number}"), &generation.members);
            add(&format!("ensemble of generation {number}"), generation.ensemble.as_slice());
        }
        if self.members_are_trained() {
            add("fine-tuned", &self.members);
            add("ensemble of the fine-tuned", self.ensemble.as_slice());
        } else {
            add("zero-shot ensemble", self.ensemble.as_slice());
        }
        add("distilled classifier", self.distilled.as_slice());
        add("plain fine-tuning", self.supervised.as_slice());
        all
    }

    /// The model that `cloze predict` uses unless told otherwise: the classifier, or the ensemble where there is none.
    pub fn outcome(&self) -> Option<&Stage> {
        let classifier = self.distilled.as_ref();
        let supervised = (self.method == "supervised").then_some(self.supervised.as_ref()).flatten();
        classifier.or(supervised).or(self.ensemble.as_ref()).or(self.zero_shot_together.as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disputed_row_is_found_by_file_and_line() {
        let disputed = Disputed { row: 48, ..Disputed::default() };
        assert_eq!(disputed.place(), "48");
        assert_eq!(disputed.at(&Place::file("data/tickets.csv").line(49)).place(), "tickets.csv:49");
    }
}
