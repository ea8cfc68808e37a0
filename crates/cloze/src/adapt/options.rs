//! What options of an adaptation mean for a text, and which are refused.

use serde_json::{Map, Value, json};

use super::packing::Packed;
use super::tasks::Tasks;
use super::{Adaptation, FORMAT};
use crate::task::Precision;
use crate::training::training_loop::FineTuning;
use crate::{Error, Result};

/// Sequences that are held out at most where nothing is said.
const MOST_HELD_OUT: usize = 512;
/// The share of sequences that is held out where nothing is said.
const HELD_OUT: f64 = 0.05;
/// The most sequences per update: all of an update's sequences are in memory at once.
const LARGEST_BATCH: usize = 65_536;
/// The most updates: more would take years.
const MOST_STEPS: usize = 1_000_000_000;

impl Adaptation {
    /// Refuses options that cannot be used with a model that takes so many tokens and frames them with so many.
    pub(super) fn check(&self, longest: usize, frame: usize) -> Result<()> {
        let refuse = |problem: String, remedy: &str| Err(Error::usage(problem, remedy));
        let Adaptation { length, mask_rate, epochs, learning_rate, warmup, anchor, .. } = *self;
        if length < frame + 6 || length > longest {
            let problem = format!("a length of {length} tokens is not possible with this model");
            return refuse(problem, &format!("give one from {} to {longest}", frame + 6));
        }
        if let Some(rate) = [mask_rate.0, mask_rate.1].into_iter().find(|rate| !(*rate > 0.0 && *rate <= 0.9))
        {
            return refuse(
                format!("a masking rate of {rate} is not possible"),
                "give one above 0 and at most 0.9",
            );
        }
        if !(learning_rate > 0.0 && learning_rate < 1.0) {
            let problem = format!("a learning rate of {learning_rate} is not possible");
            return refuse(problem, "give one above 0 and below 1, for example 5e-5");
        }
        if !(epochs > 0.0 && epochs.is_finite()) || self.steps == Some(0) {
            return refuse("there is nothing to train".into(), "give at least one step, or epochs above 0");
        }
        if self.batch.max(self.task_batch) > LARGEST_BATCH {
            let problem = format!(
                "an update of {} sequences does not fit into memory",
                self.batch.max(self.task_batch)
            );
            return refuse(problem, &format!("give at most {LARGEST_BATCH}; from 32 to 512 is usual"));
        }
        if self.batch == 0 || self.task_batch == 0 || self.measure == Some(0) || self.checkpoint == Some(0) {
            let problem =
                "an update needs a sequence, and measurements and checkpoints need updates between them";
            return refuse(problem.into(), "give numbers from 1 on");
        }
        if !(warmup >= 0.0 && warmup.is_finite()) || warmup >= 1.0 && warmup.fract() != 0.0 {
            let problem = format!("a warm-up of {warmup} is not possible");
            return refuse(problem, "give a number of updates, or below 1 their share of all");
        }
        if !(anchor >= 0.0 && anchor.is_finite()) {
            return refuse(format!("an anchor of {anchor} is not possible"), "give a weight from 0 on");
        }
        Ok(())
    }

    /// How many of `sequences` are held out.
    pub(super) fn held_out(&self, sequences: usize) -> Result<usize> {
        let asked = self.held_out.unwrap_or(HELD_OUT);
        if !(asked >= 0.0 && asked.is_finite()) || asked >= 1.0 && asked.fract() != 0.0 {
            let problem = format!("{asked} sequences cannot be held out");
            return Err(Error::usage(problem, "give their number, or below 1 their share of all"));
        }
        let wanted = if asked < 1.0 { (asked * sequences as f64).ceil() as usize } else { asked as usize };
        match self.held_out {
            None => Ok(wanted.min(MOST_HELD_OUT).min(sequences - 1)),
            Some(_) if wanted < sequences => Ok(wanted),
            Some(_) => Err(Error::usage(
                format!("{wanted} sequences would be held out of {sequences}, and none left to train on"),
                "hold out fewer, give more text, or a shorter length of sequences",
            )),
        }
    }

    /// How many of `tasks` are held out: the share that is held out of the sequences, at most as many as of these where nothing is said.
    pub(super) fn tasks_held_out(&self, held_out: usize, sequences: usize, tasks: usize) -> usize {
        let wanted = (held_out as f64 / sequences as f64 * tasks as f64).round() as usize;
        wanted.min(MOST_HELD_OUT).min(tasks.saturating_sub(1))
    }

    /// The number of updates with this many training sequences.
    pub(super) fn steps(&self, sequences: usize) -> Result<usize> {
        let of_epochs = || (self.epochs * sequences as f64 / self.batch as f64).ceil().max(1.0) as usize;
        match self.steps.unwrap_or_else(of_epochs) {
            steps if steps <= MOST_STEPS => Ok(steps),
            steps => Err(Error::usage(
                format!("{steps} steps would never end"),
                format!("give fewer epochs, or at most {MOST_STEPS} steps"),
            )),
        }
    }

    pub(super) fn fine_tuning(&self, steps: usize) -> FineTuning {
        let warmup = match self.warmup < 1.0 {
            true => (self.warmup * steps as f64).round() as usize,
            false => self.warmup as usize,
        };
        FineTuning {
            steps,
            accumulation: 1,
            learning_rate: self.learning_rate,
            warmup: warmup.min(steps.saturating_sub(1)),
            weight_decay: 0.01,
            max_grad_norm: 1.0,
        }
    }

    /// Everything that the result depends on: an unfinished adaptation goes on only if all of it is the same.
    pub(super) fn record(
        &self,
        model: &str,
        packed: &Packed,
        tasks: &Tasks,
        steps: usize,
        precision: Precision,
    ) -> Map<String, Value> {
        let record = json!({
            "format": FORMAT,
            "version": env!("CARGO_PKG_VERSION"),
            "model": model,
            "text": packed.hash(),
            "length": self.length,
            "mask_rate": [self.mask_rate.0, self.mask_rate.1],
            "steps": steps,
            "batch": self.batch,
            // As it was typed, not with the digits that float32 adds.
            "learning_rate": self.learning_rate.to_string().parse::<f64>().unwrap_or_default(),
            "warmup": self.warmup,
            "schedule": self.schedule,
            "anchor": self.anchor.to_string().parse::<f64>().unwrap_or_default(),
            "held_out": self.held_out,
            "measure": self.measure,
            "precision": precision,
            "seed": self.seed,
        });
        match record {
            Value::Object(mut record) if tasks.len() > 0 => {
                record.insert("tasks".into(), tasks.hash().into());
                record.insert("task_batch".into(), self.task_batch.into());
                record
            }
            Value::Object(record) => record,
            _ => Map::new(),
        }
    }
}
