//! The calibration of a run: `temperature.json`.
//!
//! It is not made by training, but from rows that people have checked afterwards.

use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::DataSource;
use crate::error::list;
use crate::metrics::{Change, Cut, Measured, Rated, cuts, needed};
use crate::results::checksum;
use crate::{Error, Place, Result};

/// Version of `temperature.json`.
pub(crate) const FORMAT: u32 = 1;

/// The name of the file in a run directory.
pub(crate) const FILE: &str = "temperature.json";

/// The number of steps of [`Calibration::coverage`].
const STEPS: usize = 20;

/// A temperature for the probabilities of a run's models, fitted to rows whose labels people have checked,
/// and how good the probabilities were before and are since.
///
/// Scores are divided by the temperature before they become probabilities, so labels stay the same.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// Version of the file.
    pub format: u32,
    /// Version of cloze.
    pub version: String,
    /// Hash of the record of the run.
    pub(crate) run: String,
    /// The run's models that it is for: `final`, `ensemble`, or a pattern and seed.
    pub answered_by: String,
    /// The temperature; 1 if no answer was wrong, so that none can be fitted.
    pub temperature: f64,
    /// The checked rows.
    #[serde(flatten)]
    pub(crate) checked: DataSource,
    /// Share of right answers, which calibration does not change.
    pub accuracy: Measured,
    /// Mean negative natural logarithm of the right label's probability. This and the two others are measured
    /// on each fifth of the rows with a temperature that was fitted to the other four.
    pub nll: Change,
    /// Mean sum over labels of the squared error of the probability.
    pub brier: Change,
    /// Expected calibration error over ten equally filled bins, or fewer if they would have fewer than ten
    /// answers.
    pub ece: Change,
    /// The labels of the task; none if rows have several.
    pub(crate) labels: Vec<String>,
    /// Every answer, the most confident first.
    pub(crate) answers: Vec<Checked>,
}

/// An answer that was checked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checked {
    /// Its label; none if rows have several, each of which is an answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// Its probability without calibration. Both are cut after nine digits.
    pub(crate) before: f64,
    /// Its probability.
    pub(crate) after: f64,
    /// Whether it is right.
    pub(crate) right: bool,
}

/// How many of the checked answers have at least a certain probability, and how many of these are wrong.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Coverage {
    /// The probability.
    pub probability: f64,
    /// The share of answers with at least this probability.
    pub answered: f64,
    /// The share of them that are wrong, with its exact 95 % interval.
    pub error: Measured,
}

/// A precision that is promised for answers with certain probabilities: of those that are given at least this
/// share is right, and so it is of those with the labels of each threshold. All of it holds together with 95 %
/// confidence.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Promise {
    /// The share of right answers that is promised.
    pub precision: f64,
    /// The share of the checked rows that are answered.
    pub answered: f64,
    /// The share of right answers among these.
    pub right: f64,
    /// Which answers are given: those of single labels with many checked answers, then those of the others.
    pub thresholds: Vec<Threshold>,
    /// Labels that are never given, since they are wrong too often, or have too few checked answers even together.
    pub left_out: Vec<String>,
}

/// The lowest probability of answers with some labels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Threshold {
    /// The labels: a single one, or those that share the threshold.
    pub labels: Vec<String>,
    /// The lowest probability of an answer that is given.
    pub probability: f64,
    /// The number of checked answers with these labels.
    pub checked: usize,
    /// The share of them that are given.
    pub answered: f64,
    /// The share of right answers among these.
    pub right: f64,
    /// The lower bound of that share (Clopper and Pearson, 1934), whose probability of being wrong is 5 % divided
    /// by the number of thresholds that were tried.
    pub bound: f64,
}

impl Promise {
    /// The lowest probability at which this label is given, if it ever is.
    pub(crate) fn lowest(&self, label: &str) -> Option<f64> {
        let threshold = self.thresholds.iter().find(|one| one.labels.iter().any(|name| name == label))?;
        Some(threshold.probability)
    }
}

