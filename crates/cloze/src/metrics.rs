//! How good predictions are, and how sure one can be of it.
//!
//! Labels are numbers here (positions in the task's list of labels); [`Evaluation`] carries them by name.

use cloze_encoder::Rng;
use serde::{Deserialize, Serialize};

mod topics;

/// Resamples behind every interval.
pub const RESAMPLES: usize = 2000;

/// Counts of gold label against predicted label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confusion {
    labels: usize,
    counts: Vec<u64>,
}

/// Precision, recall and F1 of one label; a ratio whose denominator is 0 counts as 0.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LabelScore {
    /// Share of the rows predicted to be this label that are.
    pub precision: f64,
    /// Share of the rows of this label that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

impl Confusion {
    /// Counts pairs; `gold` and `predicted` are parallel, every entry below `labels`.
    pub fn new(labels: usize, gold: &[usize], predicted: &[usize]) -> Self {
        let mut counts = vec![0; labels * labels];
        for (gold, predicted) in gold.iter().zip(predicted) {
            counts[gold * labels + predicted] += 1;
        }
        Confusion { labels, counts }
    }

    /// Rows of label `gold` that were predicted to be `predicted`.
    pub fn count(&self, gold: usize, predicted: usize) -> u64 {
        self.counts[gold * self.labels + predicted]
    }

    /// Rows whose label is `label`.
    pub fn gold(&self, label: usize) -> u64 {
        self.counts[label * self.labels..][..self.labels].iter().sum()
    }

    /// Rows predicted to be `label`.
    pub fn predicted(&self, label: usize) -> u64 {
        (0..self.labels).map(|gold| self.count(gold, label)).sum()
    }

    /// Share of rows predicted rightly; 0 if there are none.
    pub fn accuracy(&self) -> f64 {
        let right: u64 = (0..self.labels).map(|label| self.count(label, label)).sum();
        ratio(right, self.counts.iter().sum())
    }

    /// Precision, recall and F1 of `label`; its `f1` is the binary F1 with `label` as the positive class.
    pub fn label(&self, label: usize) -> LabelScore {
        let right = self.count(label, label);
        let (gold, predicted) = (self.gold(label), self.predicted(label));
        LabelScore {
            precision: ratio(right, predicted),
            recall: ratio(right, gold),
            f1: ratio(2 * right, gold + predicted),
        }
    }

    /// Mean F1 over the labels that occur in the gold labels or in the predictions.
    pub fn macro_f1(&self) -> f64 {
        let occurring: Vec<f64> = (0..self.labels)
            .filter(|&label| self.gold(label) + self.predicted(label) > 0)
            .map(|label| self.label(label).f1)
            .collect();
        if occurring.is_empty() { 0.0 } else { occurring.iter().sum::<f64>() / occurring.len() as f64 }
    }
}

fn ratio(numerator: u64, denominator: u64) -> f64 {
    if denominator == 0 { 0.0 } else { numerator as f64 / denominator as f64 }
}

/// Share of rows predicted rightly; 0 if there are none.
pub fn accuracy(gold: &[usize], predicted: &[usize]) -> f64 {
    let right = gold.iter().zip(predicted).filter(|(gold, predicted)| gold == predicted).count();
    ratio(right as u64, gold.len() as u64)
}

/// Share of questions all of whose rows are predicted rightly (MultiRC); rows of a question carry the same number.
pub fn exact_match<Q: Ord>(gold: &[usize], predicted: &[usize], questions: &[Q]) -> f64 {
    let right = all_right(gold, predicted, questions);
    ratio(right.iter().filter(|&&right| right).count() as u64, right.len() as u64)
}

/// For every question whether all of its rows are predicted rightly.
fn all_right<Q: Ord>(gold: &[usize], predicted: &[usize], questions: &[Q]) -> Vec<bool> {
    let mut right = std::collections::BTreeMap::new();
    for ((gold, predicted), question) in gold.iter().zip(predicted).zip(questions) {
        *right.entry(question).or_insert(true) &= gold == predicted;
    }
    right.into_values().collect()
}

