//! The heads, how they are fitted, and what they say together.

use super::features::{Features, Prior, softmax};
use super::inverse::Inverse;

/// λ of the ridge regression, relative to views of length 1; as for the linear probe.
const RIDGE: f64 = 1.0;

/// How much of the prior the heads start from; which of these is chosen by the labels given.
const PRIORS: [f64; 3] = [0.0, 0.5, 1.0];

/// How decided the committee is: the factor before the softmax, chosen by the labels given.
const FACTORS: [f64; 7] = [1.5, 2.0, 3.0, 4.5, 7.0, 10.0, 15.0];

/// The factor, and the weight of the prior, that are believed in without labels, and by how much, in nats.
const USUAL: (f64, f64) = (4.5, 1.0);
const BELIEF: f64 = 1.0;

/// How many labels a row has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// One.
    One,
    /// Any number: each is a question of its own.
    Several,
}

/// A ridge classifier for each view, which learn from the labels given so far.
#[derive(Debug, Clone)]
pub struct Committee {
    answers: Answers,
    /// The rows that the inverses are of, in their order.
    rows: Vec<usize>,
    /// For every view.
    inverses: Vec<Inverse>,
}

/// A committee that was fitted.
#[derive(Debug, Clone)]
pub struct Fitted {
    answers: Answers,
    labels: usize,
    /// For every view `[labels, hidden]`; empty without labelled rows.
    weights: Vec<Vec<f32>>,
    /// What is added to every score, `[labels]`.
    bias: Vec<f32>,
    prior: f32,
    factor: f32,
    /// For every labelled row that it has learned from, what it says when it has learned from the others only.
    pub left_out: Vec<(usize, Opinion)>,
}

/// What a committee says about a row.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The probability of every label; together 1 if a row has one.
    pub probabilities: Vec<f32>,
    /// How far the members disagree, in nats: the entropy of their mean, minus their mean entropy.
    pub disagreement: f32,
    answers: Answers,
}

impl Opinion {
    /// The label with the highest probability.
    pub fn best(&self) -> usize {
        let best = |best: usize, label: usize| match self.probabilities[label] > self.probabilities[best] {
            true => label,
            false => best,
        };
        (0..self.probabilities.len()).fold(0, best)
    }

    /// The labels that the row probably has: the likeliest one, or all with a probability above one half.
    pub fn labels(&self) -> Vec<usize> {
        match self.answers {
            Answers::One if self.probabilities.is_empty() => Vec::new(),
            Answers::One => vec![self.best()],
            Answers::Several => {
                (0..self.probabilities.len()).filter(|label| self.probabilities[*label] > 0.5).collect()
            }
        }
    }

    /// From 0 to 1, how close the decision is.
    pub(super) fn doubt(&self) -> f32 {
        match self.answers {
            Answers::One => {
                let (mut first, mut second) = (0.0, 0.0);
                for &p in &self.probabilities {
                    (first, second) = if p > first { (p, first) } else { (first, f32::max(second, p)) };
                }
                1.0 - (first - second)
            }
            Answers::Several => {
                self.probabilities.iter().map(|p| 1.0 - 2.0 * (p - 0.5).abs()).fold(0.0, f32::max)
            }
        }
    }
}

impl Committee {
    /// One that knows nothing.
    pub fn new(answers: Answers) -> Committee {
        Committee { answers, rows: Vec::new(), inverses: Vec::new() }
    }

