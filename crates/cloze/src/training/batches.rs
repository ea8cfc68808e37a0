//! Batches of examples.

use cloze_encoder::Rng;

/// Yields the examples in random order, indefinitely, with a new order for every epoch.
#[derive(Debug, Clone)]
pub(crate) struct Shuffled {
    random: Rng,
    order: Vec<usize>,
    next: usize,
    size: usize,
}

impl Shuffled {
    /// Batches of `size` out of `rows` examples, of which there must be at least one.
    pub(crate) fn new(rows: usize, size: usize, random: Rng) -> Self {
        assert!(rows > 0 && size > 0, "batches are made of rows");
        Shuffled { random, order: (0..rows).collect(), next: rows, size }
    }

    /// The next batch. The last one of an epoch may be smaller, so that every epoch shows every example once.
    pub(crate) fn draw(&mut self) -> &[usize] {
        if self.next == self.order.len() {
            self.random.shuffle(&mut self.order);
            self.next = 0;
        }
        let start = self.next;
        self.next = (start + self.size).min(self.order.len());
        &self.order[start..self.next]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_shows_every_row_once() {
        let mut batches = Shuffled::new(7, 3, Rng::new(5));
        for _ in 0..3 {
            let mut seen: Vec<usize> = (0..3).flat_map(|_| batches.draw().to_vec()).collect();
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
        }
    }
}
