//! Metrics of predictions on labelled examples, by label name, as reported in `results.json` and by
//! `cloze eval`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bootstrap::{Measured, bootstrap, bootstrap_mean};
use super::confusion::{Confusion, LabelScore};

/// Metrics of predictions on a set of labelled examples; labels are given by name.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// Number of labelled examples; in a multi-label task, each counts once for every class.
    pub rows: usize,
    /// Share of examples predicted correctly.
    pub accuracy: Measured,
    /// Mean F1 over the labels that occur; in a multi-label task, over the classes; if examples have their
    /// own choices, the mean over examples of the word F1 of the choices.
    pub macro_f1: Measured,
    /// F1 of the task's positive label, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub f1: Option<Measured>,
    /// Share of the questions whose rows are all predicted correctly, if the task's rows belong to questions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exact_match: Option<Measured>,
    /// Each class of a multi-label task: `gold` and `predicted` count the examples that have it, or are
    /// predicted to have it.
    #[serde(rename = "topics", default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<LabelEvaluation>,
    /// Each label, in the task's order; empty if examples have their own choices.
    pub labels: Vec<LabelEvaluation>,
    /// `confusion[gold][predicted]`, in the order of `labels`.
    pub confusion: Vec<Vec<u64>>,
}

/// The metrics of one label in an [`Evaluation`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LabelEvaluation {
    /// The label's name.
    pub label: String,
    /// Number of examples with this label.
    pub gold: u64,
    /// Number of examples predicted as this label.
    pub predicted: u64,
    /// Share of the predicted examples that are correct.
    pub precision: f64,
    /// Share of the gold examples that were found.
    pub recall: f64,
    /// Harmonic mean of the two.
    pub f1: f64,
}

impl Evaluation {
    /// Compares `predicted` with `gold`, both as positions in `labels`. The intervals depend on the counts
    /// alone.
    pub(crate) fn new(labels: &[String], gold: &[usize], predicted: &[usize]) -> Self {
        let confusion = Confusion::new(labels.len(), gold, predicted);
        let [accuracy, macro_f1] = bootstrap(&confusion, 0, [&Confusion::accuracy, &Confusion::macro_f1]);
        let accuracy = accuracy.widened(gold.len());
        Evaluation {
            rows: gold.len(),
            accuracy,
            macro_f1,
            f1: None,
            exact_match: None,
            classes: Vec::new(),
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

    /// The evaluation of examples with their own choices: whether the right one was chosen, and the word
    /// overlap of the chosen one with it.
    pub(crate) fn of_choices(rows: impl Iterator<Item = (bool, f64)>) -> Self {
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
            classes: Vec::new(),
            labels: Vec::new(),
            confusion: Vec::new(),
        }
    }

    /// The metrics of each label that an example can have: of the classes in a multi-label task.
    pub(crate) fn per_label(&self) -> &[LabelEvaluation] {
        if self.classes.is_empty() { &self.labels } else { &self.classes }
    }

    /// The unit that is counted: `row`, or `answer` if every row has an answer for each of several classes.
    pub(crate) fn unit(&self) -> &'static str {
        if self.classes.is_empty() { "row" } else { "answer" }
    }

    /// The most frequent label and the accuracy of always predicting it; `None` if examples have their own
    /// choices.
    pub(crate) fn most_frequent(&self) -> Option<(&str, f64)> {
        // The first one on a tie.
        let most = self.labels.iter().rev().max_by_key(|label| label.gold)?;
        (self.rows > 0).then(|| (most.label.as_str(), most.gold as f64 / self.rows as f64))
    }

    /// The pairs of labels that are confused, most frequent first: the correct label, the predicted one, and
    /// the number of examples.
    pub fn confusions(&self) -> Vec<(&LabelEvaluation, &LabelEvaluation, u64)> {
        let mut found = Vec::new();
        for (gold, (right, counts)) in self.labels.iter().zip(&self.confusion).enumerate() {
            for (given, (other, &rows)) in self.labels.iter().zip(counts).enumerate() {
                if given != gold && rows > 0 {
                    found.push((right, other, rows));
                }
            }
        }
        found.sort_by_key(|(_, _, rows)| std::cmp::Reverse(*rows));
        found
    }

    /// The metrics other than accuracy, with display names.
    pub fn figures(&self) -> Vec<(&'static str, Measured)> {
        let first = if self.labels.is_empty() { "F1 of the words" } else { "macro F1" };
        let figures = [(first, Some(self.macro_f1)), ("F1", self.f1), ("exact match", self.exact_match)];
        figures.into_iter().filter_map(|(name, figure)| Some((name, figure?))).collect()
    }

    /// Adds F1 of the label `positive`, with an interval from the same kind of resampling.
    #[must_use]
    pub(crate) fn with_f1(mut self, positive: usize) -> Self {
        let confusion = Confusion { labels: self.labels.len(), counts: self.confusion.concat() };
        let [f1] = bootstrap(&confusion, 0, [&|draw: &Confusion| draw.label(positive).f1]);
        self.f1 = Some(f1);
        self
    }

    /// Adds the share of questions whose rows are all predicted correctly; `questions` names each row's
    /// question. For the interval, questions are resampled rather than rows.
    #[must_use]
    pub(crate) fn with_questions<Q: Ord>(
        mut self,
        gold: &[usize],
        predicted: &[usize],
        questions: &[Q],
    ) -> Self {
        let right: Vec<usize> = all_right(gold, predicted, questions).into_iter().map(usize::from).collect();
        let confusion = Confusion::new(2, &vec![1; right.len()], &right);
        let [exact_match] = bootstrap(&confusion, 0, [&Confusion::accuracy]);
        self.exact_match = Some(exact_match.widened(right.len()));
        self
    }
}

/// For every question, whether all of its rows are predicted correctly.
fn all_right<Q: Ord>(gold: &[usize], predicted: &[usize], questions: &[Q]) -> Vec<bool> {
    let mut right = BTreeMap::new();
    for ((gold, predicted), question) in gold.iter().zip(predicted).zip(questions) {
        *right.entry(question).or_insert(true) &= gold == predicted;
    }
    right.into_values().collect()
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
        let gold = [1, 0, 1, 1, 0];
        let predicted = [1, 0, 1, 0, 0];
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
    fn of_choices_the_words_of_the_one_that_was_taken_count_too() {
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
    }
}
