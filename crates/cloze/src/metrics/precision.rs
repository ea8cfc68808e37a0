//! Which answers have a precision that can be promised.
//!
//! Answers that people have checked are a sample of those that the promise is made for. Lower and lower
//! thresholds of confidence are tested, in an order that is fixed before it is known which answers are right,
//! and the first test that fails is the last one (fixed-sequence testing; Angelopoulos et al., 2021, arXiv
//! 2110.01052, use it for this). Each test is exact and may be wrong in 5 % of all samples. Because of the
//! fixed order this holds for all tests together, as long as less confident answers are not right more often
//! than more confident ones.
//!
//! A label with many checked answers has a threshold of its own, and the other labels share one. How many
//! answers have a label is known before it is known which are right, so that this choice favours no threshold.
//! The thresholds divide the 5 % among themselves (Bonferroni), and so all of them hold at once.

use super::exact::{DOUBT, lower_bound, shows};

/// The share of the answers that the first test is about, unless it takes more to show anything. Of fewer
/// answers, a single wrong one would soon end all tests.
const FIRST: f64 = 0.2;

/// How many times the fewest answers that can show a precision a label needs for a threshold of its own. With
/// fewer, hardly any of them could be wrong, and the label is better off among others.
const OFTEN: usize = 5;

/// How many samples like the given one [`needed`] thinks of.
const TIMES: [usize; 12] = [2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96];

/// An answer that was checked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rated {
    /// The position of its label.
    pub(crate) label: usize,
    /// The probability of its label.
    pub(crate) confidence: f64,
    /// Whether it is right.
    pub(crate) is_right: bool,
}

/// A threshold of confidence for the answers with some labels.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cut {
    /// The labels: one, or all that have too few checked answers for a threshold of their own.
    pub(crate) labels: Vec<usize>,
    /// The lowest confidence of an answer that is given.
    pub(crate) confidence: f64,
    /// The checked answers with these labels.
    pub(crate) checked: usize,
    /// How many of them are given.
    pub(crate) given: usize,
    /// How many of the given ones are right.
    pub(crate) right: usize,
    /// What share of right ones these show at least.
    pub(crate) bound: f64,
}

/// The thresholds that have, with 95 % confidence for all of them together, at least this precision; none if
/// that can be said of no answers. `answers` are sorted by confidence, the highest first, and their labels are
/// below `labels`. Labels in no threshold are never to be given.
pub(crate) fn cuts(answers: &[Rated], labels: usize, precision: f64) -> Vec<Cut> {
    let groups = groups(answers, labels, precision);
    let doubt = DOUBT / groups.len() as f64;
    let cut = |labels: Vec<usize>| {
        let of_labels: Vec<(f64, bool)> = answers
            .iter()
            .filter(|answer| labels.contains(&answer.label))
            .map(|answer| (answer.confidence, answer.is_right))
            .collect();
        let given = promised(&of_labels, precision, doubt)?;
        let right = of_labels[..given].iter().filter(|(_, is_right)| *is_right).count();
        Some(Cut {
            labels,
            confidence: of_labels[given - 1].0,
            checked: of_labels.len(),
            given,
            right,
            bound: lower_bound(right, given, doubt),
        })
    };
    groups.into_iter().filter_map(cut).collect()
}

/// Which labels have a threshold together: single ones first, then all others, if there are enough answers for
/// one.
fn groups(answers: &[Rated], labels: usize, precision: f64) -> Vec<Vec<usize>> {
    let mut counts = vec![0; labels];
    answers.iter().for_each(|answer| counts[answer.label] += 1);
    let enough = OFTEN * fewest(precision, DOUBT / labels as f64);
    let (own, others): (Vec<usize>, Vec<usize>) = (0..labels).partition(|label| counts[*label] >= enough);
    let of_others: usize = others.iter().map(|label| counts[*label]).sum();
    let can_be_shown = of_others >= fewest(precision, DOUBT / (own.len() + 1) as f64);
    own.into_iter().map(|label| vec![label]).chain(can_be_shown.then_some(others)).collect()
}

/// The fewest answers that can show this precision: if all of them are right.
fn fewest(precision: f64, doubt: f64) -> usize {
    (doubt.ln() / precision.ln()).ceil() as usize
}

