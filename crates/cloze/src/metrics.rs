//! Metrics of predictions, with confidence intervals.
//!
//! Labels are represented here by their positions in the task's list of labels; [`Evaluation`] names them.

pub(crate) mod bootstrap;
mod classes;
mod confusion;
pub(crate) mod evaluation;
mod exact;
mod precision;
pub(crate) mod probabilities;
mod reliability;
mod words_f1;

pub(crate) use bootstrap::Measured;
pub(crate) use confusion::accuracy;
pub(crate) use evaluation::{Evaluation, LabelEvaluation};
#[cfg(test)]
pub(crate) use exact::{DOUBT, lower_bound, shows};
pub(crate) use precision::{Cut, Rated, cuts, needed};
pub(crate) use probabilities::{Change, Comparison, Judged};
pub(crate) use reliability::{Bin, Reliability};
pub(crate) use words_f1::words_f1;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::Value;

    use super::confusion::Confusion;
    use super::*;

    /// The golden files called `name` in the repository, and in the folder that the environment variable
    /// `CONFORMANCE` names.
    fn goldens(name: &str) -> Vec<Value> {
        let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures");
        let elsewhere = std::env::var_os("CONFORMANCE");
        if elsewhere.is_none() {
            println!("goldens outside fixtures/ were not run because CONFORMANCE is not set");
        }
        let folders = std::iter::once(fixtures).chain(elsewhere.map(Into::into));
        let files = folders.map(|folder| folder.join(name)).filter(|file| file.exists());
        files.map(|file| serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap()).collect()
    }

    fn indices(value: &Value) -> Vec<usize> {
        serde_json::from_value(value.clone()).unwrap()
    }

    fn near(got: f64, want: f64) {
        assert!((got - want).abs() < 1e-9, "{got} {want}");
    }

    #[test]
    fn metrics_agree_with_the_goldens() {
        for golden in goldens("metrics.json") {
            for case in golden["cases"].as_array().unwrap() {
                let gold = indices(&case["gold"]);
                let predicted = indices(&case["predictions"]);
                let labels = case["num_labels"].as_u64().unwrap() as usize;
                let confusion = Confusion::new(labels, &gold, &predicted);
                near(accuracy(&gold, &predicted), case["accuracy"].as_f64().unwrap());
                near(confusion.accuracy(), case["accuracy"].as_f64().unwrap());
                near(confusion.macro_f1(), case["macro_f1"].as_f64().unwrap());
                if let Some(expected) = case["binary_f1"].as_f64() {
                    near(confusion.label(1).f1, expected);
                }
                if let Some(expected) = case["exact_match"].as_f64() {
                    let names: Vec<String> = (0..labels).map(|label| label.to_string()).collect();
                    let questions = indices(&case["question_ids"]);
                    let measured = Evaluation::new(&names, &gold, &predicted);
                    let measured = measured.with_questions(&gold, &predicted, &questions);
                    near(measured.exact_match.unwrap().value, expected);
                }
            }
        }
    }

    #[test]
    fn the_accuracy_of_no_rows_is_zero() {
        assert_eq!(accuracy(&[], &[]), 0.0);
    }
}