    /// Fits the heads to labelled rows, each given as its index among the `features` and its labels below
    /// `labels`. What does not change from call to call is kept, so a label more costs little.
    ///
    /// # Panics
    /// If a row is not among the features, which are [settled](Features::is_settled), or a label is too high.
    pub fn fit(
        &mut self,
        features: &Features,
        prior: Option<&Prior>,
        labels: usize,
        labelled: &[(usize, Vec<usize>)],
    ) -> Fitted {
        let prior = prior.filter(|prior| self.answers == Answers::One && prior.labels() == labels);
        let labelled: Vec<&(usize, Vec<usize>)> =
            labelled.iter().filter(|(row, _)| prior.is_none_or(|prior| *row < prior.len())).collect();
        self.take(features, labelled.iter().map(|(row, _)| *row));
        let bias = self.bias(labels, &labelled);
        let views = features.views();
        let mut targets = vec![0.0; labelled.len() * labels];
        for ((_, right), targets) in labelled.iter().zip(targets.chunks_exact_mut(labels.max(1))) {
            targets.iter_mut().zip(&bias).for_each(|(target, bias)| *target = -f64::from(*bias));
            right.iter().for_each(|label| targets[*label] += 1.0);
        }
        let lifts: Vec<Vec<f64>> = (0..views).map(|view| lifts(prior, view, labels, &labelled)).collect();
        // What a head makes of the labels, and of the prior; any share of the prior is a sum of these.
        let solved: Vec<[Vec<f64>; 2]> = (0..views)
            .map(|view| {
                let times = |right: &[f64]| self.inverses[view].times(right, labels.max(1));
                [times(&targets), times(&lifts[view])]
            })
            .collect();
        let (share, factor, left_out) =
            self.choose(&targets, &solved, &labelled, labels, prior.is_some(), &bias);
        let weights = match labelled.is_empty() {
            true => Vec::new(),
            false => (0..views)
                .map(|view| {
                    let [targets, lifts] = &solved[view];
                    let dual: Vec<f64> =
                        targets.iter().zip(lifts).map(|(target, lift)| target - share * lift).collect();
                    let mut weights = vec![0.0; labels * features.hidden()];
                    for ((row, _), dual) in labelled.iter().zip(dual.chunks_exact(labels.max(1))) {
                        let values = features.view(view, *row);
                        for (weights, dual) in weights.chunks_exact_mut(features.hidden()).zip(dual) {
                            let dual = *dual as f32;
                            weights.iter_mut().zip(values).for_each(|(sum, value)| *sum += dual * value);
                        }
                    }
                    weights
                })
                .collect(),
        };
        let (prior, factor) = (share as f32, factor as f32);
        Fitted { answers: self.answers, labels, weights, bias, prior, factor, left_out }
    }

    /// Brings the inverses to these rows, from the first one on that differs.
    fn take(&mut self, features: &Features, rows: impl Iterator<Item = usize>) {
        let rows: Vec<usize> = rows.collect();
        self.inverses.resize_with(features.views(), Inverse::default);
        let same = self.rows.iter().zip(&rows).take_while(|(old, new)| old == new).count();
        for (view, inverse) in self.inverses.iter_mut().enumerate() {
            while inverse.size() > same {
                inverse.shrink();
            }
            for (place, &row) in rows.iter().enumerate().skip(same) {
                let own = features.view(view, row);
                let kernel = |other: &usize| f64::from(dot(own, features.view(view, *other)));
                let column: Vec<f64> = rows[..place].iter().map(kernel).collect();
                inverse.grow(&column, f64::from(dot(own, own)) + RIDGE);
            }
        }
        self.rows = rows;
    }

    /// What every row's score of a label begins with: chance if there is one label; if there are several, how
    /// often it was given.
    fn bias(&self, labels: usize, labelled: &[&(usize, Vec<usize>)]) -> Vec<f32> {
        match self.answers {
            Answers::One => vec![1.0 / labels.max(1) as f32; labels],
            Answers::Several => {
                let mut given = vec![1.0; labels];
                labelled.iter().flat_map(|(_, right)| right).for_each(|label| given[*label] += 1.0);
                given.iter().map(|given| given / (labelled.len() as f32 + 2.0)).collect()
            }
        }
    }

    /// The weight of the prior and the factor under which the labels given are likeliest, when each row is
    /// scored by heads that have learned from the others (for ridge regression these scores cost nothing more;
    /// see the linear probe); and what they say.
    fn choose(
        &self,
        targets: &[f64],
        solved: &[[Vec<f64>; 2]],
        labelled: &[&(usize, Vec<usize>)],
        labels: usize,
        has_prior: bool,
        bias: &[f32],
    ) -> (f64, f64, Vec<(usize, Opinion)>) {
        let mut best = (f64::INFINITY, USUAL.1, USUAL.0, Vec::new());
        for &share in PRIORS.iter().filter(|share| has_prior || **share == 0.0) {
            let mut scores = vec![0.0; targets.len()];
            for (view, [of_targets, of_lifts]) in solved.iter().enumerate() {
                for (place, score) in scores.iter_mut().enumerate() {
                    let dual = of_targets[place] - share * of_lifts[place];
                    let left_out = targets[place] - dual / self.inverses[view].diagonal(place / labels);
                    *score += left_out / solved.len() as f64;
                }
            }
            for factor in FACTORS {
                let mut loss = BELIEF * ((share - USUAL.1).powi(2) + (factor / USUAL.0).ln().powi(2));
                let mut opinions = Vec::with_capacity(labelled.len());
                for ((row, answer), scores) in labelled.iter().zip(scores.chunks_exact(labels.max(1))) {
                    let mut row_scores: Vec<f32> = scores.iter().map(|score| *score as f32).collect();
                    probabilities(self.answers, &mut row_scores, bias, factor as f32);
                    loss += surprise(self.answers, &row_scores, answer);
                    let opinion =
                        Opinion { probabilities: row_scores, disagreement: 0.0, answers: self.answers };
                    opinions.push((*row, opinion));
                }
                if loss < best.0 {
                    best = (loss, share, factor, opinions);
                }
            }
        }
        (best.1, best.2, best.3)
    }
}

