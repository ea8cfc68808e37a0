//! Groups examples that are scored together.

/// Number of tokens scored together: enough for full speed, but few enough to stay in the caches.
pub(crate) const SCORING_TOKENS: usize = 2048;

/// Groups examples of similar length so that no group has more than `budget` tokens, unless a single example
/// does. Lengths decrease within a group and from group to group, so buffers reach their final size at once.
pub(crate) fn by_length(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| std::cmp::Reverse(lengths[row]));
    let mut groups: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for row in order {
        tokens += lengths[row];
        match groups.last_mut() {
            Some(group) if tokens <= budget => group.push(row),
            _ => {
                tokens = lengths[row];
                groups.push(vec![row]);
            }
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_to_the_budget_and_hold_every_row_once() {
        let lengths = [5, 90, 12, 3, 40, 200, 12];
        let groups = by_length(&lengths, 100);
        assert_eq!(groups, [vec![5], vec![1], vec![4, 2, 6, 0, 3]]);
        assert!(by_length(&[], 100).is_empty());
    }
}
