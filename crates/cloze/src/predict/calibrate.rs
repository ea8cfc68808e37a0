//! Calibrates the probabilities of a run's models with rows whose labels people have checked.

use std::path::Path;

use cloze_encoder::Rng;

use super::answer::Reading;
use super::{Predictor, With};
use crate::dataset::{DataSource, Examples, fingerprint, gold};
use crate::ensemble::soft_labels;
use crate::metrics::{Comparison, Judged};
use crate::results::calibration::{Calibration, Checked, FILE, FORMAT, Promise, only_one_label};
use crate::results::checksum;
use crate::run::store::{RunDir, json};
use crate::scoring::scores::{Scores, best};
use crate::scoring::temperature::{self, Temperature};
use crate::{Error, Result};

/// The fewest rows to calibrate with.
const FEWEST: usize = 50;

/// The number of parts into which rows are divided for measuring.
const FOLDS: usize = 5;

impl Predictor {
    /// Fits a temperature to labelled examples that the run was not trained on, at least 50, and measures what
    /// it changes; examples without a label are left out. The predictor itself stays as it is:
    /// [`Calibration::save`] puts the calibration into the run, for all predictors that are opened from then
    /// on. `progress` receives the number of passes over examples done and their total.
    ///
    /// # Errors
    /// When there are too few examples, or the scores say nothing about their labels; when examples have
    /// their own choices; or as [`Predictor::score`].
    pub fn calibrate(
        &self,
        examples: &Examples,
        progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Calibration> {
        if self.task.answers.choices().is_some() {
            return Err(Error::usage(
                "the rows of this task have their own choices, and probabilities of choices are not calibrated",
                "use the probabilities to sort rows only",
            ));
        }
        let mut examples = examples.clone();
        examples.keep_labelled();
        if examples.count() < FEWEST {
            return Err(Error::usage(
                format!("{} labelled rows are too few to calibrate with", examples.count()),
                format!(
                    "label at least {FEWEST}, drawn at random from rows like those to be predicted, that the run was not trained on; some \
                     hundreds give narrow intervals"
                ),
            ));
        }
        let scores = self.scores(&examples, progress)?;
        let right = gold(&examples);
        let Some(temperature) = fitted(&scores, &right, |_| true) else {
            return Err(Error::usage(
                "the scores of the model say nothing about the labels of these rows",
                "check the column of labels; `cloze eval` shows which labels are confused",
            ));
        };
        let per_example = self.task.answers.questions();
        let before = judged(&scores, &right, |_| 1.0);
        let after = judged(&scores, &right, |_| temperature);
        let fold = folds(examples.count());
        let by_fold: Vec<f64> = (0..FOLDS)
            .map(|left_out| fitted(&scores, &right, |at| fold[at / per_example] != left_out).unwrap_or(1.0))
            .collect();
        let cross_fitted = judged(&scores, &right, |at| by_fold[fold[at / per_example]]);
        let Comparison { accuracy, nll, brier, ece } = Comparison::new(&before, &cross_fitted, per_example);
        let labels = match self.task.answers.is_one_label() {
            true => self.task.answer_names(),
            false => Vec::new(),
        };
        let checked = |(scores, (before, after)): (&[f32], (&Judged, &Judged))| Checked {
            label: labels.get(best(scores)).cloned(),
            before: cut(before.confidence),
            after: cut(after.confidence),
            right: after.is_right,
        };
        let mut answers: Vec<Checked> = scores.iter().zip(before.iter().zip(&after)).map(checked).collect();
        answers.sort_by(|a, b| b.after.total_cmp(&a.after));
        Ok(Calibration {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            run: record(&self.dir)?,
            answered_by: name(self.with),
            temperature,
            checked: DataSource { rows: examples.count(), fingerprint: fingerprint(&self.task, &examples) },
            accuracy,
            nll,
            brier,
            ece,
            labels,
            answers,
        })
    }

    /// How scores become answers.
    pub(super) fn reading(&self) -> Reading {
        let lowest = |promise: &Promise| {
            let of_label = |label: &String| promise.lowest(label).unwrap_or(f64::INFINITY);
            self.task.answer_names().iter().map(of_label).collect()
        };
        Reading {
            temperature: self.calibration.as_ref().map_or(1.0, |calibration| calibration.temperature),
            lowest: self.promise.as_ref().map(lowest).unwrap_or_default(),
        }
    }

    /// The calibration that the probabilities of these models have.
    pub fn calibration(&self) -> Option<&Calibration> {
        self.calibration.as_ref()
    }

    /// The same with probabilities as they come from the models.
    #[must_use]
    pub fn uncalibrated(self) -> Predictor {
        Predictor { calibration: None, promise: None, ..self }
    }

    /// The same, giving a label only to examples whose label is confident enough for a precision of at least
    /// `precision` among them, and among those with each label that has a threshold of its own; others get none.
    /// This holds with 95 % confidence for rows like those of the calibration; see [`Calibration::promise`].
    ///
    /// # Errors
    /// When these models are not calibrated, the calibration does not suffice for this precision, or examples
    /// can have several labels.
    pub fn with_precision(self, precision: f64) -> Result<Predictor> {
        if !self.task.answers.is_one_label() {
            return Err(only_one_label());
        }
        let Some(calibration) = &self.calibration else {
            return Err(Error::usage(
                format!("`{}` is not calibrated, so no precision can be promised", self.dir.display()),
                format!(
                    "calibrate it first, with labelled rows that it was not trained on: `cloze calibrate {} checked.csv`",
                    self.dir.display()
                ),
            ));
        };
        let promise = Some(calibration.promise(precision)?);
        Ok(Predictor { promise, ..self })
    }

    /// The precision that is promised, if [`Predictor::with_precision`] has asked for one.
    pub fn promise(&self) -> Option<&Promise> {
        self.promise.as_ref()
    }
}

impl Calibration {
    /// Writes the calibration into the directory of its run, instead of an earlier one; nothing else in it
    /// changes.
    ///
    /// # Errors
    /// When the directory is another run's, or cannot be written to.
    pub fn save(&self, dir: impl AsRef<Path>) -> Result<()> {
        let dir = dir.as_ref();
        if record(dir)? != self.run {
            return Err(of_another_run(dir));
        }
        let mut bytes = json(self);
        bytes.push(b'\n');
        Ok(RunDir::open(dir)?.write(FILE, &checksum::sealed(bytes))?)
    }