/// A figure measured on a sample of rows, with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    /// The figure on the rows as they are.
    pub value: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Measured {
    /// No row wrong (or right) of `rows`: with 95 % confidence at most a share of 3/rows is (Hanley and Lippman-Hand, 1983).
    fn widened(mut self, rows: usize) -> Self {
        let three = (3.0 / rows.max(1) as f64).min(1.0);
        if rows > 0 && self.value == 1.0 {
            self.low = 1.0 - three;
        } else if rows > 0 && self.value == 0.0 {
            self.high = three;
        }
        self
    }
}

/// Percentile bootstrap (Efron and Tibshirani, 1993, chapter 13): the rows are drawn again with replacement, as many as
/// there are, [`RESAMPLES`] times; the interval runs from the 2.5th to the 97.5th percentile of the figure on these draws.
///
/// Where every row is right (or every row wrong) all draws agree and the interval would have no width, which says too
/// much: the caller sees such a figure's `low == high`, and for accuracy [`Evaluation`] widens it by the rule of three.
pub fn bootstrap<const N: usize>(
    confusion: &Confusion,
    seed: u64,
    figures: [&dyn Fn(&Confusion) -> f64; N],
) -> [Measured; N] {
    let labels = confusion.labels;
    // The order of rows does not matter, so they are drawn from the confusion matrix laid out row by row.
    let rows: Vec<usize> = (0..labels * labels)
        .flat_map(|cell| std::iter::repeat_n(cell, confusion.counts[cell] as usize))
        .collect();
    let mut draws = figures.map(|_| Vec::with_capacity(RESAMPLES));
    let mut random = Rng::new(seed);
    let mut draw = Confusion { labels, counts: vec![0; labels * labels] };
    for _ in 0..if rows.is_empty() { 0 } else { RESAMPLES } {
        draw.counts.fill(0);
        for _ in 0..rows.len() {
            draw.counts[rows[random.gen_range(0..rows.len())]] += 1;
        }
        for (draws, figure) in draws.iter_mut().zip(figures) {
            draws.push(figure(&draw));
        }
    }
    std::array::from_fn(|index| interval(figures[index](confusion), &mut draws[index]))
}

/// A figure with what it was on the draws.
fn interval(value: f64, draws: &mut [f64]) -> Measured {
    if draws.is_empty() {
        return Measured { value, low: value, high: value };
    }
    draws.sort_by(f64::total_cmp);
    Measured { value, low: percentile(draws, 0.025), high: percentile(draws, 0.975) }
}

/// The same for a mean over rows.
fn bootstrap_mean(values: &[f64], seed: u64) -> Measured {
    let mean = |sum: f64| if values.is_empty() { 0.0 } else { sum / values.len() as f64 };
    let resamples = if values.is_empty() { 0 } else { RESAMPLES };
    let mut random = Rng::new(seed);
    let mut draw = || mean((0..values.len()).map(|_| values[random.gen_range(0..values.len())]).sum());
    let mut draws: Vec<f64> = (0..resamples).map(|_| draw()).collect();
    interval(mean(values.iter().sum()), &mut draws)
}

/// F1 of the words of two texts, as SQuAD and ReCoRD measure answers (Rajpurkar et al., 2016): without capitals, ASCII
/// punctuation and the articles; 1 if both have no words.
pub fn words_f1(one: &str, other: &str) -> f64 {
    let words = |text: &str| -> Vec<String> {
        let plain: String =
            text.to_lowercase().chars().filter(|letter| !letter.is_ascii_punctuation()).collect();
        let words = plain.split_whitespace().filter(|word| !["a", "an", "the"].contains(word));
        words.map(str::to_owned).collect()
    };
    let (one, mut other) = (words(one), words(other));
    let total = one.len() + other.len();
    if total == 0 {
        return 1.0;
    }
    let mut common = 0;
    for word in &one {
        if let Some(place) = other.iter().position(|candidate| candidate == word) {
            other.swap_remove(place);
            common += 1;
        }
    }
    2.0 * f64::from(common) / total as f64
}

/// Linear interpolation between the two nearest of the sorted `values`, which must not be empty.
fn percentile(values: &[f64], share: f64) -> f64 {
    let place = share * (values.len() - 1) as f64;
    let (below, part) = (place.floor() as usize, place.fract());
    let above = (below + 1).min(values.len() - 1);
    values[below] * (1.0 - part) + values[above] * part
}

