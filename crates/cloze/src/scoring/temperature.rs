//! One temperature for all scores, by which they are divided before the softmax (Guo et al., 2017).
//!
//! The mean negative log-likelihood of the right labels is convex in the inverse temperature, so the best one
//! is found to the last digits.

/// The temperature at which the right labels are likeliest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Temperature {
    /// There is one.
    At(f64),
    /// No label has a higher score than a right one, so there is none: the lower, the likelier.
    NoneWrong,
    /// The scores of right labels are not above the average, so there is none: the higher, the likelier.
    Uninformative,
}

/// The relative precision of the temperature.
const PRECISION: f64 = 1e-12;

/// Fits the temperature to scores, each with the index of its right label.
pub(crate) fn fit<'s>(answers: impl Iterator<Item = (&'s [f32], usize)>) -> Temperature {
    let answers: Vec<Vec<f64>> = answers.map(|(scores, right)| margins(scores, right)).collect();
    if answers.iter().flatten().all(|&margin| margin <= 0.0) {
        return Temperature::NoneWrong;
    }
    if slope(&answers, 0.0).0 >= 0.0 {
        return Temperature::Uninformative;
    }
    // The slope grows with the inverse temperature: it is negative at 0, and positive in the limit, because
    // some label has a higher score than a right one.
    let (mut low, mut high) = (0.0, 1.0);
    while slope(&answers, high).0 < 0.0 {
        (low, high) = (high, 2.0 * high);
    }
    // Newton's method, within bounds that close in on the minimum.
    let mut inverse = 0.5 * (low + high);
    for _ in 0..200 {
        let (slope, curvature) = slope(&answers, inverse);
        if slope < 0.0 {
            low = inverse;
        } else {
            high = inverse;
        }
        let newton = inverse - slope / curvature;
        let next = if newton > low && newton < high { newton } else { 0.5 * (low + high) };
        let step = (next - inverse).abs();
        inverse = next;
        if step <= PRECISION * inverse {
            break;
        }
    }
    Temperature::At(1.0 / inverse)
}

/// The negative natural logarithm of the right label's probability at a temperature.
pub(crate) fn nll(scores: &[f32], right: usize, temperature: f64) -> f64 {
    let margins = margins(scores, right);
    let highest = margins.iter().copied().fold(0.0, f64::max);
    let sum: f64 = margins.iter().map(|margin| ((margin - highest) / temperature).exp()).sum();
    highest / temperature + sum.ln()
}

/// How much higher each score is than that of the right label.
fn margins(scores: &[f32], right: usize) -> Vec<f64> {
    scores.iter().map(|score| f64::from(*score) - f64::from(scores[right])).collect()
}

/// The first and second derivative of the mean negative log-likelihood by the inverse temperature: mean and
/// variance of the margins under the softmax.
fn slope(answers: &[Vec<f64>], inverse: f64) -> (f64, f64) {
    let (mut slope, mut curvature) = (0.0, 0.0);
    for margins in answers {
        let highest = margins.iter().copied().fold(0.0, f64::max);
        let (mut total, mut sum, mut squares) = (0.0, 0.0, 0.0);
        for margin in margins {
            let weight = (inverse * (margin - highest)).exp();
            total += weight;
            sum += weight * margin;
            squares += weight * margin * margin;
        }
        let mean = sum / total;
        slope += mean;
        curvature += squares / total - mean * mean;
    }
    let count = answers.len().max(1) as f64;
    (slope / count, curvature / count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(answers: &[(&[f32], usize)]) -> Temperature {
        fit(answers.iter().copied())
    }

    #[test]
    fn two_labels_have_the_temperature_that_the_share_of_right_answers_asks_for() {
        // All margins are 3, and four of five answers are right: the probability has to be 0.8.
        let answers = [[3.0_f32, 0.0]; 5];
        let rights = [0, 0, 0, 0, 1];
        let got = fit(answers.iter().map(<[f32; 2]>::as_slice).zip(rights));
        let Temperature::At(temperature) = got else { panic!("{got:?}") };
        assert!((temperature - 3.0 / 4.0_f64.ln()).abs() < 1e-12, "{temperature}");
    }

    #[test]
    fn the_temperature_follows_the_scale_of_the_scores() {
        let rows = [[1.0_f32, 0.0, -2.0], [0.5, 0.75, 0.0], [3.0, -1.0, 2.5], [0.0, 0.25, 0.5]];
        let rights = [0, 1, 2, 2];
        let temperature = |scale: f32| {
            let rows = rows.map(|row| row.map(|score| score * scale));
            match fit(rows.iter().map(<[f32; 3]>::as_slice).zip(rights)) {
                Temperature::At(temperature) => temperature,
                other => panic!("{other:?}"),
            }
        };
        let one = temperature(1.0);
        for scale in [1.0 / 1024.0, 0.25, 8.0, 4096.0] {
            let got = temperature(scale) / f64::from(scale);
            assert!((got / one - 1.0).abs() < 1e-9, "{scale}: {got} {one}");
        }
    }

    #[test]
    fn where_no_temperature_is_best_none_is_made_up() {
        assert_eq!(fitted(&[(&[2.0, 1.0], 0), (&[0.0, 0.5], 1)]), Temperature::NoneWrong);
        assert_eq!(fitted(&[(&[2.0, 1.0], 1), (&[0.0, 0.5], 1)]), Temperature::Uninformative);
        assert_eq!(fitted(&[]), Temperature::NoneWrong);
    }

    #[test]
    fn the_likelihood_of_a_label_that_all_but_cannot_be_is_finite() {
        assert_eq!(nll(&[0.0, 2000.0], 0, 1.0), 2000.0);
        assert!((nll(&[0.0, 0.0], 0, 3.0) - 2.0_f64.ln()).abs() < 1e-12);
    }
}