/// `a probability from 0.713`, or for each label its own.
impl fmt::Display for Promise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a probability from ")?;
        let last = self.thresholds.len().saturating_sub(1);
        for (at, Threshold { labels, probability, .. }) in self.thresholds.iter().enumerate() {
            let between = match at {
                0 => "",
                _ if at == last => " and ",
                _ => ", ",
            };
            write!(f, "{between}{probability:.3}")?;
            match labels.as_slice() {
                _ if last == 0 && self.left_out.is_empty() => {}
                [label] => write!(f, " for `{label}`")?,
                labels => write!(f, " for {} other labels", labels.len())?,
            }
        }
        match self.left_out.as_slice() {
            [] => Ok(()),
            few @ ([_] | [_, _] | [_, _, _]) => write!(f, " (never {})", list(few)),
            many => write!(f, " ({} labels never)", many.len()),
        }
    }
}

impl Calibration {
    /// The calibration of the run in `dir`; `None` if it has none.
    ///
    /// # Errors
    /// When the file cannot be read or is damaged.
    pub fn open(dir: impl AsRef<Path>) -> Result<Option<Calibration>> {
        let file = dir.as_ref().join(FILE);
        let bytes = match fs::read(&file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Error::io("read", &file, error)),
        };
        let damaged = |problem: String| {
            let remedy = format!(
                "remove it with `cloze calibrate {} --remove`, and calibrate the run again",
                dir.as_ref().display()
            );
            Error::data(Place::file(file.display().to_string()), problem, remedy)
        };
        let read: Calibration = checksum::read(&bytes).map_err(damaged)?;
        if read.format != FORMAT {
            let problem = format!("it has format {}, this version of cloze reads {FORMAT}", read.format);
            return Err(damaged(problem));
        }
        let is_known = |answer: &Checked| match &answer.label {
            Some(label) => read.labels.contains(label),
            None => read.labels.is_empty(),
        };
        if !read.answers.iter().all(is_known) {
            return Err(damaged("an answer in it has a label that is not among its labels".to_owned()));
        }
        let is_share = |share: f64| (0.0..=1.0).contains(&share);
        let mut all = read.answers.iter();
        if !all.all(|answer| is_share(answer.before) && is_share(answer.after)) {
            return Err(damaged("a probability in it is not between 0 and 1".to_owned()));
        }
        if !(read.temperature.is_finite() && read.temperature > 0.0) {
            return Err(damaged(format!("the temperature in it is {}", read.temperature)));
        }
        Ok(Some(read))
    }

    /// Removes the calibration of the run in `dir`, and says whether it had one.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub fn remove(dir: impl AsRef<Path>) -> Result<bool> {
        let file = dir.as_ref().join(FILE);
        match fs::remove_file(&file) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io("remove", &file, error)),
        }
    }

    /// The number of checked rows.
    pub fn rows(&self) -> usize {
        self.checked.rows
    }

    /// Error against the share of answers that are given, if answers below a probability are not: in twenty
    /// steps, from the most confident answers to all.
    pub fn coverage(&self) -> Vec<Coverage> {
        let mut all: Vec<Coverage> = Vec::with_capacity(STEPS);
        for step in 1..=STEPS {
            let Some(last) = (self.answers.len() * step).div_ceil(STEPS).checked_sub(1) else { break };
            let found = self.from(self.answers[last].after);
            if all.last() != Some(&found) {
                all.push(found);
            }
        }
        all
    }

    /// The answers with at least this probability.
    fn from(&self, probability: f64) -> Coverage {
        let given = self.answers.partition_point(|answer| answer.after >= probability);
        let wrong = self.answers[..given].iter().filter(|answer| !answer.right).count();
        let answered = given as f64 / self.answers.len().max(1) as f64;
        Coverage { probability, answered, error: Measured::exact(wrong, given) }
    }

    /// What can be promised of a few precisions: 90, 95, 98 and 99 %. Empty if rows have several labels.
    pub fn promises(&self) -> Vec<(f64, Option<Promise>)> {
        match self.labels.is_empty() {
            true => Vec::new(),
            false => {
                [0.9, 0.95, 0.98, 0.99].map(|precision| (precision, self.promise(precision).ok())).to_vec()
            }
        }
    }

    /// Which answers have to be given so that, with 95 % confidence, at least the share `precision` of them is
    /// right. A label has a threshold of its own if there are enough checked answers with it, and then the
    /// precision holds among the answers with this label too; the other labels share a threshold. Each is chosen by
    /// exact tests in a fixed order, from high probabilities to lower ones, until one fails; all hold for rows like
    /// the checked ones.
    ///
    /// # Errors
    /// When the checked rows do not suffice for any label: the error says for which precision they do, and about
    /// how many would; when rows have several labels; or when `precision` is not between 0 and 1.
    pub fn promise(&self, precision: f64) -> Result<Promise> {
        if self.labels.is_empty() {
            return Err(only_one_label());
        }
        if !(precision > 0.0 && precision < 1.0) {
            return Err(Error::usage(
                format!("a precision of {precision} cannot be promised"),
                "give a share above 0 and below 1, for example 0.95",
            ));
        }
        let rated = self.rated();
        let cuts = cuts(&rated, self.labels.len(), precision);
        if cuts.is_empty() {
            return Err(self.no_promise(&rated, precision));
        }
        let sum = |of: fn(&Cut) -> usize| cuts.iter().map(of).sum::<usize>() as f64;
        let (given, right) = (sum(|cut| cut.given), sum(|cut| cut.right));
        let is_given = |label: &usize| cuts.iter().any(|cut| cut.labels.contains(label));
        let names = |labels: &[usize]| labels.iter().map(|&label| self.labels[label].clone()).collect();
        let left_out: Vec<usize> = (0..self.labels.len()).filter(|label| !is_given(label)).collect();
        let threshold = |cut: &Cut| Threshold {
            labels: names(&cut.labels),
            probability: cut.confidence,
            checked: cut.checked,
            answered: cut.given as f64 / cut.checked as f64,
            right: cut.right as f64 / cut.given as f64,
            bound: cut.bound,
        };
        Ok(Promise {
            precision,
            answered: given / rated.len() as f64,
            right: right / given,
            thresholds: cuts.iter().map(threshold).collect(),
            left_out: names(&left_out),
        })
    }

    /// The answers as promises see them, with positions of labels.
    fn rated(&self) -> Vec<Rated> {
        let rated = |answer: &Checked| {
            let label = self.labels.iter().position(|label| answer.label.as_ref() == Some(label))?;
            Some(Rated { label, confidence: answer.after, is_right: answer.right })
        };
        self.answers.iter().filter_map(rated).collect()
    }

    fn no_promise(&self, answers: &[Rated], precision: f64) -> Error {
        let labels = self.labels.len();
        let best = (1..100).rev().map(|percent| f64::from(percent) / 100.0);
        let mut best = best.filter(|other| *other < precision);
        let best = best.find(|other| !cuts(answers, labels, *other).is_empty());
        let best = match best {
            Some(best) => format!("ask for a precision of {best}"),
            None => "train with more labelled rows".to_owned(),
        };
        let more = match needed(answers, labels, precision) {
            Some(rows) => format!(
                ", or calibrate with about {rows} checked rows, which would be enough if they were answered as well as these"
            ),
            None => "; more checked rows would hardly help, since even the most confident answers are wrong too often"
                .to_owned(),
        };
        Error::usage(
            format!(
                "the {} checked rows of the calibration are not enough to promise a precision of {precision}",
                self.rows()
            ),
            best + &more,
        )
    }
}

/// Where rows have several labels, nothing can be promised.
pub(crate) fn only_one_label() -> Error {
    Error::usage(
        "a precision can be promised only where every row has one of the task's labels",
        "leave it out, and use the probabilities",
    )
}