/// What a set of labelled rows says about predictions; labels by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Labelled rows; where rows have several labels, one for every topic.
    pub rows: usize,
    /// Share of rows predicted rightly.
    pub accuracy: Measured,
    /// Mean F1 over the labels that occur; where rows have several, over the topics; where rows have choices of their own, the mean
    /// over rows of [`words_f1`].
    pub macro_f1: Measured,
    /// F1 of the task's positive label, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1: Option<Measured>,
    /// Share of the questions all of whose rows are predicted rightly, if the task's rows belong to questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_match: Option<Measured>,
    /// Each topic that rows can be about, where they can have several labels: its `gold` and `predicted` rows are those that are
    /// about it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub topics: Vec<LabelEvaluation>,
    /// Each label, in the task's order; none where rows have choices of their own.
    pub labels: Vec<LabelEvaluation>,
    /// `confusion[gold][predicted]`, in the order of `labels`.
    pub confusion: Vec<Vec<u64>>,
}

/// One label's part of an [`Evaluation`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelEvaluation {
    /// The label's name.
    pub label: String,
    /// Rows whose label it is.
    pub gold: u64,
    /// Rows predicted to be it.
    pub predicted: u64,
    /// Share of the predicted rows that are right.
    pub precision: f64,
    /// Share of the gold rows that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

impl Evaluation {
    /// Compares `predicted` with `gold`, both positions in `labels`. The intervals depend on the counts alone.
    pub fn new(labels: &[String], gold: &[usize], predicted: &[usize]) -> Self {
        let confusion = Confusion::new(labels.len(), gold, predicted);
        let [accuracy, macro_f1] = bootstrap(&confusion, 0, [&Confusion::accuracy, &Confusion::macro_f1]);
        let accuracy = accuracy.widened(gold.len());
        Evaluation {
            rows: gold.len(),
            accuracy,
            macro_f1,
            f1: None,
            exact_match: None,
            topics: Vec::new(),
            labels: labels
                .iter()
                .enumerate()
                .map(|(index, label)| {
                    let LabelScore { precision, recall, f1 } = confusion.label(index);
                    LabelEvaluation {
                        label: label.clone(),
                        gold: confusion.gold(index),
                        predicted: confusion.predicted(index),
                        precision,
                        recall,
                        f1,
                    }
                })
                .collect(),
            confusion: confusion.counts.chunks(labels.len().max(1)).map(<[u64]>::to_vec).collect(),
        }
    }

    /// Rows with choices of their own: whether the right one was chosen, and how much its words have in common with the right
    /// one's.
    pub fn of_choices(rows: impl Iterator<Item = (bool, f64)>) -> Self {
        let (right, f1): (Vec<bool>, Vec<f64>) = rows.unzip();
        let right: Vec<usize> = right.into_iter().map(usize::from).collect();
        let confusion = Confusion::new(2, &vec![1; right.len()], &right);
        let [accuracy] = bootstrap(&confusion, 0, [&Confusion::accuracy]);
        Evaluation {
            rows: right.len(),
            accuracy: accuracy.widened(right.len()),
            macro_f1: bootstrap_mean(&f1, 0),
            f1: None,
            exact_match: None,
            topics: Vec::new(),
            labels: Vec::new(),
            confusion: Vec::new(),
        }
    }

    /// What is measured beside accuracy, each by its name for people.
    pub fn figures(&self) -> Vec<(&'static str, Measured)> {
        let first = if self.labels.is_empty() { "F1 of the words" } else { "macro F1" };
        let figures = [(first, Some(self.macro_f1)), ("F1", self.f1), ("exact match", self.exact_match)];
        figures.into_iter().filter_map(|(name, figure)| Some((name, figure?))).collect()
    }

    /// The same with F1 of the label `positive`, its interval from the same kind of draws.
    #[must_use]
    pub fn with_f1(mut self, positive: usize) -> Self {
        let confusion = Confusion { labels: self.labels.len(), counts: self.confusion.concat() };
        let [f1] = bootstrap(&confusion, 0, [&|draw: &Confusion| draw.label(positive).f1]);
        self.f1 = Some(f1);
        self
    }

