//! Which row is worth labelling next.

use super::committee::Opinion;

/// What is asked for next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Close decisions on which the members of the committee disagree.
    Disagreement,
    /// Close decisions: rows whose two likeliest labels are about equally probable; with several labels, whose
    /// closest label is.
    Uncertainty,
    /// Rows that probably have this label.
    Label(usize),
}

/// What is added to the disagreement, in nats: where all agree, close decisions still differ in worth.
const AGREED: f32 = 0.05;

impl Order {
    /// How much a row is worth by what the committee says about it: the row with the highest worth is next.
    /// `given` has the number of labelled rows of every label; a row of which there are few is worth more.
    pub fn worth(self, opinion: &Opinion, given: &[usize]) -> f32 {
        let rare = || {
            let rows = given.get(opinion.best()).copied().unwrap_or_default();
            1.0 / (rows as f32 + 1.0).sqrt()
        };
        match self {
            Order::Disagreement => (opinion.disagreement + AGREED) * opinion.doubt() * rare(),
            Order::Uncertainty => opinion.doubt() * rare(),
            Order::Label(label) => opinion.probabilities.get(label).copied().unwrap_or(0.0),
        }
    }
}
