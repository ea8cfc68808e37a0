//! Converts scores into predictions: the label of an example, or its labels in a multi-label task.

use std::ops::Range;

use serde_json::Value;

use crate::dataset::{Examples, PREDICTION, PREDICTIONS};
use crate::ensemble::soft_labels;
use crate::scoring::scores::{Scores, best};
use crate::table::Format;
use crate::task::{Answers, Task};

/// The prediction for an example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    /// The most likely label, or none if it is not confident enough; in a multi-label task, all classes that
    /// the example belongs to.
    pub(crate) labels: Vec<String>,
    /// The probability of each of [`Task::answer_names`], or of each of the example's own choices.
    pub(crate) probabilities: Vec<f64>,
    /// The scores that they were made from.
    pub(crate) scores: Vec<f32>,
}

/// How scores are read as answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// What scores are divided by before they become probabilities.
    pub(crate) temperature: f64,
    /// The lowest probability at which each label is given, in a task with one label for an example; empty if
    /// all are.
    pub(crate) lowest: Vec<f64>,
}

impl Answer {
    /// The predictions for `examples` with these scores.
    pub(crate) fn of(task: &Task, scores: &Scores, examples: &Examples, reading: &Reading) -> Vec<Answer> {
        let names = task.answer_names();
        let soft_labels = |scores: &[f32]| soft_labels(scores, reading.temperature);
        let answer = |questions: Range<usize>| match &task.answers {
            Answers::OneLabel => {
                let scores = scores.row(questions.start);
                let (given, probabilities) = (best(scores), soft_labels(scores));
                let is_given = reading.lowest.get(given).is_none_or(|lowest| probabilities[given] >= *lowest);
                Answer {
                    labels: is_given.then(|| names[given].clone()).into_iter().collect(),
                    probabilities,
                    scores: scores.to_vec(),
                }
            }
            Answers::SeveralLabels(_) => {
                let rows = || questions.clone().map(|question| scores.row(question));
                // The first label means yes.
                let given = names.iter().zip(rows()).filter(|(_, row)| best(row) == 0);
                Answer {
                    labels: given.map(|(name, _)| name.clone()).collect(),
                    probabilities: rows().map(|row| soft_labels(row)[0]).collect(),
                    scores: rows().map(|row| row[0] - row[1]).collect(),
                }
            }
            Answers::Choice(_) => {
                let choices = &examples[questions.start].choices;
                let mut probabilities = soft_labels(scores.row(questions.start));
                probabilities.truncate(choices.len());
                Answer {
                    labels: vec![choices[best(scores.row(questions.start))].clone()],
                    probabilities,
                    scores: scores.row(questions.start)[..choices.len()].to_vec(),
                }
            }
        };
        examples.ranges().map(answer).collect()
    }

    /// The probabilities written with an example: all of them, or only that of its choice if every example
    /// has its own choices.
    pub(crate) fn shown(&self, task: &Task) -> Vec<f64> {
        match task.answers {
            Answers::Choice(_) => vec![self.probabilities.iter().copied().fold(0.0, f64::max)],
            Answers::OneLabel | Answers::SeveralLabels(_) => self.probabilities.clone(),
        }
    }

