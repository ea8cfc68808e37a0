//! What is kept of every text that has been read.

use std::ops::Range;

/// Number of rows whose mean is subtracted from all.
const CENTRE: usize = 128;

/// The views of all rows that were read, in the order in which they were added.
///
/// As for a linear probe, a view is a hidden state minus the mean over rows,
/// scaled to length 1. The mean is that of the first rows, so that what is added later changes nothing.
#[derive(Debug, Clone)]
pub struct Features {
    hidden: usize,
    views: Vec<View>,
    settled: bool,
}

#[derive(Debug, Clone, Default)]
struct View {
    /// Zero until it is settled.
    centre: Vec<f32>,
    /// `[rows, hidden]`; as they were read, until they are settled.
    values: Vec<f32>,
    /// What each was divided by.
    lengths: Vec<f32>,
}

impl Features {
    /// Without rows.
    pub(super) fn new(views: usize, hidden: usize) -> Features {
        let views = vec![View { centre: vec![0.0; hidden], ..View::default() }; views];
        Features { hidden, views, settled: false }
    }

    /// Adds rows that [`Extractor::read`](super::Extractor::read) has read.
    pub fn add(&mut self, read: &[f32]) {
        for row in read.chunks_exact(self.hidden * self.views.len()) {
            for (view, state) in self.views.iter_mut().zip(row.chunks_exact(self.hidden)) {
                view.values.extend_from_slice(state);
                view.lengths.push(1.0);
                if self.settled {
                    let row = view.lengths.len() - 1;
                    view.scale(row, self.hidden);
                }
            }
        }
        if self.len() >= CENTRE {
            self.settle();
        }
    }

    /// Takes the mean of the rows so far as that of all. Happens by itself once there are enough; call it if
    /// there are no more.
    pub fn settle(&mut self) {
        if self.settled || self.is_empty() {
            return;
        }
        self.settled = true;
        let (hidden, rows) = (self.hidden, self.len());
        for view in &mut self.views {
            for state in view.values.chunks_exact(hidden) {
                view.centre.iter_mut().zip(state).for_each(|(mean, value)| *mean += value / rows as f32);
            }
            (0..rows).for_each(|row| view.scale(row, hidden));
        }
    }

    /// Whether the mean is known, without which nothing can be fitted.
    pub fn is_settled(&self) -> bool {
        self.settled
    }

    /// The number of rows.
    pub fn len(&self) -> usize {
        self.views.first().map_or(0, |view| view.lengths.len())
    }

    /// Whether there are none yet.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn views(&self) -> usize {
        self.views.len()
    }

    pub(super) fn hidden(&self) -> usize {
        self.hidden
    }

    /// A view of a row, `[hidden]`.
    pub(super) fn view(&self, view: usize, row: usize) -> &[f32] {
        &self.views[view].values[row * self.hidden..][..self.hidden]
    }

    /// The hidden states that a view of some rows was made from, `[rows, hidden]`.
    pub(super) fn states(&self, view: usize, rows: Range<usize>) -> Vec<f32> {
        let View { centre, lengths, .. } = &self.views[view];
        let restored = |row: usize| {
            let values = self.view(view, row).iter().zip(centre);
            values.map(move |(value, centre)| value * lengths[row] + centre)
        };
        rows.flat_map(restored).collect()
    }
}

impl View {
    fn scale(&mut self, row: usize, hidden: usize) {
        let values = &mut self.values[row * hidden..][..hidden];
        values.iter_mut().zip(&self.centre).for_each(|(value, mean)| *value -= mean);
        let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
        if length > 0.0 {
            values.iter_mut().for_each(|value| *value /= length);
            self.lengths[row] = length;
        }
    }
}

/// What the labels' words at the mask say about every row, before anything is learned.
#[derive(Debug, Clone)]
pub struct Prior {
    labels: usize,
    /// For each pattern and label, the mean of the scores and what they are divided by.
    scales: Vec<Vec<(f32, f32)>>,
    /// For each pattern, and last for all together, `[rows, labels]`: how much more probable than chance.
    lifts: Vec<Vec<f32>>,
}

/// How decided the words are: the factor before the softmax of standardised scores.
const DECIDED: f32 = 1.5;

impl Prior {
    /// From the scores of the patterns, each `[rows, labels]`. A model prefers some words whatever the text,
    /// so each label's scores are standardised over these rows.
    pub(super) fn new(scores: Vec<Vec<f32>>, labels: usize) -> Prior {
        let scale = |scores: &Vec<f32>| -> Vec<(f32, f32)> {
            let rows = (scores.len() / labels.max(1)).max(1) as f64;
            let of_label = |label: usize| {
                let own = || scores.iter().skip(label).step_by(labels).map(|score| f64::from(*score));
                let mean = own().sum::<f64>() / rows;
                let spread = (own().map(|score| (score - mean).powi(2)).sum::<f64>() / rows).sqrt();
                (mean as f32, if spread > 0.0 { spread as f32 } else { f32::INFINITY })
            };
            (0..labels).map(of_label).collect()
        };
        let scales: Vec<_> = scores.iter().map(scale).collect();
        let mut prior = Prior { labels, lifts: vec![Vec::new(); scales.len() + 1], scales };
        prior.extend(scores);
        prior
    }

    /// Adds the scores of more rows, standardised as the first ones.
    pub(super) fn extend(&mut self, scores: Vec<Vec<f32>>) {
        let mut all = vec![0.0; scores.first().map_or(0, Vec::len)];
        let patterns = scores.len();
        for (pattern, mut scores) in scores.into_iter().enumerate() {
            for row in scores.chunks_exact_mut(self.labels.max(1)) {
                let scales = &self.scales[pattern];
                row.iter_mut()
                    .zip(scales)
                    .for_each(|(score, (mean, spread))| *score = (*score - mean) / spread);
            }
            all.iter_mut().zip(&scores).for_each(|(sum, score)| *sum += score / patterns as f32);
            self.lifts[pattern].extend(lift(scores, self.labels));
        }
        self.lifts[patterns].extend(lift(all, self.labels));
    }

    /// The number of labels.
    pub(super) fn labels(&self) -> usize {
        self.labels
    }

    /// The number of rows that it knows.
    pub fn len(&self) -> usize {
        self.lifts.first().map_or(0, Vec::len) / self.labels.max(1)
    }

    /// Whether it knows none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// For a view of a row, how much more probable than chance each label is.
    pub(super) fn row(&self, view: usize, row: usize) -> Option<&[f32]> {
        self.lifts[view].get(row * self.labels..(row + 1) * self.labels)
    }
}

/// From standardised scores to probabilities minus those of chance.
fn lift(mut scores: Vec<f32>, labels: usize) -> Vec<f32> {
    for row in scores.chunks_exact_mut(labels.max(1)) {
        softmax(row, DECIDED);
        row.iter_mut().for_each(|probability| *probability -= 1.0 / labels as f32);
    }
    scores
}

/// The softmax of `factor` times the scores.
pub(super) fn softmax(scores: &mut [f32], factor: f32) {
    let most = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut sum = 0.0;
    for score in scores.iter_mut() {
        *score = (factor * (*score - most)).exp();
        sum += *score;
    }
    scores.iter_mut().for_each(|score| *score /= sum);
}
