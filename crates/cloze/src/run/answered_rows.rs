//! The final model's predictions for individual test examples, read back from its job.

use crate::Result;
use crate::dataset::{Example, Examples};
use crate::ensemble::soft_labels;
use crate::results::Results;
use crate::results::insight::{Answered, Insight, Verdict};
use crate::run::collect::Finished;
use crate::scoring::scores::{Scores, best};
use crate::task::{Answers, Split, Task};

/// The final model's predictions for the test examples; `None` if it was not evaluated.
pub(super) fn insight(finished: Finished, results: &Results) -> Result<Option<Insight>> {
    let Some(stage) = results.outcome().filter(|stage| stage.test.is_some()) else { return Ok(None) };
    // The mean of the zero-shot patterns is not a job of its own.
    let Some(job) = finished.run.job(&stage.job)? else { return Ok(None) };
    let scores = finished.scores(&job, Split::Test)?;
    Ok(Some(of_answers(finished.task, &stage.job, &finished.data.test, &scores)))
}

/// The predictions of a job for labelled examples.
fn of_answers(task: &Task, job: &str, examples: &Examples, scores: &Scores) -> Insight {
    let verdict = |(row, example): (&[f32], &Example)| {
        let given = best(row);
        Verdict { confidence: soft_labels(row, 1.0)[given], is_right: example.is_right(given) }
    };
    let verdicts: Vec<Verdict> = scores.iter().zip(examples).map(verdict).collect();
    Insight::new(job, &verdicts, |at| {
        let given = best(scores.row(at));
        Answered { confidence: verdicts[at].confidence, ..answered(task, examples, at, given) }
    })
}

/// The test example at a position and its predicted label, by their names in the data.
fn answered(task: &Task, examples: &Examples, at: usize, given: usize) -> Answered {
    let (example, inputs) = (&examples[at], task.inputs());
    let (number, class) = examples.example_and_class(at);
    let name = |label: usize| match task.answers {
        Answers::Choice(_) => example.choices.get(label).cloned().unwrap_or_default(),
        Answers::OneLabel | Answers::SeveralLabels(_) => task.labels[label].name.clone(),
    };
    // The class and the choices are reported with the prediction, so they are left out here.
    let is_told = |field: &String| {
        inputs.contains(field) && task.answers.choices().is_none_or(|choices| choices.from != *field)
    };
    let fields = task.fields().into_iter().zip(example.texts.iter().cloned());
    Answered {
        class: task.answers.several().map(|several| several.classes[class].name.clone()),
        right: example.right().map(name).collect(),
        given: name(given),
        ..Answered::at(number + 1, &example.place, fields.filter(|(field, _)| is_told(field)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Place;
    use crate::task::SEVERAL;
    use crate::task::tests::{EXAMPLE, parse};

    fn example(texts: &[&str], label: usize) -> Example {
        Example {
            texts: texts.iter().map(|&text| text.to_owned()).collect(),
            label: Some(label),
            accepted: Vec::new(),
            choices: Vec::new(),
            group: None,
            place: Place::file("data/checked.csv").line(9),
        }
    }

    fn scores(rows: &[[f32; 2]]) -> Scores {
        let mut scores = Scores::new(2);
        rows.iter().for_each(|row| scores.push(row));
        scores
    }

    #[test]
    fn an_answer_names_its_row_and_both_labels() {
        let task = parse(EXAMPLE);
        let texts = vec!["a text"; task.fields().len()];
        let examples = Examples::new(&task, vec![example(&texts, 0), example(&texts, 1)]);
        let insight = of_answers(&task, "final", &examples, &scores(&[[2.0, 0.0], [1.0, 0.0]]));
        let [error] = &insight.errors[..] else { panic!("{insight:?}") };
        assert_eq!((error.row, error.place().as_str()), (2, "checked.csv:9"));
        assert_eq!((&error.right[0], &error.given), (&task.labels[1].name, &task.labels[0].name));
        assert!((error.confidence - 1.0 / (1.0 + (-1.0_f64).exp())).abs() < 1e-9);
        assert_eq!(insight.uncertain.len(), 2);
    }

    #[test]
    fn where_rows_have_several_labels_an_answer_says_which_it_is_about() {
        let task = parse(SEVERAL);
        let texts: Vec<&str> =
            task.fields().iter().map(|field| if field == "topic" { "invoices" } else { "a text" }).collect();
        let examples = Examples::new(&task, vec![example(&texts, 0), example(&texts, 0)]);
        let insight = of_answers(&task, "final", &examples, &scores(&[[1.0, 0.0], [0.0, 1.0]]));
        let error = &insight.errors[0];
        assert_eq!((error.row, error.class.as_deref()), (1, Some("urgent")));
        assert_eq!((error.given.as_str(), error.right[0].as_str()), ("no", "yes"));
        assert_eq!(error.fields.values().collect::<Vec<_>>(), ["a text"]);
    }
}