    /// The same with the share of questions all of whose rows are predicted rightly; `questions` tells each row's. For the interval
    /// questions are drawn, not rows.
    #[must_use]
    pub fn with_questions<Q: Ord>(mut self, gold: &[usize], predicted: &[usize], questions: &[Q]) -> Self {
        let right: Vec<usize> = all_right(gold, predicted, questions).into_iter().map(usize::from).collect();
        let confusion = Confusion::new(2, &vec![1; right.len()], &right);
        let [exact_match] = bootstrap(&confusion, 0, [&Confusion::accuracy]);
        self.exact_match = Some(exact_match.widened(right.len()));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(count: usize) -> Vec<String> {
        (0..count).map(|label| format!("label {label}")).collect()
    }

    #[test]
    fn a_perfect_score_on_few_rows_has_a_wide_interval() {
        let gold = [0, 1, 0, 1, 0, 1];
        let Measured { value, low, high } = Evaluation::new(&names(2), &gold, &gold).accuracy;
        assert_eq!((value, low, high), (1.0, 0.5, 1.0));
    }

    #[test]
    fn the_interval_agrees_with_the_normal_approximation_where_that_holds() {
        let gold = vec![0; 1000];
        let predicted: Vec<usize> = (0..1000).map(|row| usize::from(row >= 800)).collect();
        let Measured { value, low, high } = Evaluation::new(&names(2), &gold, &predicted).accuracy;
        let half = 1.96 * (0.8_f64 * 0.2 / 1000.0).sqrt();
        assert_eq!(value, 0.8);
        assert!((low - (0.8 - half)).abs() < 0.004, "{low}");
        assert!((high - (0.8 + half)).abs() < 0.004, "{high}");
    }

    #[test]
    fn a_question_is_right_if_all_of_its_rows_are() {
        let (gold, predicted) = ([1, 0, 1, 1, 0], [1, 0, 1, 0, 0]);
        let plain = Evaluation::new(&names(2), &gold, &predicted);
        assert_eq!(plain.figures().len(), 1);
        let all = plain.with_f1(1).with_questions(&gold, &predicted, &["a", "a", "b", "b", "c"]);
        let figures: Vec<_> = all.figures().into_iter().map(|(name, figure)| (name, figure.value)).collect();
        assert_eq!(figures[1..], [("F1", 0.8), ("exact match", 2.0 / 3.0)]);
        let Measured { low, value, high } = all.exact_match.unwrap();
        assert!(low < value && value < high && high <= 1.0);
        let right = all.with_questions(&gold, &gold, &[1, 1, 1, 2, 2]).exact_match.unwrap();
        assert_eq!((right.low, right.value), (0.0, 1.0));
    }

    #[test]
    fn answers_are_compared_word_by_word() {
        assert_eq!(words_f1("The West Brom", "west brom."), 1.0);
        assert_eq!(words_f1("West Brom", "West Bromwich Albion"), 2.0 / 5.0);
        assert_eq!(words_f1("no no", "no"), 2.0 / 3.0);
        assert_eq!((words_f1("the", "a"), words_f1("the", "x")), (1.0, 0.0));
        let found = Evaluation::of_choices([(true, 1.0), (false, 0.5)].into_iter());
        assert_eq!((found.accuracy.value, found.macro_f1.value, found.rows), (0.5, 0.75, 2));
        assert!(found.macro_f1.low < 0.75 && found.macro_f1.high > 0.75);
    }

    #[test]
    fn a_label_that_occurs_nowhere_does_not_lower_the_macro_f1() {
        let evaluation = Evaluation::new(&names(3), &[0, 1], &[0, 1]);
        assert_eq!(evaluation.macro_f1.value, 1.0);
        assert_eq!(evaluation.confusion, [[1, 0, 0], [0, 1, 0], [0, 0, 0]]);
    }

    #[test]
    fn no_rows_give_zero_and_not_a_division_by_zero() {
        assert_eq!(
            Evaluation::new(&names(2), &[], &[]).accuracy,
            Measured { value: 0.0, low: 0.0, high: 0.0 }
        );
        assert_eq!(accuracy(&[], &[]), 0.0);
    }
}
