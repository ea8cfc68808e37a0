//! The agreement of an ensemble's members, which shows which examples are worth labelling.

use crate::scoring::scores::{Scores, best};

/// The agreement of an ensemble's members on every example.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Agreement {
    /// For every example, the share of members that choose the most frequently chosen label.
    pub(crate) rows: Vec<f64>,
    /// Probability that two different random members choose the same label for a random example; 1 for a
    /// single member, 0 without examples.
    pub(crate) overall: f64,
}

impl Agreement {
    /// Compares members that have scored the same examples; there must be at least one member.
    pub(crate) fn new(members: &[Scores]) -> Self {
        let (rows, count) = (members[0].len(), members.len());
        let mut shares = Vec::with_capacity(rows);
        let mut agreeing_pairs = 0;
        let mut votes = vec![0_usize; members[0].labels()];
        for row in 0..rows {
            votes.fill(0);
            for member in members {
                votes[best(member.row(row))] += 1;
            }
            agreeing_pairs += votes.iter().map(|votes| votes * votes.saturating_sub(1)).sum::<usize>();
            let most = votes.iter().max().copied().unwrap_or(0);
            shares.push(most as f64 / count as f64);
        }
        let pairs = rows * count * (count - 1);
        let overall = match (rows, pairs) {
            (0, _) => 0.0,
            (_, 0) => 1.0,
            _ => agreeing_pairs as f64 / pairs as f64,
        };
        Agreement { rows: shares, overall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scores(rows: &[[f32; 2]]) -> Scores {
        let mut scores = Scores::new(2);
        rows.iter().for_each(|row| scores.push(row));
        scores
    }

    #[test]
    fn agreement_counts_pairs_of_members() {
        let (yes, no) = ([1.0, 0.0], [0.0, 1.0]);
        let members = [scores(&[yes, yes]), scores(&[yes, no]), scores(&[yes, no])];
        let agreement = Agreement::new(&members);
        assert_eq!(agreement.rows, [1.0, 2.0 / 3.0]);
        // Row 0: three of three pairs agree; row 1: one of three.
        assert!((agreement.overall - 4.0 / 6.0).abs() < 1e-12);
    }

    #[test]
    fn a_single_member_agrees_with_itself() {
        assert_eq!(Agreement::new(&[scores(&[[1.0, 0.0]])]).overall, 1.0);
        assert_eq!(Agreement::new(&[scores(&[])]).overall, 0.0);
    }
}
