//! Which rows go together.

use cloze_encoder::Random;

/// Tokens of a group of rows that are scored together: enough for full speed, little enough to stay in the caches.
pub(crate) const SCORING_TOKENS: usize = 2048;

/// Rows in random order, over and over again; a new order for every pass over the data.
#[derive(Debug, Clone)]
pub struct Shuffled {
    random: Random,
    order: Vec<usize>,
    next: usize,
    size: usize,
}

impl Shuffled {
    /// Batches of `size` of `rows` rows, of which there is at least one.
    pub fn new(rows: usize, size: usize, random: Random) -> Self {
        assert!(rows > 0 && size > 0, "batches are made of rows");
        Shuffled { random, order: (0..rows).collect(), next: rows, size }
    }

    /// The next batch. The last one of a pass may be smaller, so that every pass shows every row once.
    pub fn draw(&mut self) -> &[usize] {
        if self.next == self.order.len() {
            self.random.shuffle(&mut self.order);
            self.next = 0;
        }
        let start = self.next;
        self.next = (start + self.size).min(self.order.len());
        &self.order[start..self.next]
    }
}

/// Groups rows of similar length so that no group has more than `budget` tokens, unless a single row has. Within a group and
/// from group to group lengths fall, so that buffers reach their final size at once.
pub fn by_length(lengths: &[usize], budget: usize) -> Vec<Vec<usize>> {
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
    fn every_pass_shows_every_row_once() {
        let mut batches = Shuffled::new(7, 3, Random::new(5));
        for _ in 0..3 {
            let mut seen: Vec<usize> = (0..3).flat_map(|_| batches.draw().to_vec()).collect();
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
        }
    }

    #[test]
    fn groups_keep_to_the_budget_and_hold_every_row_once() {
        let lengths = [5, 90, 12, 3, 40, 200, 12];
        let groups = by_length(&lengths, 100);
        assert_eq!(groups, [vec![5], vec![1], vec![4, 2, 6, 0, 3]]);
        assert!(by_length(&[], 100).is_empty());
    }
}