    /// The calibration of a run's models.
    pub(super) fn of_models(dir: &Path, with: With) -> Result<Option<Calibration>> {
        let Some(found) = Calibration::open(dir)? else { return Ok(None) };
        if found.run != record(dir)? {
            return Err(of_another_run(dir));
        }
        Ok((found.answered_by == name(with)).then_some(found))
    }
}

fn of_another_run(dir: &Path) -> Error {
    Error::usage(
        format!("the calibration `{}` belongs to another run", dir.join(FILE).display()),
        format!("remove it with `cloze calibrate {} --remove`, and calibrate the run", dir.display()),
    )
}

/// A hash of a run's record, which stays the same when the run is moved.
fn record(dir: &Path) -> Result<String> {
    Ok(checksum::hash(RunDir::open(dir)?.manifest()?.as_bytes()))
}

/// The name of models in a calibration.
fn name(with: With) -> String {
    match with {
        With::Classifier => "final".to_owned(),
        With::Ensemble => "ensemble".to_owned(),
        With::Member { pattern, seed } => format!("p{pattern}-s{seed}"),
    }
}

/// The temperature for some of the answers: 1 if none of them is wrong; `None` if none is best.
fn fitted(scores: &Scores, right: &[usize], of: impl Fn(usize) -> bool) -> Option<f64> {
    let answers = scores.iter().zip(right.iter().copied()).enumerate();
    match temperature::fit(answers.filter(|(at, _)| of(*at)).map(|(_, answer)| answer)) {
        Temperature::At(temperature) => Some(temperature),
        Temperature::NoneWrong => Some(1.0),
        Temperature::Uninformative => None,
    }
}

/// What the probabilities of all answers are worth, each at its temperature.
fn judged(scores: &Scores, right: &[usize], temperature: impl Fn(usize) -> f64) -> Vec<Judged> {
    let judge = |(at, (scores, &right)): (usize, (&[f32], &usize))| {
        let temperature = temperature(at);
        let nll = temperature::nll(scores, right, temperature);
        Judged::new(&soft_labels(scores, temperature), best(scores), right, nll)
    };
    scores.iter().zip(right).enumerate().map(judge).collect()
}

/// A probability cut after nine digits, which JSON keeps as they are. It is not rounded, so that the row it
/// comes from has at least this probability.
fn cut(share: f64) -> f64 {
    (share * 1e9).floor() / 1e9
}

/// A part for every example, at random.
fn folds(examples: usize) -> Vec<usize> {
    let mut folds: Vec<usize> = (0..examples).map(|example| example % FOLDS).collect();
    Rng::new(0).shuffle(&mut folds);
    folds
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::{Cut, DOUBT, Rated, cuts, shows};

    /// Rows with scores and the probabilities of their labels.
    struct Population {
        scores: Vec<Vec<f32>>,
        /// How probable each label of a row is.
        shares: Vec<Vec<f64>>,
    }

    impl Population {
        /// Rows with so many labels and scores of this size.
        fn new(
            labels: usize,
            scale: f64,
            shares: impl Fn(&[f32]) -> Vec<f64>,
            random: &mut Rng,
        ) -> Population {
            let row = |_| (0..labels).map(|_| (scale * random.normal()) as f32).collect();
            let scores: Vec<Vec<f32>> = (0..2000).map(row).collect();
            let shares = scores.iter().map(|scores| shares(scores)).collect();
            Population { scores, shares }
        }

        /// A sample of rows with right labels.
        fn checked(&self, count: usize, random: &mut Rng) -> Vec<(&[f32], usize)> {
            let draw = |_| {
                let row = random.gen_range(0..self.scores.len());
                let mut left = random.uniform();
                let right = self.shares[row].iter().position(|share| {
                    left -= share;
                    left < 0.0
                });
                (self.scores[row].as_slice(), right.unwrap_or(0))
            };
            (0..count).map(draw).collect()
        }

        /// Of every row its label, the label's probability at this temperature, and how often the label is right.
        fn answers(&self, temperature: f64) -> Vec<(usize, f64, f64)> {
            let answer = |(scores, shares): (&Vec<f32>, &Vec<f64>)| {
                let given = best(scores);
                (given, soft_labels(scores, temperature)[given], shares[given])
            };
            self.scores.iter().zip(&self.shares).map(answer).collect()
        }
    }

    /// How often the answers that these thresholds let pass are right.
    fn precision(answers: &[(usize, f64, f64)], cuts: &[Cut]) -> f64 {
        let (mut sum, mut count) = (0.0, 0.0);
        for (label, probability, share) in answers {
            if cuts.iter().any(|cut| cut.labels.contains(label) && *probability >= cut.confidence) {
                (sum, count) = (sum + share, count + 1.0);
            }
        }
        sum / count
    }

    /// Checked rows at the temperature that fits them, the most confident first.
    fn calibrated(checked: &[(&[f32], usize)]) -> (f64, Vec<Rated>) {
        let temperature = match temperature::fit(checked.iter().copied()) {
            Temperature::At(temperature) => temperature,
            Temperature::NoneWrong | Temperature::Uninformative => 1.0,
        };
        let answer = |(scores, right): &(&[f32], usize)| {
            let label = best(scores);
            Rated { label, confidence: soft_labels(scores, temperature)[label], is_right: label == *right }
        };
        let mut answers: Vec<Rated> = checked.iter().map(answer).collect();
        answers.sort_by(|a, b| b.confidence.total_cmp(&a.confidence));
        (temperature, answers)
    }

    /// The same with one label for all answers, so that there is one threshold.
    fn pooled(answers: &[Rated]) -> Vec<Rated> {
        answers.iter().map(|answer| Rated { label: 0, ..*answer }).collect()
    }

    /// A threshold for all labels: the lowest that passes a test, had there not been others before.
    fn picked(answers: &[Rated], labels: usize, precision: f64) -> Option<Cut> {
        let right = |count: usize| answers[..count].iter().filter(|answer| answer.is_right).count();
        let passes = |count: &usize| shows(right(*count), *count, precision, DOUBT);
        let given = (1..=answers.len()).rev().find(passes)?;
        let (labels, confidence) = ((0..labels).collect(), answers[given - 1].confidence);
        Some(Cut { labels, confidence, checked: answers.len(), given, right: right(given), bound: precision })
    }

    /// Draws many sets of checked rows, calibrates with each, and counts how often a true precision is below the
    /// promised one: that of all answers together, or that of a single threshold.
    /// `cargo test -p cloze --lib promised_precision -- --nocapture` shows the counts.
    #[test]
    fn a_promised_precision_is_missed_in_at_most_one_of_twenty_samples() {
        const SAMPLES: usize = 500;
        // Three standard errors above 5 %.
        let most = SAMPLES as f64 * (0.05 + 3.0 * (0.05_f64 * 0.95 / SAMPLES as f64).sqrt());
        // Labels follow the scores at temperature 2, so that the model is too confident as it is. Or confidence
        // says nothing, and answers are right just too rarely, which is when a promise fails most easily. Or it
        // says nothing, and one label is right more rarely than the others.
        let honest = |scores: &[f32]| soft_labels(scores, 2.0);
        let always = |share: f64, scores: &[f32]| -> Vec<f64> {
            let of =
                |label| if label == best(scores) { share } else { (1.0 - share) / (scores.len() - 1) as f64 };
            (0..scores.len()).map(of).collect()
        };
        let blind = |scores: &[f32]| always(0.89, scores);
        let uneven = |scores: &[f32]| always(if best(scores) == 0 { 0.8 } else { 0.97 }, scores);
        type Shares<'s> = &'s dyn Fn(&[f32]) -> Vec<f64>;
        let cases: [(&str, Shares, usize, usize, f64); 9] = [
            ("honest", &honest, 2, 100, 0.9),
            ("honest", &honest, 2, 300, 0.95),
            ("honest", &honest, 2, 900, 0.95),
            ("honest", &honest, 4, 100, 0.9),
            ("honest", &honest, 4, 1000, 0.9),
            ("blind", &blind, 2, 500, 0.9),
            ("blind", &blind, 4, 300, 0.9),
            ("blind", &blind, 4, 1000, 0.9),
            ("uneven", &uneven, 2, 600, 0.85),
        ];
        for (name, shares, labels, rows, precision) in cases {
            let mut random = Rng::new(1);
            let population = Population::new(labels, 6.0, shares, &mut random);
            let (mut missed, mut by_picking, mut by_sharing) = (0, 0, 0);
            let (mut answered, mut thresholds) = (0, 0);
            for _ in 0..SAMPLES {
                let (temperature, answers) = calibrated(&population.checked(rows, &mut random));
                let all = population.answers(temperature);
                let is_missed = |cuts: &[Cut]| self::precision(&all, cuts) < precision;
                let found = cuts(&answers, labels, precision);
                missed += usize::from(
                    is_missed(&found) || found.iter().any(|cut| is_missed(std::slice::from_ref(cut))),
                );
                answered += found.iter().map(|cut| cut.given).sum::<usize>();
                thresholds += found.len();
                by_picking +=
                    usize::from(picked(&answers, labels, precision).is_some_and(|cut| is_missed(&[cut])));
                let shared = cuts(&pooled(&answers), 1, precision);
                by_sharing += usize::from(shared.first().is_some_and(|shared| {
                    (0..labels).any(|label| is_missed(&[Cut { labels: vec![label], ..shared.clone() }]))
                }));
            }
            let mean = |sum: usize| sum as f64 / SAMPLES as f64;
            println!(
                "{name}, {labels} labels, {rows} rows, precision {precision}: missed in {missed} of {SAMPLES} samples, {:.2} answered with \
                 {:.1} thresholds; without the fixed order missed in {by_picking}, of single labels with a common threshold in {by_sharing}",
                mean(answered) / rows as f64,
                mean(thresholds),
            );
            assert!(missed as f64 <= most, "{name}, {labels} labels, {rows} rows: {missed} of {SAMPLES}");
            assert!(answered > 0);
            // Tests in no order would break the promise, and one threshold that of single labels, so the samples are
            // able to show that it is broken.
            assert!(name != "blind" || by_picking as f64 > most, "{by_picking}");
            assert!(name != "uneven" || by_sharing as f64 > most && thresholds > 0, "{by_sharing}");
        }
    }

    #[test]
    fn every_fold_has_its_share_and_the_same_rows_each_time() {
        let all = folds(52);
        let sizes: Vec<usize> = (0..FOLDS).map(|fold| all.iter().filter(|of| **of == fold).count()).collect();
        assert_eq!(sizes, [11, 11, 10, 10, 10]);
        assert!(all == folds(52) && all[..5] != [0, 1, 2, 3, 4]);
    }
}
