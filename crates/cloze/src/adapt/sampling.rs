//! Which sequences are held out, and which are trained on at which update. Everything follows from the seed and the number of the
//! update, so that a training can go on from any of them.

use cloze_encoder::Rng;

/// What random numbers are drawn for, as part of their stream.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(super) enum Purpose {
    /// Which sequences are held out.
    HoldOut,
    /// The order of the sequences in a pass over them.
    Order,
    /// Which words of a sequence are masked, by its visit.
    Mask,
    /// Dropout, by update.
    Dropout,
    /// Which words of a sequence that is held out are masked.
    MaskHeldOut,
    /// Which cloze tasks are held out.
    HoldOutTasks,
    /// The order of the tasks in a pass over them.
    OrderTasks,
}

/// The generator for a purpose, for its case `number`.
pub(super) fn stream(seed: u64, purpose: Purpose, number: usize) -> Rng {
    Rng::stream(seed, &[0xADA7, purpose as u64, number as u64])
}

/// What is trained on and held out, of sequences or tasks.
pub(super) type Split = (Vec<usize>, Vec<usize>);

/// Splits `count` sequences or tasks into those that are trained on and `held_out` others, each in their order.
pub(super) fn split(count: usize, held_out: usize, seed: u64, purpose: Purpose) -> Split {
    let mut order: Vec<usize> = (0..count).collect();
    stream(seed, purpose, 0).shuffle(&mut order);
    let mut train = order.split_off(held_out);
    train.sort_unstable();
    order.sort_unstable();
    (train, order)
}

/// The sequences of every update: pass after pass over all of them, each in an order of its own.
#[derive(Debug)]
pub(super) struct Visits {
    count: usize,
    batch: usize,
    seed: u64,
    purpose: Purpose,
    /// The pass whose order is at hand.
    pass: Option<usize>,
    order: Vec<usize>,
}

impl Visits {
    /// `batch` of `count` sequences at a time; there is at least one of each.
    pub(super) fn new(count: usize, batch: usize, seed: u64, purpose: Purpose) -> Visits {
        assert!(count > 0 && batch > 0, "an update visits sequences");
        Visits { count, batch, seed, purpose, pass: None, order: Vec::new() }
    }

    /// The visits of update `step`: for each its number among all, and which sequence it is.
    pub(super) fn of(&mut self, step: usize) -> Vec<(usize, usize)> {
        (step * self.batch..(step + 1) * self.batch).map(|visit| (visit, self.at(visit))).collect()
    }

    fn at(&mut self, visit: usize) -> usize {
        let pass = visit / self.count;
        if self.pass != Some(pass) {
            self.order = (0..self.count).collect();
            stream(self.seed, self.purpose, pass).shuffle(&mut self.order);
            self.pass = Some(pass);
        }
        self.order[visit % self.count]
    }

    /// The sequences that the first `steps` updates visit, in rising order.
    pub(super) fn visited(&mut self, steps: usize) -> Vec<usize> {
        let visits = steps * self.batch;
        if visits >= self.count {
            return (0..self.count).collect();
        }
        let mut some: Vec<usize> = (0..visits).map(|visit| self.at(visit)).collect();
        some.sort_unstable();
        some
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pass_visits_every_sequence_and_any_update_can_be_the_first() {
        let mut visits = Visits::new(7, 3, 5, Purpose::Order);
        let all: Vec<(usize, usize)> = (0..14).flat_map(|step| visits.of(step)).collect();
        for pass in all.chunks(7) {
            let mut seen: Vec<usize> = pass.iter().map(|(_, sequence)| *sequence).collect();
            seen.sort_unstable();
            assert_eq!(seen, [0, 1, 2, 3, 4, 5, 6]);
        }
        for step in [13, 4, 5, 0] {
            assert_eq!(Visits::new(7, 3, 5, Purpose::Order).of(step), all[3 * step..3 * step + 3]);
        }
        assert_eq!(visits.visited(3).len(), 7);
        assert_eq!(visits.visited(2).len(), 6);
    }

    #[test]
    fn what_is_held_out_is_not_trained_on() {
        let (train, held_out) = split(10, 3, 1, Purpose::HoldOut);
        assert_eq!((train.len(), held_out.len()), (7, 3));
        assert!(held_out.iter().all(|sequence| !train.contains(sequence)));
        assert_eq!(split(10, 3, 1, Purpose::HoldOut), (train, held_out));
    }
}
