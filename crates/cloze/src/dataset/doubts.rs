//! Warns about files that are probably not what the user meant.

use super::projection::Projection;
use crate::Warning;
use crate::table::Columns;
use crate::task::{Split, Task};

/// The output column for the label of an example.
pub(crate) const PREDICTION: &str = "prediction";
/// The output column for the labels of a multi-label example.
pub(crate) const PREDICTIONS: &str = "predictions";

/// A warning if a file with these columns is probably a mistake.
pub(super) fn doubts(task: &Task, columns: &Columns, split: Split) -> Option<Warning> {
    let label = task.data.label.as_ref().filter(|_| split != Split::Unlabeled)?;
    if split == Split::Test && !Projection::has(task, columns, label) {
        return Some(Warning {
            place: columns.place(),
            problem: format!("there is no column `{label}`, so that nothing is measured on these rows"),
            remedy: format!(
                "add the column with the right labels, or remove the file from `{}`",
                split.key()
            ),
        });
    }
    let is_ours = |name: &str| {
        let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
        [PREDICTION, PREDICTIONS]
            .iter()
            .any(|ours| name == *ours || (stem.len() < name.len() && stem.strip_suffix('_') == Some(ours)))
    };
    // Earlier versions used this column name, and users may too.
    let others = |name: &String| is_ours(name) || name.starts_with("predicted_label");
    let probabilities = task.answers.choices().is_none()
        && task.answer_names().iter().all(|name| columns.find(&format!("p_{name}")).is_some());
    let is_answer = is_ours(label) || (probabilities && !columns.names().iter().any(others));
    is_answer.then(|| Warning {
        place: columns.place().field(label),
        problem: "these are predictions, it seems, and not labels that somebody has given".into(),
        remedy: "learn from and measure on what people have labelled; if somebody has checked these, give the column a name \
                 of its own and remove the columns `p_…`"
            .into(),
    })
}
