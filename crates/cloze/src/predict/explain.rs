//! Predictions with what the models used for them.

use std::sync::PoisonError;

use serde::Serialize;

use super::classify::{Prediction, in_chunks, only, questions};
use super::models::{Models, Read};
use super::{Predictor, With};
use crate::dataset::{Example, Examples};
use crate::explanation::leave_one_out::{Asked, leave_one_out};
use crate::explanation::words::{is_read, words};
use crate::explanation::{Attribution, Completeness, Explanation, Word, gradients};
use crate::pvp::encode::ClassifierEncoder;
use crate::scoring::scores::{Scores, best};
use crate::table::Record;
use crate::task::{Answers, Task};
use crate::{Error, Result};

/// The number of examples that are explained at a time: few, since each stands for as many as it has words.
pub(super) const CHUNK: usize = 32;

/// A prediction, and what the models used for it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The texts of the example whose words are explained, by column.
    pub texts: Vec<(String, String)>,
    /// The prediction.
    pub prediction: Prediction,
    /// What the models used for each label of the prediction: exactly one label, except in a multi-label task.
    pub explanations: Vec<Explanation>,
}

/// A label of a prediction.
struct Predicted {
    /// The index of the question whose answer it is.
    question: usize,
    /// The index of the label among the scores.
    label: usize,
    name: String,
}

impl Predictor {
    /// Predicts the label of an example, given as for [`Predictor::classify`], and computes how much each of its
    /// words contributes to the probability of that label.
    ///
    /// ```no_run
    /// use cloze::{Attribution, Predictor};
    ///
    /// # fn main() -> cloze::Result<()> {
    /// let predictor = Predictor::open("runs/support-1a2b3c4d")?;
    /// let explained = predictor.explain("I was charged twice this month", Attribution::LeaveOneOut)?;
    /// for word in explained.explanations[0].strongest() {
    ///     println!("{} {:+.2}", word.text, word.contribution);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`Predictor::classify`]; or when gradients are asked for and not the final classifier predicts.
    pub fn explain(&self, example: impl Into<Record>, how: Attribution) -> Result<Explained> {
        let remedy = "explain it with `explain_all`, which explains each";
        only(self.explain_some(&[example.into()], 0, how)?, remedy)
    }

