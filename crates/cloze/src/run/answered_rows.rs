//! The final model's predictions for individual test examples, read back from its job, and what it used for those
//! that are listed.

use std::collections::BTreeMap;

use cloze_encoder::{Device, Model, Session};

use crate::Result;
use crate::dataset::{Example, Examples};
use crate::ensemble::soft_labels;
use crate::explanation::Word;
use crate::explanation::leave_one_out::{Asked, leave_one_out};
use crate::explanation::words::{is_read, words};
use crate::pvp::encode::ClassifierEncoder;
use crate::results::Results;
use crate::results::insight::{Answered, Insight, LONGEST, Listed, Used, Verdict};
use crate::run::collect::Finished;
use crate::run::store::Job;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scores::{Scores, best};
use crate::task::{Answers, Keep, Split, Task};
use crate::training::classifier;

/// The most tokens that a classifier reads to say what it has used, so that this takes little time beside training.
/// Examples beyond that are listed without.
const TOKENS: usize = 32_768;

/// What a classifier used of the examples at some positions.
type AllUsed = BTreeMap<usize, Vec<Used>>;

/// The final model's predictions for the test examples; `None` if it was not evaluated.
pub(super) fn insight(finished: Finished, results: &Results, device: &Device) -> Result<Option<Insight>> {
    let Some(stage) = results.outcome().filter(|stage| stage.test.is_some()) else { return Ok(None) };
    // The mean of the zero-shot patterns is not a job of its own.
    let Some(job) = finished.run.job(&stage.job)? else { return Ok(None) };
    let scores = finished.scores(&job, Split::Test)?;
    let (task, test) = (finished.task, &finished.data.test);
    let verdicts = verdicts(test, &scores);
    let listed = Listed::new(&verdicts);
    let used = match stage.job == "final" && task.options.keep != Keep::None {
        true => used(task, &job, device, test, &scores, &listed)?,
        false => AllUsed::new(),
    };
    Ok(Some(of_answers(task, &stage.job, test, &scores, &verdicts, &listed, &used)))
}

/// Confidence and correctness of every prediction.
fn verdicts(examples: &Examples, scores: &Scores) -> Vec<Verdict> {
    let verdict = |(row, example): (&[f32], &Example)| {
        let given = best(row);
        Verdict { confidence: soft_labels(row, 1.0)[given], is_right: example.is_right(given) }
    };
    scores.iter().zip(examples).map(verdict).collect()
}

/// What the classifier of a job used of the listed examples: the contributions of those words that are in the shortened
/// texts.
fn used(
    task: &Task,
    job: &Job,
    device: &Device,
    examples: &Examples,
    scores: &Scores,
    listed: &Listed,
) -> Result<AllUsed> {
    let checkpoint = job.checkpoint("")?;
    let encoder = ClassifierEncoder::new(&checkpoint.tokenizer, task.options.max_length);
    let own = task.own_texts();
    let mut left = TOKENS;
    let mut asked: BTreeMap<usize, Asked> = BTreeMap::new();
    // Those that come first in either list are the ones in sight.
    let Listed { errors, uncertain } = listed;
    let ranks = 0..errors.len().max(uncertain.len());
    for &at in ranks.flat_map(|rank| [errors.get(rank), uncertain.get(rank)]).flatten() {
        let (example, row) = (&examples[at], scores.row(at));
        let all = own.iter().flat_map(|&text| words(text, &example.texts[text]));
        let words: Vec<_> = all.filter(|word| word.characters.end <= LONGEST).collect();
        let tokens = words.len() * encoder.encode(&example.texts).0.len();
        if tokens <= left && !asked.contains_key(&at) {
            left -= tokens;
            let is_read = is_read(&encoder, &example.texts, &words);
            asked.insert(at, Asked { is_read, ..Asked::new(example, best(row), row, 1.0, words) });
        }
    }
    let (positions, asked): (Vec<usize>, Vec<Asked>) = asked.into_iter().unzip();
    let mut session = Session::new(Model::classifier(&checkpoint)?, device);
    let contributions = leave_one_out(&asked, |examples| {
        let sequences: Vec<_> = examples.iter().map(|example| encoder.encode(&example.texts).0).collect();
        classifier::score(&mut session, task.labels.len(), &sequences, SCORING_TOKENS, |_| Ok(()))
    })?;
    let fields = task.fields();
    let of_one = |((at, asked), values): ((usize, &Asked), Vec<f64>)| {
        let words = asked.words.iter().zip(values);
        let used = words.map(|(word, value)| {
            let Word { column, start, end, contribution, .. } =
                Word::at(word, &fields, &asked.example.texts, value);
            // More digits say nothing on a page.
            Used { column, start, end, contribution: (contribution * 1e4).round() / 1e4 + 0.0 }
        });
        (at, used.collect())
    };
    Ok(positions.into_iter().zip(&asked).zip(contributions).map(of_one).collect())
}

/// The predictions of a job for labelled examples.
fn of_answers(
    task: &Task,
    job: &str,
    examples: &Examples,
    scores: &Scores,
    verdicts: &[Verdict],
    listed: &Listed,
    used: &AllUsed,
) -> Insight {
    Insight::new(job, verdicts, listed, |at| {
        let given = best(scores.row(at));
        let words = used.get(&at).cloned().unwrap_or_default();
        Answered { confidence: verdicts[at].confidence, words, ..answered(task, examples, at, given) }
    })
}

/// The test example at a position and its predicted label, by their names in the data.
fn answered(task: &Task, examples: &Examples, at: usize, given: usize) -> Answered {
    let example = &examples[at];
    let (number, class) = examples.example_and_class(at);
    let name = |label: usize| match task.answers {
        Answers::Choice(_) => example.choices.get(label).cloned().unwrap_or_default(),
        Answers::OneLabel | Answers::SeveralLabels(_) => task.labels[label].name.clone(),
    };
    // The class and the choices are reported with the prediction, so they are left out here.
    let names = task.fields();
    let fields = task.own_texts().into_iter().map(|text| (names[text].clone(), example.texts[text].clone()));
    Answered {
        class: task.answers.several().map(|several| several.classes[class].name.clone()),
        right: example.right().map(name).collect(),
        given: name(given),
        ..Answered::at(number + 1, &example.place, fields)
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

    fn without_words(task: &Task, examples: &Examples, scores: &Scores) -> Insight {
        let verdicts = verdicts(examples, scores);
        let listed = Listed::new(&verdicts);
        of_answers(task, "final", examples, scores, &verdicts, &listed, &AllUsed::new())
    }

    #[test]
    fn an_answer_names_its_row_and_both_labels() {
        let task = parse(EXAMPLE);
        let texts = vec!["a text"; task.fields().len()];
        let examples = Examples::new(&task, vec![example(&texts, 0), example(&texts, 1)]);
        let insight = without_words(&task, &examples, &scores(&[[2.0, 0.0], [1.0, 0.0]]));
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
        let insight = without_words(&task, &examples, &scores(&[[1.0, 0.0], [0.0, 1.0]]));
        let error = &insight.errors[0];
        assert_eq!((error.row, error.class.as_deref()), (1, Some("urgent")));
        assert_eq!((error.given.as_str(), error.right[0].as_str()), ("no", "yes"));
        assert_eq!(error.fields.values().collect::<Vec<_>>(), ["a text"]);
    }
}
