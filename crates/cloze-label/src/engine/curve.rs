//! The curve: what the committee said about the sample after so many labels.

use std::collections::HashMap;

use cloze::labelling::{Answers, Committee, Features, Fitted, Prior};

use super::{Engine, lock, read};
use crate::rows::Row;

/// A point of the curve is kept after so many labels.
pub(super) const POINT: usize = 5;

/// A moment of the curve: what the committee said about the sample after so many labels.
#[derive(Debug, Clone)]
pub(crate) struct Point {
    pub(crate) labels: usize,
    pub(crate) edition: u64,
    pub(crate) predicted: HashMap<Row, Vec<usize>>,
}

impl Engine {
    pub(crate) fn curve(&self) -> Vec<Point> {
        lock(&self.curve).clone()
    }

    pub(super) fn keep_point(
        &self,
        features: &Features,
        prior: Option<&Prior>,
        fitted: &Fitted,
        labels: usize,
        (sample, edition): (&[Row], u64),
    ) {
        let known = read(&self.place);
        let predicted = sample
            .iter()
            .filter_map(|row| Some((*row, fitted.opinion(features, prior, *known.get(row)?).labels())))
            .collect();
        let mut curve = lock(&self.curve);
        curve.retain(|point| point.edition == edition && point.labels < labels);
        curve.push(Point { labels, edition, predicted });
    }

    /// The curve of labels that were given before, or before the labels changed.
    pub(super) fn replay_curve(
        &self,
        features: &Features,
        prior: Option<&Prior>,
        labels: usize,
        placed: &[(usize, Vec<usize>)],
        (sample, edition): (&[Row], u64),
        answers: Answers,
    ) {
        let mut committee = Committee::new(answers);
        let step = POINT * (placed.len() / (40 * POINT) + 1);
        for given in (0..placed.len()).step_by(step) {
            if self.is_stopped() {
                return;
            }
            let fitted = committee.fit(features, prior, labels, &placed[..given]);
            self.keep_point(features, prior, &fitted, given, (sample, edition));
        }
    }
}
