//! Patterns filled with some of the user's examples.

use super::report::{FilledReport, Lengths, PatternReport};
use crate::Result;
use crate::dataset::Example;
use crate::pvp::encode::PatternEncoder;
use crate::pvp::verbalizer::Verbalizer;
use crate::task::Task;
use cloze_encoder::Tokenizer;

/// The maximum number of examples that are encoded to measure the length of inputs.
const SAMPLE: usize = 300;

/// Training examples, and examples evenly spaced over the others.
pub(super) fn sample<'a>(
    train: &'a [Example],
    unlabeled: &'a [Example],
    test: &'a [Example],
) -> Vec<&'a Example> {
    let others = if unlabeled.is_empty() { test } else { unlabeled };
    let mut sample: Vec<&Example> = train.iter().take(SAMPLE / 2).collect();
    let step = others.len().div_ceil(SAMPLE / 2).max(1);
    sample.extend(others.iter().step_by(step));
    sample
}

pub(super) fn fill(
    task: &Task,
    pattern: usize,
    tokenizer: &Tokenizer,
    verbalizer: &Verbalizer,
    sample: &[&Example],
) -> Result<PatternReport> {
    let encoder = PatternEncoder::of_task(task, pattern, tokenizer).asking_for(verbalizer);
    let mut encoded = Vec::with_capacity(sample.len());
    for example in sample {
        encoded.push(encoder.encode_example(example)?);
    }
    let lengths = Lengths::of(encoded.iter().map(|row| (row.sequence.len(), row.removed() > 0)));
    let mut examples = Vec::new();
    for index in shown(sample, |index| encoded[index].sequence.len() + encoded[index].removed()) {
        let (example, row) = (sample[index], &encoded[index]);
        examples.push(FilledReport {
            place: example.place.clone(),
            pieces: encoder.show(&example.texts, &row.cut),
            tokens: row.sequence.len(),
            cut: row.cut.clone(),
        });
    }
    Ok(PatternReport { pattern: task.pattern_text(pattern), examples, lengths })
}

/// The first example, the first one with another label, and the longest one.
fn shown(sample: &[&Example], length: impl Fn(usize) -> usize) -> Vec<usize> {
    let Some(first) = sample.first() else { return Vec::new() };
    let other = sample.iter().position(|example| example.label != first.label);
    let longest = (0..sample.len()).max_by_key(|&index| (length(index), std::cmp::Reverse(index)));
    let mut shown = vec![0];
    for index in [other, longest].into_iter().flatten() {
        if !shown.contains(&index) {
            shown.push(index);
        }
    }
    shown
}