/// How many of the most confident answers show this precision; `None` if no number does. `answers` are
/// confidences, the highest first, each with whether the answer is right. Answers with the same confidence are
/// counted together.
fn promised(answers: &[(f64, bool)], precision: f64, doubt: f64) -> Option<usize> {
    let right = right_among_first(answers);
    let first = (FIRST * answers.len() as f64).ceil() as usize;
    let mut last = None;
    // Every test is about the fewest answers that pass it with so many wrong ones among them.
    let (mut wrong, mut count) = (0, 1);
    while count <= answers.len() {
        if count <= wrong || !shows(count - wrong, count, precision, doubt) {
            count += 1;
            continue;
        }
        wrong += 1;
        if count < first {
            continue;
        }
        let all =
            answers[count..].partition_point(|(confidence, _)| *confidence == answers[count - 1].0) + count;
        if !shows(right[all], all, precision, doubt) {
            break;
        }
        last = Some(all);
    }
    last
}

/// About how many checked answers would be needed for a promise of this precision if they were as often right
/// as these; `None` if so many would not be enough.
pub(crate) fn needed(answers: &[Rated], labels: usize, precision: f64) -> Option<usize> {
    let is_enough = |times: &usize| {
        let repeated = answers.iter().flat_map(|&answer| std::iter::repeat_n(answer, *times));
        !cuts(&repeated.collect::<Vec<_>>(), labels, precision).is_empty()
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

    /// The same, with labels in turn.
    fn rated(labels: &[usize], answers: &[(f64, bool)]) -> Vec<Rated> {
        let rate =
            |(&(confidence, is_right), &label): (&(f64, bool), &usize)| Rated { label, confidence, is_right };
        answers.iter().zip(labels.iter().cycle()).map(rate).collect()
    }

    fn promised(answers: &[(f64, bool)], precision: f64) -> Option<usize> {
        super::promised(answers, precision, DOUBT)
    }

    #[test]
    fn a_promise_takes_as_many_right_answers_as_the_exact_bound_says() {
        assert_eq!(promised(&answers(58, &[]), 0.95), None);
        assert_eq!(promised(&answers(59, &[]), 0.95), Some(59));
        assert_eq!(promised(&[], 0.95), None);
        assert_eq!(fewest(0.95, DOUBT), 59);
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
    fn a_label_with_many_answers_has_a_threshold_of_its_own_and_the_others_share_one() {
        // Two labels share the 5 %, so that 72 right answers are the fewest: 360 are enough for one alone.
        assert_eq!(fewest(0.95, DOUBT / 2.0), 72);
        let labels =
            |cuts: &[Cut]| cuts.iter().map(|cut| (cut.labels.clone(), cut.checked)).collect::<Vec<_>>();
        let enough = rated(&[0, 1], &answers(720, &[]));
        assert_eq!(labels(&cuts(&enough, 2, 0.95)), [(vec![0], 360), (vec![1], 360)]);
        let too_few = rated(&[0, 1], &answers(718, &[]));
        assert_eq!(labels(&cuts(&too_few, 2, 0.95)), [(vec![0, 1], 718)]);
        // Of four labels, one is frequent, two have the others' answers, and the last has none at all.
        let uneven = rated(&[0, 0, 0, 1, 2], &answers(800, &[]));
        assert_eq!(labels(&cuts(&uneven, 4, 0.95)), [(vec![0], 480), (vec![1, 2, 3], 320)]);
        // Too few others to show anything take nothing from the frequent label.
        let rare = rated(&[[0; 29].as_slice(), &[1]].concat(), &answers(600, &[]));
        let alone = cuts(&rare, 2, 0.95);
        assert_eq!(labels(&alone), [(vec![0], 580)]);
        assert_eq!(alone[0].bound, lower_bound(alone[0].given, alone[0].given, DOUBT));
    }

    #[test]
    fn a_label_that_is_wrong_too_often_is_never_given_and_keeps_no_other_from_it() {
        let wrong: Vec<usize> = (1..800).step_by(4).collect();
        let all = rated(&[0, 1], &answers(800, &wrong));
        let found = cuts(&all, 2, 0.95);
        assert_eq!((found.len(), &found[0].labels, found[0].given), (1, &vec![0], found[0].right));
        assert!(found[0].given > 350, "{found:?}");
    }

    #[test]
    fn what_is_needed_suffices_and_is_not_promised_where_nothing_would() {
        let few = rated(&[0, 1], &answers(40, &[35]));
        let rows = needed(&few, 2, 0.95).unwrap();
        let more: Vec<Rated> =
            few.iter().flat_map(|&answer| std::iter::repeat_n(answer, rows / few.len())).collect();
        assert!(!cuts(&more, 2, 0.95).is_empty(), "{rows}");
        let all_wrong: Vec<usize> = (0..40).step_by(2).collect();
        assert_eq!(needed(&rated(&[0], &answers(40, &all_wrong)), 1, 0.95), None);
    }
}
