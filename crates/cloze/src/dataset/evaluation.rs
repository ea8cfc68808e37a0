//! Evaluates predictions on examples.

use super::example::{Example, gold};
use crate::metrics::{Evaluation, words_f1};
use crate::task::{Answers, Task};

/// Compares the predictions for labelled examples with their labels.
pub(crate) fn evaluation(task: &Task, examples: &[Example], predicted: &[usize]) -> Evaluation {
    if let Answers::Choice(_) = task.answers {
        return Evaluation::of_choices(examples.iter().zip(predicted).map(|(example, predicted)| {
            let text = |place: usize| example.choices.get(place).map_or("", String::as_str);
            let f1 = example.right().map(|right| words_f1(text(*predicted), text(right))).fold(0.0, f64::max);
            (example.is_right(*predicted), f1)
        }));
    }
    let gold = gold(examples);
    let mut evaluation = Evaluation::new(&task.label_names(), &gold, predicted);
    if let Some(positive) = task.metrics.positive {
        evaluation = evaluation.with_f1(positive);
    }
    let groups: Vec<&str> = examples.iter().filter_map(|example| example.group.as_deref()).collect();
    let has_groups = task.metrics.group.is_some() || task.answers.several().is_some();
    if has_groups && groups.len() == gold.len() {
        evaluation = evaluation.with_questions(&gold, predicted, &groups);
    }
    match task.answers.several() {
        Some(several) => evaluation.with_classes(&several.names(), task.metrics.positive, &gold, predicted),
        None => evaluation,
    }
}
