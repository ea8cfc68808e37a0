//! Fits the output layer of a classifier to soft labels in one step.
//!
//! A new output layer is random, and with many labels most of distillation would be spent on learning it. If
//! the encoder already knows the task, as the mean of an ensemble's members does, the best output layer for
//! its current hidden states follows from ridge regression (Hoerl and Kennard, 1970): W = (XᵀX + λI)⁻¹ XᵀY,
//! with the states X and the teacher's scores Y, both centred.

use cloze_encoder::{Batch, Classifier, Model, Sequence, Session};
use nalgebra::{Cholesky, DMatrix, DMatrixView, RowDVector};

use crate::Result;
use crate::dataset::spread;
use crate::scoring::groups::{SCORING_TOKENS, by_length};
use crate::scoring::scores::{Scores, centred, check_finite};

/// Number of labels from which this is worthwhile; an output layer for fewer is quickly learned.
pub(crate) const MANY: usize = 20;

/// Number of examples used; more would add little for so few weights.
const ROWS: usize = 1000;

/// λ as a fraction of the states' mean variance, summed over the examples.
const RIDGE: f64 = 0.1;

/// The classifier of `session` with its output layer fitted to the scores of `teacher` as closely as
/// possible; `teacher` has a row for each of the `sequences`. `progress` receives the number of examples done
/// and the total.
///
/// # Errors
/// When a hidden state is not finite, or `progress` fails.
pub(crate) fn fit(
    mut session: Session<Classifier>,
    sequences: &[Sequence],
    teacher: &Scores,
    mut progress: impl FnMut(usize, usize) -> Result<()>,
) -> Result<Model<Classifier>> {
    let rows: Vec<usize> = spread(sequences.len(), ROWS).collect();
    let lengths: Vec<usize> = rows.iter().map(|&row| sequences[row].ids.len()).collect();
    let (hidden, labels) = (session.model().config().hidden_size, teacher.labels());
    let mut squares = DMatrix::<f64>::zeros(hidden, hidden);
    let mut products = DMatrix::<f64>::zeros(hidden, labels);
    let (mut states, mut scores) = (RowDVector::<f64>::zeros(hidden), RowDVector::<f64>::zeros(labels));
    let (mut batch, mut done) = (Batch::new(), 0);
    for group in by_length(&lengths, SCORING_TOKENS) {
        batch.clear();
        group.iter().for_each(|&index| batch.push(&sequences[rows[index]]));
        let found = session.class_features(&batch);
        check_finite(found)?;
        // Row-major data in memory is column-major for nalgebra.
        let x = DMatrixView::from_slice(found, hidden, group.len()).map(f64::from);
        let y = DMatrix::from_row_iterator(
            group.len(),
            labels,
            group.iter().flat_map(|&index| centred(teacher.row(rows[index]))),
        );
        squares += &x * x.transpose();
        products += &x * &y;
        states += x.column_sum().transpose();
        scores += y.row_sum();
        done += group.len();
        progress(done, rows.len())?;
    }
    let count = done as f64;
    let (states, scores) = (states / count, scores / count);
    squares -= states.transpose() * &states * count;
    products -= states.transpose() * &scores * count;
    let ridge = RIDGE * squares.trace() / hidden as f64;
    squares += DMatrix::identity(hidden, hidden) * ridge;
    let mut model = session.into_model();
    // There is no solution if all states are the same, in which case nothing can be learned from them.
    if let Some(cholesky) = Cholesky::new(squares) {
        let weights = cholesky.solve(&products);
        let biases = scores - &states * &weights;
        let single = |values: &[f64]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        model.set_output(&single(weights.as_slice()), &single(biases.as_slice()));
    }
    Ok(model)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use cloze_encoder::{Checkpoint, Device, Mode};

    use super::*;

    fn classifier(labels: &[&str]) -> Session<Classifier> {
        let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/encoder/bert");
        let labels: Vec<String> = labels.iter().map(ToString::to_string).collect();
        let model = Model::new_classifier(&Checkpoint::open(&model).unwrap(), &labels, 1).unwrap();
        Session::new(model, &Device::new(1))
    }

    fn sequences(count: u32) -> Vec<Sequence> {
        let ids =
            |row: u32| (0..3 + row % 9).map(|place| 10 + (row * 37 + place * 11) % 900).collect::<Vec<u32>>();
        (0..count).map(ids).map(|ids| Sequence { type_ids: vec![0; ids.len()], ids }).collect()
    }

    #[test]
    fn an_output_layer_of_the_same_states_is_found_again() {
        let (mut known, sequences) = (classifier(&["a", "b", "c"]), sequences(400));
        let hidden = known.model().config().hidden_size;
        let mut model = known.into_model();
        let weights: Vec<f32> = (0..3 * hidden).map(|i| ((i * 7919) % 13) as f32 / 13.0 - 0.5).collect();
        model.set_output(&weights, &[0.3, -2.0, 5.0]);
        known = Session::new(model, &Device::new(1));
        let logits = |session: &mut Session<Classifier>| {
            let mut batch = Batch::new();
            sequences.iter().for_each(|sequence| batch.push(sequence));
            session.class_logits(&batch, Mode::Predict).to_vec()
        };
        let wanted = logits(&mut known);
        let mut teacher = Scores::new(3);
        wanted.chunks(3).for_each(|row| teacher.push(row));
        let mut fitted = Session::new(
            fit(classifier(&["a", "b", "c"]), &sequences, &teacher, |_, _| Ok(())).unwrap(),
            &Device::new(1),
        );
        let found = logits(&mut fitted);
        let error = |found: &[f32]| {
            let rows = found.chunks(3).zip(wanted.chunks(3));
            rows.flat_map(|(found, wanted)| centred(found).zip(centred(wanted)).collect::<Vec<_>>())
                .map(|(found, wanted)| (found - wanted).powi(2))
                .sum::<f64>()
        };
        let nothing = error(&vec![0.0; wanted.len()]);
        assert!(error(&found) < 0.01 * nothing, "{} of {nothing}", error(&found));
    }

    #[test]
    fn of_states_that_are_all_the_same_the_mean_is_learnt_or_nothing() {
        let one = vec![sequences(1)[0].clone(); 5];
        let mut teacher = Scores::new(2);
        (0..5).for_each(|_| teacher.push(&[1.0, 3.0]));
        let model = fit(classifier(&["a", "b"]), &one, &teacher, |_, _| Ok(())).unwrap();
        let mut batch = Batch::new();
        batch.push(&one[0]);
        let mut session = Session::new(model, &Device::new(1));
        assert!(session.class_logits(&batch, Mode::Predict).iter().all(|logit| logit.is_finite()));
    }
}
