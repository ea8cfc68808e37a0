//! Counts of how trials have ended.

use std::fmt;

use serde_json::{Map, Value};

/// Numbers by what they count, in an order of their own.
pub(super) struct Tally {
    counts: Vec<(&'static str, u64)>,
    /// Processes that were killed, by the tenth of the run in which that was.
    tenths: [u64; 10],
}

/// Processes that were killed.
pub(super) const KILLED: &str = "killed";

/// Trials that ended with the bytes of a run that was left alone.
pub(super) const SAME: &str = "same bytes";

/// Trials that ended with an error that says what is wrong.
pub(super) const ERROR: &str = "clear error";

/// Trials that ended in any other way.
pub(super) const FAILED: &str = "failed";

impl Tally {
    /// Nothing counted yet of what is named, nor of how trials end.
    pub(super) fn of(names: &[&'static str]) -> Tally {
        let names = names.iter().chain(&[SAME, ERROR, FAILED]);
        Tally { counts: names.map(|name| (*name, 0)).collect(), tenths: [0; 10] }
    }

    pub(super) fn add(&mut self, name: &'static str) {
        self.add_many(name, 1);
    }

    pub(super) fn add_many(&mut self, name: &'static str, more: u64) {
        match self.counts.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += more,
            None => self.counts.push((name, more)),
        }
    }

    /// A process was killed when this part of the run was over.
    pub(super) fn kill(&mut self, part: f64) {
        self.add(KILLED);
        self.tenths[((part * 10.0) as usize).min(9)] += 1;
    }

    pub(super) fn get(&self, name: &str) -> u64 {
        self.counts.iter().find(|(known, _)| *known == name).map_or(0, |(_, count)| *count)
    }

    /// Trials that ended as they should.
    pub(super) fn good(&self) -> usize {
        (self.get(SAME) + self.get(ERROR)) as usize
    }

    pub(super) fn json(&self) -> Value {
        let mut object: Map<_, Value> =
            self.counts.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
        if self.get(KILLED) > 0 {
            object.insert("killed, by tenths of the run".to_owned(), self.tenths.to_vec().into());
        }
        object.into()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let counts: Vec<String> = self.counts.iter().map(|(name, count)| format!("{name} {count}")).collect();
        f.write_str(&counts.join(", "))
    }
}
