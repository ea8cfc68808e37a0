//! Batch calibration: subtracts the pretrained model's average score of each label from its score for an
//! example.
//!
//! A masked language model prefers some words whatever the text, so a pretrained pattern gives most examples
//! the same label. Over examples of all labels, however, no label should have a higher score than another on
//! average. The mean score of each label over a set of examples, whose labels are not used, is therefore
//! subtracted from its score, as Zhou et al. (2023, arXiv 2309.17249) and Fei et al. do for prompted models.
//! Training starts from the calibrated model.
//!
//! If every word is a single token, subtracting from a label's score is the same as subtracting from the bias
//! of its words in the masked-LM head. This is how it is implemented, so a saved model needs no separate
//! calibration file.

use cloze_encoder::{Checkpoint, Device, Model, Session};

use crate::Result;
use crate::dataset::{Data, Example, spread};
use crate::pvp::encode::Encoded;
use crate::pvp::verbalizer::Verbalizer;
use crate::scoring::groups::SCORING_TOKENS;
use crate::scoring::scorer::Scorer;
use crate::task::Task;

/// Number of examples whose scores are averaged; with more, the mean hardly changes.
const ROWS: usize = 256;

/// Whether the task is calibrated: if its options request it and its labels exclude each other. For a class,
/// `no` is correct for most examples, and the choices of one example share no words with those of another.
pub(crate) fn applies(task: &Task) -> bool {
    task.options.calibrate && task.answers.is_one_label()
}

/// The examples that a task is calibrated with: unlabelled ones, evenly spaced, or the labelled ones if there
/// are none. Empty if the task is not calibrated.
pub(crate) fn rows(task: &Task, data: &Data) -> Vec<Example> {
    let rows = if data.unlabeled.is_empty() { &data.train } else { &data.unlabeled };
    match applies(task) {
        true => spread(rows.len(), ROWS).map(|row| rows[row].clone()).collect(),
        false => Vec::new(),
    }
}

/// The shift of each label's score that gives all labels the same mean score over `clozes` with the model of
/// `session`; empty without examples, or if words are not single tokens. `progress` receives the number of
/// examples scored so far.
///
/// # Errors
/// When a score is not finite, or `progress` fails.
pub(crate) fn shift(
    session: &mut Session,
    verbalizer: &Verbalizer,
    clozes: &[Encoded],
    progress: impl FnMut(usize) -> Result<()>,
) -> Result<Vec<f32>> {
    let scorer = Scorer::new(verbalizer);
    if clozes.is_empty() || !matches!(scorer, Scorer::SingleToken(_)) {
        return Ok(Vec::new());
    }
    let scores = scorer.score(session, clozes, SCORING_TOKENS, progress)?;
    Ok(scores.means().into_iter().map(|mean| -mean as f32).collect())
}

/// Shifts the label scores of a model; an empty `shift` has no effect.
pub(crate) fn apply(model: &mut Model, verbalizer: &Verbalizer, shift: &[f32]) {
    if !shift.is_empty() {
        let amounts: Vec<f32> = (verbalizer.words().iter().zip(shift))
            .flat_map(|(words, amount)| vec![*amount; words.len()])
            .collect();
        model.add_to_mask_bias(verbalizer.columns(), &amounts);
    }
}

/// The masked language model of a checkpoint, calibrated with [`shift`].
///
/// # Errors
/// When the model cannot be read, a score is not finite, or `progress` fails.
pub(crate) fn calibrated(
    checkpoint: &Checkpoint,
    device: &Device,
    verbalizer: &Verbalizer,
    clozes: &[Encoded],
    progress: impl FnMut(usize) -> Result<()>,
) -> Result<(Session, Vec<f32>)> {
    let mut session = Session::new(Model::masked_lm(checkpoint)?, device);
    let shift = shift(&mut session, verbalizer, clozes, progress)?;
    let mut model = session.into_model();
    apply(&mut model, verbalizer, &shift);
    Ok((Session::new(model, device), shift))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::pvp::encode::PatternEncoder;

    const TASK: &str = "format = 1\nname = 't'\npatterns = ['{text} This is {mask}.']\n[data]\n[labels]\na = ['good', 'great']\nb = 'bad'\n";

    #[test]
    fn over_the_rows_all_labels_have_the_same_mean_score() {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert");
        let (checkpoint, device) = (Checkpoint::open(&model).unwrap(), Device::new(1));
        let task = Task::parse("t.toml", TASK, Path::new(".")).unwrap();
        let verbalizer = Verbalizer::new(&task, 0, &checkpoint.tokenizer).unwrap();
        let encoder = PatternEncoder::of_task(&task, 0, &checkpoint.tokenizer);
        let clozes: Vec<Encoded> =
            ["good film", "a bad bad day", "what"].map(|text| encoder.encode(&[text]).unwrap()).into();
        let difference = |rows: &[Encoded]| {
            let (mut session, _) = calibrated(&checkpoint, &device, &verbalizer, rows, |_| Ok(())).unwrap();
            let scores = Scorer::new(&verbalizer).score(&mut session, &clozes, 100, |_| Ok(())).unwrap();
            scores.iter().map(|row| row[0] - row[1]).sum::<f32>()
        };
        assert!(difference(&[]).abs() > 1e-3, "the model as it is prefers a word");
        assert!(difference(&clozes).abs() < 1e-4);
    }
}
