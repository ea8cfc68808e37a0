//! The calibration of a run: `temperature.json`.
//!
//! It is not made by training, but from rows that people have checked afterwards.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::dataset::DataSource;
use crate::metrics::{Change, Measured, lower_bound, needed, promised};
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
    /// Every answer, the most confident first.
    pub(crate) answers: Vec<Checked>,
}

/// An answer that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Checked {
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

/// A precision that is promised for answers with a certain probability.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Promise {
    /// The share of right answers that is promised.
    pub precision: f64,
    /// The lowest probability of an answer that is given.
    pub probability: f64,
    /// The share of the checked rows that are answered.
    pub answered: f64,
    /// The share of right answers among these.
    pub right: f64,
    /// Its lower bound with 95 % confidence (Clopper and Pearson, 1934).
    pub bound: f64,
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
        match self.answers.len() == self.rows() {
            true => {
                [0.9, 0.95, 0.98, 0.99].map(|precision| (precision, self.promise(precision).ok())).to_vec()
            }
            false => Vec::new(),
        }
    }

    /// Which answers have to be given so that, with 95 % confidence, at least the share `precision` of them is
    /// right. The threshold is chosen by exact tests in a fixed order, from high probabilities to lower ones,
    /// until one fails; it holds for rows like the checked ones.
    ///
    /// # Errors
    /// When the checked rows do not suffice for that: the error says for which precision they do, and about
    /// how many would; or when `precision` is not between 0 and 1.
    pub fn promise(&self, precision: f64) -> Result<Promise> {
        if !(precision > 0.0 && precision < 1.0) {
            return Err(Error::usage(
                format!("a precision of {precision} cannot be promised"),
                "give a share above 0 and below 1, for example 0.95",
            ));
        }
        let answers: Vec<(f64, bool)> =
            self.answers.iter().map(|answer| (answer.after, answer.right)).collect();
        let Some(given) = promised(&answers, precision) else {
            return Err(self.no_promise(&answers, precision));
        };
        let right = answers[..given].iter().filter(|(_, is_right)| *is_right).count();
        Ok(Promise {
            precision,
            probability: answers[given - 1].0,
            answered: given as f64 / answers.len() as f64,
            right: right as f64 / given as f64,
            bound: lower_bound(right, given),
        })
    }

    fn no_promise(&self, answers: &[(f64, bool)], precision: f64) -> Error {
        let best = (1..100).rev().map(|percent| f64::from(percent) / 100.0);
        let mut best = best.filter(|other| *other < precision);
        let best = best.find(|other| promised(answers, *other).is_some());
        let best = match best {
            Some(best) => format!("ask for a precision of {best}"),
            None => "train with more labelled rows".to_owned(),
        };
        let more = match needed(answers, precision) {
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