    /// The same for many examples. If the task has nested rows, each of them gets a prediction. The iterator ends
    /// after an error.
    ///
    /// # Errors
    /// As [`Predictor::explain`]; they name the number of the example.
    pub fn explain_all<'p, I>(
        &'p self,
        examples: I,
        how: Attribution,
    ) -> impl Iterator<Item = Result<Explained>> + 'p
    where
        I: IntoIterator<Item: Into<Record> + 'p, IntoIter: 'p>,
    {
        in_chunks(examples, CHUNK, move |records, before| self.explain_some(records, before, how))
    }

    fn explain_some(&self, records: &[Record], before: u64, how: Attribution) -> Result<Vec<Explained>> {
        let examples = questions(&self.task, records).map_err(|error| error.in_memory(before))?;
        let read = self.read(&examples, |_, _| Ok(()))?;
        let explanations = self.explanations(&examples, &read, how, || Ok(()))?;
        Ok(self.explained(&examples, &read, explanations).collect())
    }

    /// Predictions together with what was used for them.
    pub(super) fn explained(
        &self,
        examples: &Examples,
        read: &Read,
        explanations: Vec<Vec<Explanation>>,
    ) -> impl Iterator<Item = Explained> {
        let (fields, own) = (self.task.fields(), self.task.own_texts());
        let texts = |example: &Example| {
            own.iter().map(|&text| (fields[text].clone(), example.texts[text].clone())).collect()
        };
        let texts: Vec<Vec<(String, String)>> = examples.first_questions().map(texts).collect();
        let explained = texts.into_iter().zip(self.predictions(examples, read)).zip(explanations);
        explained.map(|((texts, prediction), explanations)| Explained { texts, prediction, explanations })
    }

    /// What the models used for the labels of each example, given what they make of the examples. `progress` is called
    /// after every pass.
    pub(super) fn explanations(
        &self,
        examples: &Examples,
        read: &Read,
        how: Attribution,
        mut progress: impl FnMut() -> Result<()>,
    ) -> Result<Vec<Vec<Explanation>>> {
        how.check()?;
        let own = self.task.own_texts();
        let temperature = self.reading().temperature;
        let predicted = predicted(&self.task, &read.scores, examples);
        let asked = |Predicted { question, label, .. }: &Predicted| {
            let example = &examples[*question];
            let words = own.iter().flat_map(|&text| words(text, &example.texts[text])).collect();
            Asked::new(example, *label, read.scores.row(*question), temperature, words)
        };
        let mut asked: Vec<Asked> = predicted.iter().flatten().map(asked).collect();
        let contributions = self.contributions(&mut asked, how, &mut progress)?;

        let fields = self.task.fields();
        let explanation = |((predicted, asked), (contributions, completeness)): ((&Predicted, &Asked), _)| {
            let texts = &asked.example.texts;
            let words = asked.words.iter().zip::<Vec<f64>>(contributions);
            Explanation {
                label: predicted.name.clone(),
                attribution: how,
                probability: asked.probability,
                completeness,
                cut: read.cut[predicted.question],
                words: words.map(|(word, value)| Word::at(word, &fields, texts, value)).collect(),
            }
        };
        let mut all = predicted.iter().flatten().zip(&asked).zip(contributions).map(explanation);
        Ok(predicted.iter().map(|labels| all.by_ref().take(labels.len()).collect()).collect())
    }

    /// For everything that is asked the contribution of each word, and of gradients how complete they are.
    fn contributions(
        &self,
        asked: &mut [Asked],
        how: Attribution,
        progress: &mut impl FnMut() -> Result<()>,
    ) -> Result<Vec<(Vec<f64>, Option<Completeness>)>> {
        // As for `Predictor::read`.
        let mut models = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        match (how, &mut *models) {
            (Attribution::Gradients { steps }, Models::Classifier(loaded)) => {
                let encoder = ClassifierEncoder::new(&loaded.tokenizer, self.task.options.max_length);
                let mask = loaded.tokenizer.special().mask;
                let of_one = |asked: &Asked| {
                    let (words, completeness) = gradients::of_words(
                        &mut loaded.session,
                        &encoder,
                        mask,
                        asked,
                        steps,
                        &mut *progress,
                    )?;
                    Ok((words, Some(completeness)))
                };
                asked.iter().map(of_one).collect()
            }
            (Attribution::Gradients { .. }, Models::Patterns { .. }) => Err(self.no_gradients()),
            (Attribution::LeaveOneOut, models) => {
                // Only the classifier's input is simple enough to say which words are in it.
                if let Models::Classifier(loaded) = models {
                    let encoder = ClassifierEncoder::new(&loaded.tokenizer, self.task.options.max_length);
                    asked.iter_mut().for_each(|asked| {
                        asked.is_read = is_read(&encoder, &asked.example.texts, &asked.words);
                    });
                }
                let words = leave_one_out(asked, |examples| {
                    Ok(models.score(&self.task, &self.device, examples, |_, _| progress())?.scores)
                })?;
                Ok(words.into_iter().map(|words| (words, None)).collect())
            }
        }
    }

    fn no_gradients(&self) -> Error {
        let who = match self.with {
            With::Member { .. } => "a member of the ensemble",
            With::Ensemble | With::Classifier => "the ensemble",
        };
        Error::usage(
            format!("integrated gradients are computed of a run's final classifier, and {who} predicts"),
            "leave one word out at a time instead, or predict with the final classifier",
        )
    }
}

/// The labels that each example gets.
fn predicted(task: &Task, scores: &Scores, examples: &Examples) -> Vec<Vec<Predicted>> {
    let names = task.answer_names();
    let labels = |questions: std::ops::Range<usize>| {
        let question = questions.start;
        let label = best(scores.row(question));
        match &task.answers {
            Answers::OneLabel => vec![Predicted { question, label, name: names[label].clone() }],
            Answers::Choice(_) => {
                vec![Predicted { question, label, name: examples[question].choices[label].clone() }]
            }
            Answers::SeveralLabels(_) => {
                // The first label means yes.
                let given = questions.zip(&names).filter(|(question, _)| best(scores.row(*question)) == 0);
                given.map(|(question, name)| Predicted { question, label: 0, name: name.clone() }).collect()
            }
        }
    };
    examples.ranges().map(labels).collect()
}
