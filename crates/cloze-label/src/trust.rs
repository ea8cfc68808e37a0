//! What can be trusted: accuracy on the sample, labels that look wrong, people who disagree.

use std::collections::{BTreeMap, HashMap};

use cloze::cloze_encoder::Rng;
use serde::Serialize;

use crate::rows::{Row, Rows, core};
use crate::state::{Labels, Said, State};

/// A share with its exact 95 % interval (Clopper and Pearson, 1934).
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Share {
    pub(crate) right: usize,
    pub(crate) of: usize,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Share {
    pub(crate) fn new(right: usize, of: usize) -> Share {
        let cloze::Measured { low, high, .. } = cloze::Measured::exact(right, of);
        Share { right, of, low, high }
    }
}

/// How well a label is told from others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct OfLabel {
    pub(crate) label: String,
    /// Of the texts that are said to have it, those that do.
    pub(crate) precision: Share,
    /// Of the texts that have it, those that are said to.
    pub(crate) recall: Share,
}

/// How well the labels of the sample are predicted.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Measured {
    /// Texts that have exactly the right labels.
    pub(crate) accuracy: Share,
    /// Where a text can have several labels: of all pairs of a text and a label, how many are right, and how many there are.
    pub(crate) answers: Option<(usize, usize)>,
    pub(crate) labels: Vec<OfLabel>,
}

/// How many texts of the sample are predicted rightly.
pub(crate) fn right(state: &State, predicted: &HashMap<Row, Vec<usize>>) -> usize {
    let is_right = |(row, right): &(Row, &Labels)| {
        predicted.get(row).is_some_and(|said| said.iter().copied().collect::<Labels>() == **right)
    };
    state.measured().iter().filter(|found| is_right(found)).count()
}

/// Compares predictions with the labelled texts of the sample.
pub(crate) fn measure(state: &State, predicted: &HashMap<Row, Vec<usize>>) -> Measured {
    let rows: Vec<(Labels, &Labels)> = state
        .measured()
        .into_iter()
        .filter_map(|(row, right)| Some((predicted.get(&row)?.iter().copied().collect(), right)))
        .collect();
    let right = rows.iter().filter(|(predicted, right)| predicted == *right).count();
    let labels = state.labels.iter().enumerate().map(|(index, label)| {
        let has = |labels: &Labels| labels.contains(&index);
        let count =
            |wanted: &dyn Fn(&(Labels, &Labels)) -> bool| rows.iter().filter(|row| wanted(row)).count();
        let both = count(&|(predicted, right)| has(predicted) && has(right));
        OfLabel {
            label: label.name.clone(),
            precision: Share::new(both, count(&|(predicted, _)| has(predicted))),
            recall: Share::new(both, count(&|(_, right)| has(right))),
        }
    });
    let wrong: usize =
        rows.iter().map(|(predicted, right)| predicted.symmetric_difference(right).count()).sum();
    let pairs = rows.len() * state.labels.len();
    let answers = state.several.then_some((pairs - wrong, pairs));
    Measured { accuracy: Share::new(right, rows.len()), answers, labels: labels.collect() }
}

/// How far two people agree beyond chance (Cohen, 1960).
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Kappa {
    pub(crate) annotators: [String; 2],
    pub(crate) texts: usize,
    pub(crate) same: usize,
    /// `None` if chance alone would make them agree always.
    pub(crate) kappa: Option<f64>,
}

/// How far people agree.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Agreement {
    /// Texts that several people labelled.
    pub(crate) texts: usize,
    /// Krippendorff's α for nominal data, with a bootstrap interval over texts; `None` if it cannot be computed.
    pub(crate) alpha: Option<[f64; 3]>,
    pub(crate) pairs: Vec<Kappa>,
}

/// What each person says of each text that several have labelled. Skipped texts do not count.
fn units(state: &State) -> Vec<(Row, BTreeMap<&str, &Labels>)> {
    let unit = |row: Row| {
        let people: BTreeMap<&str, &Labels> =
            state.marks(row)?.people().map(|(name, labels)| (name.as_str(), labels)).collect();
        (people.len() > 1).then_some((row, people))
    };
    state.touched().into_iter().filter_map(unit).collect()
}

/// Compares people.
pub(crate) fn agreement(state: &State) -> Agreement {
    let units = units(state);
    let values: Vec<Vec<&Labels>> =
        units.iter().map(|(_, people)| people.values().copied().collect()).collect();
    let names = state.annotators();
    let mut pairs = Vec::new();
    for (place, first) in names.iter().enumerate() {
        for second in &names[place + 1..] {
            let both: Vec<(&Labels, &Labels)> = units
                .iter()
                .filter_map(|(_, people)| Some((*people.get(first.as_str())?, *people.get(second.as_str())?)))
                .collect();
            if !both.is_empty() {
                let same = both.iter().filter(|(a, b)| a == b).count();
                let annotators = [first.clone(), second.clone()];
                pairs.push(Kappa { annotators, texts: both.len(), same, kappa: kappa(&both) });
            }
        }
    }
    let all: Vec<usize> = (0..values.len()).collect();
    let alpha = alpha(&values, &all).map(|value| {
        let mut random = Rng::new(0);
        let mut draws: Vec<f64> = (0..1000)
            .filter_map(|_| {
                let drawn: Vec<usize> = all.iter().map(|_| random.gen_range(0..values.len())).collect();
                self::alpha(&values, &drawn)
            })
            .collect();
        draws.sort_by(f64::total_cmp);
        let at = |share: f64| draws.get((share * draws.len() as f64) as usize).copied().unwrap_or(value);
        [value, at(0.025), at(0.975)]
    });
    Agreement { texts: units.len(), alpha, pairs }
}

