//! Checks for mistakes that can be found before training.

use cloze_encoder::Checkpoint;

use crate::dataset::Data;
use crate::pvp::encode::PatternEncoder;
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::scorer::Scorer;
use crate::task::Task;
use crate::{Error, Result};

/// Finds mistakes in words, and examples that cannot be truncated enough, before the first pattern is
/// trained.
pub(crate) fn check_patterns(task: &Task, checkpoint: &Checkpoint, data: &Data) -> Result<()> {
    for (number, pattern) in task.patterns.iter().enumerate() {
        let verbalizer = Verbalizer::new(task, number, &checkpoint.tokenizer)?;
        let of = |label: usize| data.train.iter().any(|example| example.label == Some(label));
        let only_label = Scorer::new(&verbalizer).only_label();
        if let Some(label) = only_label.filter(|label| !of(*label) && !data.train.is_empty()) {
            let name = &task.labels[label].name;
            return Err(Error::data(
                data.train[0].place.clone(),
                format!(
                    "no labelled row is `{name}`, and what the model is to write can be learnt only from such"
                ),
                format!("label a few rows with `{name}`"),
            ));
        }
        let encoder = PatternEncoder::of_task(task, number, &checkpoint.tokenizer).asking_for(&verbalizer);
        // If every field may be truncated, all examples fit if one does.
        let all = pattern.fields().any(|field| field.whole) || !verbalizer.is_one_token();
        let rows = if all { usize::MAX } else { 1 };
        for part in [&data.train, &data.unlabeled, &data.test] {
            encoder.encode_all(&part[..part.len().min(rows)])?;
        }
    }
    Ok(())
}