/// The negative log-likelihood of a row's labels.
fn surprise(answers: Answers, probabilities: &[f32], answer: &[usize]) -> f64 {
    let of = |p: f32| -f64::from(p.max(1e-6)).ln();
    match answers {
        Answers::One => answer.iter().map(|label| of(probabilities[*label])).sum(),
        Answers::Several => {
            let of_label = |(label, p): (usize, &f32)| of(if answer.contains(&label) { *p } else { 1.0 - p });
            probabilities.iter().enumerate().map(of_label).sum()
        }
    }
}

/// What the prior says about the labelled rows, `[rows, labels]`.
fn lifts(prior: Option<&Prior>, view: usize, labels: usize, rows: &[&(usize, Vec<usize>)]) -> Vec<f64> {
    let mut lifts = vec![0.0; rows.len() * labels];
    let Some(prior) = prior else { return lifts };
    for ((row, _), lifts) in rows.iter().zip(lifts.chunks_exact_mut(labels.max(1))) {
        let known = prior.row(view, *row).unwrap_or_default();
        lifts.iter_mut().zip(known).for_each(|(lift, known)| *lift = f64::from(*known));
    }
    lifts
}

/// Turns scores relative to `bias` into probabilities.
fn probabilities(answers: Answers, scores: &mut [f32], bias: &[f32], factor: f32) {
    match answers {
        Answers::One => softmax(scores, factor),
        Answers::Several => scores.iter_mut().zip(bias).for_each(|(score, bias)| {
            *score = 1.0 / (1.0 + (-factor * (*score + bias - 0.5)).exp());
        }),
    }
}

impl Fitted {
    /// What the committee says about a row.
    ///
    /// # Panics
    /// If the row is not among the features.
    pub fn opinion(&self, features: &Features, prior: Option<&Prior>, row: usize) -> Opinion {
        let (labels, hidden) = (self.labels, features.hidden());
        let prior = prior.filter(|prior| prior.labels() == labels && self.answers == Answers::One);
        let mut mean = vec![0.0; labels];
        let mut entropy = 0.0;
        let members = features.views() as f32;
        let mut scores = vec![0.0; labels];
        let mut together = vec![0.0; labels];
        for view in 0..features.views() {
            scores.fill(0.0);
            if let Some(weights) = self.weights.get(view) {
                let values = features.view(view, row);
                let found = weights.chunks_exact(hidden).map(|weights| dot(weights, values));
                scores.iter_mut().zip(found).for_each(|(score, found)| *score = found);
            }
            if let Some(lifts) = prior.and_then(|prior| prior.row(view, row)) {
                scores.iter_mut().zip(lifts).for_each(|(score, lift)| *score += self.prior * lift);
            }
            together.iter_mut().zip(&scores).for_each(|(sum, score)| *sum += score / members);
            probabilities(self.answers, &mut scores, &self.bias, self.factor);
            entropy += self.entropy(&scores) / members;
            mean.iter_mut().zip(&scores).for_each(|(mean, p)| *mean += p / members);
        }
        probabilities(self.answers, &mut together, &self.bias, self.factor);
        let disagreement = (self.entropy(&mean) - entropy).max(0.0);
        Opinion { probabilities: together, disagreement, answers: self.answers }
    }

