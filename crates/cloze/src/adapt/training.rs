//! The training: update after update, with measurements and checkpoints on the way.

use std::time::{Duration, Instant};

use cloze_encoder::{Rng, Sequence, Session, Tokenizer};
use serde::{Deserialize, Serialize};

use super::checkpoint::{Folder, Position};
use super::events::{Listener, progress, say};
use super::masking::{Masking, rate};
use super::packing::Packed;
use super::sampling::{Purpose, Split, Visits, stream};
use super::tasks::Tasks;
use super::{Adaptation, HeldOut, anchor};
use crate::run::event::Event;
use crate::training::masked_lm::MaskedBatch;
use crate::training::training_loop::FineTuning;
use crate::{Error, Result};

/// The share of tokens that is masked where a model is measured, whatever it is trained with.
const MEASURED: f64 = 0.15;
/// Tokens that pass through the model at a time.
const TOKENS: usize = 4096;
/// Scores of words that are held at a time.
const SCORES: f64 = 5e7;
/// How often a checkpoint is written where nothing else is said.
const PAUSE: Duration = Duration::from_secs(120);

/// What is trained on, and how.
pub(super) struct Training<'a> {
    pub(super) adaptation: &'a Adaptation,
    pub(super) fine_tuning: FineTuning,
    pub(super) tokenizer: &'a Tokenizer,
    pub(super) masking: Masking,
    /// Entries of the vocabulary, for random tokens.
    pub(super) vocabulary: usize,
    pub(super) packed: &'a Packed,
    /// The sequences that are trained on, and those that are held out.
    pub(super) train: Vec<usize>,
    pub(super) held_out: Vec<usize>,
    /// Cloze tasks beside the text, with those that are trained on and held out; without any there are none to train on.
    pub(super) tasks: Tasks,
    pub(super) split: Split,
    /// Updates between measurements.
    pub(super) every: usize,
    pub(super) folder: &'a Folder,
    /// When the work began, reading included.
    pub(super) began: Instant,
}

/// A line of `adapt.jsonl`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Line {
    /// Updates that are done.
    step: usize,
    /// The mean loss of the updates since the line before; none for the first.
    loss: Option<f64>,
    /// On the sequences that are held out, if there are any.
    pub(super) held_out: Option<HeldOut>,
}

