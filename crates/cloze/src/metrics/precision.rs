//! Which answers have a precision that can be promised.
//!
//! Answers that people have checked are a sample of those that the promise is made for. Lower and lower
//! thresholds of confidence are tested, in an order that is fixed before it is known which answers are right,
//! and the first test that fails is the last one (fixed-sequence testing; Angelopoulos et al., 2021, arXiv
//! 2110.01052, use it for this). Each test is exact and may be wrong in 5 % of all samples. Because of the
//! fixed order this holds for all tests together, as long as less confident answers are not right more often
//! than more confident ones.

use super::exact::shows;

/// The share of the answers that the first test is about, unless it takes more to show anything. Of fewer
/// answers, a single wrong one would soon end all tests.
const FIRST: f64 = 0.2;

/// How many samples like the given one [`needed`] thinks of.
const TIMES: [usize; 12] = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96];

/// How many of the most confident answers have, with 95 % confidence, at least this precision; `None` if that
/// can be said of none. `answers` are confidences, the highest first, each with whether the answer is right.
/// Answers with the same confidence are counted together.
pub(crate) fn promised(answers: &[(f64, bool)], precision: f64) -> Option<usize> {
    let right = right_among_first(answers);
    let first = (FIRST * answers.len() as f64).ceil() as usize;
    let mut last = None;
    // Every test is about the fewest answers that pass it with so many wrong ones among them.
    let (mut wrong, mut count) = (0, 1);
    while count <= answers.len() {
        if count <= wrong || !shows(count - wrong, count, precision) {
            count += 1;
            continue;
        }
        wrong += 1;
        if count < first {
            continue;
        }
        let all =
            answers[count..].partition_point(|(confidence, _)| *confidence == answers[count - 1].0) + count;
        if !shows(right[all], all, precision) {
            break;
        }
        last = Some(all);
    }
    last
}

/// About how many checked answers would be needed for a promise of this precision if they were as often right
/// as these; `None` if so many would not be enough.
pub(crate) fn needed(answers: &[(f64, bool)], precision: f64) -> Option<usize> {
    let is_enough = |times: &usize| {
        let repeated = answers.iter().flat_map(|&answer| std::iter::repeat_n(answer, *times));
        promised(&repeated.collect::<Vec<_>>(), precision).is_some()
    };
    Some(TIMES.into_iter().find(is_enough)? * answers.len())
}

/// How many of the first 0, 1, … answers are right.
fn right_among_first(answers: &[(f64, bool)]) -> Vec<usize> {
    let counts = answers.iter().scan(0, |right, (_, is_right)| {
        *right += usize::from(*is_right);
        Some(*right)
    });
    std::iter::once(0).chain(counts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with falling confidence, of which those at `wrong` are wrong.
    fn answers(count: usize, wrong: &[usize]) -> Vec<(f64, bool)> {
        (0..count).map(|at| (1.0 - at as f64 / 1000.0, !wrong.contains(&at))).collect()
    }

    #[test]
    fn a_promise_takes_as_many_right_answers_as_the_exact_bound_says() {
        assert_eq!(promised(&answers(58, &[]), 0.95), None);
        assert_eq!(promised(&answers(59, &[]), 0.95), Some(59));
        assert_eq!(promised(&[], 0.95), None);
    }

    #[test]
    fn the_first_failure_is_the_last_test() {
        // With an error among them, 93 answers are needed.
        assert_eq!(promised(&answers(100, &[80]), 0.95), Some(93));
        // The second error comes too early for 124 answers, and whatever comes after it is not looked at.
        assert_eq!(promised(&answers(100, &[0, 1]), 0.95), None);
        assert_eq!(promised(&answers(400, &[60, 95, 96, 97]), 0.95), Some(93));
    }

    #[test]
    fn answers_of_equal_confidence_are_given_or_not_together() {
        let mut all = answers(80, &[70]);
        all[58..].iter_mut().for_each(|(confidence, _)| *confidence = 0.5);
        assert_eq!(promised(&all, 0.95), None);
        all[70].1 = true;
        assert_eq!(promised(&all, 0.95), Some(80));
    }

    #[test]
    fn what_is_needed_suffices_and_is_not_promised_where_nothing_would() {
        let few = answers(40, &[35]);
        let rows = needed(&few, 0.95).unwrap();
        let more: Vec<(f64, bool)> =
            few.iter().flat_map(|&answer| std::iter::repeat_n(answer, rows / few.len())).collect();
        assert!(promised(&more, 0.95).is_some(), "{rows}");
        let all_wrong: Vec<usize> = (0..40).step_by(2).collect();
        assert_eq!(needed(&answers(40, &all_wrong), 0.95), None);
    }
}