    fn entropy(&self, probabilities: &[f32]) -> f32 {
        let term = |p: f32| if p > 0.0 { -p * p.ln() } else { 0.0 };
        match self.answers {
            Answers::One => probabilities.iter().map(|p| term(*p)).sum(),
            Answers::Several => probabilities.iter().map(|p| term(*p) + term(1.0 - p)).sum(),
        }
    }
}

/// A dot product in several sums, which the compiler turns into vectors.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let mut sums = [0.0; LANES];
    let (left, right) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let rest: f32 = left.remainder().iter().zip(right.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in left.zip(right) {
        sums.iter_mut().zip(a.iter().zip(b)).for_each(|(sum, (a, b))| *sum += a * b);
    }
    sums.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows of two kinds in two views, with the label of each.
    fn rows() -> (Features, Vec<(usize, Vec<usize>)>) {
        let mut features = Features::new(2, 6);
        let value = |row: usize, column: usize| {
            let noise = ((row * 7919 + column * 104_729) % 101) as f32 / 101.0 - 0.5;
            noise + if column % 2 == row % 2 { 0.4 } else { 0.0 }
        };
        for row in 0..20 {
            features.add(&(0..12).map(|column| value(row, column)).collect::<Vec<_>>());
        }
        features.settle();
        (features, (0..20).map(|row| (row, vec![row % 2])).collect())
    }

    #[test]
    fn a_label_more_or_less_gives_what_a_new_committee_gives() {
        let (features, labelled) = rows();
        let mut committee = Committee::new(Answers::One);
        for count in [0, 3, 12, 5, 6, 20] {
            let kept = committee.fit(&features, None, 2, &labelled[..count]);
            let anew = Committee::new(Answers::One).fit(&features, None, 2, &labelled[..count]);
            for row in 0..features.len() {
                let pair = [&kept, &anew].map(|fitted| fitted.opinion(&features, None, row).probabilities[0]);
                assert!((pair[0] - pair[1]).abs() < 1e-5, "{count} labels, row {row}: {pair:?}");
            }
        }
    }

    #[test]
    fn what_is_left_out_is_judged_as_by_a_committee_that_never_saw_it() {
        let (features, labelled) = rows();
        let whole = Committee::new(Answers::One).fit(&features, None, 2, &labelled);
        assert_eq!(whole.left_out.len(), 20);
        for (row, opinion) in &whole.left_out {
            let others: Vec<_> = labelled.iter().filter(|(other, _)| other != row).cloned().collect();
            let fitted = Committee::new(Answers::One).fit(&features, None, 2, &others);
            // The factor may differ, and with it how decided it is, but not for what.
            assert_eq!(opinion.best(), fitted.opinion(&features, None, *row).best(), "row {row}");
        }
    }

    #[test]
    fn words_speak_before_there_are_labels_and_labels_overrule_them() {
        let (features, labelled) = rows();
        // The words have it exactly the wrong way round.
        let score = |row: usize, label: usize, shift: usize| f32::from(u8::from((row + shift) % 2 == label));
        let scores = |shift: usize| -> Vec<f32> {
            (0..20).flat_map(|row| [score(row, 0, shift), score(row, 1, shift)]).collect()
        };
        let prior = Prior::new(vec![scores(1)], 2);
        let right = |fitted: &Fitted, prior: &Prior| {
            (0..20).filter(|row| fitted.opinion(&features, Some(prior), *row).best() == row % 2).count()
        };
        let mut committee = Committee::new(Answers::One);
        assert_eq!(right(&committee.fit(&features, Some(&prior), 2, &[]), &prior), 0);
        assert!(right(&committee.fit(&features, Some(&prior), 2, &labelled), &prior) > 15);
        let helpful = Prior::new(vec![scores(0)], 2);
        assert_eq!(right(&committee.fit(&features, Some(&helpful), 2, &[]), &helpful), 20);
    }

    #[test]
    fn several_labels_are_judged_one_by_one() {
        let (features, _) = rows();
        let labelled: Vec<(usize, Vec<usize>)> =
            (0..20).map(|row| (row, if row % 2 == 0 { vec![0, 1] } else { vec![] })).collect();
        let fitted = Committee::new(Answers::Several).fit(&features, None, 2, &labelled);
        let right = |row: &usize| {
            fitted.opinion(&features, None, *row).labels()
                == if row.is_multiple_of(2) { vec![0, 1] } else { vec![] }
        };
        assert!((0..20).filter(right).count() > 15);
    }
}
