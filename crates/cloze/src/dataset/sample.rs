//! Selects the examples of a split when their number is limited.

use std::collections::{HashMap, HashSet};

use cloze_encoder::Rng;

use super::examples::Examples;

/// Separates the random stream for drawing labelled examples from all others with the same seed.
const PURPOSE: u64 = 0x1ABE;

/// `limit` of the indices below `total`, evenly spaced, so that sorted files remain represented.
pub(crate) fn spread(total: usize, limit: usize) -> impl Iterator<Item = usize> {
    let limit = limit.min(total);
    // Index i is kept if it is the last in its group of total / limit.
    (0..total).filter(move |i| i * limit / total != (i + 1) * limit / total)
}

/// The indices of `limit` examples, drawn with `seed`: first one of every label (or of every combination of
/// labels in a multi-label task), then each in proportion to its share. A smaller limit always draws a subset
/// of what a larger one draws.
pub(super) fn sample(examples: &Examples, limit: usize, seed: u64) -> HashSet<usize> {
    let labels: Vec<Vec<Option<usize>>> =
        examples.examples().map(|questions| questions.iter().map(|one| one.label).collect()).collect();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    Rng::stream(seed, &[PURPOSE]).shuffle(&mut order);
    let mut totals: HashMap<&[Option<usize>], usize> = HashMap::new();
    labels.iter().for_each(|labels| *totals.entry(labels).or_default() += 1);
    // Number i of a label's n rows is due once i + 1/2 out of n are due; the first one comes before all
    // others.
    let mut drawn: HashMap<&[Option<usize>], usize> = HashMap::new();
    let mut due: Vec<(f64, usize)> = Vec::new();
    for row in order {
        let label = labels[row].as_slice();
        let before = drawn.entry(label).or_default();
        let share = if *before == 0 { 0.0 } else { (*before as f64 + 0.5) / totals[label] as f64 };
        due.push((share, row));
        *before += 1;
    }
    // The sort is stable, so ties stay in the order in which they were drawn.
    due.sort_by(|a, b| a.0.total_cmp(&b.0));
    due.into_iter().take(limit).map(|(_, row)| row).collect()
}

/// The indices of about `limit` examples, evenly spaced, where groups are kept whole; exactly `limit` without
/// groups.
pub(super) fn spread_groups(examples: &Examples, limit: usize) -> HashSet<usize> {
    let mut known: HashMap<&str, usize> = HashMap::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (row, first) in examples.first_questions().enumerate() {
        let next = groups.len();
        let group = first.group.as_deref().map_or(next, |name| *known.entry(name).or_insert(next));
        match groups.get_mut(group) {
            Some(rows) => rows.push(row),
            None => groups.push(vec![row]),
        }
    }
    let rows = examples.count();
    let wanted = (limit.min(rows) * groups.len()).div_ceil(rows.max(1));
    spread(groups.len(), wanted).flat_map(|group| std::mem::take(&mut groups[group])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_spread_stays_in_order_and_reaches_over_all() {
        assert_eq!(spread(10, 4).collect::<Vec<_>>(), [2, 4, 7, 9]);
        assert_eq!(spread(2, 4).collect::<Vec<_>>(), [0, 1]);
        assert_eq!(spread(0, 4).count(), 0);
    }
}
