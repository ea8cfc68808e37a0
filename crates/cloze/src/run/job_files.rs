//! The files of a job: scores, predictions, and training steps.

use crate::ensemble::{Agreement, soft_labels};
use crate::run::store::{Draft, Job, json};
use crate::scoring::scores::{Scores, best};
use crate::task::Split;
use crate::training::training_loop::Step;
use crate::{Error, Result};

/// Writes the scores of a split's examples for these `labels`.
pub(super) fn write_scores(draft: &Draft, labels: &[String], split: Split, scores: &Scores) -> Result<()> {
    let mut file = Vec::new();
    // Writing to memory cannot fail.
    scores
        .write_csv(labels, &mut file)
        .map_err(|error| Error::io("write", draft.dir().join(scores_file(split)), error.into()))?;
    Ok(draft.write(scores_file(split), &file)?)
}

/// Reads the file written by [`write_scores`].
pub(super) fn read_scores(job: &Job, labels: &[String], split: Split) -> Result<Scores> {
    let file = scores_file(split);
    Scores::read_csv(labels, &job.read(file)?[..]).map_err(|reason| job.damaged(file, reason).into())
}

fn scores_file(split: Split) -> &'static str {
    match split {
        Split::Train => "train.csv",
        Split::Unlabeled => "logits.csv",
        Split::Test => "test.csv",
    }
}

/// `predictions.jsonl`: for every unlabelled example, its predicted label and the probability of each label.
pub(super) fn write_predictions(
    draft: &Draft,
    labels: &[String],
    scores: &Scores,
    agreement: Option<&Agreement>,
) -> Result<()> {
    let mut file = Vec::new();
    for (index, row) in scores.iter().enumerate() {
        let probabilities: serde_json::Map<String, serde_json::Value> =
            labels.iter().cloned().zip(soft_labels(row, 1.0).into_iter().map(Into::into)).collect();
        let mut line = serde_json::json!({
            "row": index + 1, "label": labels[best(row)], "probabilities": probabilities,
        });
        if let Some(agreement) = agreement {
            line["agreement"] = agreement.rows[index].into();
        }
        file.append(&mut json(&line));
        file.push(b'\n');
    }
    Ok(draft.write("predictions.jsonl", &file)?)
}

/// `steps.csv`: one line per update.
pub(super) fn write_steps(draft: &Draft, steps: &[Step]) -> Result<()> {
    let mut file = String::from("step,loss,learning_rate,gradient_norm\n");
    for Step { step, loss, learning_rate, gradient_norm } in steps {
        file.push_str(&format!("{step},{loss},{learning_rate},{gradient_norm}\n"));
    }
    Ok(draft.write("steps.csv", file.as_bytes())?)
}
