//! Invalid option values, for example 0 steps.

use super::table::OptionSpec;
use super::value::Value;

/// An option out of its range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OutOfRange {
    /// Section and key, such as `train.steps`.
    pub key: &'static str,
    /// What was found.
    pub problem: String,
    /// What is allowed.
    pub remedy: String,
}

impl OptionSpec {
    /// Why the option cannot have this value, if it cannot.
    pub(super) fn refuse(&self, value: &Value) -> Option<OutOfRange> {
        let found = |problem: String, remedy: String| OutOfRange { key: self.full_key, problem, remedy };
        let number = match value {
            Value::Whole(number) => *number as f64,
            Value::Number(number) => *number,
            Value::Seeds(seeds) => {
                return refuse_seeds(seeds).map(|(problem, remedy)| found(problem, remedy));
            }
            Value::Switch(_) | Value::Word(_) => return None,
        };
        let key = self.key;
        (!(self.bounds.fits)(number)).then(|| {
            found(
                format!("`{key} = {number}` is out of range"),
                format!("`{key}` must be {}", self.bounds.allowed),
            )
        })
    }
}

fn refuse_seeds(seeds: &[u64]) -> Option<(String, String)> {
    if seeds.is_empty() {
        return Some(("`seeds` is an empty list".into(), "list at least one seed".into()));
    }
    // A repeated member would count twice in the ensemble.
    let (_, seed) = seeds.iter().enumerate().find(|(number, seed)| seeds[..*number].contains(seed))?;
    Some((
        format!("the seed {seed} is in `seeds` twice"),
        "list every seed once; a different seed trains a different model".into(),
    ))
}