/// Cohen's κ of two people.
fn kappa(both: &[(&Labels, &Labels)]) -> Option<f64> {
    let n = both.len() as f64;
    let observed = both.iter().filter(|(a, b)| a == b).count() as f64 / n;
    let mut counts: BTreeMap<&Labels, [f64; 2]> = BTreeMap::new();
    for (a, b) in both {
        counts.entry(a).or_default()[0] += 1.0;
        counts.entry(b).or_default()[1] += 1.0;
    }
    let expected: f64 = counts.values().map(|[a, b]| a * b / (n * n)).sum();
    (expected < 1.0).then(|| (observed - expected) / (1.0 - expected))
}

/// Krippendorff's α of the units with these indices, each with the values that people gave it.
fn alpha(values: &[Vec<&Labels>], units: &[usize]) -> Option<f64> {
    let (mut differing, mut pairable) = (0.0, 0.0);
    let mut counts: BTreeMap<&Labels, f64> = BTreeMap::new();
    for unit in units.iter().map(|unit| &values[*unit]) {
        let m = unit.len() as f64;
        pairable += m;
        for (place, value) in unit.iter().enumerate() {
            *counts.entry(value).or_default() += 1.0;
            let others = unit.iter().enumerate().filter(|(other, _)| *other != place);
            differing += others.filter(|(_, other)| *other != value).count() as f64 / (m - 1.0);
        }
    }
    let expected: f64 = counts.values().map(|count| count * (pairable - count)).sum();
    (expected > 0.0).then(|| 1.0 - (pairable - 1.0) * differing / expected)
}

/// Texts that differ only in capitals, punctuation and spaces, and have different labels; and those whose copies came with different ones.
pub(crate) fn conflicts(rows: &Rows, state: &State) -> Vec<Row> {
    let mut alike: HashMap<String, Vec<Row>> = HashMap::new();
    for row in state.touched() {
        if state.label_of(row).is_some() {
            alike.entry(core(&rows.texts[row].values)).or_default().push(row);
        }
    }
    let mut found: Vec<Row> = alike
        .into_values()
        .filter(|same| same.iter().any(|row| state.label_of(*row) != state.label_of(same[0])))
        .flatten()
        .collect();
    let open = |row: &Row| rows.texts[*row].imported.len() > 1 && state.label_of(*row).is_none();
    found.extend((0..rows.len()).filter(open));
    found.sort_by_key(|row| (core(&rows.texts[*row].values), *row));
    found
}

/// Whether an annotator passed over a text.
pub(crate) fn is_skipped(state: &State, row: Row) -> bool {
    state.marks(row).is_some_and(|marks| marks.by.values().any(|said| *said == Said::Skipped))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(names: &[usize]) -> Vec<Labels> {
        names.iter().map(|name| Labels::from([*name])).collect()
    }

    #[test]
    fn exact_intervals_are_those_of_scipy() {
        // scipy.stats.binomtest(k, n).proportion_ci(method="exact")
        for (right, of, low, high) in [
            (0, 10, 0.0, 0.308_497),
            (10, 10, 0.691_503, 1.0),
            (7, 10, 0.347_547, 0.933_260),
            (45, 50, 0.781_864, 0.966_724),
        ] {
            let share = Share::new(right, of);
            assert!((share.low - low).abs() < 1e-5 && (share.high - high).abs() < 1e-5, "{share:?}");
        }
    }

    #[test]
    fn kappa_is_what_it_was_computed_to_be_by_hand() {
        // 20 both yes, 5 and 10 differ, 15 both no: observed 0.7, expected 0.5.
        let mut pairs = Vec::new();
        for (a, b, count) in [(1, 1, 20), (1, 0, 5), (0, 1, 10), (0, 0, 15)] {
            pairs.extend(std::iter::repeat_n((Labels::from([a]), Labels::from([b])), count));
        }
        let pairs: Vec<(&Labels, &Labels)> = pairs.iter().map(|(a, b)| (a, b)).collect();
        assert!((kappa(&pairs).unwrap() - 0.4).abs() < 1e-12);
        assert_eq!(kappa(&pairs[..3]), None);
    }

    #[test]
    fn alpha_is_that_of_krippendorffs_example() {
        // Krippendorff (2011), "Computing Krippendorff's Alpha-Reliability", example B: two observers, ten units, α = 0.095.
        let first = labels(&[0, 1, 0, 0, 0, 0, 0, 0, 1, 0]);
        let second = labels(&[1, 1, 1, 0, 0, 1, 0, 0, 0, 0]);
        let units: Vec<Vec<&Labels>> = first.iter().zip(&second).map(|(a, b)| vec![a, b]).collect();
        let found = alpha(&units, &(0..10).collect::<Vec<_>>()).unwrap();
        assert!((found - 0.095).abs() < 5e-4, "{found}");
    }
}
