//! Losses over rows of logits, with their gradients.

use rayon::prelude::*;

use crate::Device;
use crate::kernel::vector;

/// The mean cross-entropy of `logits` `[rows, classes]` with the class `targets` `[rows]`.
/// `logits` become the gradient of `weight` times that mean; the mean returned is not weighted.
///
/// # Panics
/// If the sizes do not fit, or a target is no class.
pub fn cross_entropy(device: &Device, logits: &mut [f32], targets: &[u32], weight: f32) -> f32 {
    let rows = targets.len();
    assert!(rows > 0 && logits.len().is_multiple_of(rows), "every row of logits has a target");
    let classes = logits.len() / rows;
    let (kernels, share) = (device.kernels(), weight / rows as f32);
    let row = |(row, target): (&mut [f32], &u32)| {
        f64::from(vector::cross_entropy_row(kernels, row, *target as usize, share))
    };
    let sum: f64 = if logits.len() < 64 * 1024 {
        logits.chunks_exact_mut(classes).zip(targets).map(row).sum()
    } else {
        // Collected in order: the sum must not depend on how the threads took the rows.
        let losses: Vec<f64> =
            device.run(|| logits.par_chunks_exact_mut(classes).zip(targets).map(row).collect());
        losses.iter().sum()
    };
    (sum / rows as f64) as f32
}

/// The distillation loss of Hinton, Vinyals & Dean (2015) as PET uses it: T² times the sum over classes of
/// q log(q / p), with q = softmax(teacher / T) and p = softmax(student / T), averaged over the rows. `student`
/// and `teacher` are `[rows, classes]`; `student` becomes the gradient.
///
/// # Panics
/// If the sizes do not fit.
pub fn distillation(student: &mut [f32], teacher: &[f32], classes: usize, temperature: f32) -> f32 {
    assert_eq!(student.len(), teacher.len(), "a soft label for every logit");
    let (t, rows) = (f64::from(temperature), student.len() / classes);
    let mut loss = 0.0;
    for (student, teacher) in student.chunks_exact_mut(classes).zip(teacher.chunks_exact(classes)) {
        let (log_p, log_q) = (log_softmax(student, t), log_softmax(teacher, t));
        for ((out, log_p), log_q) in student.iter_mut().zip(log_p).zip(log_q) {
            loss += log_q.exp() * (log_q - log_p);
            *out = (t * (log_p.exp() - log_q.exp()) / rows as f64) as f32;
        }
    }
    (t * t * loss / rows as f64) as f32
}

fn log_softmax(logits: &[f32], temperature: f64) -> Vec<f64> {
    let scaled: Vec<f64> = logits.iter().map(|x| f64::from(*x) / temperature).collect();
    let top = scaled.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let norm = scaled.iter().map(|x| (x - top).exp()).sum::<f64>().ln() + top;
    scaled.into_iter().map(|x| x - norm).collect()
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
    fn a_student_that_equals_its_teacher_has_nothing_to_learn() {
        let teacher = [3.0, -1.0, 0.5, 100.0, 0.0, -100.0];
        let mut student = teacher;
        assert!(distillation(&mut student, &teacher, 3, 2.0).abs() < 1e-9);
        assert!(student.iter().all(|g| g.abs() < 1e-9));
    }
}
