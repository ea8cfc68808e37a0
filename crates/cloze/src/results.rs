//! The results of a run: `results.json`.
//!
//! Everything in it follows from the task, data, seeds and version: there are no times and no folders, so an
//! interrupted run ends with the same bytes as an uninterrupted one.

pub(crate) mod calibration;
pub(crate) mod checksum;
pub(crate) mod energy;
pub(crate) mod insight;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::DataSource;
use crate::metrics::Evaluation;
use crate::pvp::priming::Demonstrations;
use crate::task::Class;
use crate::{Model, Place};

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
    /// The labels, in the task's order.
    pub labels: Vec<String>,
    /// The classes of a multi-label task, whose `labels` are then yes and no.
    #[serde(rename = "topics", default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// The patterns as written in the task file.
    pub patterns: Vec<String>,
    /// The pretrained model.
    pub(crate) model: ModelSource,
    /// The data, by role: `train`, `unlabeled`, `test`.
    pub(crate) data: BTreeMap<String, DataSource>,
    /// Every pattern with the pretrained model (zero-shot).
    pub zero_shot: Vec<Stage>,
    /// All patterns together with the pretrained model (zero-shot).
    pub zero_shot_together: Option<Stage>,
    /// The linear probe. Its accuracy on the labelled examples is measured on examples that it was not fitted
    /// to; its weight is its share in the last ensemble relative to all members together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub probe: Option<Stage>,
    /// With `priming`: every pattern and seed with the pretrained model, primed with labelled examples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub primed: Vec<Stage>,
    /// With `priming`: all of these together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primed_together: Option<Stage>,
    /// With `ipet`: the generations before the last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub generations: Vec<Generation>,
    /// With `ipet`: the additional training examples of the last generation's members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<TrainingSet>,
    /// Every pattern and seed after fine-tuning; with `ipet`, those of the last generation.
    pub members: Vec<Stage>,
    /// The ensemble of fine-tuned members.
    pub ensemble: Option<Stage>,
    /// The classifier distilled from the ensemble's soft labels.
    pub distilled: Option<Stage>,
    /// The plain classifier, trained only on the labelled examples.
    pub supervised: Option<Stage>,
    /// Probability that two members choose the same label for an unlabelled example.
    pub agreement: Option<f64>,
    /// Unlabelled examples on which the members agree least, suggested for labelling next.
    pub label_next: Vec<Disputed>,
    /// Notes for the user.
    pub notes: Vec<String>,
}

/// An ensemble whose predictions the next generation was trained on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Generation {
    /// The additional training examples of its members.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sets: Vec<TrainingSet>,
    /// Every pattern and seed.
    pub members: Vec<Stage>,
    /// The members together.
    pub ensemble: Option<Stage>,
    /// Probability that two members choose the same label for an unlabelled example.
    pub agreement: Option<f64>,
}

/// Unlabelled examples that other members have labelled for training a member.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrainingSet {
    /// The directory of the member trained on them.
    pub member: String,
    /// The directories of the members that labelled them.
    pub teachers: Vec<String>,
    /// Number of examples of every label. If there are few, the same example can occur several times.
    pub labels: BTreeMap<String, usize>,
}

/// A pretrained model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ModelSource {
    /// The name that the user gave.
    pub name: String,
    /// Hash of its configuration, tokenizer and weights.
    pub fingerprint: String,
    /// Whether the name is that of a model of the Hugging Face hub.
    #[serde(rename = "from_hub", default, skip_serializing_if = "std::ops::Not::not")]
    pub is_from_hub: bool,
}

impl ModelSource {
    /// What results say of a model.
    pub(crate) fn of(model: &Model) -> ModelSource {
        ModelSource {
            name: model.name.clone(),
            fingerprint: model.checkpoint().fingerprint().to_owned(),
            is_from_hub: model.is_from_hub(),
        }
    }
}

/// A model, or several models together, with its metrics.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stage {
    /// The job's directory in the run.
    pub job: String,
    /// The index of the pattern, counted from 0, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pattern: Option<usize>,
    /// The random seed, if one was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// Weight in the ensemble.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight: Option<f64>,
    /// For a primed model, the examples in front of the test examples.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub examples: Option<Demonstrations>,
    /// Accuracy on the labelled examples, which training used or could use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub train_accuracy: Option<f64>,
    /// Metrics on the test examples, if there are any.
    pub test: Option<Evaluation>,
}

/// An unlabelled example on which the members disagree.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Disputed {
    /// Its number among the unlabelled examples, counted from 1.
    pub row: usize,
    /// The name of its file, without the folder. It is only set in results: a job can be shared by runs whose
    /// files have the same contents under different names.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Its line in the file, counted from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The columns that the patterns use.
    pub fields: BTreeMap<String, String>,
    /// The number of members that chose each label; labels without a vote are left out.
    pub votes: BTreeMap<String, usize>,
}

impl Disputed {
    /// The same with the example's position in the data.
    pub(crate) fn at(self, place: &Place) -> Disputed {
        Disputed { file: Some(file_name(place)), line: place.line, ..self }
    }

    /// Its position: `tickets.csv:49`, or its number if the file is unknown.
    pub(crate) fn place(&self) -> String {
        location(self.file.as_deref(), self.line, self.row)
    }
}

/// The name of a file, without its folder.
fn file_name(place: &Place) -> String {
    let name = Path::new(&place.file).file_name().map(OsStr::to_string_lossy);
    name.map_or_else(|| place.file.clone(), String::from)
}

/// `tickets.csv:49`, or the example's number if the file is unknown.
fn location(file: Option<&str>, line: Option<u64>, row: usize) -> String {
    match (file, line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => row.to_string(),
    }
}

impl Results {
    /// The number of examples in a part of the data; in a multi-label task, each counts once.
    pub fn rows(&self, part: &str) -> usize {
        self.data.get(part).map_or(0, |source| source.rows) / self.classes.len().max(1)
    }

    /// The number of labels that can be predicted: classes in a multi-label task.
    pub(crate) fn label_count(&self) -> usize {
        if self.classes.is_empty() { self.labels.len() } else { self.classes.len() }
    }

    /// Whether the members have been trained: without labelled examples, those of the first generation are
    /// the pretrained model.
    pub(crate) fn members_are_trained(&self) -> bool {
        self.rows("train") > 0 || !self.generations.is_empty()
    }

    /// Every model that was or could be evaluated, with a display title, in the order in which they build on
    /// each other.
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

    /// The model that `cloze predict` uses by default: the classifier, or the ensemble if there is none.
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
