//! What the scores of rows say of them: their label, or those of several labels that they have.

use serde_json::Value;

use crate::ensemble::soft_labels;
use crate::scoring::scores::{Scores, best};
use crate::table::Format;
use crate::task::{Answers, Example, PREDICTION, PREDICTIONS, Task};

/// What a row is given.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The likeliest label; or the topics that the row is about, where it can have several labels.
    pub labels: Vec<String>,
    /// The probability of each of [`Task::answer_names`], or of each of the row's own choices.
    pub probabilities: Vec<f64>,
}

impl Answer {
    /// The answers for `rows` with these scores; where they can have several labels, the rows for all topics stand together.
    pub fn of(task: &Task, scores: &Scores, rows: &[Example]) -> Vec<Answer> {
        let copies = task.copies();
        let names = task.answer_names();
        let answer = |first: usize| match &task.answers {
            Answers::OneLabel => Answer {
                labels: vec![names[best(scores.row(first))].clone()],
                probabilities: soft_labels(scores.row(first), 1.0),
            },
            Answers::SeveralLabels(_) => {
                let rows = || (first..first + copies).map(|row| scores.row(row));
                // The first label means yes.
                let given = names.iter().zip(rows()).filter(|(_, row)| best(row) == 0);
                Answer {
                    labels: given.map(|(name, _)| name.clone()).collect(),
                    probabilities: rows().map(|row| soft_labels(row, 1.0)[0]).collect(),
                }
            }
            Answers::Choice(_) => {
                let choices = &rows[first].choices;
                let mut probabilities = soft_labels(scores.row(first), 1.0);
                probabilities.truncate(choices.len());
                Answer { labels: vec![choices[best(scores.row(first))].clone()], probabilities }
            }
        };
        (0..scores.len() / copies).map(|row| answer(row * copies)).collect()
    }

    /// The probabilities that are written beside a row: all, or that of its choice where every row has choices of its own.
    pub fn shown(&self, task: &Task) -> Vec<f64> {
        match task.answers {
            Answers::Choice(_) => vec![self.probabilities.iter().copied().fold(0.0, f64::max)],
            Answers::OneLabel | Answers::SeveralLabels(_) => self.probabilities.clone(),
        }
    }

    /// The name of the column with the labels.
    pub fn column(task: &Task) -> &'static str {
        if task.answers.several().is_some() { PREDICTIONS } else { PREDICTION }
    }

    /// The labels as they are written: several as a list where the format knows lists, and else as they stand in the data.
    pub fn value(&self, task: &Task, format: Format) -> Value {
        match task.answers.several() {
            Some(_) if format == Format::Jsonl => Value::from(self.labels.clone()),
            Some(several) => Value::from(several.write(&self.labels)),
            None => Value::from(self.labels.concat()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::tests::{EXAMPLE, parse};

    fn scores(rows: &[&[f32]]) -> Scores {
        let mut scores = Scores::new(rows[0].len());
        rows.iter().for_each(|row| scores.push(row));
        scores
    }

    #[test]
    fn a_row_has_its_likeliest_label() {
        let task = parse(EXAMPLE);
        let answers = Answer::of(&task, &scores(&[&[0.0, 2.0, 1.0], &[5.0, 2.0, 1.0]]), &[]);
        assert_eq!(answers[0].labels, ["billing"]);
        assert_eq!(answers[1].value(&task, Format::Jsonl), "technical");
        assert!((answers[0].probabilities.iter().sum::<f64>() - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_row_with_several_labels_has_those_that_are_likelier_than_not() {
        let task = parse(crate::task::SEVERAL);
        let answers = Answer::of(
            &task,
            &scores(&[&[1.0, 0.0], &[0.0, 3.0], &[0.0, 1.0], &[0.0, 1.0], &[2.0, 0.0], &[0.5, 0.5]]),
            &[],
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