impl Training<'_> {
    /// Trains from where the folder's checkpoint is to the end.
    ///
    /// # Errors
    /// When the training diverges, a file cannot be read or written, or the listener breaks: then a checkpoint is written first.
    pub(super) fn run(&self, session: &mut Session, listener: &mut Listener) -> Result<Position> {
        let goals = self.goals(session, listener)?;
        let mut position = self.folder.resume(session)?.unwrap_or_default();
        let (before, steps) = (position.seconds, self.fine_tuning.steps);
        let packed = Event::Packed {
            documents: self.packed.documents,
            tokens: self.packed.tokens,
            sequences: self.packed.len(),
            held_out: self.held_out.len(),
            steps,
            done: position.step,
        };
        say(listener, &packed)?;
        let mut visits = self.visits();
        let per_step = self.adaptation.batch * self.adaptation.length;
        let mut saved = Instant::now();
        loop {
            let step = position.step;
            position.seconds = before + self.began.elapsed().as_secs_f64();
            let is_due = step.is_multiple_of(self.every) || step == steps;
            if is_due && self.last_line(&position)?.is_none_or(|line| line.step != step) {
                let measured = self.measure(session, &mut position, listener);
                if matches!(measured, Err(Error::Stopped)) {
                    self.folder.save(session, &position)?;
                }
                measured?;
            }
            if step == steps {
                return Ok(position);
            }
            let loss = self.update(session, step, &mut visits, &goals)?;
            position.loss =
                ((f64::from_bits(position.loss.0) + f64::from(loss)).to_bits(), position.loss.1 + 1);
            position.step += 1;
            let stopped =
                say(listener, &progress("train", position.step * per_step, steps * per_step, "tokens"));
            let pause_ends = match self.adaptation.checkpoint {
                Some(every) => position.step.is_multiple_of(every),
                None => saved.elapsed() >= PAUSE,
            };
            if stopped.is_err() || pause_ends && position.step < steps {
                self.folder.save(session, &position)?;
                saved = Instant::now();
            }
            stopped?;
        }
    }

    /// The last line of `adapt.jsonl` so far.
    pub(super) fn last_line(&self, position: &Position) -> Result<Option<Line>> {
        position.log.last().map(|line| parse(line)).transpose()
    }

    fn visits(&self) -> Visits {
        Visits::new(self.train.len(), self.adaptation.batch, self.adaptation.seed, Purpose::Order)
    }

    fn sequence(&self, index: usize) -> Sequence {
        self.packed.sequence(index, self.tokenizer)
    }

    /// How many sequences pass through the model at a time: as many as there is memory for.
    fn together(&self) -> usize {
        let rates = self.adaptation.mask_rate;
        let scores = rates.0.max(rates.1).max(MEASURED) * (self.adaptation.length * self.vocabulary) as f64;
        ((SCORES / scores) as usize).min(TOKENS / self.adaptation.length).max(1)
    }

    /// What the model that is adapted makes of every sequence that will be visited, `[train, hidden]`; nothing without an anchor. The
    /// session still has that model.
    fn goals(&self, session: &mut Session, listener: &mut Listener) -> Result<Vec<f32>> {
        if self.adaptation.anchor == 0.0 {
            return Ok(Vec::new());
        }
        let hidden = session.model().config().hidden_size;
        let count = self.train.len() * hidden;
        if let Some(goals) = self.folder.goals(count)? {
            return Ok(goals);
        }
        let mut goals = vec![0.0; count];
        let visited = self.visits().visited(self.fine_tuning.steps);
        let mut done = 0;
        for group in visited.chunks(self.together()) {
            let sequences: Vec<Sequence> =
                group.iter().map(|place| self.sequence(self.train[*place])).collect();
            let states = anchor::states(session, &sequences);
            for (place, state) in group.iter().zip(states.chunks_exact(hidden)) {
                goals[place * hidden..(place + 1) * hidden].copy_from_slice(state);
            }
            done += group.len();
            say(listener, &progress("anchor", done, visited.len(), "sequences"))?;
        }
        self.folder.keep_goals(&goals)?;
        Ok(goals)
    }

    /// Update `step`, counted from 0; gives its loss.
    fn update(&self, session: &mut Session, step: usize, visits: &mut Visits, goals: &[f32]) -> Result<f32> {
        let Adaptation { seed, mask_rate, anchor: weight, schedule, .. } = self.adaptation;
        let FineTuning { steps, warmup, .. } = self.fine_tuning;
        let rate = rate(*mask_rate, step, steps);
        let visits = visits.of(step);
        let groups: Vec<(Vec<Sequence>, MaskedBatch)> = visits
            .chunks(self.together())
            .map(|group| {
                let mut masked = MaskedBatch::default();
                let sequences = group.iter().map(|(visit, place)| {
                    let sequence = self.sequence(self.train[*place]);
                    self.mask(&mut masked, &sequence, rate, Purpose::Mask, *visit);
                    sequence
                });
                (sequences.collect(), masked)
            })
            .collect();
        let rows = groups.iter().map(|(_, masked)| masked.rows.len()).sum::<usize>().max(1);
        let mut dropout = stream(*seed, Purpose::Dropout, step);
        let micro_batch = |session: &mut Session, _: usize, whole: f32| {
            let (mut loss, mut seen) = (0.0, 0);
            for (sequences, masked) in &groups {
                let share = masked.rows.len() as f32 / rows as f32;
                loss += share * masked.train(session, dropout.next_u64(), whole * share);
                if *weight > 0.0 {
                    let share = weight * sequences.len() as f32 / visits.len() as f32;
                    let hidden = goals.len() / self.train.len();
                    let places = visits[seen..seen + sequences.len()].iter().map(|(_, place)| *place);
                    let of_group: Vec<f32> = places
                        .flat_map(|place| goals[place * hidden..(place + 1) * hidden].to_vec())
                        .collect();
                    let seed = dropout.next_u64();
                    loss += share * anchor::train(session, sequences, &of_group, seed, whole * share);
                }
                seen += sequences.len();
            }
            loss + self.train_on_tasks(session, step, &mut dropout, whole)
        };
        let factor = schedule.factor(step, warmup, steps);
        match self.fine_tuning.update(session, step, factor, micro_batch) {
            Ok(step) => Ok(step.loss),
            Err(Error::Diverged { what, step, value, learning_rate, .. }) => {
                Err(Error::Diverged { what, step, value, learning_rate, section: "adapt" })
            }
            Err(error) => Err(error),
        }
    }

    /// The tasks of update `step`, if there are any; gives their loss.
    fn train_on_tasks(&self, session: &mut Session, step: usize, dropout: &mut Rng, weight: f32) -> f32 {
        let Adaptation { task_batch, seed, .. } = *self.adaptation;
        let (train, _) = &self.split;
        if train.is_empty() {
            return 0.0;
        }
        let visits = Visits::new(train.len(), task_batch, seed, Purpose::OrderTasks).of(step);
        let indices: Vec<usize> = visits.iter().map(|(_, place)| train[*place]).collect();
        let mut loss = 0.0;
        for group in indices.chunks(self.tasks_together()) {
            let share = group.len() as f32 / indices.len() as f32;
            let asked = self.tasks.ask(group, self.tokenizer);
            loss += share * asked.train(session, dropout.next_u64(), weight * share);
        }
        loss
    }

    /// How many tasks pass through the model at a time.
    fn tasks_together(&self) -> usize {
        (TOKENS / self.adaptation.length).max(1)
    }

    fn mask(
        &self,
        masked: &mut MaskedBatch,
        sequence: &Sequence,
        rate: f64,
        purpose: Purpose,
        number: usize,
    ) {
        let mut random = stream(self.adaptation.seed, purpose, number);
        let chosen = self.masking.choose(sequence, rate, &mut random);
        masked.push(sequence, &chosen, self.tokenizer.special(), self.vocabulary, &mut random);
    }

    /// Measures the model on the sequences that are held out, with the same words masked each time, and adds a line.
    fn measure(&self, session: &mut Session, position: &mut Position, listener: &mut Listener) -> Result<()> {
        let (mut loss, mut right, mut rows, mut done) = (0.0, 0, 0, 0);
        for group in self.held_out.chunks(self.together()) {
            let mut masked = MaskedBatch::default();
            for &index in group {
                self.mask(&mut masked, &self.sequence(index), MEASURED, Purpose::MaskHeldOut, index);
            }
            let (mean, of_group) = masked.measure(session);
            loss += f64::from(mean) * masked.rows.len() as f64;
            right += of_group;
            rows += masked.rows.len();
            done += group.len();
            say(listener, &progress("measure", done, self.held_out.len(), "sequences"))?;
        }
        let (_, tasks) = &self.split;
        let groups = tasks.chunks(self.tasks_together());
        let solved: usize = groups.map(|group| self.tasks.ask(group, self.tokenizer).right(session)).sum();
        let tasks = (!tasks.is_empty()).then(|| solved as f64 / tasks.len() as f64);
        let held_out = (rows > 0).then(|| HeldOut {
            loss: loss / rows as f64,
            accuracy: right as f64 / rows as f64,
            tasks,
        });
        if let Some(HeldOut { loss, .. }) = held_out.filter(|held_out| !held_out.loss.is_finite()) {
            return Err(Error::Diverged {
                what: "the held-out loss",
                step: position.step,
                value: loss as f32,
                learning_rate: self.fine_tuning.learning_rate,
                section: "adapt",
            });
        }
        let (sum, count) = std::mem::take(&mut position.loss);
        let mean = (count > 0).then(|| f64::from_bits(sum) / count as f64);
        let line = Line { step: position.step, loss: mean, held_out };
        position.log.push(String::from_utf8_lossy(&crate::run::store::json(&line)).into_owned());
        if let Some(HeldOut { loss, accuracy, tasks }) = held_out {
            let (step, steps) = (position.step, self.fine_tuning.steps);
            say(listener, &Event::HeldOut { step, steps, loss, accuracy, tasks })?;
        }
        Ok(())
    }
}

/// A line of `adapt.jsonl`, which this program has written.
pub(super) fn parse(line: &str) -> Result<Line> {
    serde_json::from_str(line).map_err(|error| {
        Error::usage(
            format!("a line of the log cannot be read: {error}"),
            "remove the unfinished directory and begin anew",
        )
    })
}