    /// The name of the column with the labels.
    pub(crate) fn column(task: &Task) -> &'static str {
        if task.answers.several().is_some() { PREDICTIONS } else { PREDICTION }
    }

    /// The labels as written: several as a list in formats that have lists, otherwise as they are written in
    /// the data.
    pub(crate) fn value(&self, task: &Task, format: Format) -> Value {
        match task.answers.several() {
            Some(_) if format.has_lists() => Value::from(self.labels.clone()),
            Some(several) => Value::from(several.write(&self.labels)),
            // Without a label the cell is empty.
            None => self.labels.first().map_or(Value::Null, |label| Value::from(label.as_str())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use crate::dataset::Example;
    use crate::task::tests::{EXAMPLE, parse};

    /// This many questions, without any text.
    fn questions(task: &Task, count: usize) -> Examples {
        let question = || Example::new(task, Vec::new(), Place::file("a.csv")).unwrap();
        Examples::new(task, (0..count).map(|_| question()).collect())
    }

    fn scores(rows: &[&[f32]]) -> Scores {
        let mut scores = Scores::new(rows[0].len());
        rows.iter().for_each(|row| scores.push(row));
        scores
    }

    const PLAIN: Reading = Reading { temperature: 1.0, lowest: Vec::new() };

    #[test]
    fn a_row_has_its_likeliest_label() {
        let task = parse(EXAMPLE);
        let scores = scores(&[&[0.0, 2.0, 1.0], &[5.0, 2.0, 1.0]]);
        let answers = Answer::of(&task, &scores, &questions(&task, 2), &PLAIN);
        assert_eq!(answers[0].labels, ["billing"]);
        assert_eq!(answers[1].value(&task, Format::Jsonl), "technical");
        assert!((answers[0].probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_temperature_changes_probabilities_and_no_label() {
        let task = parse(EXAMPLE);
        let scores = scores(&[&[0.0, 2.0, 1.0], &[5.0, 2.0, 1.0]]);
        let answers = |temperature, lowest: &[f64]| {
            let reading = Reading { temperature, lowest: lowest.to_vec() };
            Answer::of(&task, &scores, &questions(&task, 2), &reading)
        };
        let labels =
            |answers: &[Answer]| answers.iter().map(|answer| answer.labels.clone()).collect::<Vec<_>>();
        let (plain, cool, hot) = (answers(1.0, &[]), answers(0.5, &[]), answers(4.0, &[]));
        assert!(labels(&plain) == labels(&cool) && labels(&plain) == labels(&hot));
        let top = |answers: &[Answer]| answers[0].probabilities[1];
        assert!(top(&hot) < top(&plain) && top(&plain) < top(&cool));
        assert_eq!(hot[0].scores, plain[0].scores);
        // `billing` has a probability of 0.67 in the first row, `technical` one of 0.94 in the second.
        let sure = answers(1.0, &[0.9; 3]);
        assert_eq!(labels(&sure), [vec![], vec!["technical".to_owned()]]);
        // Each label has a threshold of its own, and one may never be given.
        let by_label = answers(1.0, &[f64::INFINITY, 0.6, 0.9]);
        assert_eq!(labels(&by_label), [vec!["billing".to_owned()], vec![]]);
        assert_eq!(
            (sure[0].value(&task, Format::Csv), &sure[0].probabilities),
            (Value::Null, &plain[0].probabilities)
        );
    }

    #[test]
    fn a_row_with_several_labels_has_those_that_are_likelier_than_not() {
        let task = parse(crate::task::SEVERAL);
        let answers = Answer::of(
            &task,
            &scores(&[&[1.0, 0.0], &[0.0, 3.0], &[0.0, 1.0], &[0.0, 1.0], &[2.0, 0.0], &[0.5, 0.5]]),
            &questions(&task, 6),
            &PLAIN,
        );
        let labels: Vec<String> = answers.iter().map(|answer| answer.labels.join("+")).collect();
        assert_eq!(labels, ["billing", "", "billing+urgent"]);
        let written = |format| -> Vec<String> {
            answers.iter().map(|answer| answer.value(&task, format).to_string()).collect()
        };
        assert_eq!(written(Format::Csv), ["\"billing\"", "\"none\"", "\"billing;urgent\""]);
        assert_eq!(written(Format::Jsonl), ["[\"billing\"]", "[]", "[\"billing\",\"urgent\"]"]);
        assert_eq!((answers[2].probabilities[1], answers[0].probabilities.len()), (0.5, 2));
        assert!(answers[0].probabilities[0] > 0.7 && answers[0].probabilities[1] < 0.05);
    }
}
