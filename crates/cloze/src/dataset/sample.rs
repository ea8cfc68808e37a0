//! Which examples of a split are used, where a limit says how many.

use std::collections::{HashMap, HashSet};

use cloze_encoder::Rng;

use super::examples::Examples;

/// What tells the draw of labelled rows from all others under the same seed.
const PURPOSE: u64 = 0x1ABE;

/// `limit` of the numbers below `total`, evenly spread, so that files sorted by anything stay represented.
pub(crate) fn spread(total: usize, limit: usize) -> impl Iterator<Item = usize> {
    let limit = limit.min(total);
    // The i-th of `total` stays if it is the last of its share of total / limit.
    (0..total).filter(move |i| i * limit / total != (i + 1) * limit / total)
}

/// The numbers of `limit` examples, drawn from `seed`: first one of every label, or of every combination of labels where an example can have
/// several, then each by its share. What is drawn for a smaller limit is among what is drawn for a larger one.
pub(super) fn sample(examples: &Examples, limit: usize, seed: u64) -> HashSet<usize> {
    let labels: Vec<Vec<Option<usize>>> =
        examples.examples().map(|questions| questions.iter().map(|one| one.label).collect()).collect();
    let mut order: Vec<usize> = (0..labels.len()).collect();
    Rng::stream(seed, &[PURPOSE]).shuffle(&mut order);
    let mut totals: HashMap<&[Option<usize>], usize> = HashMap::new();
    labels.iter().for_each(|labels| *totals.entry(labels).or_default() += 1);
    // The i-th of a label's n rows comes when i + 1/2 of n are due; the first one before all that.
    let mut drawn: HashMap<&[Option<usize>], usize> = HashMap::new();
    let mut due: Vec<(f64, usize)> = Vec::new();
    for row in order {
        let label = labels[row].as_slice();
        let before = drawn.entry(label).or_default();
        let share = if *before == 0 { 0.0 } else { (*before as f64 + 0.5) / totals[label] as f64 };
        due.push((share, row));
        *before += 1;
    }
    // Stable, so that equals stay in the order in which they were drawn.
    due.sort_by(|a, b| a.0.total_cmp(&b.0));
    due.into_iter().take(limit).map(|(_, row)| row).collect()
}

/// The numbers of about `limit` examples, evenly spread, where of a group all are taken or none; exactly `limit` if there are no groups.
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
