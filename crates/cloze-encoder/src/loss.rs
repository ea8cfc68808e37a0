//! Losses over rows of logits, with their gradients.

use rayon::prelude::*;

use crate::Device;
use crate::kernel::{Kernels, vector};

/// Number of elements that a thread processes at a time.
const ELEMENTS: usize = 64 * 1024;

/// The mean cross-entropy of `logits` `[rows, classes]` with the class `targets` `[rows]`.
/// `logits` become the gradient of `weight` times that mean; the mean returned is not weighted.
///
/// # Panics
/// If the sizes do not match, or a target is not a class.
pub fn cross_entropy(device: &Device, logits: &mut [f32], targets: &[u32], weight: f32) -> f32 {
    let rows = targets.len();
    assert!(rows > 0 && logits.len().is_multiple_of(rows), "every row of logits has a target");
    let (kernels, share) = (device.kernels(), weight / rows as f32);
    let sum = if logits.len() < ELEMENTS {
        sum_of_rows(kernels, logits, targets, share)
    } else {
        device.run(|| sum_of_rows(kernels, logits, targets, share))
    };
    (sum / rows as f64) as f32
}

/// Halves the rows recursively and adds the sums of the halves, so that the order does not depend on the
/// number of threads.
fn sum_of_rows(kernels: Kernels, logits: &mut [f32], targets: &[u32], share: f32) -> f64 {
    match targets {
        [] => 0.0,
        [target] => f64::from(vector::cross_entropy_row(kernels, logits, *target as usize, share)),
        _ => {
            let spread = logits.len() >= ELEMENTS;
            let (upper, lower) = targets.split_at(targets.len() / 2);
            let (above, below) = logits.split_at_mut(logits.len() / targets.len() * upper.len());
            let first = || sum_of_rows(kernels, above, upper, share);
            let second = || sum_of_rows(kernels, below, lower, share);
            let (above, below) = if spread { rayon::join(first, second) } else { join(first, second) };
            above + below
        }
    }
}

/// The log-sum-exp of every row of `logits` `[rows, classes]`: a logit minus it is a log-probability.
pub fn log_norms(device: &Device, logits: &[f32], classes: usize) -> Vec<f32> {
    let kernels = device.kernels();
    device.run(|| logits.par_chunks_exact(classes).map(|row| vector::log_sum_exp(kernels, row)).collect())
}

/// Turns `logits` `[rows, classes]`, whose [`log_norms`] are given, into the gradient of a weighted sum of
/// cross-entropies. Each target is a row, a class and the weight of that row's cross-entropy with that class;
/// a row can have several.
///
/// # Panics
/// If a target is not a row or not a class.
pub fn weighted_cross_entropy(
    device: &Device,
    logits: &mut [f32],
    norms: &[f32],
    targets: &[(usize, u32, f32)],
) {
    let classes = logits.len() / norms.len().max(1);
    let mut totals = vec![0.0; norms.len()];
    targets.iter().for_each(|(row, _, weight)| totals[*row] += weight);
    let kernels = device.kernels();
    device.run(|| {
        logits.par_chunks_exact_mut(classes.max(1)).zip(norms).zip(&totals).for_each(
            |((row, norm), total)| {
                vector::scaled_softmax(kernels, row, *norm, *total);
            },
        );
    });
    for (row, class, weight) in targets {
        logits[row * classes + *class as usize] -= weight;
    }
}

/// [`rayon::join`] on the current thread only.
fn join(first: impl FnOnce() -> f64, second: impl FnOnce() -> f64) -> (f64, f64) {
    (first(), second())
}

/// The distillation loss of Hinton, Vinyals & Dean (2015) as PET uses it: T² times the sum over classes of
/// q log(q / p), with q = softmax(teacher / T) and p = softmax(student / T), averaged over the rows. `student`
/// and `teacher` are `[rows, classes]`; `student` becomes the gradient.
///
/// # Panics
/// If the sizes do not match.
pub fn distillation(student: &mut [f32], teacher: &[f32], classes: usize, temperature: f32) -> f32 {
    assert_eq!(student.len(), teacher.len(), "a soft label for every logit");
    let (t, rows) = (f64::from(temperature), student.len() / classes);
    let mut loss = 0.0;
    for (student, teacher) in student.chunks_exact_mut(classes).zip(teacher.chunks_exact(classes)) {
        let (norm_p, norm_q) = (log_norm(student, t), log_norm(teacher, t));
        for (student, teacher) in student.iter_mut().zip(teacher) {
            let (log_p, log_q) = (f64::from(*student) / t - norm_p, f64::from(*teacher) / t - norm_q);
            loss += log_q.exp() * (log_q - log_p);
            *student = (t * (log_p.exp() - log_q.exp()) / rows as f64) as f32;
        }
    }
    (t * t * loss / rows as f64) as f32
}

/// The log-sum-exp of logits divided by the temperature.
fn log_norm(logits: &[f32], temperature: f64) -> f64 {
    let scaled = || logits.iter().map(|x| f64::from(*x) / temperature);
    let top = scaled().fold(f64::NEG_INFINITY, f64::max);
    scaled().map(|x| (x - top).exp()).sum::<f64>().ln() + top
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_logits_cost_the_logarithm_of_the_number_of_classes() {
        let mut logits = vec![1.0; 8];
        let loss = cross_entropy(&Device::new(1), &mut logits, &[0, 3], 1.0);
        assert!((loss - 4f32.ln()).abs() < 1e-6);
        assert_eq!(logits, [-0.375, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, -0.375]);
    }

    #[test]
    fn large_and_small_batches_cost_the_same_bits_on_any_number_of_threads() {
        let rows = 40;
        let logits: Vec<f32> = (0..rows * 4000).map(|i| (i as f32 * 0.37).sin() * 5.0).collect();
        let targets: Vec<u32> = (0..rows as u32).map(|i| i * 97).collect();
        let run = |threads| {
            let mut grad = logits.clone();
            let loss = cross_entropy(&Device::new(threads), &mut grad, &targets, 0.5);
            (loss.to_bits(), grad)
        };
        assert_eq!(run(1), run(3));
    }

    #[test]
    fn a_weighted_sum_over_one_class_is_the_cross_entropy() {
        let device = Device::new(2);
        let logits: Vec<f32> = (0..30).map(|i| (i as f32 * 0.7).sin() * 4.0).collect();
        let (mut plain, mut weighted) = (logits.clone(), logits.clone());
        let loss = cross_entropy(&device, &mut plain, &[3, 0, 9], 0.6);
        let norms = log_norms(&device, &logits, 10);
        let targets = [(0, 3, 0.2), (1, 0, 0.15), (1, 0, 0.05), (2, 9, 0.2)];
        weighted_cross_entropy(&device, &mut weighted, &norms, &targets);
        plain.iter().zip(&weighted).for_each(|(a, b)| assert!((a - b).abs() < 1e-6, "{a} {b}"));
        let mean = (norms[0] - logits[3] + norms[1] - logits[10] + norms[2] - logits[29]) / 3.0;
        assert!((loss - mean).abs() < 1e-5, "{loss} {mean}");
    }

    #[test]
    fn a_student_that_equals_its_teacher_has_nothing_to_learn() {
        let teacher = [3.0, -1.0, 0.5, 100.0, 0.0, -100.0];
        let mut student = teacher;
        assert!(distillation(&mut student, &teacher, 3, 2.0).abs() < 1e-9);
        assert!(student.iter().all(|g| g.abs() < 1e-9));
    }
}
